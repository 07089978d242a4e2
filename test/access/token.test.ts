import { expect, test } from 'vitest'
import { createJoinToken, isJoinToken, LONGEST_JOIN_TTL_MS, readJoinToken } from '../../api/access/token.ts'
import { manualClock } from '../../api/platform/memory.ts'
import { memoryCluster, START } from '../build/cluster.ts'

test('a join token is good once', async () => {
  const cluster = await memoryCluster()
  const text = await createJoinToken(cluster)
  expect(text).toMatch(/^kedge_[a-z0-9]{10}\.[\w-]{32}$/)
  const [first, second] = [await readJoinToken(cluster, text), await readJoinToken(cluster, text)]
  expect(first).toMatchObject({ node: undefined })
  const used = await Promise.all([first, second].map((token) => cluster.store.write({ effects: [token!.consume] })))
  expect(used.filter(({ ok }) => ok)).toHaveLength(1)
  expect(await readJoinToken(cluster, text)).toBeUndefined()
})

test('a join token ends, and no longer life than a day can be asked for', async () => {
  const clock = manualClock(START)
  const cluster = await memoryCluster({ clock })
  const text = await createJoinToken(cluster, { ttlMs: 1000, node: 'n1' })
  await clock.advance(999)
  expect(await readJoinToken(cluster, text)).toMatchObject({ node: 'n1' })
  await clock.advance(1)
  expect(await readJoinToken(cluster, text)).toBeUndefined()
  for (const ttlMs of [0, -1, Number.NaN, LONGEST_JOIN_TTL_MS + 1]) {
    await expect(createJoinToken(cluster, { ttlMs })).rejects.toThrow('ttlMs')
  }
})

test('a join token is not found by its id alone, nor in another cluster, nor is its secret stored', async () => {
  const cluster = await memoryCluster()
  const text = await createJoinToken(cluster)
  const [start = '', secret = ''] = text.split('.')
  expect(await readJoinToken(cluster, `${start}.${'A'.repeat(32)}`)).toBeUndefined()
  expect(await readJoinToken(await memoryCluster({ name: 'other' }), text)).toBeUndefined()
  const page = await cluster.store.list({ resource: '~join', limit: 10 })
  expect(page).toMatchObject({ items: [{ key: { name: start.slice('kedge_'.length) } }] })
  expect(JSON.stringify(page)).not.toContain(secret)
})

test('what is no join token is seen without a read', () => {
  for (const text of [
    '',
    'kedge_',
    'kedge_aaaaaaaaaa.short',
    `kedge_../../x.${'A'.repeat(32)}`,
    'eyJhbGciOiJFZERTQSJ9.e30.x',
  ]) {
    expect(isJoinToken(text)).toBe(false)
  }
  expect(isJoinToken(`kedge_bcdfghjklm.${'A'.repeat(32)}.what-the-agent-needs`)).toBe(true)
})
