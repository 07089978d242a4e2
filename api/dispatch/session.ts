/** One registration of one agent process: what it was sent, what it said, and the poll that hangs. */
import type { NodeClaims, SessionClaims } from '../access/credential.ts'
import type { Listener } from '../platform/port.ts'

/** A pod as the agent has it. */
export interface SentPod {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  revision: number
  /** keys of the Secrets and ConfigMaps it names, see `referenceKey` */
  readonly references: readonly string[]
}

export class Session {
  readonly claims: SessionClaims
  readonly token: string
  heardAt: number
  /** The last poll was cut by the agent's end: its process is gone, or its network. */
  brokeOff = false
  polling = false

  /** revision of the last answer; undefined: everything has to be sent */
  at: number | undefined
  /** by `namespace/name` */
  readonly pods = new Map<string, SentPod>()
  /** by `referenceKey`; 0: told that it is missing */
  readonly references = new Map<string, number>()
  /** referenced objects that changed since the last answer */
  readonly dirty = new Set<string>()
  /** highest report that was taken up, by pod uid; and of events */
  readonly reported = new Map<string, number>()
  eventsReported = 0
  listener: Listener | undefined

  /** the header of the last request and what it proved: verified once, and decides when to renew */
  #proof: { readonly header: string; readonly bearer: NodeClaims } | undefined
  #over = false
  #wake: (() => void) | undefined
  #poll: AbortController | undefined

  constructor(claims: SessionClaims, token: string, now: number) {
    this.claims = claims
    this.token = token
    this.heardAt = now
  }

  get over(): boolean {
    return this.#over
  }

  get bearer(): NodeClaims | undefined {
    return this.#proof?.bearer
  }

  remember(request: Request, bearer: NodeClaims): void {
    this.#proof = { header: request.headers.get('authorization') ?? '', bearer }
  }

  /** What this very credential proved before, as long as it holds. */
  knows(request: Request, now: number): NodeClaims | undefined {
    const proof = this.#proof
    return proof !== undefined && proof.header === request.headers.get('authorization') && proof.bearer.expiresAt > now
      ? proof.bearer
      : undefined
  }

  heard(now: number): void {
    this.heardAt = now
    this.brokeOff = false
  }

  /** A new poll ends the one that still hangs. */
  startPoll(): AbortController {
    this.#poll?.abort()
    this.#poll = new AbortController()
    this.polling = true
    return this.#poll
  }

  /** Only the newest poll says whether somebody polls. */
  endPoll(poll: AbortController): void {
    if (this.#poll !== poll) return
    this.#poll = undefined
    this.polling = false
  }

  changed(reference: string): void {
    this.dirty.add(reference)
    this.#wake?.()
  }

  /** Resolves when a referenced object changed, at once if one has. */
  async disturbed(signal: AbortSignal): Promise<void> {
    while (this.dirty.size === 0 && !this.#over && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done)
          this.#wake = undefined
          resolve()
        }
        this.#wake = done
        signal.addEventListener('abort', done)
      })
    }
  }

  /** Everything has to be sent anew. */
  reset(): void {
    this.at = undefined
    this.pods.clear()
    this.references.clear()
    this.dirty.clear()
  }

  end(): void {
    this.#over = true
    this.listener?.close()
    this.#poll?.abort()
    this.#wake?.()
  }
}

/** `secrets/<namespace>/<name>`, `configmaps/<namespace>/<name>` */
export function referenceKey(resource: 'secrets' | 'configmaps', namespace: string, name: string): string {
  return `${resource}/${namespace}/${name}`
}
