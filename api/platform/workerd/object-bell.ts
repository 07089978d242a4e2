/**
 * The bell inside the cluster's Durable Object: listeners in this process (the loop, the agents' polls) and Workers
 * that listen through a WebSocket. A socket's interest lies in its attachment, so it survives hibernation.
 */
import { memoryBell } from '../memory.ts'
import type { Bell, Interest } from '../port.ts'
import type { Touched } from '../../store/store.ts'

export interface ObjectBell extends Bell {
  /** The object's half of a Worker's listener; the query is `resources` and `node`, both optional. */
  accept(query: URLSearchParams): Response
}

const LISTENER = 'listener'

export function objectBell(context: DurableObjectState): ObjectBell {
  const local = memoryBell()
  return {
    ring(touched) {
      local.ring(touched)
      for (const socket of context.getWebSockets(LISTENER)) {
        if (touches(socket.deserializeAttachment() as Interest, touched)) socket.send(String(touched.revision))
      }
    },
    listen: (interest, since) => local.listen(interest, since),
    accept(query) {
      const [theirs, ours] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket]
      context.acceptWebSocket(ours, [LISTENER])
      ours.serializeAttachment(interestOf(query))
      return new Response(null, { status: 101, webSocket: theirs })
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
