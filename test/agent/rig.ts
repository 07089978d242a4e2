// A real agent on the local engine against the test control plane, and what is left of both afterwards: nothing.
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runAgent } from '../../agent/main.ts'
import { dockerHost } from '../tools/docker.ts'
import { TestControlPlane } from './control-plane.ts'

/** The socket of the engine that `npm test` found or started; a test run by itself takes the usual one. */
export const DOCKER = (dockerHost ?? 'unix:///var/run/docker.sock').slice('unix://'.length)
export const run = promisify(execFile)

/** Why these tests cannot run here, or undefined. */
export async function whyNot(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs Linux and root'
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect(DOCKER, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
  if (!answers) return `needs a container engine at ${DOCKER}, and none answers`
  const image = await run('docker', ['-H', `unix://${DOCKER}`, 'image', 'inspect', 'kedge.test/busybox:1']).catch(
    () => undefined,
  )
  return image === undefined ? 'needs the image kedge.test/busybox:1 (node bin/images.js makes it)' : undefined
}

/** For the title of what is skipped: the end of `npm test` shows it. */
export function because(reason: string | undefined): string {
  return reason === undefined ? '' : `, skipped because it ${reason}`
}

export interface Rig {
  readonly plane: TestControlPlane
  readonly dataDir: string
  /** ends the agent as a stop would; containers run on */
  stopAgent(): Promise<void>
  startAgent(): void
  docker(...args: string[]): Promise<string>
  /** containers of this cluster: `id name state` a line */
  containers(all?: boolean): Promise<string[]>
  close(): Promise<void>
}

export async function startRig(
  options: { readonly podCIDR?: string; readonly offlineSecrets?: boolean } = {},
): Promise<Rig> {
  const plane = new TestControlPlane(options.podCIDR === undefined ? {} : { podCIDR: options.podCIDR })
  const server = await plane.listen()
  const dataDir = await mkdtemp(join(tmpdir(), 'kedge-agent-'))
  let stop = new AbortController()
  let running: Promise<void> = Promise.resolve()
  const failures: unknown[] = []

  const startAgent = (): void => {
    stop = new AbortController()
    running = runAgent(
      {
        server,
        node: 'node',
        dataDir,
        docker: DOCKER,
        offlineSecrets: options.offlineSecrets ?? true,
        token: async () => plane.token,
        clusterCIDR: '10.250.0.0/16',
        log: (level, message, fields) => {
          if (process.env['KEDGE_LOG'] === 'debug')
            process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`)
        },
      },
      stop.signal,
    ).catch((error: unknown) => void failures.push(error))
  }
  const stopAgent = async (): Promise<void> => {
    stop.abort()
    await running
  }
  const docker = async (...args: string[]): Promise<string> =>
    (await run('docker', ['-H', `unix://${DOCKER}`, ...args])).stdout.trim()
  const containers = async (all = true): Promise<string[]> => {
    const filter = `label=io.kedge.cluster=${plane.clusterUid}`
    const text = await docker(
      'ps',
      ...(all ? ['-a'] : []),
      '--no-trunc',
      '--filter',
      filter,
      '--format',
      '{{.ID}} {{.Names}} {{.State}}',
    )
    return text === '' ? [] : text.split('\n').toSorted()
  }
  startAgent()
  return {
    plane,
    dataDir,
    startAgent,
    stopAgent,
    docker,
    containers,
    close: async () => {
      await stopAgent()
      await plane.close()
      for (const line of await containers()) await docker('rm', '-fv', line.split(' ')[0] ?? '').catch(() => '')
      await removeNetwork(plane)
      const { stdout } = await run('findmnt', ['-rno', 'TARGET']).catch(() => ({ stdout: '' }))
      for (const target of stdout.split('\n')) if (target.startsWith(dataDir)) await run('umount', ['-l', target])
      await rm(dataDir, { recursive: true, force: true })
      if (failures.length > 0) throw failures[0]
    },
  }
}

async function removeNetwork(plane: TestControlPlane): Promise<void> {
  const { stdout } = await run('nft', ['-j', 'list', 'ruleset']).catch(() => ({ stdout: '' }))
  for (const [, table] of stdout.matchAll(/"name": "(kedge-kg[0-9a-f]{4})"/g)) {
    const rules = await run('nft', ['list', 'table', 'ip', table ?? '']).catch(() => ({ stdout: '' }))
    if (!rules.stdout.includes(plane.podCIDR)) continue
    await run('nft', ['delete', 'table', 'ip', table ?? ''])
    for (const [, own] of stdout.matchAll(/"name": "(kedge-kg[0-9a-f]{13})"/g))
      if (own?.startsWith(table ?? '') === true) await run('nft', ['delete', 'table', 'ip', own]).catch(() => '')
    const prefix = (table ?? '').slice('kedge-'.length)
    const names = (await run('ip', ['netns', 'list'])).stdout.split('\n').map((line) => line.split(' ')[0] ?? '')
    for (const name of names) if (name.startsWith(prefix)) await run('ip', ['netns', 'del', name]).catch(() => '')
  }
  const gateway = plane.podCIDR.replace(/\.0\/\d+$/, '.1')
  await run('ip', ['addr', 'del', `${gateway}/32`, 'dev', 'lo']).catch(() => '')
}
