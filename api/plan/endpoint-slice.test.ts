import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EndpointSlice, Pod, Service } from '../../schema/k8s/generated/types.ts'
import { aPod, aService, AT } from '../../test/build/objects.ts'
import { planText } from '../../test/build/plan-text.ts'
import { PlanWorld } from '../../test/build/plan-world.ts'
import { planEndpointSlices } from './endpoint-slice.ts'
import type { Row } from './seen.ts'

const SLICES = 'endpointslices.discovery.k8s.io'

function seenIn(world: PlanWorld): Parameters<typeof planEndpointSlices>[0] {
  const service = world.get<Service>('services', 'web')
  if (service === undefined) throw new Error('the world has no Service')
  return { service, pods: world.list<Pod>('pods'), slices: world.list<EndpointSlice>(SLICES) }
}

function worldOf(service: Service, pods: readonly Pod[]): PlanWorld {
  const world = new PlanWorld()
  world.put('services', service)
  for (const pod of pods) world.put('pods', pod)
  world.apply(planEndpointSlices(seenIn(world)), AT)
  return world
}

function slicesIn(world: PlanWorld): readonly EndpointSlice[] {
  return world.list<EndpointSlice>(SLICES).map((row: Row<EndpointSlice>) => row.object)
}

/** name to ready/serving/terminating, as letters */
function shown(world: PlanWorld): Readonly<Record<string, string>> {
  return Object.fromEntries(
    slicesIn(world).flatMap(({ endpoints }) =>
      endpoints.map(({ targetRef, conditions }) => [
        targetRef?.name ?? '',
        ['ready', 'serving', 'terminating'].filter((name) => conditions?.[name as 'ready']).join(' '),
      ]),
    ),
  )
}

const web = (name: string, parts: Parameters<typeof aPod>[0] = {}): Pod =>
  aPod({ name, labels: { app: 'web' }, node: 'n1', ip: `10.0.0.${name.length}`, ...parts })

test('a Service and its pods become a slice', async () => {
  const world = new PlanWorld()
  world.put('services', aService())
  world.put('pods', web('one'))
  world.put('pods', web('three', { ready: false }))
  await expect(planText(planEndpointSlices(seenIn(world)))).toMatchFileSnapshot(
    '../../test/golden/plans/endpoint-slice-create.txt',
  )
})

describe('which pods, and how', () => {
  const rows: readonly (readonly [string, Parameters<typeof aPod>[0], string | undefined])[] = [
    ['a ready pod', {}, 'ready serving'],
    ['one that is not ready', { ready: false }, ''],
    ['one that is ready and on its way out', { deleted: true }, 'serving terminating'],
    ['one on its way out that is not ready', { deleted: true, ready: false }, 'terminating'],
    ['one that has finished', { phase: 'Succeeded' }, undefined],
    ['one without an address', { ip: '' }, undefined],
  ]
  test.each(rows)('%s', (_name, parts, state) => {
    expect(shown(worldOf(aService(), [web('pod', parts)]))['pod']).toBe(state)
  })

  test('publishNotReadyAddresses calls all of them ready', () => {
    const service = aService({ spec: { publishNotReadyAddresses: true } })
    expect(shown(worldOf(service, [web('pod', { ready: false, deleted: true })]))).toEqual({ pod: 'ready terminating' })
  })

  test('a hostname is shown for pods that name the Service as their subdomain', () => {
    const world = worldOf(aService(), [web('pod', { spec: { hostname: 'a', subdomain: 'web' } })])
    expect(slicesIn(world)[0]?.endpoints[0]?.hostname).toBe('a')
  })
})

describe('ports', () => {
  const named = (port: number): Partial<Pod['spec'] & object> => ({
    containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: port }] }],
  })
  const service = aService({ spec: { ports: [{ name: 'web', port: 80, targetPort: 'http', appProtocol: 'http' }] } })

  test('a name is looked up in the pod; pods that differ get slices of their own', () => {
    const world = worldOf(service, [web('a', { spec: named(8080) }), web('bb', { spec: named(9090) })])
    expect(slicesIn(world).map(({ ports, endpoints }) => [ports?.[0]?.port, endpoints[0]?.targetRef?.name])).toEqual([
      [8080, 'a'],
      [9090, 'bb'],
    ])
  })

  test('the port itself, when there is no target', () => {
    const world = worldOf(aService({ spec: { ports: [{ port: 80, protocol: 'UDP' }] } }), [web('a')])
    expect(slicesIn(world)[0]?.ports).toEqual([{ name: '', port: 80, protocol: 'UDP' }])
  })
})

describe('slices', () => {
  test('a Service nothing backs has one that is empty', () => {
    const [slice, ...others] = slicesIn(worldOf(aService(), []))
    expect(others).toEqual([])
    expect(slice).toMatchObject({ endpoints: [], metadata: { labels: { 'kubernetes.io/service-name': 'web' } } })
  })

  test('a Service that loses its selector loses its slices', () => {
    const world = worldOf(aService(), [web('a')])
    world.put('services', aService({ spec: { selector: {} } }))
    world.apply(planEndpointSlices(seenIn(world)), AT)
    expect(slicesIn(world)).toEqual([])
  })

  test('a Service that loses its last pod, gets one again and another port keeps its slice', () => {
    const world = worldOf(aService(), [web('one')])
    const looks = (): unknown => {
      world.apply(planEndpointSlices(seenIn(world)), AT)
      return slicesIn(world).map(({ metadata, endpoints, ports }) => [metadata.name, endpoints.length, ports?.length])
    }
    const [slice] = slicesIn(world)
    const name = slice?.metadata.name
    world.put('pods', web('one', { phase: 'Succeeded' }))
    expect(looks()).toEqual([[name, 0, 0]])
    world.put('pods', web('two'))
    expect(looks()).toEqual([[name, 1, 1]])
    world.put('services', aService({ spec: { ports: [{ port: 81 }] } }))
    expect(looks()).toEqual([[name, 1, 1]])
    expect(slicesIn(world)[0]?.ports).toMatchObject([{ port: 81 }])
  })

  test('one changed pod rewrites one slice', () => {
    const pods = Array.from({ length: 250 }, (_, index) =>
      web(`p${index}`, { ip: `10.0.${index >> 8}.${index & 255}` }),
    )
    const world = worldOf(aService(), pods)
    expect(slicesIn(world).map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 50])
    world.put('pods', web('p7', { ready: false, ip: '10.0.0.7' }))
    expect(planEndpointSlices(seenIn(world)).actions).toHaveLength(1)
  })
})

test('whatever comes and goes: every pod once, no slice over 100, and the second look finds nothing to do', () => {
  const step = fc.record({ name: fc.integer({ min: 0, max: 220 }), gone: fc.boolean(), ready: fc.boolean() })
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 150 }), { maxLength: 4 }), (turns) => {
      const world = worldOf(aService(), [])
      for (const steps of turns) {
        for (const { name, gone, ready } of steps) {
          if (gone) world.remove('pods', `p${name}`)
          else world.put('pods', web(`p${name}`, { ready, ip: `10.0.0.${name}` }))
        }
        expect(world.apply(planEndpointSlices(seenIn(world)), AT)).toEqual([])
        const slices = slicesIn(world)
        const names = slices.flatMap(({ endpoints }) => endpoints.map(({ targetRef }) => targetRef?.name ?? ''))
        expect(names.toSorted()).toEqual(
          world
            .list<Pod>('pods')
            .map(({ object }) => object.metadata.name ?? '')
            .toSorted(),
        )
        expect(Math.max(...slices.map(({ endpoints }) => endpoints.length))).toBeLessThanOrEqual(100)
        expect(planEndpointSlices(seenIn(world)).actions).toEqual([])
      }
    }),
    { numRuns: 40 },
  )
})
