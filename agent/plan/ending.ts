// How containers end: asked, given their grace period, then killed; and, when the pod ends, which of them first. As
// upstream the sidecars serve the main containers to the last: they are asked after those have ended, in the reverse
// of the order they started in.
import type { Pod } from '../../schema/k8s/generated/types.ts'
import type { ObservedContainer } from './observed.ts'
import { LABEL } from './observed.ts'
import type { PodInput, Step } from './pod.ts'
import { isSidecar } from './restart-policy.ts'

/** A sidecar whose turn comes late is not killed in the moment it is asked. Upstream's minimumGracePeriodInSeconds. */
const LEAST_MS = 2000
/** when a container that was killed and lives is killed again */
const KILL_AGAIN_MS = 2000
/** the key of the pod as a whole among those that were asked */
const POD = ''

export interface Ending {
  readonly steps: readonly Step[]
  readonly againAtMs: number | undefined
}

export function graceMs(input: PodInput): number {
  const { metadata, spec } = input.pod
  const told = input.fate === 'delete' ? metadata.deletionGracePeriodSeconds : undefined
  return (told ?? spec?.terminationGracePeriodSeconds ?? 30) * 1000
}

/** Ask once, wait for the grace period as it is now (it may have been shortened), then kill. */
export function end(alive: readonly ObservedContainer[], grace: number, input: PodInput, message: string): Ending {
  const fresh = alive.filter((one) => !input.asked.has(one.id))
  if (fresh.length > 0) return { steps: [{ do: 'ask', containers: fresh, message }], againAtMs: undefined }
  return killLate(alive, (one) => (input.asked.get(one.id) ?? input.atMs) + grace, input.atMs)
}

/** End what lives of the pod, each in its turn, all within one grace period. When that is over nobody waits for a turn. */
export function endPod(alive: readonly ObservedContainer[], input: PodInput): Ending {
  const { asked, atMs } = input
  const grace = graceMs(input)
  const began = asked.get(POD)
  const over = (began ?? atMs) + grace
  const fresh = (over <= atMs ? alive : inTurn(alive, input.pod)).filter((one) => !asked.has(one.id))
  // With nobody to ask, as all were before for another reason, this still says that the grace period began.
  if (fresh.length > 0 || began === undefined)
    return { steps: [{ do: 'ask', containers: fresh, message: '' }], againAtMs: undefined }
  const later = sidecars(input.pod)
  const deadline = (one: ObservedContainer): number => {
    const askedAt = asked.get(one.id)
    if (askedAt === undefined) return over
    if (grace <= 0 || !later.includes(nameOf(one))) return askedAt + grace
    return Math.max(Math.min(askedAt, began) + grace, askedAt + LEAST_MS)
  }
  return killLate(alive, deadline, atMs)
}

function killLate(
  alive: readonly ObservedContainer[],
  deadline: (one: ObservedContainer) => number,
  atMs: number,
): Ending {
  const late = alive.filter((one) => deadline(one) <= atMs)
  const next = alive.filter((one) => !late.includes(one)).map(deadline)
  if (late.length > 0)
    return { steps: [{ do: 'kill', containers: late }], againAtMs: Math.min(atMs + KILL_AGAIN_MS, ...next) }
  return { steps: [], againAtMs: Math.min(...next) }
}

/** Sidecars wait for the main containers and for the sidecars after them; init containers wait for nobody. */
function inTurn(alive: readonly ObservedContainer[], pod: Pod): ObservedContainer[] {
  const order = sidecars(pod)
  const placeOf = (one: ObservedContainer): number => order.indexOf(nameOf(one))
  const mains = (pod.spec?.containers ?? []).map(({ name }) => name)
  const mainLives = alive.some((one) => mains.includes(nameOf(one)))
  const last = mainLives ? -1 : Math.max(...alive.map(placeOf))
  return alive.filter((one) => placeOf(one) === -1 || placeOf(one) === last)
}

function sidecars(pod: Pod): string[] {
  return (pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name)
}

function nameOf(one: ObservedContainer): string {
  return one.labels[LABEL.container] ?? ''
}
