/** The ends and starts of one pod's container, as its watch tells them: what a back-off really waited. */
import type { Pod } from '../../schema/k8s/generated/types.ts'
import type { Kubectl, Watched } from './kubectl.ts'

export interface Restarts extends AsyncDisposable {
  /** Seconds from the end of each container to the start of the next, the first restart first. Kubernetes tells whole
   *  seconds. */
  waits(): readonly number[]
}

interface Run {
  started?: number
  finished?: number
}

export function watchRestarts(kubectl: Kubectl, pod: string): Restarts {
  const runs = new Map<number, Run>()
  let watched: Watched | undefined
  let over = false
  // A server ends each watch after some minutes.
  const following = (async () => {
    while (!over) {
      watched = kubectl.watch('get', 'pod', pod, '--watch', '-o', 'json')
      await watched.ended
      noteAll(runs, watched.text())
    }
  })()
  const waits = (): readonly number[] => {
    noteAll(runs, watched?.text() ?? '')
    const found: number[] = []
    for (let count = 1; ; count++) {
      const from = runs.get(count - 1)?.finished
      const to = runs.get(count)?.started
      if (from === undefined || to === undefined) return found
      found.push((to - from) / 1000)
    }
  }
  return {
    waits,
    async [Symbol.asyncDispose]() {
      over = true
      await watched?.stop()
      await following
    },
  }
}

/** Objects as kubectl prints them, one after the other; the last may not be whole yet. */
function noteAll(runs: Map<number, Run>, text: string): void {
  for (const one of text.split(/(?<=^})\n/m))
    if (one.startsWith('{') && one.endsWith('}')) note(runs, JSON.parse(one) as Pod)
}

function note(runs: Map<number, Run>, pod: Pod): void {
  const status = pod.status?.containerStatuses?.[0]
  if (status === undefined) return
  const { state, lastState, restartCount } = status
  const { running, terminated } = state ?? {}
  if (running?.startedAt !== undefined) keep(runs, restartCount, running.startedAt, undefined)
  if (terminated !== undefined) keep(runs, restartCount, terminated.startedAt, terminated.finishedAt)
  // While the next one waits, the last state is that of the container the count is about.
  const last = lastState?.terminated
  if (last !== undefined) {
    keep(runs, restartCount - (state?.waiting === undefined ? 1 : 0), last.startedAt, last.finishedAt)
  }
}

function keep(runs: Map<number, Run>, count: number, started: string | undefined, finished: string | undefined): void {
  const run = runs.get(count) ?? {}
  if (started !== undefined) run.started ??= Date.parse(started)
  if (finished !== undefined) run.finished ??= Date.parse(finished)
  runs.set(count, run)
}
