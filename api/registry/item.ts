/**
 * An object as the verbs hand it around: the stored text and its revision. The object itself is parsed when
 * somebody first asks, so a GET, a list or a watch that sends the text as it is never pays for it.
 */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Kind } from '../kinds/kind.ts'
import { type Index, type Key, type Stored, spliceRevision } from '../store/store.ts'
import type { Held } from './options.ts'

export class Item implements Held {
  /** stored text, without resourceVersion */
  readonly text: string
  /** 0: never stored (a dry run) */
  readonly revision: number
  #object: K8sObject | undefined

  constructor(text: string, revision: number, object?: K8sObject) {
    this.text = text
    this.revision = revision
    this.#object = object
  }

  static of(stored: Stored): Item {
    return new Item(stored.value, stored.revision)
  }

  /** resourceVersion included */
  get object(): K8sObject {
    this.#object ??= JSON.parse(this.wire) as K8sObject
    return this.#object
  }

  /** The JSON text a client gets. */
  get wire(): string {
    return this.revision === 0 ? this.text : spliceRevision(this.text, this.revision)
  }
}

export function keyOf(kind: Kind, namespace: string | undefined, name: string): Key {
  return { resource: kind.resource, namespace: kind.namespaced ? (namespace ?? '') : '', name }
}

/**
 * The text to store: apiVersion, kind and metadata lead, so that `spliceRevision` finds its place; no
 * resourceVersion, which the store knows; no managedFields and selfLink, which nothing reads yet.
 */
export function storedText(object: K8sObject): string {
  const { apiVersion, kind, metadata, ...rest } = object
  const { resourceVersion: _, managedFields: __, selfLink: ___, ...meta } = metadata
  return JSON.stringify({ apiVersion, kind, metadata: meta, ...rest })
}

/** The object with its revision in place, without parsing the text again. */
export function withRevision(object: K8sObject, revision: number): K8sObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } }
}

/** What SQL may filter on. */
export function indexOf(kind: Kind, object: K8sObject): Index {
  const { labels, uid, ownerReferences } = object.metadata
  // Several owners share one place in the index: the one who controls it, else the first.
  const owner = (ownerReferences?.find((reference) => reference.controller === true) ?? ownerReferences?.[0])?.uid
  return {
    ...kind.index(object),
    ...(labels === undefined ? {} : { labels }),
    ...(uid === undefined ? {} : { uid }),
    ...(owner === undefined ? {} : { owner }),
  }
}
