/**
 * poll: hangs until something is there for the node, at most 25 s. What wakes it: a write that touches the node, a
 * stream that waits for it, a Secret or ConfigMap its pods use, the end of its session. When nothing rang there is
 * nothing to read, so an idle poll makes no query.
 */
import { pollRequest } from '../../schema/wire/poll.ts'
import { gone } from '../../schema/k8s/status.ts'
import { CREDENTIAL_MS, signNodeCredential } from '../access/credential.ts'
import type { Cluster, StreamOrder } from '../platform/port.ts'
import { changes, everything, nothing } from './assignment.ts'
import { readMessage } from './message.ts'
import type { Session } from './session.ts'
import { type Sessions, sessionsOf } from './sessions.ts'

/** A credential is renewed when this part of its life is left. */
const RENEW_AT_LEFT = 0.2
/** Nodes that all woke up in vain at the same time come back a little apart. */
const IDLE_JITTER_MS = 50

/** Nobody reads why: with a reason given none is made, and one made is an error with its stack. */
const OVER = 'over'

export async function poll(cluster: Cluster, request: Request): Promise<Response> {
  const message = await readMessage(request, pollRequest)
  const sessions = sessionsOf(cluster)
  const session = await sessions.find(request, message.session)
  const mine = session.startPoll()
  cluster.live.seen(session.claims.node, cluster.clock.now())
  try {
    const signal = AbortSignal.any([request.signal, mine.signal])
    const answer = await wait(cluster, sessions, session, message, signal)
    session.brokeOff = request.signal.aborted
    const now = cluster.clock.now()
    if (!request.signal.aborted) {
      session.heardAt = now
      cluster.live.seen(session.claims.node, now)
    }
    return await respond(cluster, session, answer)
  } finally {
    session.endPoll(mine)
  }
}

interface Answer {
  readonly assignment: string
  readonly streams: readonly StreamOrder[]
  readonly idle: boolean
}

async function wait(
  cluster: Cluster,
  sessions: Sessions,
  session: Session,
  { have, waitMs }: { readonly have: number | null; readonly waitMs: number },
  signal: AbortSignal,
): Promise<Answer> {
  const { node } = session.claims
  if (have === null || session.at !== have || session.listener === undefined) {
    // The listener is older than the read: what is written from here on is heard by it.
    session.listener?.close()
    session.listener = cluster.bell.listen({ node }, 0)
    const assignment = await everything(cluster, session, sessions.wakes)
    return { assignment, streams: await cluster.streams.take(node), idle: false }
  }
  const { listener } = session
  const late = new AbortController()
  const until = cluster.clock.sleep(waitMs, AbortSignal.any([signal, late.signal])).then(() => late.abort(OVER))
  try {
    for (;;) {
      const streams = await cluster.streams.take(node)
      const found = session.dirty.size > 0 ? await changes(cluster, session, sessions.wakes, have) : undefined
      if (found !== undefined || streams.length > 0)
        return { assignment: found ?? nothing(session, have), streams, idle: false }
      const turn = new AbortController()
      const ended = AbortSignal.any([signal, late.signal, turn.signal])
      const heard = listener.next(ended)
      await Promise.race([heard, session.disturbed(ended)])
      turn.abort(OVER)
      // A ring that came with the other is not to be lost.
      const rung = await heard
      if (session.over) break
      // Only what has rung before counts once the time is up.
      if (rung === undefined && (signal.aborted || late.signal.aborted)) break
      if (rung === undefined || rung <= (session.at ?? 0)) continue
      const assignment = await changes(cluster, session, sessions.wakes, have)
      if (assignment !== undefined) return { assignment, streams: await cluster.streams.take(node), idle: false }
    }
  } finally {
    late.abort(OVER)
    await until
  }
  if (session.over) throw gone('the session is over: register again')
  return { assignment: nothing(session, have), streams: [], idle: true }
}

async function respond(cluster: Cluster, session: Session, answer: Answer): Promise<Response> {
  const { bearer, claims } = session
  const renew = bearer !== undefined && bearer.expiresAt - cluster.clock.now() < CREDENTIAL_MS * RENEW_AT_LEFT
  const credential = renew ? await signNodeCredential(cluster, { name: claims.node, uid: claims.nodeUid }) : undefined
  const againMs = answer.idle ? Math.floor(cluster.random.fraction() * IDLE_JITTER_MS) : 0
  const renewed = credential === undefined ? '' : `"credential":${JSON.stringify(credential)},`
  const body = `{"assignment":${answer.assignment},"streams":${JSON.stringify(answer.streams)},${renewed}"againMs":${againMs}}`
  return new Response(body, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
}
