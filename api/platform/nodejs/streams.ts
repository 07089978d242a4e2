/**
 * The rendezvous on Node: a client waits here, its order waits for the node's poll, and the agent dials back with the
 * order's id, which is good once and for that node only. The client's answer is held until the agent is there, so
 * nothing has to be buffered and a failure can be told.
 */
import type { WebSocket } from 'ws'
import type { Bell, Clock, StreamOrder, Streams } from '../port.ts'
import { logStream } from './log-stream.ts'
import { splice } from './splice.ts'
import { createUpgrades, type Upgrades } from './upgrades.ts'

/** Streams that may wait for one node; more are refused at once. */
const WAITING_PER_NODE = 100

interface Waiting {
  readonly order: StreamOrder
  arrived(socket: WebSocket): void
}

export interface NodeStreamsOptions {
  readonly bell: Bell
  readonly clock: Clock
  /** shared with the server that completes the upgrades */
  readonly upgrades?: Upgrades
}

export function nodeStreams({ bell, clock, upgrades = createUpgrades() }: NodeStreamsOptions): Streams {
  const orders = new Map<string, StreamOrder[]>()
  const waiting = new Map<string, Waiting>()

  /** The agent's socket, paused, or why there is none. */
  async function meet(order: StreamOrder, timeoutMs: number, signal: AbortSignal): Promise<WebSocket | string> {
    const queue = orders.get(order.node) ?? []
    if (queue.length >= WAITING_PER_NODE)
      return `node ${order.node} has ${queue.length} streams waiting, limit is ${WAITING_PER_NODE}`
    orders.set(order.node, [...queue, order])
    const given = new AbortController()
    const arrived = new Promise<WebSocket>((resolve) => {
      waiting.set(order.id, { order, arrived: resolve })
    })
    bell.ring({ revision: 0, resources: [], nodes: [order.node] })
    const late = clock.sleep(timeoutMs, AbortSignal.any([given.signal, signal])).then(() => undefined)
    const socket = await Promise.race([arrived, late])
    given.abort()
    if (socket !== undefined) return socket
    forget(order)
    // One that arrives after all is turned away.
    void arrived.then((tooLate) => tooLate.close(1011, 'the client is gone'))
    return `error dialing backend: the agent of node ${order.node} did not answer within ${timeoutMs / 1000}s`
  }

  function forget(order: StreamOrder): void {
    waiting.delete(order.id)
    const left = (orders.get(order.node) ?? []).filter((other) => other.id !== order.id)
    if (left.length === 0) orders.delete(order.node)
    else orders.set(order.node, left)
  }

  return {
    take(node) {
      const taken = orders.get(node) ?? []
      orders.delete(node)
      return Promise.resolve(taken)
    },

    async splice(order, client, { timeoutMs, protocol }) {
      const agent = await meet(order, timeoutMs, client.signal)
      if (typeof agent === 'string') return failure(upgrades, agent, protocol)
      return upgrades.ticket({
        protocol,
        opened: (socket) => splice(socket, agent),
        abandoned: () => agent.close(1011, 'the client is gone'),
      })
    },

    async read(order, { timeoutMs, signal }) {
      const agent = await meet(order, timeoutMs, signal)
      return typeof agent === 'string' ? { error: agent } : logStream(agent, signal)
    },

    answer(id, node) {
      const held = waiting.get(id)
      if (held === undefined || held.order.node !== node) {
        return Promise.resolve(new Response('no client waits for this stream', { status: 404 }))
      }
      waiting.delete(id)
      return Promise.resolve(
        upgrades.ticket({
          protocol: '',
          opened(socket) {
            // Nothing is read before the other side is there.
            socket.pause()
            held.arrived(socket)
          },
          abandoned: () => undefined,
        }),
      )
    },
  }
}

/** kubectl hides the answer to a refused upgrade, so a failure is told inside an accepted one where that is possible. */
function failure(upgrades: Upgrades, message: string, protocol: string): Response {
  if (!protocol.endsWith('channel.k8s.io')) {
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason: 'InternalError',
      code: 500,
    }
    return Response.json(status, { status: 500 })
  }
  return upgrades.ticket({
    protocol,
    opened(socket) {
      socket.send(failureFrame(message, protocol))
      socket.close(1000)
    },
    abandoned: () => undefined,
  })
}

/** Channel 3 carries a Status from version 4 on, and text before; the base64 variants are text frames. */
function failureFrame(message: string, protocol: string): Uint8Array | string {
  const modern = protocol.startsWith('v4.') || protocol.startsWith('v5.')
  const text = modern
    ? JSON.stringify({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 })
    : message
  if (protocol.includes('base64')) return `3${Buffer.from(text).toString('base64')}`
  return Buffer.concat([Buffer.of(3), Buffer.from(text)])
}
