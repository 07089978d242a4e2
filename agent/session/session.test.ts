import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Happening, Session } from './session.ts'
import { begin, next } from './session.ts'

type At = Session['at']

const STATES: { readonly [A in At]: Extract<Session, { at: A }> } = {
  registering: { at: 'registering', with: 'credential', failures: 2 },
  full: { at: 'full', failures: 2 },
  following: { at: 'following', have: 7, failures: 2 },
  waiting: { at: 'waiting', failures: 3, floorMs: 0, resume: { at: 'following', have: 7, failures: 2 } },
  stopped: { at: 'stopped', why: 'because' },
}
const refused = (code: number): Happening => ({ what: 'refused', code, message: `no ${code}`, retryAfterMs: 500 })
const HAPPENINGS = {
  registered: { what: 'registered' },
  all: { what: 'all', to: 9 },
  follows: { what: 'changes', from: 7, to: 9 },
  gap: { what: 'changes', from: 8, to: 9 },
  unauthorized: refused(401),
  forbidden: refused(403),
  conflict: refused(409),
  gone: refused(410),
  version: refused(426),
  busy: refused(429),
  broken: refused(500),
  lost: { what: 'lost', why: 'no answer' },
  woke: { what: 'woke' },
} satisfies { readonly [name: string]: Happening }

type Name = keyof typeof HAPPENINGS
const same = 'same'
const waitsFor = (at: At, floorMs: number) => ({ at: 'waiting', failures: 3, floorMs, resume: { at } })
const stop = (why: string) => ({ at: 'stopped', why })
const follow9 = { at: 'following', have: 9, failures: 0 }
const register = { at: 'registering', with: 'credential', failures: 0 }

/** Every state meets everything that can happen; a missing cell does not compile. */
const TABLE: { readonly [A in At]: { readonly [N in Name]: object | typeof same } } = {
  registering: {
    registered: { at: 'full', failures: 0 },
    all: same,
    follows: same,
    gap: same,
    unauthorized: { at: 'registering', with: 'token', failures: 0 },
    forbidden: stop('no 403'),
    conflict: stop('no 409'),
    gone: waitsFor('registering', 500),
    version: stop('no 426'),
    busy: waitsFor('registering', 500),
    broken: waitsFor('registering', 500),
    lost: waitsFor('registering', 0),
    woke: same,
  },
  full: {
    registered: same,
    all: follow9,
    follows: waitsFor('full', 0),
    gap: waitsFor('full', 0),
    unauthorized: register,
    forbidden: waitsFor('full', 500),
    conflict: stop('no 409'),
    gone: register,
    version: stop('no 426'),
    busy: waitsFor('full', 500),
    broken: waitsFor('full', 500),
    lost: waitsFor('full', 0),
    woke: same,
  },
  following: {
    registered: same,
    all: follow9,
    follows: follow9,
    gap: { at: 'full', failures: 0 },
    unauthorized: register,
    forbidden: waitsFor('following', 500),
    conflict: stop('no 409'),
    gone: register,
    version: stop('no 426'),
    busy: waitsFor('following', 500),
    broken: waitsFor('following', 500),
    lost: waitsFor('following', 0),
    woke: same,
  },
  waiting: {
    registered: same,
    all: same,
    follows: same,
    gap: same,
    unauthorized: same,
    forbidden: same,
    conflict: same,
    gone: same,
    version: same,
    busy: same,
    broken: same,
    lost: same,
    woke: { at: 'following', have: 7, failures: 3 },
  },
  stopped: {
    registered: same,
    all: same,
    follows: same,
    gap: same,
    unauthorized: same,
    forbidden: same,
    conflict: same,
    gone: same,
    version: same,
    busy: same,
    broken: same,
    lost: same,
    woke: same,
  },
}

describe('the session of an agent', () => {
  for (const [at, row] of Object.entries(TABLE)) {
    const state = STATES[at as At]
    it.each(Object.entries(row))(`${at} meets %s`, (name, expected) => {
      const after = next(state, HAPPENINGS[name as Name])
      if (expected === same) expect(after).toBe(state)
      else expect(after).toMatchObject(expected)
    })
  }

  it('stops when the join token is refused', () => {
    expect(next(begin('token'), refused(401))).toEqual(stop('no 401'))
  })

  it('never follows a revision that no assignment brought, and never leaves stopped', () => {
    const happening = fc.constantFrom(...Object.values(HAPPENINGS))
    const told = fc.check(
      fc.property(fc.array(happening, { maxLength: 30 }), (story) => {
        let state = begin('credential')
        const brought = new Set<number>()
        for (const event of story) {
          const before = state
          if (event.what === 'all' || event.what === 'changes') brought.add(event.to)
          state = next(state, event)
          if (state.at === 'following') expect(brought).toContain(state.have)
          if (before.at === 'stopped') expect(state).toBe(before)
        }
      }),
    )
    expect(told.counterexample).toBeNull()
  })
})
