/**
 * A world planners can act on: objects by key, with revisions, and an `apply` that does what a plan says and refuses
 * what the registry would refuse. For properties and golden files; it knows nothing the actions do not say.
 */
import type { Action, Plan, Target } from '../../api/plan/plan.ts'
import type { Row } from '../../api/plan/seen.ts'
import { applyMergePatch } from '../../api/registry/patch/merge.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { printTime } from '../../schema/k8s/time.ts'
import { TIME } from './objects.ts'

export class PlanWorld {
  #revision = 100
  #uids = 0
  readonly #rows = new Map<string, { object: K8sObject; revision: number }>()

  put(resource: string, object: object): void {
    const { metadata } = object as K8sObject
    this.#rows.set(keyOf(resource, metadata.namespace ?? '', metadata.name ?? ''), {
      object: object as K8sObject,
      revision: ++this.#revision,
    })
  }

  get<T>(resource: string, name: string, namespace = 'default'): Row<T> | undefined {
    return this.#rows.get(keyOf(resource, namespace, name)) as Row<T> | undefined
  }

  list<T>(resource: string): readonly Row<T>[] {
    return [...this.#rows].filter(([key]) => key.startsWith(`${resource} `)).map(([, row]) => row as Row<T>)
  }

  /** Agents: what pods report. */
  edit(resource: string, name: string, change: (object: K8sObject) => K8sObject, namespace = 'default'): void {
    const row = this.get<K8sObject>(resource, name, namespace)
    if (row !== undefined) this.put(resource, change(row.object))
  }

  remove(resource: string, name: string, namespace = 'default'): void {
    this.#rows.delete(keyOf(resource, namespace, name))
  }

  /** Carries out a whole plan; answers the actions that were lost. */
  apply(plan: Plan, at: number): readonly Action[] {
    const written = new Map<string, number>()
    return plan.actions.filter((action) => !this.#do(action, at, written))
  }

  #do(action: Action, at: number, written: Map<string, number>): boolean {
    switch (action.do) {
      case 'event':
        return true
      case 'create': {
        const { namespace = '', name = '' } = action.object.metadata
        const key = keyOf(action.resource, namespace, name)
        if (this.#rows.has(key) || !this.#holds(action.guards, written)) return false
        const metadata = {
          ...action.object.metadata,
          uid: `made-${++this.#uids}`,
          creationTimestamp: printTime(at),
          generation: 1,
        }
        this.put(action.resource, { ...action.object, metadata })
        return true
      }
      case 'patch':
      case 'patch-status': {
        const row = this.#target(action.target, written)
        if (row === undefined || (action.do === 'patch' && !this.#holds(action.guards, written))) return false
        const next = applyMergePatch(row.object, action.patch) as K8sObject
        const moved = action.do === 'patch' && 'spec' in action.patch
        const metadata = { ...next.metadata, ...(moved ? { generation: (next.metadata.generation ?? 0) + 1 } : {}) }
        const object = { ...next, metadata }
        const ended = metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0
        if (ended && (row.object.metadata.finalizers ?? []).length > 0) {
          this.remove(action.target.resource, action.target.name, action.target.namespace)
          return true
        }
        this.put(action.target.resource, object)
        written.set(targetKey(action.target), this.#revision)
        return true
      }
      case 'bind': {
        const row = this.#target(action.target, written)
        if (row === undefined) return false
        this.put('pods', { ...row.object, spec: { ...(row.object['spec'] as object), nodeName: action.node } })
        return true
      }
      case 'delete': {
        const row = this.#target(action.target, written)
        if (row === undefined || !this.#holds(action.guards, written)) return false
        const bound =
          action.target.resource === 'pods' && (row.object['spec'] as { nodeName?: string }).nodeName !== undefined
        const kept = bound && action.graceSeconds !== 0
        const policy = action.propagation === 'Foreground' ? ['foregroundDeletion'] : []
        if (!kept && policy.length === 0)
          this.remove(action.target.resource, action.target.name, action.target.namespace)
        else {
          const finalizers = [...(row.object.metadata.finalizers ?? []), ...policy]
          const metadata = {
            ...row.object.metadata,
            deletionTimestamp: TIME,
            ...(policy.length === 0 ? {} : { finalizers }),
          }
          this.put(action.target.resource, { ...row.object, metadata })
        }
        return true
      }
      case 'finalize':
        this.remove(action.target.resource, action.target.name, action.target.namespace)
        return true
    }
  }

  #target(target: Target, written: Map<string, number>): { object: K8sObject; revision: number } | undefined {
    const row = this.#rows.get(targetKey(target))
    const expected = written.get(targetKey(target)) ?? target.atRevision
    return row?.revision === expected && (row.object.metadata.uid ?? '') === target.uid ? row : undefined
  }

  #holds(guards: readonly Target[] | undefined, written: Map<string, number>): boolean {
    return (guards ?? []).every((guard) => this.#target(guard, written) !== undefined)
  }
}

function keyOf(resource: string, namespace: string, name: string): string {
  return `${resource} ${namespace} ${name}`
}

function targetKey({ resource, namespace, name }: Target): string {
  return keyOf(resource, namespace, name)
}
