import { describe, expect, it } from 'vitest'
import type { PollResponse } from '../../schema/wire/poll.ts'
import { apply, NOTHING } from './assignment.ts'

type Message = PollResponse['assignment']

const pod = (uid: string, version: string, spec: object = {}): { [field: string]: unknown } => ({
  metadata: { uid, name: uid, namespace: 'd', resourceVersion: version },
  spec: { containers: [], ...spec },
})
const object = (name: string, version: string): { [field: string]: unknown } => ({
  metadata: { name, namespace: 'd', uid: name, resourceVersion: version },
})
const all = (more: Partial<Extract<Message, { kind: 'all' }>>): Message => ({
  kind: 'all',
  to: 1,
  pods: [],
  secrets: [],
  configMaps: [],
  missing: [],
  ...more,
})
const changes = (more: Partial<Extract<Message, { kind: 'changes' }>>): Message => ({
  kind: 'changes',
  from: 1,
  to: 2,
  pods: [],
  gone: [],
  secrets: [],
  configMaps: [],
  missing: [],
  ...more,
})
const usesSecret = { volumes: [{ name: 's', secret: { secretName: 'key' } }] }

describe('an assignment', () => {
  const before = apply(
    NOTHING,
    all({ pods: [pod('a', '1', usesSecret), pod('b', '1')], secrets: [object('key', '1')] }),
  )

  it('is everything at first, and all of it is new', () => {
    expect([...before.assignment.pods.keys()]).toEqual(['a', 'b'])
    expect([...before.touched]).toEqual(['a', 'b'])
    expect(before.assignment.secrets.has('d/key')).toBe(true)
  })

  it('touches nothing when the same comes again', () => {
    const again = apply(
      before.assignment,
      all({ to: 5, pods: [pod('a', '1', usesSecret), pod('b', '1')], secrets: [object('key', '1')] }),
    )
    expect([...again.touched]).toEqual([])
    expect(again.assignment.to).toBe(5)
  })

  it('touches the pods that name a Secret which changed, and no others', () => {
    const after = apply(before.assignment, changes({ secrets: [object('key', '2')] }))
    expect([...after.touched]).toEqual(['a'])
  })

  it('touches them when the Secret goes', () => {
    const after = apply(before.assignment, changes({ missing: [{ kind: 'Secret', namespace: 'd', name: 'key' }] }))
    expect([...after.touched]).toEqual(['a'])
    expect(after.assignment.secrets.size).toBe(0)
  })

  it('drops a Secret with the last pod that names it', () => {
    const after = apply(before.assignment, changes({ gone: [{ namespace: 'd', name: 'a', uid: 'a' }] }))
    expect([...after.assignment.pods.keys()]).toEqual(['b'])
    expect(after.assignment.secrets.size).toBe(0)
  })

  it('forgets what a full one does not hold any more', () => {
    const after = apply(before.assignment, all({ pods: [pod('b', '1')] }))
    expect([...after.assignment.pods.keys()]).toEqual(['b'])
  })
})
