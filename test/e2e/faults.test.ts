/** What breaks and comes back, on real containers: engines that lose containers, agents and control planes that die. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { open, readFile, readlink } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pinnedNode } from '../../bin/node.js'
import { command } from '../tools/command.ts'
import { docker, dockerHost, image, podContainers, removePodContainers } from '../tools/docker.ts'
import { eventually } from '../tools/eventually.ts'
import { type RunningCluster, startCluster } from '../tools/kedge.ts'
import { killUnderWrites } from '../tools/kill-under-writes.ts'
import { watchRestarts } from '../tools/restarts.ts'
import { tempFolder } from '../tools/temp.ts'

const cli = fileURLToPath(new URL('../../bin/start.js', import.meta.url))
const NODE = 'faults-1'
const PODS = 6
const LOOP = ['--', 'sh', '-c', 'trap "exit 0" TERM; while true; do sleep 1; done']

let folder: Awaited<ReturnType<typeof tempFolder>>
let cluster: RunningCluster

const run = (...parameters: readonly string[]): Promise<string> => cluster.kubectl.run(...parameters)

/** container ids of running containers with this label, sorted */
async function running(label: string): Promise<readonly string[]> {
  const mine = ['--filter', `label=io.kedge.node=${NODE}`]
  const { stdout } = await docker(['ps', '--quiet', '--no-trunc', ...mine, '--filter', `label=${label}`])
  return stdout
    .split('\n')
    .filter((id) => id !== '')
    .toSorted()
}

/** The one child of `kedge up`. */
async function agentOf(pid: number): Promise<number> {
  const [child = ''] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')
  if (child === '') throw new Error('there is no agent')
  return Number(child)
}

describe('faults', () => {
  beforeAll(async () => {
    folder = await tempFolder()
    cluster = await startCluster({ agent: true, node: NODE, dataDir: `${folder.path}/data` })
    await run('create', 'deployment', 'crowd', `--image=${image}`, `--replicas=${PODS}`, ...LOOP)
    await run('rollout', 'status', 'deployment/crowd', '--timeout=120s')
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await removePodContainers(NODE)
    await folder[Symbol.asyncDispose]()
  })

  test('containers removed behind our back are all back within 15 s', async () => {
    const name = await run('get', 'pods', '-l', 'app=crowd', '-o', 'jsonpath={.items[0].spec.containers[0].name}')
    const label = `io.kubernetes.container.name=${name}`
    const before = await running(label)
    expect(before).toHaveLength(PODS)
    await docker(['rm', '--force', ...before])
    await eventually(async () => expect(await running(label)).toHaveLength(PODS), { deadlineMs: 15_000 })
    await eventually(
      async () =>
        expect(await run('get', 'deployment', 'crowd', '--no-headers')).toMatch(
          new RegExp(`^crowd\\s+${PODS}/${PODS}`),
        ),
      { deadlineMs: 15_000 },
    )
  })

  test('kill -9 of the control plane under 100 writes/s loses no acknowledged write and restarts no container', async () => {
    const [seen, alive] = await killUnderWrites(cluster, { kills: 4, node: NODE })
    cluster = alive
    expect(seen).toMatchObject({ kills: 4, lost: [], fallen: 0, containersKept: true })
    expect(seen.acknowledged).toBeGreaterThan(100)
  })

  test('kill -9 of the agent: another one takes its place, and the same containers', async () => {
    const before = await podContainers(NODE)
    const agent = await agentOf(cluster.pid)
    process.kill(agent, 'SIGKILL')
    await eventually(async () => expect(await agentOf(cluster.pid)).not.toBe(agent), { deadlineMs: 10_000 })
    await eventually(async () => expect(await run('exec', 'deploy/crowd', '--', 'echo', 'here')).toBe('here\n'), {
      deadlineMs: 20_000,
    })
    expect(await podContainers(NODE)).toEqual(before)
  })

  test('an agent whose parent dies while it starts ends with it', async () => {
    // It waits for its authority, which is a pipe, while the parent goes.
    const pipe = `${folder.path}/authority`
    await command('mkfifo', [pipe])
    const joining = ['--server', 'https://127.0.0.1:9', '--token', 'a.b', '--ca', pipe]
    const child = fork(cli, ['agent', ...joining, '--docker', dockerHost ?? '', '--data', `${folder.path}/orphan`], {
      execPath: pinnedNode(),
      env: { ...process.env, KEDGE_WITH_PARENT: '1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const ended = once(child, 'exit')
    const authority = await open(pipe, 'w')
    // It has heard of it when it has closed its end of the channel.
    const channel = (): Promise<string> => readlink(`/proc/${child.pid}/fd/3`).catch(() => '')
    const before = await channel()
    child.disconnect()
    await eventually(async () => expect(await channel()).not.toBe(before), { deadlineMs: 10_000 })
    await authority.writeFile('none')
    await authority.close()
    const kill = setTimeout(() => child.kill('SIGKILL'), 20_000)
    expect(await ended).toEqual([0, null])
    clearTimeout(kill)
  })

  test('Ctrl-C ends both and leaves containers running, and the next start adopts them', async () => {
    const before = await podContainers(NODE)
    const agent = await agentOf(cluster.pid)
    const { dataDir, port } = cluster
    expect(await cluster.stop('SIGINT')).toBe(0)
    expect(cluster.output()).toContain('stopping; containers keep running')
    expect(existsSync(`/proc/${agent}`)).toBe(false)
    expect(await podContainers(NODE)).toEqual(before)
    expect(await running(`io.kedge.node=${NODE}`)).toEqual(before.toSorted())
    cluster = await startCluster({ agent: true, node: NODE, dataDir, port })
    await eventually(async () => expect(await run('exec', 'deploy/crowd', '--', 'echo', 'here')).toBe('here\n'), {
      deadlineMs: 20_000,
    })
    expect(await podContainers(NODE)).toEqual(before)
  })

  test('a Node that somebody deletes joins again by itself, and pods run on it again', async () => {
    const uid = await run('get', 'node', NODE, '-o', 'jsonpath={.metadata.uid}')
    await run('delete', 'node', NODE)
    await eventually(
      async () => {
        const again = await run('get', 'node', NODE, '-o', 'jsonpath={.metadata.uid}')
        expect([again, again === uid]).toEqual([expect.stringMatching(/./), false])
      },
      { deadlineMs: 30_000 },
    )
    const restarted = await run('run', 'newcomer', `--image=${image}`, '--restart=Never', '--', 'echo', 'here')
    expect(restarted).toContain('pod/newcomer created')
    await run('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/newcomer', '--timeout=60s')
    // The pods it had are those of a Node that is gone: they are made anew.
    await eventually(
      async () =>
        expect(await run('get', 'deployment', 'crowd', '--no-headers')).toMatch(
          new RegExp(`^crowd\\s+${PODS}/${PODS}\\s+${PODS}\\s+${PODS}\\s`),
        ),
      { deadlineMs: 120_000, everyMs: 500 },
    )
  })

  test('killing the pause rebuilds the pod, with its emptyDir', async () => {
    await cluster.kubectl.pipe(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'rebuilt' },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'main',
              image,
              command: ['sh', '-c', 'echo start >> /keep/starts; trap "exit 0" TERM; while true; do sleep 1; done'],
              volumeMounts: [{ name: 'keep', mountPath: '/keep' }],
            },
          ],
          volumes: [{ name: 'keep', emptyDir: {} }],
        },
      }),
      'create',
      '-f',
      '-',
    )
    await run('wait', '--for=condition=Ready', 'pod/rebuilt', '--timeout=60s')
    const { stdout } = await docker([
      'ps',
      '--quiet',
      '--filter',
      'label=io.kubernetes.pod.name=rebuilt',
      '--filter',
      'name=k8s_POD_',
    ])
    expect(stdout.trim()).not.toBe('')
    await docker(['kill', stdout.trim()])
    await eventually(
      async () => expect(await run('exec', 'rebuilt', '--', 'cat', '/keep/starts')).toBe('start\nstart\n'),
      { deadlineMs: 45_000, everyMs: 500 },
    )
  })

  test('a crash-looping container restarts at once, then after 10 s, then after 20 s, with CrashLoopBackOff', async () => {
    await run('run', 'crash', `--image=${image}`, '--', 'sh', '-c', 'exit 3')
    await using restarts = watchRestarts(cluster.kubectl, 'crash')
    await eventually(() => expect(restarts.waits()).toHaveLength(3), { deadlineMs: 60_000, everyMs: 500 })
    for (const [index, due] of [0, 10, 20].entries()) {
      expect(restarts.waits()[index]).toBeGreaterThanOrEqual(due - 1)
      expect(restarts.waits()[index]).toBeLessThanOrEqual(due + 3)
    }
    await eventually(async () =>
      expect(await run('get', 'pod', 'crash', '--no-headers')).toMatch(/^crash\s+0\/1\s+CrashLoopBackOff\s+3 /),
    )
    expect(await run('describe', 'pod', 'crash')).toMatch(
      /Back-off restarting failed container crash in pod crash_default/,
    )
    await run('delete', 'pod', 'crash', '--grace-period=0', '--force')
  })
})
