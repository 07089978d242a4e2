/**
 * Wakes nodes for what does not name them: a Secret or ConfigMap that one of their pods uses, and the end of their own
 * Node. One listener a cluster reads the log when such a thing was written, and finds the nodes in an index built from
 * what was sent; while nothing is written, or nobody is connected, it reads nothing.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Cluster } from '../platform/port.ts'
import type { Change } from '../store/store.ts'
import { referenceKey, type Session } from './session.ts'

const RESOURCES = ['configmaps', 'secrets', 'nodes']
const PAGE = 500
/** The log could not be read: wait, and look again. */
const RETRY_MS = 1_000

interface WakesOptions {
  session(node: string): Session | undefined
  ended(node: string, uid: string): void
}

export class Wakes {
  readonly #cluster: Cluster
  readonly #options: WakesOptions
  /** reference key to the nodes that use it, and back */
  readonly #nodes = new Map<string, Set<string>>()
  readonly #references = new Map<string, Set<string>>()
  #connected = new Set<string>()
  #stop: AbortController | undefined

  constructor(cluster: Cluster, options: WakesOptions) {
    this.#cluster = cluster
    this.#options = options
  }

  /** From here on the end of its Node is noticed, if it comes after `since`. */
  connect(node: string, since: number): void {
    this.#connected.add(node)
    this.#start(since)
  }

  /** From here on this node hears of changes to these. Call before reading them. */
  use(node: string, references: Iterable<string>): void {
    const mine = this.#references.get(node) ?? new Set()
    for (const key of mine) this.#drop(key, node)
    const next = new Set(references)
    this.#references.set(node, next)
    for (const key of next) this.#nodes.set(key, (this.#nodes.get(key) ?? new Set()).add(node))
  }

  forget(node: string): void {
    for (const key of this.#references.get(node) ?? []) this.#drop(key, node)
    this.#references.delete(node)
    this.#connected.delete(node)
    if (this.#connected.size > 0) return
    this.#stop?.abort()
    this.#stop = undefined
  }

  #drop(key: string, node: string): void {
    const nodes = this.#nodes.get(key)
    nodes?.delete(node)
    if (nodes?.size === 0) this.#nodes.delete(key)
  }

  #start(since: number): void {
    if (this.#stop !== undefined) return
    this.#stop = new AbortController()
    const { signal } = this.#stop
    this.#run(since, signal).catch((error: unknown) => {
      this.#cluster.log.error('nodes are no longer woken for Secrets and ConfigMaps', { error })
    })
  }

  async #run(since: number, signal: AbortSignal): Promise<void> {
    let at = since
    const listener = this.#cluster.bell.listen({ resources: RESOURCES }, since)
    try {
      // What was written between `since` and the first moment of the listener rang nobody.
      let rung: number | undefined = await this.#read(at, signal)
      while (rung !== undefined) {
        at = Math.max(at, rung)
        rung = await listener.next(signal)
        if (rung !== undefined && rung > at) rung = await this.#read(at, signal)
      }
    } finally {
      listener.close()
    }
  }

  /** Everything after `at`; answers up to where. */
  async #read(at: number, signal: AbortSignal): Promise<number | undefined> {
    let since = at
    while (!signal.aborted) {
      try {
        const after = await this.#cluster.store.after({ since, resources: RESOURCES, limit: PAGE, previous: false })
        if (!after.ok) {
          // What happened in between is lost: every node has to look at all it uses.
          for (const [key, nodes] of this.#nodes) for (const node of nodes) this.#options.session(node)?.changed(key)
          return after.head
        }
        for (const change of after.changes) this.#hand(change)
        since = after.upTo
        if (!after.more) return since
      } catch (error) {
        this.#cluster.log.warn('the log could not be read; trying again', { error })
        await this.#cluster.clock.sleep(RETRY_MS, signal)
      }
    }
    return undefined
  }

  #hand({ op, key, value }: Change): void {
    if (key.resource === 'nodes') {
      if (op === 'delete') this.#options.ended(key.name, (JSON.parse(value) as K8sObject).metadata.uid ?? '')
      return
    }
    const reference = referenceKey(key.resource === 'secrets' ? 'secrets' : 'configmaps', key.namespace, key.name)
    for (const node of this.#nodes.get(reference) ?? []) this.#options.session(node)?.changed(reference)
  }
}
