// A pod's life on a real engine, through the real protocol.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Container } from '../../schema/k8s/generated/types.ts'
import { eventually } from '../tools/eventually.ts'
import { aConfigMap, aContainer, aPod, aSecret, SLEEP, uidOf } from './pods.ts'
import type { Rig } from './rig.ts'
import { because, run, startRig, whyNot } from './rig.ts'

const reason = await whyNot()

describe.skipIf(reason !== undefined)(`a pod on this node${because(reason)}`, { timeout: 60_000 }, () => {
  let rig: Rig

  beforeAll(async () => {
    rig = await startRig()
    await rig.plane.until('registered', () => rig.plane.registrations.length > 0)
  })
  afterAll(() => rig.close())

  const phase = (uid: string, wanted: string): Promise<unknown> =>
    rig.plane.until(`${uid} ${wanted}`, () => rig.plane.status(uid)?.phase === wanted)

  /**
   * Its containers have said "ready": a signal between their start and their trap does not find it, and they end with
   * another code.
   */
  const ready = async (uid: string): Promise<void> => {
    await phase(uid, 'Running')
    const { containerStatuses = [], initContainerStatuses = [] } = rig.plane.status(uid) ?? {}
    for (const { containerID = '' } of [...containerStatuses, ...initContainerStatuses])
      await eventually(async () => (await rig.docker('logs', containerID.replace('docker://', ''))).includes('ready'))
  }

  it('registers the machine with what a scheduler needs', () => {
    const { status, labels } = rig.plane.registrations[0] ?? {}
    expect(labels).toMatchObject({ 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': 'node' })
    expect(status).toMatchObject({
      capacity: { pods: '110', cpu: expect.stringMatching(/^\d+$/), memory: expect.stringMatching(/Ki$/) },
      nodeInfo: {
        containerRuntimeVersion: expect.stringMatching(/^docker:\/\//),
        kubeletVersion: expect.stringMatching(/^v1\.35/),
      },
    })
  })

  it('runs and is reported Running and Ready with an address, within a second', async () => {
    const pod = aPod({ containers: [aContainer(SLEEP)] })
    const began = performance.now()
    rig.plane.put(pod)
    await phase(uidOf(pod), 'Running')
    const took = performance.now() - began
    const status = rig.plane.status(uidOf(pod))
    expect(status).toMatchObject({
      podIP: expect.stringMatching(/^10\.250\.7\./),
      qosClass: 'BestEffort',
      observedGeneration: 1,
    })
    expect(status?.conditions?.map(({ type, status: value }) => `${type} ${value}`)).toEqual([
      'PodReadyToStartContainers True',
      'Initialized True',
      'Ready True',
      'ContainersReady True',
      'PodScheduled True',
    ])
    expect(status?.containerStatuses?.[0]).toMatchObject({
      ready: true,
      started: true,
      restartCount: 0,
      containerID: expect.stringMatching(/^docker:\/\/[0-9a-f]{64}$/),
      state: { running: { startedAt: expect.any(String) } },
    })
    expect(rig.plane.events(uidOf(pod))).toEqual([
      'Pulled: Container image "kedge.test/busybox:1" already present on machine and can be accessed by the pod',
      'Created: Container created',
      'Started: Container started',
    ])
    expect(took).toBeLessThan(3000)
  })

  it('ends when it is deleted: asked first, reported gone when nothing is left', async () => {
    const pod = aPod(
      {
        containers: [
          aContainer('trap "echo bye > /dev/termination-log; exit 3" TERM; echo ready; while true; do sleep 0.1; done'),
        ],
      },
      'ending',
    )
    rig.plane.put(pod)
    await ready(uidOf(pod))
    rig.plane.delete(uidOf(pod), 5)
    await rig.plane.until('stopped', () => rig.plane.stopped.has(uidOf(pod)))
    const said = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.state?.terminated
    expect(said).toMatchObject({ exitCode: 3, reason: 'Error', message: 'bye\n' })
    expect((await rig.containers()).filter((line) => line.includes('ending'))).toEqual([])
    expect(rig.plane.events(uidOf(pod))).toContain('Killing: Stopping container main')
  })

  it('is killed when its grace period is over', async () => {
    const pod = aPod(
      { containers: [aContainer('trap "" TERM; echo ready; while true; do sleep 0.1; done')] },
      'stubborn',
    )
    rig.plane.put(pod)
    await ready(uidOf(pod))
    rig.plane.delete(uidOf(pod), 1)
    await rig.plane.until('stopped', () => rig.plane.stopped.has(uidOf(pod)), 8000)
    expect(rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137)
  })

  it('ends its sidecars after its containers, the last one first', async () => {
    const mounts = { volumeMounts: [{ name: 's', mountPath: '/shared' }] }
    const atTerm = (script: string): string =>
      `trap "${script}; exit 0" TERM; echo ready; while true; do sleep 0.1; done`
    const sidecar = (name: string, script: string): Container =>
      aContainer(atTerm(script), { name, restartPolicy: 'Always', ...mounts })
    const pod = aPod(
      {
        initContainers: [
          sidecar('first', 'cat /shared/order > /dev/termination-log'),
          sidecar('second', 'echo second >> /shared/order'),
        ],
        containers: [aContainer(atTerm('sleep 1; echo main >> /shared/order'), mounts)],
        volumes: [{ name: 's', emptyDir: {} }],
      },
      'accompanied',
    )
    rig.plane.put(pod)
    await ready(uidOf(pod))
    rig.plane.delete(uidOf(pod), 10)
    await rig.plane.until('stopped', () => rig.plane.stopped.has(uidOf(pod)))
    const status = rig.plane.status(uidOf(pod))
    const ended = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
    expect(ended.map(({ name, state }) => `${name} ${state?.terminated?.exitCode}`)).toEqual([
      'main 0',
      'first 0',
      'second 0',
    ])
    expect(status?.initContainerStatuses?.[0]?.state?.terminated?.message).toBe('main\nsecond\n')
  })

  it('restarts a crashed container at once, then backs off and says so', async () => {
    const pod = aPod({ containers: [aContainer('echo attempt; exit 7')] }, 'crashing')
    rig.plane.put(pod)
    const status = await rig.plane.until('backing off', () => {
      const one = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]
      return one?.state?.waiting?.reason === 'CrashLoopBackOff' ? one : undefined
    })
    expect(status).toMatchObject({
      restartCount: 1,
      ready: false,
      started: false,
      state: {
        waiting: { message: `back-off 10s restarting failed container=main pod=crashing_default(${uidOf(pod)})` },
      },
      lastState: { terminated: { exitCode: 7, reason: 'Error' } },
    })
    expect(rig.plane.status(uidOf(pod))?.phase).toBe('Running')
    expect(rig.plane.events(uidOf(pod))).toContain(
      `BackOff: Back-off restarting failed container main in pod crashing_default(${uidOf(pod)})`,
    )
  })

  it('runs init containers one after another, then its containers', async () => {
    const init = ['a', 'b'].map((name) =>
      aContainer(`echo ${name} >> /shared/order`, { name, volumeMounts: [{ name: 's', mountPath: '/shared' }] }),
    )
    const main = aContainer('cat /shared/order > /dev/termination-log', {
      volumeMounts: [{ name: 's', mountPath: '/shared' }],
    })
    const pod = aPod(
      { restartPolicy: 'Never', initContainers: init, containers: [main], volumes: [{ name: 's', emptyDir: {} }] },
      'inits',
    )
    rig.plane.put(pod)
    await phase(uidOf(pod), 'Succeeded')
    const status = rig.plane.status(uidOf(pod))
    expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ reason: 'Completed', message: 'a\nb\n' })
    expect(status?.initContainerStatuses?.map(({ ready }) => ready)).toEqual([true, true])
    expect(status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
      status: 'False',
      reason: 'PodCompleted',
    })
  })

  it('waits for a ConfigMap that is not there, and starts when it comes', async () => {
    const env = [{ name: 'GREETING', valueFrom: { configMapKeyRef: { name: 'late', key: 'text' } } }]
    const pod = aPod(
      { restartPolicy: 'Never', containers: [aContainer('echo $GREETING > /dev/termination-log', { env })] },
      'waiting',
    )
    rig.plane.put(pod)
    const waiting = await rig.plane.until('config error', () => {
      const state = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.state?.waiting
      return state?.reason === 'CreateContainerConfigError' ? state : undefined
    })
    expect(waiting.message).toBe('configmap "late" not found')
    rig.plane.putConfigMap(aConfigMap('late', { text: 'hello' }))
    await phase(uidOf(pod), 'Succeeded')
    expect(rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.state?.terminated?.message).toBe('hello\n')
  })

  it('sees a ConfigMap volume change while it runs, and keeps Secrets off the disk', async () => {
    rig.plane.putConfigMap(aConfigMap('live', { file: 'one' }))
    rig.plane.putSecret(aSecret('hidden', { password: 'tiger-in-the-night' }))
    const script = `until [ "$(cat /cm/file)" = two ]; do sleep 0.1; done; grep ' /sec ' /proc/mounts > /dev/termination-log; cat /sec/password >> /dev/termination-log`
    const pod = aPod(
      {
        restartPolicy: 'Never',
        containers: [
          aContainer(script, {
            volumeMounts: [
              { name: 'cm', mountPath: '/cm' },
              { name: 'sec', mountPath: '/sec' },
            ],
          }),
        ],
        volumes: [
          { name: 'cm', configMap: { name: 'live' } },
          { name: 'sec', secret: { secretName: 'hidden', defaultMode: 0o400 } },
        ],
      },
      'volumes',
    )
    rig.plane.put(pod)
    await phase(uidOf(pod), 'Running')
    rig.plane.putConfigMap(aConfigMap('live', { file: 'two' }))
    await phase(uidOf(pod), 'Succeeded')
    const words = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.state?.terminated?.message ?? ''
    expect(words).toMatch(/^tmpfs \/sec tmpfs ro/)
    expect(words).toContain('tiger-in-the-night')
  })

  it('says why an image cannot be had', async () => {
    const never = aPod(
      { containers: [aContainer('', { image: 'kedge.test/none:1', imagePullPolicy: 'Never' })] },
      'never',
    )
    const pull = aPod({ containers: [aContainer('', { image: '127.0.0.1:9/none:1' })] }, 'unreachable')
    rig.plane.put(never)
    rig.plane.put(pull)
    const reasonOf = (uid: string): string | undefined =>
      rig.plane.status(uid)?.containerStatuses?.[0]?.state?.waiting?.reason
    await rig.plane.until('never', () => reasonOf(uidOf(never)) === 'ErrImageNeverPull')
    await rig.plane.until('failed', () => reasonOf(uidOf(pull)) === 'ErrImagePull')
    await rig.plane.until('backing off', () => reasonOf(uidOf(pull)) === 'ImagePullBackOff')
    const waiting = rig.plane.status(uidOf(pull))?.containerStatuses?.[0]?.state?.waiting
    expect(waiting?.message).toMatch(/^Back-off pulling image "127\.0\.0\.1:9\/none:1": ErrImagePull: /)
    expect(rig.plane.events(uidOf(pull))).toContain('Failed: Error: ErrImagePull')
  })

  it('is ready when its readiness probe says so, and not when it no longer does', async () => {
    const readinessProbe = { exec: { command: ['cat', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 }
    const script =
      'sleep 1; touch /tmp/ready; sleep 3; rm /tmp/ready; trap "exit 0" TERM; while true; do sleep 0.1; done'
    const pod = aPod({ containers: [aContainer(script, { readinessProbe })] }, 'probed')
    rig.plane.put(pod)
    const ready = (): string | undefined =>
      rig.plane.status(uidOf(pod))?.conditions?.find(({ type }) => type === 'Ready')?.status
    await phase(uidOf(pod), 'Running')
    expect(ready()).toBe('False')
    await rig.plane.until('ready', () => ready() === 'True')
    await rig.plane.until('not ready', () => ready() === 'False')
    expect(
      rig.plane.events(uidOf(pod)).some((line) => line.startsWith('Unhealthy: Readiness probe failed: cat: ')),
    ).toBe(true)
  })

  it('is started again when its liveness probe fails, and says why', async () => {
    const livenessProbe = { httpGet: { port: 8080, path: '/health' }, periodSeconds: 1, failureThreshold: 2 }
    const script = 'mkdir /www; httpd -p 8080 -h /www; trap "exit 0" TERM; while true; do sleep 0.1; done'
    const pod = aPod({ containers: [aContainer(script, { livenessProbe })] }, 'unhealthy')
    rig.plane.put(pod)
    await rig.plane.until(
      'restarted',
      () => (rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.restartCount ?? 0) > 0,
    )
    expect(rig.plane.events(uidOf(pod))).toEqual(
      expect.arrayContaining([
        'Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 404',
        'Killing: Container main failed liveness probe, will be restarted',
      ]),
    )
  })

  it('runs its hooks: after its start, and before it is asked to end', async () => {
    const lifecycle = {
      postStart: { exec: { command: ['sh', '-c', 'echo started >> /dev/termination-log'] } },
      preStop: {
        exec: {
          command: ['sh', '-c', 'echo stopping >> /dev/termination-log; sleep 0.5; echo done >> /dev/termination-log'],
        },
      },
    }
    const pod = aPod({ containers: [aContainer(SLEEP, { lifecycle })] }, 'hooked')
    rig.plane.put(pod)
    await phase(uidOf(pod), 'Running')
    rig.plane.delete(uidOf(pod), 5)
    await rig.plane.until('stopped', () => rig.plane.stopped.has(uidOf(pod)))
    const said = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.state?.terminated
    expect(said).toMatchObject({ exitCode: 0, message: 'started\nstopping\ndone\n' })
  })

  it('comes back with its files when its sandbox is killed', async () => {
    const mounts = [{ name: 's', mountPath: '/shared' }]
    const pod = aPod(
      {
        containers: [aContainer(`echo life >> /shared/lives; ${SLEEP}`, { volumeMounts: mounts })],
        volumes: [{ name: 's', emptyDir: {} }],
      },
      'rebuilt',
    )
    rig.plane.put(pod)
    await phase(uidOf(pod), 'Running')
    const before = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.containerID
    const sandbox = (await rig.containers()).find((line) => line.includes('k8s_POD_rebuilt')) ?? ''
    await rig.docker('kill', sandbox.split(' ')[0] ?? '')
    const after = await rig.plane.until('rebuilt', () => {
      const one = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]
      return one?.state?.running !== undefined && one.containerID !== before ? one : undefined
    })
    expect(after.restartCount).toBe(1)
    const lives = await rig.docker('exec', (after.containerID ?? '').replace('docker://', ''), 'cat', '/shared/lives')
    expect(lives).toBe('life\nlife')
  })

  it('comes back when somebody removed its containers, and leaves no interface behind', async () => {
    const pod = aPod({ containers: [aContainer(SLEEP)] }, 'removed')
    rig.plane.put(pod)
    await phase(uidOf(pod), 'Running')
    const interfaces = async (): Promise<number> =>
      (await run('ip', ['-br', 'link'])).stdout.match(/^kg/gm)?.length ?? 0
    const before = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.containerID
    const count = await interfaces()
    const mine = (await rig.containers())
      .filter((line) => line.includes('_removed_'))
      .map((line) => line.split(' ')[0] ?? '')
    await rig.docker('rm', '-f', ...mine)
    await rig.plane.until('back', () => {
      const one = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]
      return one?.state?.running !== undefined && one.containerID !== before
    })
    const changed = 'SandboxChanged: Pod sandbox changed, it will be killed and re-created.'
    await rig.plane.until('told why', () => rig.plane.events(uidOf(pod)).includes(changed))
    await expect.poll(interfaces).toBeLessThanOrEqual(count)
  })

  it('comes back within 15 s, each of twenty whose containers somebody removed at once', async () => {
    const pods = Array.from({ length: 20 }, (_, at) => aPod({ containers: [aContainer(SLEEP)] }, `many-${at}`))
    for (const pod of pods) rig.plane.put(pod)
    const statusOf = (uid: string): string | undefined => {
      const one = rig.plane.status(uid)?.containerStatuses?.[0]
      return one?.state?.running === undefined ? undefined : one.containerID
    }
    const all = (): boolean => pods.every((pod) => statusOf(uidOf(pod)) !== undefined)
    await rig.plane.until('all running', all)
    const before = new Map(pods.map((pod) => [uidOf(pod), statusOf(uidOf(pod))]))
    const mine = (await rig.containers()).filter((line) => line.includes('k8s_main_many-'))
    expect(mine).toHaveLength(20)
    await rig.docker('rm', '-f', ...mine.map((line) => line.split(' ')[0] ?? ''))
    const back = (): boolean => pods.every((pod) => ![undefined, before.get(uidOf(pod))].includes(statusOf(uidOf(pod))))
    await rig.plane.until('all back', back, 15_000)
    for (const pod of pods) rig.plane.delete(uidOf(pod), 0)
    await rig.plane.until('all gone', () => pods.every((pod) => rig.plane.stopped.has(uidOf(pod))))
  })

  it('is ended when the control plane no longer knows it', async () => {
    const pod = aPod({ containers: [aContainer(SLEEP)] }, 'dropped')
    rig.plane.put(pod)
    await phase(uidOf(pod), 'Running')
    rig.plane.drop(uidOf(pod))
    await expect
      .poll(async () => (await rig.containers()).filter((line) => line.includes('dropped')), { timeout: 10_000 })
      .toEqual([])
  })
})
