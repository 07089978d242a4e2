// How long to wait after a failure: full jitter over a doubling ceiling, so that a fleet does not come back at once.
// The ceiling bounds how long a node stays silent after a control plane that was away for long has come back: less than
// the 40 s after which that would call it NotReady.

const FIRST_MS = 1000
const CEILING_MS = 30_000

export function backoffMs(failures: number, floorMs: number, random: () => number): number {
  const ceiling = Math.min(CEILING_MS, FIRST_MS * 2 ** Math.min(Math.max(failures - 1, 0), 16))
  return Math.round(Math.max(floorMs, ceiling * random()))
}
