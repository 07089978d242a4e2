// What the store's index knows of a pod without its value: at most 200 bytes of JSON, written with every write and
// read by the scheduler, the controllers and the poll. When it does not fit, the facts say so and the value is read.
//
//     {"p":"Running","c":250,"m":134217728,"h":["80/TCP/"],"s":["db"],"g":["conf"]}

export interface PodFacts {
  readonly phase: string
  /** requested thousandths of a cpu, of the whole pod */
  readonly cpuMilli: number
  /** requested bytes of memory */
  readonly memoryBytes: number
  /** requests beside cpu and memory: read the value */
  readonly otherRequests: boolean
  /** `port/protocol/address`, the address empty for all */
  readonly hostPorts: readonly string[]
  readonly deleting: boolean
  /** names of the Secrets and ConfigMaps it uses, image pull secrets included */
  readonly secrets: readonly string[]
  readonly configMaps: readonly string[]
}

export const MAX_FACTS_BYTES = 200

/** Names and ports did not fit: only phase, cpu, memory and deletion are known. */
const CUT = 'x'

interface Text {
  readonly p: string
  readonly c: number
  readonly m: number
  readonly o?: 1
  readonly h?: readonly string[]
  readonly d?: 1
  readonly s?: readonly string[]
  readonly g?: readonly string[]
  readonly x?: 1
}

export function printPodFacts(facts: PodFacts): string {
  const short: Text = {
    p: facts.phase,
    c: facts.cpuMilli,
    m: facts.memoryBytes,
    ...(facts.otherRequests ? { o: 1 } : {}),
    ...(facts.deleting ? { d: 1 } : {}),
  }
  const text = JSON.stringify({
    ...short,
    ...(facts.hostPorts.length > 0 ? { h: facts.hostPorts } : {}),
    ...(facts.secrets.length > 0 ? { s: facts.secrets } : {}),
    ...(facts.configMaps.length > 0 ? { g: facts.configMaps } : {}),
  })
  // Names and ports are ASCII, so characters are bytes.
  return text.length <= MAX_FACTS_BYTES ? text : JSON.stringify({ ...short, [CUT]: 1 })
}

/** Undefined: the facts are cut or missing, read the pod itself. */
export function readPodFacts(text: string | undefined): PodFacts | undefined {
  const known = text === undefined ? undefined : (JSON.parse(text) as Text)
  if (known === undefined || known.x === 1) return undefined
  return {
    phase: known.p,
    cpuMilli: known.c,
    memoryBytes: known.m,
    otherRequests: known.o === 1,
    hostPorts: known.h ?? [],
    deleting: known.d === 1,
    secrets: known.s ?? [],
    configMaps: known.g ?? [],
  }
}
