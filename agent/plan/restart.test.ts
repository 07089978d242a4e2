import { describe, expect, it } from 'vitest'
import type { ObservedContainer } from './observed.ts'
import { LABEL } from './observed.ts'
import { goDuration, restartOf } from './restart.ts'

const ended = (backoffMs: number, more: Partial<ObservedContainer> = {}): ObservedContainer => ({
  id: 'x',
  labels: { [LABEL.backoffMs]: String(backoffMs) },
  image: '',
  imageId: '',
  state: 'exited',
  pid: 0,
  createdAtMs: 1000,
  startedAtMs: 1000,
  finishedAtMs: 2000,
  exitCode: 1,
  oomKilled: false,
  error: '',
  stopSignal: 'SIGTERM',
  ...more,
})

describe('a container that ended', () => {
  it('is started at once the first time', () => {
    expect(restartOf(ended(0), 2000)).toEqual({ when: 'now', backoffMs: 10_000 })
  })

  it.each([10, 20, 40, 80, 160, 300])('waits %i s after its end, then doubles up to 300 s', (seconds) => {
    const ms = seconds * 1000
    expect(restartOf(ended(ms), 2000 + ms - 1)).toEqual({ when: 'later', atMs: 2000 + ms, backoffMs: ms })
    expect(restartOf(ended(ms), 2000 + ms)).toEqual({ when: 'now', backoffMs: Math.min(ms * 2, 300_000) })
  })

  it('starts over after it ran for more than 10 minutes', () => {
    expect(restartOf(ended(300_000, { finishedAtMs: 602_000 }), 602_000)).toEqual({ when: 'now', backoffMs: 10_000 })
  })

  it('does not wait longer than its back-off when the clock was set back', () => {
    expect(restartOf(ended(10_000), -1_000_000)).toEqual({ when: 'later', atMs: -990_000, backoffMs: 10_000 })
  })
})

it.each([
  [10_000, '10s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
])('%i ms reads %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text)
})
