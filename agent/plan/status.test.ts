import { describe, expect, it } from 'vitest'
import type { Pod, PodSpec, PodStatus } from '../../schema/k8s/generated/types.ts'
import type { ObservedContainer } from './observed.ts'
import { LABEL } from './observed.ts'
import type { StatusInput } from './status.ts'
import { podStatus } from './status.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')

const seen = (name: string, more: Partial<ObservedContainer> = {}, attempt = 0): ObservedContainer => ({
  id: `${name}${attempt}`,
  labels: { [LABEL.container]: name, [LABEL.attempt]: String(attempt) },
  image: 'i',
  imageId: 'sha256:1',
  state: 'running',
  pid: 5,
  createdAtMs: NOW - 5000,
  startedAtMs: NOW - 4000,
  finishedAtMs: 0,
  exitCode: 0,
  oomKilled: false,
  error: '',
  stopSignal: 'SIGTERM',
  ...more,
})
const ended = (name: string, exitCode: number, more: Partial<ObservedContainer> = {}, attempt = 0): ObservedContainer =>
  seen(name, { state: 'exited', exitCode, finishedAtMs: NOW - 1000, ...more }, attempt)

function status(spec: Partial<PodSpec>, containers: ObservedContainer[], more: Partial<StatusInput> = {}): PodStatus {
  const pod: Pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web', namespace: 'd', uid: 'u', generation: 3 },
    spec: { containers: [{ name: 'main', image: 'i' }], ...spec },
  }
  return podStatus({
    pod,
    containers,
    sandbox: seen('POD'),
    podIP: '10.0.0.2',
    hostIP: '192.0.2.7',
    waiting: new Map(),
    messages: new Map(),
    imageRefs: new Map(),
    previous: undefined,
    ready: () => true,
    started: () => true,
    terminal: false,
    atMs: NOW,
    ...more,
  })
}

describe('the phase of a pod', () => {
  const two = { containers: [{ name: 'a' }, { name: 'b' }] }
  it.each<[string, Partial<PodSpec>, ObservedContainer[], string]>([
    ['nothing runs yet', {}, [], 'Pending'],
    ['its container runs', {}, [seen('main')], 'Running'],
    ['one of two has not started', two, [seen('a')], 'Pending'],
    ['one of two ended and the other runs', two, [ended('a', 1), seen('b')], 'Running'],
    ['it ended and is restarted', { restartPolicy: 'Always' }, [ended('main', 0)], 'Running'],
    ['it failed and is restarted', { restartPolicy: 'OnFailure' }, [ended('main', 1)], 'Running'],
    ['it ended well for good', { restartPolicy: 'OnFailure' }, [ended('main', 0)], 'Succeeded'],
    ['it failed for good', { restartPolicy: 'Never' }, [ended('main', 1)], 'Failed'],
    ['one of two failed for good', { ...two, restartPolicy: 'Never' }, [ended('a', 0), ended('b', 1)], 'Failed'],
    ['an init container runs', { initContainers: [{ name: 'i' }] }, [seen('i')], 'Pending'],
    [
      'an init container failed for good',
      { restartPolicy: 'Never', initContainers: [{ name: 'i' }] },
      [ended('i', 1)],
      'Failed',
    ],
    ['an init container is tried again', { initContainers: [{ name: 'i' }] }, [ended('i', 1)], 'Pending'],
    ['only a sidecar runs', { initContainers: [{ name: 's', restartPolicy: 'Always' }] }, [seen('s')], 'Pending'],
    [
      'sidecar and container run',
      { initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      [seen('s'), seen('main')],
      'Running',
    ],
    [
      'a sidecar ended with all the rest',
      { restartPolicy: 'Never', initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      [ended('s', 137), ended('main', 0)],
      'Succeeded',
    ],
  ])('when %s', (_, spec, containers, expected) => {
    expect(status(spec, containers).phase).toBe(expected)
  })

  it('never leaves an end', () => {
    expect(status({}, [], { previous: { phase: 'Succeeded' } }).phase).toBe('Succeeded')
  })
})

describe('the end of a container', () => {
  it.each<[string, Partial<ObservedContainer>, object]>([
    ['Completed', { exitCode: 0 }, { reason: 'Completed', exitCode: 0 }],
    ['Error', { exitCode: 3 }, { reason: 'Error', exitCode: 3 }],
    ['OOMKilled with 137', { exitCode: 137, oomKilled: true }, { reason: 'OOMKilled', exitCode: 137 }],
    [
      'Error when a child was killed and it went on',
      { exitCode: 3, oomKilled: true },
      { reason: 'Error', exitCode: 3 },
    ],
    [
      'StartError when it never ran',
      { state: 'created', startedAtMs: 0, finishedAtMs: 0, error: 'no such file', exitCode: 127 },
      { reason: 'StartError', exitCode: 128, message: 'no such file', startedAt: '1970-01-01T00:00:00Z' },
    ],
  ])('is %s', (_, more, expected) => {
    const made = status({ restartPolicy: 'Never' }, [ended('main', 0, more)])
    expect(made.containerStatuses?.[0]?.state?.terminated).toMatchObject(expected)
  })

  it('moves to lastState while the container waits to be started again', () => {
    const waiting = new Map([['main', { reason: 'CrashLoopBackOff', message: 'back-off' }]])
    expect(
      status({}, [ended('main', 1, {}, 2), ended('main', 1, {}, 1)], { waiting }).containerStatuses?.[0],
    ).toMatchObject({
      restartCount: 2,
      ready: false,
      started: false,
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
      lastState: { terminated: { containerID: 'docker://main2' } },
    })
  })
})

describe('conditions', () => {
  const of = (made: PodStatus, type: string): unknown => made.conditions?.find((condition) => condition.type === type)

  it('say what is not ready', () => {
    const made = status({ containers: [{ name: 'a' }, { name: 'b' }] }, [seen('a')])
    expect(of(made, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [b]',
    })
    expect(of(made, 'ContainersReady')).toMatchObject({ status: 'False', reason: 'ContainersNotReady' })
    expect(of(made, 'PodScheduled')).toMatchObject({ status: 'True', observedGeneration: 3 })
  })

  it('say which init containers are not done', () => {
    const made = status({ initContainers: [{ name: 'i' }, { name: 'j' }] }, [ended('i', 0)])
    expect(of(made, 'Initialized')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotInitialized',
      message: 'containers with incomplete status: [j]',
    })
    expect(made.containerStatuses?.[0]?.state).toEqual({ waiting: { reason: 'PodInitializing' } })
  })

  it('keep the time of a status that did not change', () => {
    const before = status({}, [seen('main')], { atMs: NOW - 60_000 })
    const after = status({}, [seen('main')], { previous: before })
    expect(after).toEqual(before)
    const broken = status({}, [ended('main', 1)], { previous: before })
    expect(of(broken, 'Ready')).toMatchObject({ status: 'False', lastTransitionTime: '2026-01-02T03:04:05Z' })
    expect(of(broken, 'Initialized')).toMatchObject({ status: 'True', lastTransitionTime: '2026-01-02T03:03:05Z' })
  })

  it('wait for readiness gates', () => {
    const made = status({ readinessGates: [{ conditionType: 'x/y' }] }, [seen('main')])
    expect(of(made, 'ContainersReady')).toMatchObject({ status: 'True' })
    expect(of(made, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message: 'corresponding condition of pod readiness gate "x/y" does not exist.',
    })
  })
})
