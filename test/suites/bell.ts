/** What a bell has to do, on every platform. `ring` and `listen` may be in different isolates. */
import { describe, expect, test } from 'vitest'
import type { Bell, Listener } from '../../api/platform/port.ts'

/** `arrived`: what was rung so far has reached the bell, where it is somewhere else. */
export function bellSuite(
  name: string,
  open: () => Promise<Bell> | Bell,
  arrived: () => Promise<unknown> = () => Promise.resolve(),
): void {
  /** What the listener hears within a moment that is long for a ring. */
  async function soon(listener: Listener): Promise<number | undefined> {
    await arrived()
    return listener.next(AbortSignal.timeout(60))
  }

  describe(`bell: ${name}`, () => {
    const touched = (revision: number, resources: readonly string[], nodes: readonly string[] = []) => ({
      revision,
      resources,
      nodes,
    })

    test('a listener hears of what it is interested in, and of nothing else', async () => {
      const bell = await open()
      const everything = bell.listen({}, 0)
      const pods = bell.listen({ resources: ['pods', 'nodes'] }, 0)
      const node = bell.listen({ node: 'n1' }, 0)
      const podsOfNode = bell.listen({ node: 'n1', resources: ['pods'] }, 0)
      const rows: readonly (readonly [ReturnType<typeof touched>, readonly boolean[]])[] = [
        [touched(1, ['secrets']), [true, false, false, false]],
        [touched(2, ['pods']), [true, true, false, false]],
        [touched(3, ['secrets', 'nodes']), [true, true, false, false]],
        [touched(4, ['pods'], ['n2']), [true, true, false, false]],
        [touched(5, ['pods'], ['n2', 'n1']), [true, true, true, true]],
        [touched(6, ['events'], ['n1']), [true, false, true, false]],
      ]
      for (const [ring, expected] of rows) {
        bell.ring(ring)
        const heard = await Promise.all([everything, pods, node, podsOfNode].map((listener) => soon(listener)))
        expect(heard).toEqual(expected.map((yes) => (yes ? ring.revision : undefined)))
      }
      for (const listener of [everything, pods, node, podsOfNode]) listener.close()
    })

    test('rings while nobody waits are merged: the newest is answered, once', async () => {
      const bell = await open()
      const listener = bell.listen({ resources: ['pods'] }, 0)
      bell.ring(touched(1, ['pods']))
      bell.ring(touched(2, ['pods']))
      bell.ring(touched(3, ['secrets']))
      expect(await soon(listener)).toBe(2)
      expect(await soon(listener)).toBeUndefined()
      listener.close()
    })

    test('a ring about what the listener has seen does not wake it', async () => {
      const bell = await open()
      const listener = bell.listen({ resources: ['pods'] }, 7)
      bell.ring(touched(6, ['pods']))
      bell.ring(touched(7, ['pods']))
      expect(await soon(listener)).toBeUndefined()
      bell.ring(touched(8, ['pods']))
      expect(await soon(listener)).toBe(8)
      listener.close()
    })

    test('one who waits is woken', async () => {
      const bell = await open()
      const listener = bell.listen({ node: 'n1' }, 0)
      const waiting = listener.next(new AbortController().signal)
      bell.ring(touched(1, ['pods'], ['n1']))
      expect(await waiting).toBe(1)
      listener.close()
    })

    test('an aborted wait ends with nothing, and what rings later is not lost', async () => {
      const bell = await open()
      const listener = bell.listen({ resources: ['pods'] }, 0)
      const abort = new AbortController()
      const waiting = listener.next(abort.signal)
      abort.abort()
      expect(await waiting).toBeUndefined()
      bell.ring(touched(4, ['pods']))
      expect(await soon(listener)).toBe(4)
      listener.close()
    })

    test('closing ends a wait', async () => {
      const bell = await open()
      const listener = bell.listen({}, 0)
      const waiting = listener.next(new AbortController().signal)
      listener.close()
      expect(await waiting).toBeUndefined()
    })
  })
}
