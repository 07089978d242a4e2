import { describe, expect, test } from 'vitest'
import type { OwnerReference } from '../../schema/k8s/meta.ts'
import { aPod, aReplicaSet } from '../../test/build/objects.ts'
import { type OwnerState, planDependent, planOwner, type Stored } from './garbage.ts'
import type { Plan } from './plan.ts'

const owner = (uid: string, blocks = true): OwnerReference => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: uid,
  uid,
  blockOwnerDeletion: blocks,
})

function pod(
  owners: readonly OwnerReference[],
  more: { readonly finalizers?: readonly string[]; readonly deleted?: boolean } = {},
): Stored {
  const { finalizers, deleted } = more
  const metadata = {
    name: 'p',
    namespace: 'default',
    uid: 'p',
    ownerReferences: owners,
    ...(finalizers === undefined ? {} : { finalizers }),
    ...(deleted === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
  }
  return { resource: 'pods', object: aPod({ metadata }), revision: 1 }
}

/** What a plan does, in a word or two. */
function said({ actions }: Plan): string {
  return actions
    .map((action) => {
      if (action.do === 'delete') return `delete ${action.propagation}`
      return action.do === 'patch' ? JSON.stringify(action.patch['metadata']) : action.do
    })
    .join('; ')
}

describe('an object whose owners are in question', () => {
  const rows: readonly (readonly [string, readonly OwnerState[], boolean, string])[] = [
    ['all are there', ['solid'], false, ''],
    ['none is there', ['absent'], false, 'delete Background'],
    [
      'one is there, one is not: the reference goes',
      ['solid', 'absent'],
      false,
      `{"ownerReferences":[${JSON.stringify(owner('o0'))}]}`,
    ],
    ['the owner waits for it', ['waiting'], false, 'delete Background'],
    ['the owner waits for it, and others depend on it', ['waiting'], true, 'delete Foreground'],
    ['one waits, another stays', ['waiting', 'solid'], false, `{"ownerReferences":[${JSON.stringify(owner('o1'))}]}`],
    ['nothing is known of the kind of one', ['absent', 'unknown'], false, ''],
  ]
  test.each(rows)('%s', (_name, states, hasDependents, expected) => {
    const references = states.map((_, index) => owner(`o${index}`))
    const owners = new Map(states.map((state, index) => [`o${index}`, state]))
    expect(said(planDependent({ dependent: pod(references), owners, hasDependents, dependentWaits: false }))).toBe(
      expected,
    )
  })

  test('what it was made with decides about its own dependents', () => {
    const dependent = pod([owner('o0')], { finalizers: ['orphan'] })
    expect(
      said(
        planDependent({ dependent, owners: new Map([['o0', 'absent']]), hasDependents: true, dependentWaits: false }),
      ),
    ).toBe('delete Orphan')
  })

  test('a circle is opened: what waits for it blocks it no longer', () => {
    const owners = new Map<string, OwnerState>([['o0', 'waiting']])
    const plan = planDependent({ dependent: pod([owner('o0')]), owners, hasDependents: true, dependentWaits: true })
    expect(said(plan)).toBe(`{"ownerReferences":[${JSON.stringify(owner('o0', false))}]}; delete Foreground`)
  })

  test('one that is on its way out already is left alone', () => {
    const dependent = pod([owner('o0')], { deleted: true })
    expect(
      said(
        planDependent({ dependent, owners: new Map([['o0', 'absent']]), hasDependents: false, dependentWaits: false }),
      ),
    ).toBe('')
  })
})

describe('an owner that was deleted', () => {
  const set = (finalizers: readonly string[]): Stored => {
    const metadata = {
      name: 'o',
      namespace: 'default',
      uid: 'o',
      finalizers,
      deletionTimestamp: '2026-01-01T00:00:00Z',
    }
    return { resource: 'replicasets.apps', object: aReplicaSet({ metadata }), revision: 1 }
  }
  test('in the foreground waits for who blocks it', () => {
    const seen = { owner: set(['foregroundDeletion']), dependents: [pod([owner('o')])], more: false }
    expect(said(planOwner(seen))).toBe('')
  })
  test('in the foreground does not wait for others', () => {
    const seen = { owner: set(['foregroundDeletion']), dependents: [pod([owner('o', false)])], more: false }
    expect(said(planOwner(seen))).toBe('{"finalizers":null}')
  })
  test('keeps the finalizers of others', () => {
    const seen = { owner: set(['mine', 'foregroundDeletion']), dependents: [], more: false }
    expect(said(planOwner(seen))).toBe('{"finalizers":["mine"]}')
  })
  test('with orphans lets go of them first', () => {
    const seen = { owner: set(['orphan']), dependents: [pod([owner('o'), owner('x')])], more: false }
    expect(said(planOwner(seen))).toBe(`{"ownerReferences":[${JSON.stringify(owner('x'))}]}; {"finalizers":null}`)
  })
  test('with more orphans than one plan handles stays until the next', () => {
    const seen = { owner: set(['orphan']), dependents: [pod([owner('o')])], more: true }
    expect(said(planOwner(seen))).toBe('{"ownerReferences":null}')
  })
})
