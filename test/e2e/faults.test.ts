/** What breaks and comes back, on real containers: engines that lose containers, agents and control planes that die. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docker, image, podContainers, removePodContainers } from '../tools/docker.ts'
import { eventually } from '../tools/eventually.ts'
import { type RunningCluster, startCluster } from '../tools/kedge.ts'
import { tempFolder } from '../tools/temp.ts'

const PODS = 6
const LOOP = ['--', 'sh', '-c', 'trap "exit 0" TERM; while true; do sleep 1; done']

let folder: Awaited<ReturnType<typeof tempFolder>>
let cluster: RunningCluster

const run = (...parameters: readonly string[]): Promise<string> => cluster.kubectl.run(...parameters)

/** container ids of running containers with this label, sorted */
async function running(label: string): Promise<readonly string[]> {
  const { stdout } = await docker(['ps', '--quiet', '--no-trunc', '--filter', `label=${label}`])
  return stdout
    .split('\n')
    .filter((id) => id !== '')
    .toSorted()
}

describe('faults', () => {
  beforeAll(async () => {
    folder = await tempFolder()
    cluster = await startCluster({ agent: true, node: 'faults-1', dataDir: `${folder.path}/data` })
    await run('create', 'deployment', 'crowd', `--image=${image}`, `--replicas=${PODS}`, ...LOOP)
    await run('rollout', 'status', 'deployment/crowd', '--timeout=120s')
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await removePodContainers()
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

  test('kill -9 of the control plane under writes loses no acknowledged write and restarts no container', async () => {
    const before = await podContainers()
    const acknowledged: string[] = []
    let last = 0
    for (let round = 0; round < 3; round += 1) {
      const from = acknowledged.length
      const writing = (async () => {
        for (let index = 0; index < 40; index += 1) {
          const name = `kept-${round}-${index}`
          const answer = await cluster.kubectl.try(
            'create',
            'configmap',
            name,
            '--from-literal=a=b',
            '-o',
            'jsonpath={.metadata.resourceVersion}',
          )
          if (answer.code !== 0) return
          expect(Number(answer.stdout)).toBeGreaterThan(last)
          last = Number(answer.stdout)
          acknowledged.push(name)
        }
      })()
      await eventually(() => expect(acknowledged.length).toBeGreaterThan(from + 3), { deadlineMs: 30_000, everyMs: 5 })
      await cluster.stop('SIGKILL')
      await writing
      cluster = await startCluster({
        agent: true,
        node: 'faults-1',
        dataDir: `${folder.path}/data`,
        port: cluster.port,
      })
    }
    const stored = new Set((await run('get', 'configmaps', '-o', 'name')).split('\n'))
    for (const name of acknowledged) expect(stored).toContain(`configmap/${name}`)
    await eventually(async () => expect(await run('get', 'nodes', '--no-headers')).toMatch(/\sReady\s/), {
      deadlineMs: 60_000,
    })
    expect(await podContainers()).toEqual(before)
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

  test('a crash-looping container restarts at once, then waits with CrashLoopBackOff', async () => {
    await run('run', 'crash', `--image=${image}`, '--', 'sh', '-c', 'exit 3')
    await eventually(
      async () => {
        const pod = await run('get', 'pod', 'crash', '--no-headers')
        expect(pod).toMatch(/^crash\s+0\/1\s+CrashLoopBackOff\s+[12] /)
      },
      { deadlineMs: 30_000, everyMs: 200 },
    )
    expect(await run('describe', 'pod', 'crash')).toMatch(
      /Back-off restarting failed container crash in pod crash_default/,
    )
    await run('delete', 'pod', 'crash', '--grace-period=0', '--force')
  })
})
