// When a container that ended is started again: upstream's back-off. At once after the first end, then 10, 20,
// 40 ... 300 s after each; a container that ran for 10 minutes starts over. The whole memory of it is the label
// of the newest container, so a restart of the agent forgets nothing.
import type { ObservedContainer } from './observed.ts'
import { LABEL } from './observed.ts'

export const FIRST_BACKOFF_MS = 10_000
export const MAX_BACKOFF_MS = 300_000
const FORGET_AFTER_MS = 2 * MAX_BACKOFF_MS

export type Restart =
  | { readonly when: 'now'; readonly backoffMs: number }
  | { readonly when: 'later'; readonly atMs: number; readonly backoffMs: number }

/** `ended` is the newest container of its name and has ended. */
export function restartOf(ended: ObservedContainer, atMs: number): Restart {
  const backoffMs = Number(ended.labels[LABEL.backoffMs] ?? 0)
  const endedAtMs = ended.finishedAtMs > 0 ? ended.finishedAtMs : ended.createdAtMs
  if (backoffMs === 0 || endedAtMs - ended.createdAtMs > FORGET_AFTER_MS) {
    return { when: 'now', backoffMs: FIRST_BACKOFF_MS }
  }
  // A clock that was set back must not make the wait longer than the back-off itself.
  const readyAtMs = Math.min(endedAtMs, atMs) + backoffMs
  if (atMs < readyAtMs) return { when: 'later', atMs: readyAtMs, backoffMs }
  return { when: 'now', backoffMs: nextBackoff(backoffMs) }
}

function nextBackoff(backoffMs: number): number {
  return backoffMs === 0 ? FIRST_BACKOFF_MS : Math.min(backoffMs * 2, MAX_BACKOFF_MS)
}

/** As Go prints a duration of whole seconds: `10s`, `1m20s`, `5m0s`. */
export function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds % 60}s`
}
