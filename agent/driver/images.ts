// Images for containers: pull policy, one pull per image at a time, registry logins, and the back-off of failed
// pulls with upstream's words.
import type { Container, Pod, Secret } from '../../schema/k8s/generated/types.ts'
import { fromBase64 } from '../../schema/k8s/base64.ts'
import { fromUtf8 } from '../../schema/k8s/utf8.ts'
import { FIRST_BACKOFF_MS, MAX_BACKOFF_MS } from '../plan/restart.ts'
import { withTag } from './docker-facts.ts'
import type { Driver, ImageFacts, RegistryLogin } from './driver.ts'
import { EngineError } from './driver.ts'

export type ImageEvent = { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string }

export type ImageOutcome =
  | { readonly ok: true; readonly image: ImageFacts }
  | { readonly ok: false; readonly reason: string; readonly message: string; readonly untilMs: number }

export interface ImageRequest {
  readonly pod: Pod
  readonly container: Container
  readonly secrets: readonly Secret[]
  readonly event: (event: ImageEvent) => void
  readonly now: () => number
  readonly signal: AbortSignal
}

interface Failed {
  readonly untilMs: number
  readonly backoffMs: number
  readonly message: string
}

/** After a failed pull the reason is shown as it is for so long, then as a back-off. */
const SHOW_FAILURE_MS = 4000

export class Images {
  readonly #driver: Driver
  readonly #pulls = new Map<string, Promise<void>>()
  /** by pod uid and image; bounded by forget() */
  readonly #failed = new Map<string, Failed>()

  constructor(driver: Driver) {
    this.#driver = driver
  }

  async ensure(request: ImageRequest): Promise<ImageOutcome> {
    const { container, event, now, signal } = request
    const wanted = container.image ?? ''
    if (!validReference(wanted)) {
      const message = `Failed to apply default image tag "${wanted}": couldn't parse image name "${wanted}": invalid reference format`
      event({ type: 'Warning', reason: 'InspectFailed', message })
      return { ok: false, reason: 'InvalidImageName', message, untilMs: now() + MAX_BACKOFF_MS }
    }
    const policy = container.imagePullPolicy ?? (withTag(wanted).endsWith(':latest') ? 'Always' : 'IfNotPresent')
    const present = await this.#driver.image(wanted, signal)
    if (present !== undefined && policy !== 'Always') {
      const message = `Container image "${wanted}" already present on machine and can be accessed by the pod`
      event({ type: 'Normal', reason: 'Pulled', message })
      return { ok: true, image: present }
    }
    if (policy === 'Never') {
      const message = `Container image "${wanted}" is not present with pull policy of Never`
      event({ type: 'Warning', reason: 'ErrImageNeverPull', message })
      return { ok: false, reason: 'ErrImageNeverPull', message, untilMs: now() + FIRST_BACKOFF_MS }
    }
    return this.#pull(wanted, request)
  }

  /** Nothing is kept of a pod that is gone. */
  forget(uid: string): void {
    for (const key of this.#failed.keys()) if (key.startsWith(`${uid} `)) this.#failed.delete(key)
  }

  async #pull(wanted: string, request: ImageRequest): Promise<ImageOutcome> {
    const { pod, event, now, signal } = request
    const key = `${pod.metadata.uid ?? ''} ${wanted}`
    const before = this.#failed.get(key)
    if (before !== undefined && now() < before.untilMs) {
      const short = `Back-off pulling image "${wanted}"`
      event({ type: 'Normal', reason: 'BackOff', message: short })
      const message = `${short}: ErrImagePull: ${before.message}`
      return { ok: false, reason: 'ImagePullBackOff', message, untilMs: before.untilMs }
    }
    event({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${wanted}"` })
    const beganMs = now()
    try {
      await this.#pullOnce(wanted, loginFor(wanted, request.secrets), signal)
      const image = await this.#driver.image(wanted, signal)
      if (image === undefined) throw new EngineError('not-found', `image "${wanted}" is not there after its pull`)
      this.#failed.delete(key)
      const took = duration(now() - beganMs)
      const message = `Successfully pulled image "${wanted}" in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`
      event({ type: 'Normal', reason: 'Pulled', message })
      return { ok: true, image }
    } catch (error) {
      if (signal.aborted || !(error instanceof EngineError)) throw error
      const message = pullMessage(wanted, error.message)
      event({ type: 'Warning', reason: 'Failed', message: `Failed to pull image "${wanted}": ${message}` })
      const last = before !== undefined && now() - before.untilMs < 2 * MAX_BACKOFF_MS ? before.backoffMs : 0
      const backoffMs = last === 0 ? FIRST_BACKOFF_MS : Math.min(last * 2, MAX_BACKOFF_MS)
      this.#failed.set(key, { untilMs: now() + backoffMs, backoffMs, message })
      return { ok: false, reason: 'ErrImagePull', message, untilMs: now() + Math.min(SHOW_FAILURE_MS, backoffMs) }
    }
  }

  /** Pods that want the same image wait for the same pull; one pod that gives up does not end it for the others. */
  async #pullOnce(wanted: string, login: RegistryLogin | undefined, signal: AbortSignal): Promise<void> {
    const key = JSON.stringify([wanted, login])
    const running = this.#pulls.get(key) ?? this.#startPull(key, wanted, login)
    await Promise.race([running, aborted(signal)])
  }

  #startPull(key: string, wanted: string, login: RegistryLogin | undefined): Promise<void> {
    const pull = this.#driver
      .pull(wanted, login, AbortSignal.timeout(PULL_TIMEOUT_MS))
      .catch((error: unknown) => {
        if (error instanceof EngineError) throw error
        throw new EngineError('unavailable', error instanceof Error ? error.message : String(error), error)
      })
      .finally(() => this.#pulls.delete(key))
    // The waiters hear of a failure; without any it must not end the process.
    pull.catch(() => {})
    this.#pulls.set(key, pull)
    return pull
  }
}

const PULL_TIMEOUT_MS = 3_600_000

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** What the registry said, in the words people search for. */
function pullMessage(image: string, text: string): string {
  const clean = text.replace(/^Error response from daemon: /, '')
  if (/manifest unknown|manifest for .* not found|no such image|not found/i.test(clean)) {
    return `failed to pull and unpack image "${image}": ${clean}: not found`
  }
  return clean
}

/** As Go prints a duration cut to milliseconds: `412ms`, `1.2s`, `1m3.5s`. */
function duration(ms: number): string {
  if (ms < 1000) return ms === 0 ? '0s' : `${ms}ms`
  const minutes = Math.floor(ms / 60_000)
  const seconds = Number(((ms % 60_000) / 1000).toFixed(3))
  return minutes === 0 ? `${seconds}s` : `${minutes}m${seconds}s`
}

function validReference(reference: string): boolean {
  return /^[a-z0-9]+(?:[._\-/:@a-zA-Z0-9]*[a-zA-Z0-9_])?$/.test(reference) && !/[A-Z]/.test(repositoryOf(reference))
}

function repositoryOf(reference: string): string {
  const name = reference.split('@')[0] ?? ''
  const slash = name.lastIndexOf('/')
  const colon = name.indexOf(':', slash + 1)
  const path = colon < 0 ? name : name.slice(0, colon)
  const parts = path.split('/')
  const first = parts[0] ?? ''
  return parts.length > 1 && (first.includes('.') || first.includes(':') || first === 'localhost')
    ? parts.slice(1).join('/')
    : path
}

/** The server part of a reference, as registry configurations name it. */
function registryOf(reference: string): string {
  const first = reference.split('/')[0] ?? ''
  const named = reference.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost')
  return named ? first : 'docker.io'
}

function loginFor(reference: string, secrets: readonly Secret[]): RegistryLogin | undefined {
  const server = registryOf(reference)
  for (const secret of secrets) {
    const config = secret.data?.['.dockerconfigjson'] ?? secret.data?.['.dockercfg']
    if (config === undefined) continue
    const found = findLogin(config, server)
    if (found !== undefined) return found
  }
  return undefined
}

interface AuthEntry {
  readonly username?: string
  readonly password?: string
  readonly auth?: string
  readonly identitytoken?: string
}

type Auths = { readonly [server: string]: AuthEntry }

function findLogin(config: string, server: string): RegistryLogin | undefined {
  let auths: Auths
  try {
    const parsed = JSON.parse(fromUtf8(fromBase64(config))) as { readonly auths?: Auths } & Auths
    auths = parsed.auths ?? parsed
  } catch {
    // Not JSON: the pull goes on without it and the registry says what is missing.
    return undefined
  }
  const wanted = server === 'docker.io' ? ['docker.io', 'index.docker.io', 'registry-1.docker.io'] : [server]
  for (const [name, entry] of Object.entries(auths)) {
    const host = name.replace(/^https?:\/\//, '').split('/')[0] ?? ''
    if (!wanted.includes(host)) continue
    const pair = entry.auth === undefined ? '' : fromUtf8(fromBase64(entry.auth))
    const colon = pair.indexOf(':')
    return {
      server: name,
      username: entry.username ?? pair.slice(0, Math.max(colon, 0)),
      password: entry.password ?? pair.slice(colon + 1),
      ...(entry.identitytoken === undefined ? {} : { token: entry.identitytoken }),
    }
  }
  return undefined
}
