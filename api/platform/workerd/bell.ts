/**
 * The bell as a Worker holds it: it rings the cluster's Durable Object and listens through a WebSocket to it. The
 * object filters by interest, so a listener for config maps hears nothing, and reads nothing, while pods change.
 */
import type { Bell, Interest, Listener } from '../port.ts'
import type { Touched } from '../../store/store.ts'
import type { ClusterStub } from './calls.ts'

/** Called anew for each attempt: a stub whose object is gone stays broken. */
export type StubOf = () => ClusterStub

/** `open`: of a ring that finds the object restarting, and of a listener that loses it. */
const RETRY_MS = [100, 400, 1_600]
/** Beyond every revision: look, whatever you have seen. */
const LOOK = Number.MAX_SAFE_INTEGER

export function remoteBell(stub: StubOf, defer: (work: Promise<unknown>) => void): Bell {
  return {
    ring: (touched) => defer(ringUntilHeard(stub, touched)),
    listen: (interest, since) => new RemoteListener(stub, interest, since),
  }
}

/** A hint: when it is lost after all, the floor makes up for it. */
async function ringUntilHeard(stub: StubOf, touched: Touched): Promise<void> {
  for (const wait of RETRY_MS) {
    try {
      return await stub().ring(touched)
    } catch (error) {
      // More calls are what an overloaded object needs least.
      if ((error as { readonly overloaded?: boolean }).overloaded === true) return
      await pause(wait)
    }
  }
}

/** Rings are merged: only the newest revision is kept, so a slow reader costs nothing. */
class RemoteListener implements Listener {
  readonly #stub: StubOf
  readonly #interest: Interest
  #newest: number
  #rung = false
  /** Rings may have been missed. */
  #look = false
  #socket: WebSocket | undefined
  #closed = false
  #wake: (() => void) | undefined

  constructor(stub: StubOf, interest: Interest, since: number) {
    this.#stub = stub
    this.#interest = interest
    this.#newest = since
  }

  async next(signal: AbortSignal): Promise<number | undefined> {
    for (;;) {
      if (signal.aborted || this.#closed) return undefined
      // Listening again comes before looking: what is written after the look is heard.
      if (this.#socket === undefined) await this.#connect(signal)
      else if (this.#look) {
        this.#look = false
        return LOOK
      } else if (this.#rung) {
        this.#rung = false
        return this.#newest
      } else await this.#something(signal)
    }
  }

  close(): void {
    this.#closed = true
    this.#socket?.close(1000)
    this.#wake?.()
  }

  #something(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      this.#wake = done
      signal.addEventListener('abort', done)
    })
  }

  async #connect(signal: AbortSignal): Promise<void> {
    for (const wait of [...RETRY_MS, undefined]) {
      try {
        return await this.#listen()
      } catch (error) {
        if (wait === undefined) throw error
        await pause(wait)
        if (signal.aborted || this.#closed) return
      }
    }
  }

  async #listen(): Promise<void> {
    const response = await this.#stub().fetch(`https://cluster/listen?${listenQuery(this.#interest, this.#newest)}`, {
      headers: { upgrade: 'websocket' },
    })
    const socket = response.webSocket
    if (socket === null) throw new Error(`the cluster's Durable Object refused a listener: ${response.status}`)
    socket.addEventListener('message', (event: MessageEvent) => this.#hear(Number(event.data)))
    // The object was moved or restarted: what rang meanwhile is unknown.
    const lost = (): void => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      this.#look = true
      this.#wake?.()
    }
    socket.addEventListener('close', lost)
    socket.addEventListener('error', lost)
    socket.accept()
    if (this.#closed) socket.close(1000)
    else this.#socket = socket
  }

  #hear(revision: number): void {
    if (revision === 0) this.#look = true
    else if (revision > this.#newest) {
      this.#newest = revision
      this.#rung = true
    } else return
    this.#wake?.()
  }
}

/** `since` lets the object answer at once when it has rung for the interest in between. */
function listenQuery(interest: Interest, since: number): string {
  const query = new URLSearchParams({ since: String(since) })
  if (interest.resources !== undefined) query.set('resources', interest.resources.join(','))
  if (interest.node !== undefined) query.set('node', interest.node)
  return query.toString()
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
