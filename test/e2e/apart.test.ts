/** Server and agent as two processes, as on two machines: what either does when the other is away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { docker, dockerHost, image, podContainers, removePodContainers } from '../tools/docker.ts'
import { eventually } from '../tools/eventually.ts'
import { kedge, type KedgeProcess, type RunningCluster, startCluster, startProcess } from '../tools/kedge.ts'
import { tempFolder } from '../tools/temp.ts'

const NODE = 'apart-1'
const AWAY_MS = 20_000

let folder: Awaited<ReturnType<typeof tempFolder>>
let server: RunningCluster
let agent: KedgeProcess
let token: string

const run = (...parameters: readonly string[]): Promise<string> => server.kubectl.run(...parameters)
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const agentFlags = (node: string): readonly string[] =>
  `agent --server ${server.url} --node ${node} --docker ${dockerHost ?? ''} --data ${folder.path}/${node}`.split(' ')

const startServer = async (port?: number): Promise<void> => {
  server = await startCluster({ dataDir: `${folder.path}/server`, ...(port === undefined ? {} : { port }) })
}

/** A pod made now runs and goes: the agent has been through everything it was given, what it had before included. */
async function agentIsThrough(): Promise<void> {
  await run('run', 'through', `--image=${image}`, '--', 'sleep', '86400')
  await run('wait', '--for=condition=Ready', 'pod/through', '--timeout=60s')
  await run('delete', 'pod', 'through', '--now')
}

/** running containers of pods, pause containers left out, sorted */
async function running(): Promise<readonly string[]> {
  const filters = ['--filter', `label=io.kedge.node=${NODE}`, '--filter', 'label=io.kubernetes.docker.type=container']
  const { stdout } = await docker(['ps', '--quiet', '--no-trunc', ...filters])
  return stdout
    .split('\n')
    .filter((id) => id !== '')
    .toSorted()
}

const isReady = (): Promise<void> =>
  eventually(
    async () =>
      expect(await run('get', 'node', NODE, '--no-headers'), `the agent said: ${agent.output()}`).toMatch(/\sReady\s/),
    { deadlineMs: 60_000, everyMs: 250 },
  )

async function allReady(restarts: string): Promise<void> {
  await eventually(
    async () => {
      const pods = (await run('get', 'pods', '--no-headers')).trim().split('\n')
      expect(pods).toHaveLength(3)
      for (const pod of pods) expect(pod).toMatch(/\s1\/1\s+Running\s/)
      expect(
        pods
          .map((pod) => pod.split(/\s+/)[3] ?? '')
          .toSorted()
          .join(' '),
      ).toBe(restarts)
    },
    { deadlineMs: 30_000, everyMs: 250 },
  )
}

describe('server and agent apart', () => {
  beforeAll(async () => {
    folder = await tempFolder()
    await startServer()
    token = (await kedge(['token', 'create', '--data', server.dataDir])).stdout.trim()
    agent = startProcess([...agentFlags(NODE), '--token', token])
    await isReady()
    await run('create', 'deployment', 'trio', `--image=${image}`, '--replicas=3', '--', 'sleep', '86400')
    await run('rollout', 'status', 'deployment/trio', '--timeout=60s')
  })
  afterAll(async () => {
    await agent.stop('SIGKILL')
    await server[Symbol.asyncDispose]()
    await removePodContainers(NODE)
    await folder[Symbol.asyncDispose]()
  })

  test('a token that was used is refused in one line', async () => {
    const { code, stdout, stderr } = await kedge([...agentFlags('apart-2'), '--token', token], { deadlineMs: 15_000 })
    expect(stderr).toBe(
      "kedge: the join token was refused: it was used before, has expired, or is another cluster's; make one with 'kedge token create'\n",
    )
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })

  test('kubectl describe node shows when the agent was last heard', async () => {
    const described = await run('describe', 'node', NODE)
    const renewed = /^Lease:\n +HolderIdentity: +apart-1\n +AcquireTime: +<unset>\n +RenewTime: +(.*)$/m.exec(described)
    expect(Math.abs(Date.now() - Date.parse(renewed?.[1] ?? ''))).toBeLessThan(40_000)
    expect(await run('get', 'leases', '-n', 'kube-node-lease', '--no-headers')).toMatch(/^apart-1\s+apart-1\s/)
  })

  test('kill -9 of the agent: it comes back without a token, to the same containers', async () => {
    const before = await podContainers(NODE)
    await agent.stop('SIGKILL')
    agent = startProcess(agentFlags(NODE))
    await eventually(() => expect(agent.output()).toContain('"registered"'), { deadlineMs: 15_000 })
    await agentIsThrough()
    await eventually(async () => expect(await podContainers(NODE)).toEqual(before))
    await allReady('0 0 0')
  })

  test('without a control plane pods run on, what ends is restarted, and its return restarts nothing', async () => {
    const before = await running()
    const { port } = server
    await server.stop('SIGKILL')
    const [killed = ''] = before
    await docker(['kill', killed])
    const kept = before.filter((id) => id !== killed)
    await eventually(async () => expect(await running()).toHaveLength(3), { deadlineMs: AWAY_MS })
    // A window in which nothing may happen: nobody tells the agent anything, and it must not stop or replace a pod.
    await pause(AWAY_MS)
    const meanwhile = await running()
    expect(meanwhile).toEqual(expect.arrayContaining([...kept]))
    expect(meanwhile).toHaveLength(3)
    await startServer(port)
    await isReady()
    await allReady('0 0 1')
    await agentIsThrough()
    await eventually(async () => expect(await running()).toEqual(meanwhile))
  })

  test('a host that boots without a control plane runs its pods from disk', async () => {
    const { port } = server
    await server.stop()
    await agent.stop('SIGKILL')
    await docker(['kill', ...(await podContainers(NODE))])
    expect(await running()).toEqual([])
    agent = startProcess(agentFlags(NODE))
    await eventually(async () => expect(await running()).toHaveLength(3), { deadlineMs: 30_000 })
    const booted = await running()
    await startServer(port)
    await isReady()
    await eventually(
      async () => expect(await run('get', 'deployment', 'trio', '--no-headers')).toMatch(/^trio\s+3\/3\s/),
      { deadlineMs: 30_000 },
    )
    await agentIsThrough()
    await eventually(async () => expect(await running()).toEqual(booted))
  })

  test('a node whose agent is gone is NotReady after 40 s, and Ready again when it is back', async () => {
    const before = await running()
    await agent.stop()
    const stopped = performance.now()
    await eventually(async () => expect(await run('get', 'node', NODE, '--no-headers')).toMatch(/\sNotReady\s/), {
      deadlineMs: 75_000,
      everyMs: 500,
    })
    const after = performance.now() - stopped
    // Counted from when it was last heard: at the begin of its last poll, which may have hung for 25 s.
    expect(after).toBeGreaterThan(14_000)
    expect(after).toBeLessThan(50_000)
    expect(await run('get', 'node', NODE, '-o', 'jsonpath={.spec.taints[*].key}')).toContain(
      'node.kubernetes.io/unreachable',
    )
    agent = startProcess(agentFlags(NODE))
    await isReady()
    await eventually(async () =>
      expect(await run('get', 'node', NODE, '-o', 'jsonpath={.spec.taints[*].key}')).toBe(''),
    )
    expect(await running()).toEqual(before)
  })
})
