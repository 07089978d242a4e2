/** The administrator's kubeconfig, in the data directory and for its owner alone. YAML is JSON enough for kubectl. */
import { join } from 'node:path'
import { readIfThere, writeWhole } from './files.ts'

export interface KubeconfigParts {
  readonly name: string
  readonly server: string
  readonly caPem: string
  readonly token: string
}

function kubeconfigText({ name, server, caPem, token }: KubeconfigParts): string {
  return `apiVersion: v1
kind: Config
clusters:
- name: ${name}
  cluster:
    server: ${server}
    certificate-authority-data: ${Buffer.from(caPem).toString('base64')}
users:
- name: ${name}-admin
  user:
    token: ${token}
contexts:
- name: ${name}
  context:
    cluster: ${name}
    user: ${name}-admin
current-context: ${name}
`
}

/** Answers where it is. Unchanged files are left alone. */
export function writeKubeconfig(directory: string, parts: KubeconfigParts): string {
  const path = join(directory, 'kubeconfig')
  const text = kubeconfigText(parts)
  if (readIfThere(path) !== text) writeWhole(path, text)
  return path
}
