/** `kedge token create`: asks the running control plane for a one-use join token, with the kubeconfig of its administrator. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { parse } from 'yaml'
import { dataDirectory, SettingError } from './settings.ts'

export interface TokenFlags {
  readonly data?: string
  readonly kubeconfig?: string
  readonly ttl: string
}

const LONGEST_TTL_S = 3_600

export async function createToken(flags: TokenFlags): Promise<void> {
  const ttl = Number(flags.ttl)
  if (!Number.isInteger(ttl) || ttl < 1 || ttl > LONGEST_TTL_S) {
    throw new SettingError(`--ttl ${flags.ttl}: must be a whole number of seconds from 1 to ${LONGEST_TTL_S}`)
  }
  const file = flags.kubeconfig ?? join(dataDirectory(flags.data, process.env), 'kubeconfig')
  const access = await clusterOf(file)
  // The agent trusts the same authority as this kubeconfig: one text is all that has to be carried over.
  const { ca = '' } = access
  const authority = ca === '' ? '' : `.${Buffer.from(ca).toString('base64url')}`
  process.stdout.write(`${await makeToken(access, ttl)}${authority}\n`)
}

/** One token from a running control plane. */
export async function makeToken({ server, ca, token }: ClusterAccess, ttlSeconds: number): Promise<string> {
  const answer = await request(`${server}/agent/v1/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ttlSeconds }),
    dispatcher: dispatcherOf(ca),
  })
  const text = await answer.body.text()
  if (answer.statusCode !== 201) throw new Error(`the control plane answered ${answer.statusCode}: ${messageOf(text)}`)
  return (JSON.parse(text) as { readonly token: string }).token
}

const dispatchers = new Map<string | undefined, Agent>()

/** One set of connections for each authority. */
function dispatcherOf(ca: string | undefined): Agent {
  const known = dispatchers.get(ca)
  if (known !== undefined) return known
  const made = new Agent({ connect: ca === undefined ? {} : { ca } })
  dispatchers.set(ca, made)
  return made
}

export interface ClusterAccess {
  readonly server: string
  readonly ca: string | undefined
  readonly token: string
}

/** Server, authority and token of a kubeconfig's current context. */
export async function clusterOf(file: string): Promise<ClusterAccess> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new SettingError(`no kubeconfig at ${file}: start the control plane there, or give --kubeconfig`, { cause })
  }
  const config = parse(text) as {
    readonly 'current-context'?: string
    readonly contexts?: readonly {
      readonly name: string
      readonly context: { readonly cluster: string; readonly user: string }
    }[]
    readonly clusters?: readonly {
      readonly name: string
      readonly cluster: { readonly server: string; readonly 'certificate-authority-data'?: string }
    }[]
    readonly users?: readonly { readonly name: string; readonly user: { readonly token?: string } }[]
  }
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster
  const token = config.users?.find(({ name }) => name === context?.user)?.user.token
  if (cluster === undefined || token === undefined)
    throw new SettingError(`${file}: the current context needs a server and a token`)
  const data = cluster['certificate-authority-data']
  return { server: cluster.server, ca: data === undefined ? undefined : Buffer.from(data, 'base64').toString(), token }
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { readonly message?: string }).message ?? text
  } catch {
    return text.slice(0, 200)
  }
}
