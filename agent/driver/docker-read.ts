// Docker's answers as our own values. Only the fields used are named; anything missing gets the value that
// means "not so".
import type { ObservedContainer } from '../plan/observed.ts'

export interface InspectAnswer {
  readonly Id: string
  readonly Created: string
  readonly Image: string
  readonly Config: {
    readonly Image: string
    readonly Labels?: { readonly [key: string]: string }
    readonly StopSignal?: string
    readonly Tty?: boolean
  }
  readonly State: {
    readonly Status: string
    readonly Running: boolean
    readonly Paused?: boolean
    readonly OOMKilled: boolean
    readonly Pid: number
    readonly ExitCode: number
    readonly Error: string
    readonly StartedAt: string
    readonly FinishedAt: string
  }
}

export function observed(answer: InspectAnswer): ObservedContainer {
  const { State: state } = answer
  const startedAtMs = timeOf(state.StartedAt)
  const ended = timeOf(state.FinishedAt)
  // A container that is being started is running as far as a planner is concerned.
  const alive = state.Running || state.Paused === true || state.Status === 'restarting'
  return {
    id: answer.Id,
    labels: answer.Config.Labels ?? {},
    image: answer.Config.Image,
    imageId: answer.Image,
    state: alive ? 'running' : state.Status === 'created' ? 'created' : 'exited',
    pid: state.Running ? state.Pid : 0,
    createdAtMs: timeOf(answer.Created),
    startedAtMs,
    // Docker stamps the start after the fact: a program that ends at once can seem to end before it.
    finishedAtMs: ended === 0 ? 0 : Math.max(ended, startedAtMs),
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    error: alive ? '' : state.Error,
    stopSignal: answer.Config.StopSignal ?? 'SIGTERM',
  }
}

/** Docker's zero is the year 1; ours is 0. */
function timeOf(text: string): number {
  const ms = Date.parse(text)
  return Number.isNaN(ms) || ms < 0 ? 0 : ms
}
