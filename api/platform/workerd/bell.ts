/**
 * The bell as a Worker holds it: it rings the cluster's Durable Object and listens through a WebSocket to it. The
 * object filters by interest, so a listener for config maps hears nothing, and reads nothing, while pods change.
 */
import type { Bell, Interest, Listener } from '../port.ts'
import type { ClusterStub } from './calls.ts'

export function remoteBell(object: ClusterStub, defer: (work: Promise<unknown>) => void): Bell {
  return {
    ring: (touched) => defer(object.ring(touched)),
    listen: (interest, since) => remoteListener(object, interest, since),
  }
}

/** Rings are merged: only the newest revision is kept, so a slow reader costs nothing. */
function remoteListener(object: ClusterStub, interest: Interest, since: number): Listener {
  let newest = since
  let seen = since
  let socket: WebSocket | undefined
  let closed = false
  let wake: (() => void) | undefined

  const heard = (revision: number): void => {
    if (revision > newest) newest = revision
    wake?.()
  }

  const connect = async (): Promise<void> => {
    const response = await object.fetch(`https://cluster/listen?${listenQuery(interest, newest)}`, {
      headers: { upgrade: 'websocket' },
    })
    const opened = response.webSocket
    if (opened === null) throw new Error(`the cluster's Durable Object refused a listener: ${response.status}`)
    opened.addEventListener('message', (event: MessageEvent) => heard(Number(event.data)))
    // The object was moved or restarted: rings may be lost, so the next call reports one and listens anew.
    const lost = (): void => {
      socket = undefined
      if (!closed) heard(newest + 1)
    }
    opened.addEventListener('close', lost)
    opened.addEventListener('error', lost)
    opened.accept()
    socket = opened
  }

  return {
    async next(signal) {
      for (;;) {
        if (signal.aborted || closed) return undefined
        if (newest > seen) {
          seen = newest
          return newest
        }
        if (socket === undefined) {
          await connect()
          continue
        }
        await new Promise<void>((resolve) => {
          const done = (): void => {
            signal.removeEventListener('abort', done)
            wake = undefined
            resolve()
          }
          wake = done
          signal.addEventListener('abort', done)
        })
      }
    },
    close() {
      closed = true
      socket?.close(1000)
      wake?.()
    },
  }
}

/** `since` lets the object answer at once when it has rung for the interest in between. */
function listenQuery(interest: Interest, since: number): string {
  const query = new URLSearchParams({ since: String(since) })
  if (interest.resources !== undefined) query.set('resources', interest.resources.join(','))
  if (interest.node !== undefined) query.set('node', interest.node)
  return query.toString()
}
