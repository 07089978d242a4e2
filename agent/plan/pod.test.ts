// The planner against a model of an engine: every step does what it says, and containers end when fast-check wants.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Container, Pod } from '../../schema/k8s/generated/types.ts'
import { specHash } from './names.ts'
import type { ObservedContainer } from './observed.ts'
import { attemptOf, LABEL, newestFirst, SANDBOX } from './observed.ts'
import type { Fate, PodPlan, Sick, Step } from './pod.ts'
import { planPod } from './pod.ts'

const pod = (spec: Partial<Pod['spec']> & object, grace?: number): Pod => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: {
    name: 'web',
    namespace: 'd',
    uid: 'u',
    ...(grace === undefined ? {} : { deletionGracePeriodSeconds: grace }),
  },
  spec: { containers: [{ name: 'main' }], terminationGracePeriodSeconds: 30, ...spec },
})

class World {
  fate: Fate = 'run'
  atMs = 1_000_000
  ended = false
  volumesReady = false
  tornDown = false
  stopped = false
  readonly seen = new Map<string, ObservedContainer>()
  readonly asked = new Map<string, number>()
  readonly sick = new Map<string, Sick>()
  readonly steps: string[] = []
  #ids = 0
  pod: Pod

  constructor(of: Pod) {
    this.pod = of
  }

  plan(): PodPlan {
    const all = [...this.seen.values()]
    return planPod({
      pod: this.pod,
      fate: this.fate,
      sandboxes: newestFirst(all.filter((one) => one.labels[LABEL.container] === SANDBOX)),
      containers: all.filter((one) => one.labels[LABEL.container] !== SANDBOX),
      volumesReady: this.volumesReady,
      holds: new Map(),
      asked: this.asked,
      sick: this.sick,
      started: () => true,
      ended: this.ended,
      tornDown: this.tornDown,
      atMs: this.atMs,
    })
  }

  /** Plans and acts until there is nothing to do; a plan that never ends is a failure. */
  settle(): PodPlan {
    for (let round = 0; round < 50; round++) {
      const plan = this.plan()
      if (plan.stopped) this.stopped = true
      if (plan.steps.length === 0) return plan
      for (const step of plan.steps) this.#perform(step)
    }
    throw new Error(`does not settle: ${this.steps.slice(-10).join(', ')}`)
  }

  running(name?: string): ObservedContainer[] {
    return [...this.seen.values()].filter(
      (one) =>
        one.state === 'running' &&
        one.labels[LABEL.container] !== SANDBOX &&
        (name === undefined || one.labels[LABEL.container] === name),
    )
  }

  end(one: ObservedContainer, exitCode: number): void {
    this.seen.set(one.id, { ...one, state: 'exited', exitCode, finishedAtMs: this.atMs })
  }

  killSandbox(): void {
    for (const one of this.seen.values())
      if (one.labels[LABEL.container] === SANDBOX && one.state === 'running') this.end(one, 137)
  }

  #make(labels: { readonly [key: string]: string }): void {
    const id = `c${++this.#ids}`
    this.seen.set(id, {
      id,
      labels,
      image: 'i',
      imageId: 'i',
      state: 'running',
      pid: 9,
      createdAtMs: this.atMs,
      startedAtMs: this.atMs,
      finishedAtMs: 0,
      exitCode: 0,
      oomKilled: false,
      error: '',
      stopSignal: 'SIGTERM',
    })
  }

  #perform(step: Step): void {
    this.steps.push(step.do === 'start' ? `start ${step.container.name} ${step.attempt}` : step.do)
    switch (step.do) {
      case 'sandbox':
        this.#make({ [LABEL.container]: SANDBOX, [LABEL.attempt]: String(step.attempt) })
        this.volumesReady = true
        return
      case 'volumes':
        this.volumesReady = true
        return
      case 'start':
        this.#make({
          [LABEL.container]: step.container.name,
          [LABEL.attempt]: String(step.attempt),
          [LABEL.sandbox]: String(attemptOf(step.sandbox)),
          [LABEL.backoffMs]: String(step.backoffMs),
          [LABEL.specHash]: specHash(step.container),
        })
        return
      case 'ask':
        if (step.message === '' && !this.asked.has('')) this.asked.set('', this.atMs)
        for (const one of step.containers) this.asked.set(one.id, this.atMs)
        return
      case 'kill':
        for (const one of step.containers) this.end(one, 137)
        return
      case 'remove':
        for (const one of step.containers) this.seen.delete(one.id)
        return
      case 'drop-sandbox':
        for (const one of step.sandboxes) this.seen.delete(one.id)
        this.volumesReady = false
        return
      case 'teardown':
        this.tornDown = true
    }
  }
}

describe('a plan for a pod', () => {
  it('makes a sandbox, then starts what is in it', () => {
    const world = new World(pod({ containers: [{ name: 'a' }, { name: 'b' }] }))
    world.settle()
    expect(world.steps).toEqual(['sandbox', 'start a 0', 'start b 0'])
  })

  it('runs init containers one after another, and sidecars before what follows them', () => {
    const world = new World(
      pod({ initContainers: [{ name: 'first' }, { name: 'side', restartPolicy: 'Always' }, { name: 'last' }] }),
    )
    world.settle()
    expect(world.steps).toEqual(['sandbox', 'start first 0'])
    for (const one of world.running('first')) world.end(one, 0)
    world.settle()
    expect(world.steps.slice(2)).toEqual(['start side 0', 'start last 0'])
    for (const one of world.running('last')) world.end(one, 0)
    world.settle()
    expect(world.steps.slice(4)).toEqual(['start main 0'])
  })

  it('ends sidecars when the rest has ended for good', () => {
    const world = new World(
      pod({ restartPolicy: 'Never', initContainers: [{ name: 'side', restartPolicy: 'Always' }] }),
    )
    world.settle()
    for (const one of world.running('main')) world.end(one, 0)
    world.settle()
    expect(world.steps.at(-1)).toBe('ask')
    for (const one of world.running('side')) world.end(one, 0)
    expect(world.settle().terminal).toBe(true)
    expect(world.running()).toEqual([])
  })

  it.each<[string, number, boolean]>([
    ['Always', 0, true],
    ['Always', 1, true],
    ['OnFailure', 0, false],
    ['OnFailure', 1, true],
    ['Never', 0, false],
    ['Never', 1, false],
  ])('with restartPolicy %s and exit code %i restarts: %s', (restartPolicy, code, again) => {
    const world = new World(pod({ restartPolicy: restartPolicy as 'Always' }))
    world.settle()
    for (const one of world.running()) world.end(one, code)
    const plan = world.settle()
    expect(world.running().length).toBe(again ? 1 : 0)
    expect(plan.terminal).toBe(!again)
  })

  it('shortens the wait when the grace period is', () => {
    const world = new World(pod({}))
    world.settle()
    world.fate = 'delete'
    expect(world.settle().againAtMs).toBe(world.atMs + 30_000)
    world.pod = pod({}, 1)
    world.atMs += 1000
    world.settle()
    expect(world.stopped).toBe(true)
    expect(world.steps.slice(2)).toEqual(['ask', 'kill', 'drop-sandbox', 'remove', 'teardown'])
  })

  it('replaces a container whose image changed', () => {
    const world = new World(pod({ containers: [{ name: 'main', image: 'a' }] }))
    world.settle()
    world.pod = pod({ containers: [{ name: 'main', image: 'b' }] })
    world.settle()
    expect(world.steps.at(-1)).toBe('ask')
    for (const one of world.running()) world.end(one, 143)
    world.settle()
    expect(world.steps.at(-1)).toBe('start main 1')
  })

  it('ends a container whose liveness probe failed, and starts it again', () => {
    const world = new World(pod({}))
    world.settle()
    for (const one of world.running()) world.sick.set(one.id, { message: 'not well', graceMs: 1000 })
    world.settle()
    expect(world.steps.at(-1)).toBe('ask')
    for (const one of world.running()) world.end(one, 143)
    world.settle()
    expect(world.steps.at(-1)).toBe('start main 1')
  })

  it('gives a pod that ended no new sandbox, and takes the old one away', () => {
    const world = new World(pod({ restartPolicy: 'Never' }))
    world.settle()
    for (const one of world.running()) world.end(one, 0)
    world.settle()
    world.ended = true
    world.settle()
    expect(world.steps.at(-1)).toBe('drop-sandbox')
    expect(world.plan()).toMatchObject({ steps: [], terminal: true })
  })

  type Move =
    | { readonly move: 'end'; readonly which: number; readonly code: number }
    | { readonly move: 'pass'; readonly ms: number }
    | { readonly move: 'sandbox' | 'delete' | 'forget' | 'restart-agent' }

  const moves: fc.Arbitrary<Move[]> = fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ move: fc.constant('end' as const), which: fc.nat(5), code: fc.constantFrom(0, 1, 137) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ move: fc.constant('pass' as const), ms: fc.constantFrom(100, 10_000, 40_000, 700_000) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          move: fc.constantFrom('sandbox' as const, 'delete' as const, 'forget' as const, 'restart-agent' as const),
        }),
      },
    ),
    { maxLength: 25 },
  )
  const specs = fc.record({
    restartPolicy: fc.constantFrom('Always' as const, 'OnFailure' as const, 'Never' as const),
    initContainers: fc.constantFrom<Container[]>(
      [],
      [{ name: 'i' }],
      [{ name: 'i' }, { name: 's', restartPolicy: 'Always' }],
      [
        { name: 's', restartPolicy: 'Always' },
        { name: 't', restartPolicy: 'Always' },
      ],
    ),
    containers: fc.constantFrom<Container[]>([{ name: 'a' }], [{ name: 'a' }, { name: 'b' }]),
  })

  it('settles whatever happens; never runs two of one name, never starts what is to end, keeps two dead at most', () => {
    fc.assert(
      fc.property(specs, moves, (spec, story) => {
        const world = new World(pod(spec))
        for (const move of story) {
          world.settle()
          const running = world.running()
          if (move.move === 'end') {
            const one = running[move.which % Math.max(running.length, 1)]
            if (one !== undefined) world.end(one, move.code)
          } else if (move.move === 'pass') world.atMs += move.ms
          else if (move.move === 'sandbox') world.killSandbox()
          else if (move.move === 'restart-agent') {
            world.volumesReady = false
            world.asked.clear()
          } else if (world.fate === 'run') world.fate = move.move
          const before = world.steps.length
          world.settle()
          if (world.fate !== 'run')
            expect(world.steps.slice(before).filter((step) => step.startsWith('start'))).toEqual([])
          const names = world.running().map((one) => one.labels[LABEL.container])
          expect(new Set(names).size).toBe(names.length)
          for (const name of ['i', 's', 't', 'a', 'b']) {
            const made = [...world.seen.values()].filter((one) => one.labels[LABEL.container] === name)
            expect(made.length).toBeLessThanOrEqual(3)
          }
        }
        if (world.fate !== 'run') {
          world.atMs += 60_000
          world.settle()
          // Sidecars that were never asked have a last moment.
          world.atMs += 2000
          world.settle()
          expect(world.stopped).toBe(true)
          expect(world.seen.size).toBe(0)
        }
      }),
      { numRuns: 300 },
    )
  })
})
