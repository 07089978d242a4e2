/**
 * Which objects of a namespace select a set of labels: Services, ReplicaSets, Deployments. Their selectors are read
 * once per namespace and then kept up by the changes the loop sees anyway, so that a change of one pod costs no list.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { type LabelMatch, type Labels, matches } from '../../schema/k8s/selector.ts'
import type { Changed } from './controller.ts'
import type { Reading } from './reading.ts'

/** Namespaces whose selectors are remembered; then the memory starts over. */
const MOST_NAMESPACES = 10_000
/** Objects with a selector in one namespace. */
const MOST_OBJECTS = 100_000

type Namespace = Map<string, LabelMatch>

export class Selectors {
  readonly #resource: string
  readonly #matchOf: (object: K8sObject) => LabelMatch | undefined
  readonly #namespaces = new Map<string, Promise<Namespace>>()

  /** `matchOf`: undefined for an object that selects nothing. */
  constructor(resource: string, matchOf: (object: K8sObject) => LabelMatch | undefined) {
    this.#resource = resource
    this.#matchOf = matchOf
  }

  /** Takes note of a change of an object with a selector. */
  async saw(changed: Changed): Promise<void> {
    const known = await this.#namespaces.get(changed.namespace)
    if (known !== undefined) this.#note(known, changed.name, changed.now())
  }

  /** Is it known, without a read, that nothing in the namespace selects? */
  async none(namespace: string): Promise<boolean> {
    return (await this.#namespaces.get(namespace))?.size === 0
  }

  /** Names of the objects of the namespace that select these labels. */
  async selecting(view: Reading, namespace: string, labels: Labels | undefined): Promise<readonly string[]> {
    const names: string[] = []
    for (const [name, match] of await this.#of(view, namespace)) if (matches(match, labels)) names.push(name)
    return names
  }

  #of(view: Reading, namespace: string): Promise<Namespace> {
    let known = this.#namespaces.get(namespace)
    if (known === undefined) {
      if (this.#namespaces.size >= MOST_NAMESPACES) this.#namespaces.clear()
      known = this.#load(view, namespace)
      this.#namespaces.set(namespace, known)
      known.catch(() => this.#namespaces.delete(namespace))
    }
    return known
  }

  async #load(view: Reading, namespace: string): Promise<Namespace> {
    const known: Namespace = new Map()
    const { rows } = await view.list({ resource: this.#resource, namespace, limit: MOST_OBJECTS })
    for (const { object } of rows) this.#note(known, object.metadata.name ?? '', object)
    return known
  }

  #note(known: Namespace, name: string, object: K8sObject | undefined): void {
    const match = object === undefined ? undefined : this.#matchOf(object)
    if (match === undefined || match.nothing) known.delete(name)
    else known.set(name, match)
  }
}
