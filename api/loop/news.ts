/** A change of the log as controllers look at it: parsed when somebody asks, old and new. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { type Change, type Key, spliceRevision } from '../store/store.ts'

export class News {
  readonly key: Key
  readonly revision: number
  /** 'seed': it was there when the loop began */
  readonly op: 'create' | 'update' | 'delete' | 'seed'
  readonly #value: string
  readonly #before: string | undefined
  #object: K8sObject | undefined
  #previous: K8sObject | undefined

  constructor(parts: {
    readonly key: Key
    readonly revision: number
    readonly op: News['op']
    readonly value: string
    readonly previous?: string | undefined
  }) {
    this.key = parts.key
    this.revision = parts.revision
    this.op = parts.op
    this.#value = parts.value
    this.#before = parts.previous
  }

  static of(change: Change): News {
    return new News(change)
  }

  get deleted(): boolean {
    return this.op === 'delete'
  }

  /** as it is now; of a deleted one the last state */
  get object(): K8sObject {
    this.#object ??= JSON.parse(spliceRevision(this.#value, this.revision)) as K8sObject
    return this.#object
  }

  get previous(): K8sObject | undefined {
    if (this.#before === undefined) return undefined
    this.#previous ??= JSON.parse(this.#before) as K8sObject
    return this.#previous
  }

  /** Old and new state: whoever looks at either has something to do. */
  get states(): readonly K8sObject[] {
    return this.previous === undefined ? [this.object] : [this.object, this.previous]
  }
}

/** `namespace/name`, `name` at cluster scope: the keys of planners. */
export function nameKey(namespace: string, name: string): string {
  return namespace === '' ? name : `${namespace}/${name}`
}

export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}
