/**
 * The bell inside the cluster's Durable Object: listeners in this process (the loop, the agents' polls) and Workers
 * that listen through a WebSocket. A socket's interest lies in its attachment, so it survives hibernation.
 */
import type { Bell, Interest, Listener } from '../port.ts'
import type { Touched } from '../../store/store.ts'

export interface ObjectBell extends Bell {
  /** An upgraded socket of a Worker's listener; its query is `since`, `resources`, `node`. */
  accept(query: URLSearchParams): Response
}

interface Local {
  readonly interest: Interest
  readonly heard: (revision: number) => void
}

export function objectBell(context: DurableObjectState): ObjectBell {
  const locals = new Set<Local>()
  return {
    ring(touched) {
      for (const local of locals) if (touches(local.interest, touched)) local.heard(touched.revision)
      for (const socket of context.getWebSockets('listener')) {
        if (touches(socket.deserializeAttachment() as Interest, touched)) socket.send(String(touched.revision))
      }
    },
    listen(interest, since) {
      return localListener(interest, since, locals)
    },
    accept(query) {
      const [theirs, ours] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
      context.acceptWebSocket(ours, ['listener'])
      ours.serializeAttachment(interestOf(query))
      return new Response(null, { status: 101, webSocket: theirs })
    },
  }
}

function localListener(interest: Interest, since: number, locals: Set<Local>): Listener {
  let newest = since
  let seen = since
  let wake: (() => void) | undefined
  const local: Local = {
    interest,
    heard(revision) {
      if (revision <= newest) return
      newest = revision
      wake?.()
    },
  }
  locals.add(local)
  return {
    async next(signal) {
      while (newest <= seen) {
        if (signal.aborted) return undefined
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
      seen = newest
      return newest
    },
    close() {
      locals.delete(local)
      wake?.()
    },
  }
}

function touches(interest: Interest, touched: Touched): boolean {
  if (interest.node !== undefined && !touched.nodes.includes(interest.node)) return false
  return interest.resources === undefined || interest.resources.some((resource) => touched.resources.includes(resource))
}

function interestOf(query: URLSearchParams): Interest {
  const resources = query.get('resources')
  const node = query.get('node')
  return {
    ...(resources === null ? {} : { resources: resources.split(',') }),
    ...(node === null ? {} : { node }),
  }
}
