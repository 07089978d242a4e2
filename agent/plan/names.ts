// Names and hashes that must be the same after a restart of the agent, and that other tools read.

/** `k8s_<container>_<pod>_<namespace>_<uid>_<attempt>`, the convention of dockershim and cri-dockerd */
export function containerName(parts: {
  readonly container: string
  readonly pod: string
  readonly namespace: string
  readonly uid: string
  readonly attempt: number
}): string {
  return `k8s_${parts.container}_${parts.pod}_${parts.namespace}_${parts.uid}_${parts.attempt}`
}

/** What a person calls a pod in messages: `web_default(6f3b…)`. */
export function podLabel(pod: { metadata: { name?: string; namespace?: string; uid?: string } }): string {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  return `${name}_${namespace}(${uid})`
}

/** 32-bit FNV-1a in hexadecimal: a fingerprint, not a defence. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return (hash >>> 0).toString(16).padStart(8, '0')
}

/** Changes exactly when a running container must be replaced: upstream hashes the name and the image. */
export function specHash(container: { name: string; image?: string }): string {
  return fingerprint(JSON.stringify([container.name, container.image ?? '']))
}
