// The agent's side of the long poll as a state machine. Pure: what happened in, the next state out. What to do in a
// state, and every cell of the table, is in SPEC.md; the test holds the whole table.

export type Bearer = 'credential' | 'token'

export type Session =
  /** ask for a session, with what is presented as bearer token */
  | { readonly at: 'registering'; readonly with: Bearer; readonly failures: number }
  /** poll for everything */
  | { readonly at: 'full'; readonly failures: number }
  /** poll for what changed since `have` */
  | { readonly at: 'following'; readonly have: number; readonly failures: number }
  /** wait, then go on as `resume` */
  | { readonly at: 'waiting'; readonly failures: number; readonly floorMs: number; readonly resume: Active }
  /** nothing a retry would mend */
  | { readonly at: 'stopped'; readonly why: string }

type Active = Extract<Session, { at: 'registering' | 'full' | 'following' }>

export type Happening =
  | { readonly what: 'registered' }
  | { readonly what: 'all'; readonly to: number }
  | { readonly what: 'changes'; readonly from: number; readonly to: number }
  | { readonly what: 'refused'; readonly code: number; readonly message: string; readonly retryAfterMs: number }
  /** no answer: the network, or the control plane away */
  | { readonly what: 'lost'; readonly why: string }
  | { readonly what: 'woke' }

export function begin(bearer: Bearer): Session {
  return { at: 'registering', with: bearer, failures: 0 }
}

/** A happening that has no meaning in a state leaves it as it is: it is late news of an earlier one. */
export function next(state: Session, event: Happening): Session {
  return TABLE[state.at][event.what](state as never, event as never)
}

type Of<At> = Extract<Session, { at: At }>
type Cell<At, What> = (state: Of<At>, event: Extract<Happening, { what: What }>) => Session
export type Table = {
  readonly [At in Session['at']]: { readonly [What in Happening['what']]: Cell<At, What> }
}

const stay = (state: Session): Session => state

const TABLE: Table = {
  registering: {
    registered: () => ({ at: 'full', failures: 0 }),
    all: stay,
    changes: stay,
    refused: (state, event) => {
      // The credential of an earlier life may be no good any more; a join token may still be.
      if (event.code === 401 && state.with === 'credential') return { at: 'registering', with: 'token', failures: 0 }
      if (FINAL.has(event.code) || event.code === 401 || event.code === 403)
        return { at: 'stopped', why: event.message }
      return wait(state, event.retryAfterMs)
    },
    lost: (state) => wait(state, 0),
    woke: stay,
  },
  full: {
    registered: stay,
    all: (_, event) => ({ at: 'following', have: event.to, failures: 0 }),
    // Everything was asked for; a difference to something is of no use.
    changes: (state) => wait(state, 0),
    refused: pollRefused,
    lost: (state) => wait(state, 0),
    woke: stay,
  },
  following: {
    registered: stay,
    all: (_, event) => ({ at: 'following', have: event.to, failures: 0 }),
    changes: (state, event) =>
      event.from === state.have ? { at: 'following', have: event.to, failures: 0 } : { at: 'full', failures: 0 },
    refused: pollRefused,
    lost: (state) => wait(state, 0),
    woke: stay,
  },
  waiting: {
    registered: stay,
    all: stay,
    changes: stay,
    refused: stay,
    lost: stay,
    woke: (state) => ({ ...state.resume, failures: state.failures }),
  },
  stopped: { registered: stay, all: stay, changes: stay, refused: stay, lost: stay, woke: stay },
}

/** Another instance holds the session; the protocol version is not served. */
const FINAL = new Set([409, 426])

function pollRefused(state: Of<'full' | 'following'>, event: Extract<Happening, { what: 'refused' }>): Session {
  if (FINAL.has(event.code)) return { at: 'stopped', why: event.message }
  if (event.code === 401 || event.code === 410) return { at: 'registering', with: 'credential', failures: 0 }
  return wait(state, event.retryAfterMs)
}

function wait(state: Active, floorMs: number): Session {
  return { at: 'waiting', failures: state.failures + 1, floorMs, resume: state }
}
