// What this node was told to run: pods, and the Secrets and ConfigMaps they name. A new value for each answer of a
// poll; parts nothing names any more are dropped, so it stays as large as its pods need.
import type { ConfigMap, Pod, Secret } from '../../schema/k8s/generated/types.ts'
import type { PollResponse } from '../../schema/wire/poll.ts'
import { namesOf } from './names.ts'

export interface Assignment {
  readonly to: number
  readonly pods: ReadonlyMap<string, Pod>
  /** by `namespace/name` */
  readonly secrets: ReadonlyMap<string, Secret>
  readonly configMaps: ReadonlyMap<string, ConfigMap>
}

export interface Applied {
  readonly assignment: Assignment
  /** uids of pods that changed, or whose Secrets or ConfigMaps did */
  readonly touched: ReadonlySet<string>
}

export const NOTHING: Assignment = { to: 0, pods: new Map(), secrets: new Map(), configMaps: new Map() }

/** `changes` must start where `before` ends: the session machine has seen to that. */
export function apply(before: Assignment, message: PollResponse['assignment']): Applied {
  const fresh = message.kind === 'all'
  const pods = new Map(fresh ? [] : before.pods)
  const secrets = new Map(fresh ? [] : before.secrets)
  const configMaps = new Map(fresh ? [] : before.configMaps)
  const touched = new Set<string>()

  for (const object of message.pods as unknown as readonly Pod[]) {
    const uid = object.metadata.uid ?? ''
    if (fresh && sameVersion(before.pods.get(uid), object)) {
      pods.set(uid, object)
      continue
    }
    pods.set(uid, object)
    touched.add(uid)
  }
  if (message.kind === 'changes') for (const { uid } of message.gone) pods.delete(uid)

  const changed = new Set<string>()
  const put = <T extends Secret | ConfigMap>(
    objects: unknown,
    into: Map<string, T>,
    kind: string,
    old: ReadonlyMap<string, T>,
  ): void => {
    for (const object of objects as readonly T[]) {
      const key = `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`
      if (!sameVersion(old.get(key), object)) changed.add(`${kind} ${key}`)
      into.set(key, object)
    }
  }
  put(message.secrets, secrets, 'Secret', before.secrets)
  put(message.configMaps, configMaps, 'ConfigMap', before.configMaps)
  for (const { kind, namespace, name } of message.missing) {
    const gone = kind === 'Secret' ? secrets.delete(`${namespace}/${name}`) : configMaps.delete(`${namespace}/${name}`)
    if (gone || fresh) changed.add(`${kind} ${namespace}/${name}`)
  }

  const named = new Set<string>()
  for (const [uid, pod] of pods) {
    for (const name of namesOf(pod)) {
      named.add(name)
      if (changed.has(name)) touched.add(uid)
    }
  }
  keepOnly(secrets, 'Secret', named)
  keepOnly(configMaps, 'ConfigMap', named)
  return { assignment: { to: message.to, pods, secrets, configMaps }, touched }
}

function keepOnly(map: Map<string, unknown>, kind: string, named: ReadonlySet<string>): void {
  for (const key of map.keys()) if (!named.has(`${kind} ${key}`)) map.delete(key)
}

function sameVersion(
  a: { metadata: { resourceVersion?: string; uid?: string } } | undefined,
  b: { metadata: { resourceVersion?: string; uid?: string } },
): boolean {
  return (
    a !== undefined &&
    a.metadata.uid === b.metadata.uid &&
    a.metadata.resourceVersion === b.metadata.resourceVersion &&
    a.metadata.resourceVersion !== undefined
  )
}
