// What must survive a restart of the agent: its credential, what the cluster told it at registration, and the last
// assignment, so that a node that boots without the control plane runs its pods. The directory is 0700, its files
// 0600; the assignment, which holds Secrets, is sealed under a key in a file of its own, so that a copy of one
// without the other is worth nothing.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigMap, Pod, Secret } from '../schema/k8s/generated/types.ts'
import type { Health } from './health.ts'
import type { RegisterResponse } from '../schema/wire/register.ts'
import type { Assignment } from './session/assignment.ts'

export interface Identity {
  readonly node: string
  readonly server: string
  readonly credential: string
  readonly credentialExpiresAt: number
  readonly clusterUid: string
  readonly podCIDR: string
  readonly clusterDomain: string
  readonly clusterDNS: string
}

const IV_BYTES = 12
const TAG_BYTES = 16

export class Disk {
  readonly #directory: string
  readonly #keepSecrets: boolean
  #saving: Promise<void> = Promise.resolve()

  private constructor(directory: string, keepSecrets: boolean) {
    this.#directory = directory
    this.#keepSecrets = keepSecrets
  }

  static async open(directory: string, keepSecrets: boolean): Promise<Disk> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await chmod(directory, 0o700)
    return new Disk(directory, keepSecrets)
  }

  get podsDir(): string {
    return join(this.#directory, 'pods')
  }

  async identity(): Promise<Identity | undefined> {
    const text = await this.#read('identity.json')
    return text === undefined ? undefined : (JSON.parse(text.toString('utf8')) as Identity)
  }

  saveIdentity(identity: Identity): Promise<void> {
    return this.#write('identity.json', Buffer.from(JSON.stringify(identity)))
  }

  async dropIdentity(): Promise<void> {
    await rm(join(this.#directory, 'identity.json'), { force: true })
  }

  /** Undefined when there is none, or none that this key opens: the control plane has the truth. */
  async assignment(clusterUid: string): Promise<Assignment | undefined> {
    const sealed = await this.#read('assignment.sealed')
    const key = await this.#read('assignment.key')
    if (sealed === undefined || key === undefined) return undefined
    try {
      const iv = sealed.subarray(0, IV_BYTES)
      const opened = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(clusterUid))
      opened.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
      const text = Buffer.concat([opened.update(sealed.subarray(IV_BYTES + TAG_BYTES)), opened.final()])
      return fromStored(JSON.parse(text.toString('utf8')) as Stored)
    } catch {
      return undefined
    }
  }

  /** By container id; nothing when the file cannot be read, for probes find it out again. */
  async health(): Promise<ReadonlyMap<string, Health>> {
    const text = await this.#read('health.json')
    try {
      return new Map(Object.entries(JSON.parse(text?.toString('utf8') ?? '{}') as Record<string, Health>))
    } catch {
      return new Map()
    }
  }

  /** One at a time. */
  saveHealth(all: ReadonlyMap<string, Health>): Promise<void> {
    return this.#write('health.json', Buffer.from(JSON.stringify(Object.fromEntries(all))))
  }

  /** One save at a time; the caller need not wait. */
  saveAssignment(assignment: Assignment, clusterUid: string): Promise<void> {
    this.#saving = this.#saving.catch(() => {}).then(() => this.#seal(assignment, clusterUid))
    return this.#saving
  }

  async #seal(assignment: Assignment, clusterUid: string): Promise<void> {
    const key = (await this.#read('assignment.key')) ?? (await this.#newKey())
    const iv = randomBytes(IV_BYTES)
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(clusterUid))
    const text = JSON.stringify(toStored(assignment, this.#keepSecrets))
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
    await this.#write('assignment.sealed', Buffer.concat([iv, cipher.getAuthTag(), sealed]))
  }

  async #newKey(): Promise<Buffer> {
    const key = randomBytes(32)
    await this.#write('assignment.key', key)
    return key
  }

  async #read(name: string): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.#directory, name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** All or nothing, even when the power goes. */
  async #write(name: string, bytes: Buffer): Promise<void> {
    const path = join(this.#directory, name)
    const handle = await open(`${path}.new`, 'w', 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(`${path}.new`, path)
  }
}

export function identityOf(server: string, node: string, from: RegisterResponse): Identity {
  const { credential, credentialExpiresAt, clusterUid, podCIDR, clusterDomain, clusterDNS } = from
  return { node, server, credential, credentialExpiresAt, clusterUid, podCIDR, clusterDomain, clusterDNS }
}

interface Stored {
  readonly to: number
  readonly pods: readonly Pod[]
  readonly secrets: readonly Secret[]
  readonly configMaps: readonly ConfigMap[]
}

function toStored(from: Assignment, keepSecrets: boolean): Stored {
  return {
    to: from.to,
    pods: [...from.pods.values()],
    secrets: keepSecrets ? [...from.secrets.values()] : [],
    configMaps: [...from.configMaps.values()],
  }
}

function fromStored(from: Stored): Assignment {
  const key = (one: Secret | ConfigMap): string => `${one.metadata.namespace ?? ''}/${one.metadata.name ?? ''}`
  return {
    to: from.to,
    pods: new Map(from.pods.map((pod) => [pod.metadata.uid ?? '', pod])),
    secrets: new Map(from.secrets.map((one) => [key(one), one])),
    configMaps: new Map(from.configMaps.map((one) => [key(one), one])),
  }
}
