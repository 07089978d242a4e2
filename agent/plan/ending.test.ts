// The order in which the containers of a pod end, against containers that take their time.
import { expect, it } from 'vitest'
import type { Container, Pod } from '../../schema/k8s/generated/types.ts'
import { specHash } from './names.ts'
import type { ObservedContainer } from './observed.ts'
import { LABEL, SANDBOX } from './observed.ts'
import type { PodInput } from './pod.ts'
import { planPod } from './pod.ts'

const NEVER = Infinity
const BEGAN_MS = 10_000_000

interface Story {
  readonly init?: readonly Container[]
  readonly graceS?: number
  /** ms a container takes to end when it is asked, by name; undefined: it has ended already */
  readonly takes: { readonly [name: string]: number | undefined }
  /** asked before the pod began to end, ms ago */
  readonly askedAgo?: { readonly [name: string]: number }
  readonly fate?: PodInput['fate']
  readonly ended?: boolean
}

const side = (name: string): Container => ({ name, restartPolicy: 'Always' })
const s1s2 = [side('s1'), side('s2')]

function observed(name: string, hash: string, alive: boolean): ObservedContainer {
  return {
    id: name,
    labels: { [LABEL.container]: name, [LABEL.attempt]: '0', [LABEL.sandbox]: '0', [LABEL.specHash]: hash },
    image: 'i',
    imageId: 'i',
    state: alive ? 'running' : 'exited',
    pid: 9,
    createdAtMs: 1,
    startedAtMs: 1,
    finishedAtMs: alive ? 0 : 2,
    exitCode: 0,
    oomKilled: false,
    error: '',
    stopSignal: 'SIGTERM',
  }
}

/** What is done with the containers and when, in ms since the pod began to end. */
function tell(story: Story): string[] {
  const { init = [], graceS = 5, takes, fate = 'delete', ended = false } = story
  const names = Object.keys(takes)
  const containers = names.filter((name) => !init.some((one) => one.name === name)).map((name) => ({ name }))
  const pod: Pod = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name: 'web', namespace: 'd', uid: 'u', deletionGracePeriodSeconds: graceS },
    spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: graceS, initContainers: [...init], containers },
  }
  const specs = [...init, ...containers]
  const seen = new Map(specs.map((one) => [one.name, observed(one.name, specHash(one), takes[one.name] !== undefined)]))
  const asked = new Map(Object.entries(story.askedAgo ?? {}).map(([name, ago]) => [name, BEGAN_MS - ago]))
  const endsAt = new Map<string, number>()
  const said: string[] = []
  let atMs = BEGAN_MS
  for (let round = 0; round < 50; round++) {
    for (const one of seen.values())
      if ((endsAt.get(one.id) ?? NEVER) <= atMs) seen.set(one.id, { ...one, state: 'exited', finishedAtMs: atMs })
    const plan = planPod({
      pod,
      fate,
      sandboxes: [observed(SANDBOX, '', true)],
      containers: [...seen.values()],
      volumesReady: true,
      holds: new Map(),
      asked,
      sick: new Map(),
      started: () => true,
      ended,
      tornDown: false,
      atMs,
    })
    if (plan.terminal) return said
    for (const step of plan.steps) {
      if (step.do !== 'ask' && step.do !== 'kill') throw new Error(`not to be done yet: ${step.do}`)
      const whom = step.containers.map((one) => one.id)
      if (whom.length > 0) said.push(`${atMs - BEGAN_MS} ${step.do} ${whom.join(' ')}`)
      if (step.do === 'ask' && step.message === '' && !asked.has('')) asked.set('', atMs)
      for (const name of whom) {
        if (step.do === 'ask') asked.set(name, atMs)
        endsAt.set(name, step.do === 'kill' ? atMs : atMs + (takes[name] ?? 0))
      }
    }
    if (plan.steps.length === 0)
      atMs = Math.min(plan.againAtMs ?? NEVER, ...[...endsAt.values()].filter((at) => at > atMs))
  }
  throw new Error(`does not end: ${said.join(', ')}`)
}

it.each<[string, Story, string[]]>([
  ['without sidecars: all at once', { takes: { a: 1000, b: NEVER } }, ['0 ask a b', '5000 kill b']],
  [
    'sidecars after all main containers, the last one first',
    { init: s1s2, takes: { a: 1000, b: 2000, s1: 500, s2: 500 } },
    ['0 ask a b', '2000 ask s2', '2500 ask s1'],
  ],
  [
    'a sidecar that has ended already is waited for by nobody',
    { init: [...s1s2, side('s3')], takes: { a: 1000, s1: 500, s2: undefined, s3: 500 } },
    ['0 ask a', '1000 ask s3', '1500 ask s1'],
  ],
  [
    'a sidecar has what is left of the grace period',
    { init: [side('s1')], takes: { a: 1000, s1: NEVER } },
    ['0 ask a', '1000 ask s1', '5000 kill s1'],
  ],
  [
    'and two seconds at least',
    { init: [side('s1')], takes: { a: 4000, s1: NEVER } },
    ['0 ask a', '4000 ask s1', '6000 kill s1'],
  ],
  [
    'when the grace period is over nobody waits for a turn any more',
    { init: s1s2, takes: { a: NEVER, s1: NEVER, s2: 500 } },
    ['0 ask a', '5000 ask s1 s2', '5000 kill a', '7000 kill s1'],
  ],
  [
    'without a grace period all are killed at once',
    { init: s1s2, graceS: 0, takes: { a: NEVER, s1: NEVER, s2: NEVER } },
    ['0 ask s1 s2 a', '0 kill s1 s2 a'],
  ],
  [
    'an init container that still runs is waited for by nobody',
    { init: [...s1s2, { name: 'i' }], takes: { a: undefined, s1: 500, s2: 500, i: 1000 } },
    ['0 ask s2 i', '500 ask s1'],
  ],
  [
    'when the main containers have finished',
    { init: s1s2, fate: 'run', takes: { a: undefined, s1: NEVER, s2: 1000 } },
    ['0 ask s2', '1000 ask s1', '5000 kill s1'],
  ],
  [
    'when the pod has ended, as by its deadline',
    { init: s1s2, fate: 'run', ended: true, takes: { a: 1000, s1: 500, s2: 500 } },
    ['0 ask a', '1000 ask s2', '1500 ask s1'],
  ],
  [
    'the grace period does not begin with a main container that was ended an hour before',
    { init: [side('s1')], askedAgo: { a: 3_600_000 }, takes: { a: undefined, b: 1000, s1: NEVER } },
    ['0 ask b', '1000 ask s1', '5000 kill s1'],
  ],
  [
    'it does begin while nobody is left to be asked: the sidecar has no second one',
    { init: [side('s1')], askedAgo: { a: 2000 }, takes: { a: NEVER, s1: NEVER } },
    ['3000 kill a', '3000 ask s1', '5000 kill s1'],
  ],
])('%s', (_, story, expected) => {
  expect(tell(story)).toEqual(expected)
})
