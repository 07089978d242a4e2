/** Waits for what other processes bring about, always with a deadline. */
import { setTimeout as sleep } from 'node:timers/promises'

interface Patience {
  readonly deadlineMs?: number
  readonly everyMs?: number
}

/**
 * Calls `look` until it neither throws nor answers false, and answers with what it saw. After the deadline the last
 * failure is the reason.
 *
 *     await eventually(async () => expect(await phaseOf('web')).toBe('Running'), { deadlineMs: 5_000 })
 */
export async function eventually<Seen>(
  look: () => Promise<Seen> | Seen,
  { deadlineMs = 10_000, everyMs = 50 }: Patience = {},
): Promise<Exclude<Seen, false>> {
  const started = performance.now()
  for (;;) {
    let failure: unknown
    try {
      const seen = await look()
      if (seen !== false) return seen as Exclude<Seen, false>
      failure = new Error(`still false: ${look.toString()}`)
    } catch (error) {
      failure = error
    }
    if (performance.now() - started >= deadlineMs) {
      const reason = failure instanceof Error ? failure.message : String(failure)
      throw new Error(`not within ${deadlineMs} ms: ${reason}`, { cause: failure })
    }
    await sleep(everyMs)
  }
}
