/**
 * `kedge agent`: this machine as a node. Started by hand or by a service manager with a join token, or by `kedge up`
 * over an IPC channel, which it asks for a token and with which it ends.
 */
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runAgent } from '../agent/main.ts'
import { dataDirectory, dockerSocket, type Flags, SettingError, settings } from './settings.ts'
import { untilSignal } from './signals.ts'

export interface AgentFlags extends Flags {
  readonly server: string
  readonly token?: string
  readonly ca?: string
  readonly offlineSecrets?: boolean
}

export async function agent(flags: AgentFlags): Promise<void> {
  // The parent may have died before this process was ready to hear of it; from here on it is heard, whatever is awaited.
  if (process.env['KEDGE_WITH_PARENT'] === '1' && !process.connected) return
  const orphaned = process.connected ? [once(process, 'disconnect')] : []
  const stop = new AbortController()
  const dataDir =
    flags.data === undefined ? join(dataDirectory(undefined, process.env), 'agent') : dataDirectory(flags.data, {})
  const [id, secret, authority] = (flags.token ?? process.env['KEDGE_TOKEN'] ?? '').split('.')
  const token = secret === undefined ? id : `${id}.${secret}`
  const caPem = await trusted(flags.ca, authority, dataDir)
  const running = runAgent(
    {
      server: url(flags.server),
      node: settings(flags.node === undefined ? {} : { node: flags.node }, process.env).node,
      dataDir,
      docker: dockerSocket(flags.docker ?? process.env['KEDGE_DOCKER']).slice('unix://'.length),
      offlineSecrets: flags.offlineSecrets ?? true,
      token: () => joinToken(token),
      ...(caPem === undefined ? {} : { caPem }),
    },
    stop.signal,
  )
  const failed = running.then(() => new Promise<never>(() => undefined))
  await Promise.race([untilSignal(failed), ...orphaned])
  stop.abort()
  // Nothing an agent does at its end is needed by the next one: an engine that does not answer must not keep it, and
  // what is cut in the middle of its start is no failure.
  const cut = (error: unknown): void => {
    if (process.env['KEDGE_LOG'] === 'debug') process.stderr.write(`kedge: stopped in the middle: ${String(error)}\n`)
  }
  await Promise.race([running.catch(cut), sleep(STOP_MS)])
  process.exit()
}

const STOP_MS = 5_000

function url(server: string): string {
  const { protocol } = URL.parse(server) ?? { protocol: '' }
  if (protocol === 'https:' || protocol === 'http:') return server
  throw new SettingError(`--server ${server}: must be the URL of the control plane, such as https://10.0.0.1:6443`)
}

/**
 * The authority that signed the control plane: of the file given, else the one that came with the token, which is kept
 * for later starts. undefined: the system's.
 */
async function trusted(
  file: string | undefined,
  encoded: string | undefined,
  dataDir: string,
): Promise<string | undefined> {
  if (file !== undefined) {
    return readFile(file, 'utf8').catch((cause: unknown) => {
      throw new SettingError(`--ca ${file}: cannot be read: ${String(cause)}`, { cause })
    })
  }
  const kept = join(dataDir, 'ca.pem')
  if (encoded === undefined || encoded === '') return readFile(kept, 'utf8').catch(() => undefined)
  const pem = Buffer.from(encoded, 'base64url').toString()
  if (!pem.includes('BEGIN CERTIFICATE'))
    throw new SettingError('--token: what follows the second dot is no certificate')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(kept, pem, { mode: 0o600 })
  return pem
}

/** The token given, or one from the parent that started this process. */
async function joinToken(given: string | undefined): Promise<string | undefined> {
  if (given !== undefined && given !== '') return given
  if (!process.connected || process.send === undefined) return undefined
  const answer = Promise.race([once(process, 'message'), once(process, 'disconnect')]) as Promise<readonly unknown[]>
  process.send('token')
  return ((await answer)[0] as { readonly token: string } | undefined)?.token
}
