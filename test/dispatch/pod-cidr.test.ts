import { expect, test } from 'vitest'
import { freeRange, MOST_RANGES, rangeOf } from '../../api/dispatch/pod-cidr.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { memoryCluster } from '../build/cluster.ts'

/** Takes every range but `free`, as Nodes that exist unless `gone` says otherwise. */
async function fill(cluster: Cluster, free: number, gone: number): Promise<void> {
  for (let number = 0; number < MOST_RANGES; number++) {
    if (number === free) continue
    const node = `n${number}`
    const range = JSON.stringify({ metadata: { name: node }, spec: { podCIDR: rangeOf(number) } })
    await cluster.store.write({
      effects: [
        {
          op: 'put',
          key: { resource: '~podcidr', namespace: '', name: String(number) },
          expect: 'absent',
          value: JSON.stringify({ node }),
          index: { nodeName: node },
        },
        ...(number === gone
          ? []
          : [
              {
                op: 'put' as const,
                key: { resource: 'nodes', namespace: '', name: node },
                expect: 'absent' as const,
                value: range,
                index: {},
              },
            ]),
      ],
    })
  }
}

test('no two ranges meet, and none meets the addresses of Services', () => {
  const ranges = Array.from({ length: MOST_RANGES }, (_, number) => rangeOf(number))
  expect(new Set(ranges).size).toBe(MOST_RANGES)
  for (const range of ranges) {
    const [first, second, third, rest] = range.split('.').map((part) => part)
    expect([first, rest]).toEqual(['10', '0/24'])
    expect(Number(third)).toBeLessThan(256)
    // 10.96.0.0/12
    expect(Number(second) >= 96 && Number(second) < 112).toBe(false)
    expect(Number(second)).toBeLessThan(256)
  }
  expect(rangeOf(0)).toBe('10.244.0.0/24')
  expect(rangeOf(255)).toBe('10.244.255.0/24')
  expect(rangeOf(256)).toBe('10.128.0.0/24')
})

test('when all were given once, a range nobody took is found, then that of a Node that is gone, then none', async () => {
  const cluster = await memoryCluster()
  await fill(cluster, 300, 17)
  const hole = await freeRange(cluster, 'new')
  expect(hole.podCIDR).toBe(rangeOf(300))
  expect(await cluster.store.write({ effects: [hole.take] })).toMatchObject({ ok: true })
  const reused = await freeRange(cluster, 'newer')
  expect(reused.podCIDR).toBe(rangeOf(17))
  const node = { metadata: { name: 'newer' }, spec: { podCIDR: rangeOf(17) } }
  const key = { resource: 'nodes', namespace: '', name: 'newer' }
  const written = await cluster.store.write({
    effects: [reused.take, { op: 'put', key, expect: 'absent', value: JSON.stringify(node), index: {} }],
  })
  expect(written.ok).toBe(true)
  const other = { metadata: { name: 'new' }, spec: { podCIDR: rangeOf(300) } }
  await cluster.store.write({
    effects: [{ op: 'put', key: { ...key, name: 'new' }, expect: 'absent', value: JSON.stringify(other), index: {} }],
  })
  await expect(freeRange(cluster, 'one too many')).rejects.toThrow('no pod range is left')
})
