/**
 * Settings of the commands: a flag, else its `KEDGE_*` variable, else the default. One table, so that `--help`,
 * the environment and the README say the same.
 */
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'

export interface Settings {
  readonly port: number
  readonly host: string
  readonly data: string
  readonly docker: string
  readonly agent: boolean
  readonly node: string
}

export interface Flags {
  readonly port?: string
  readonly host?: string
  readonly data?: string
  readonly docker?: string
  readonly agent?: boolean
  readonly node?: string
}

type Environment = Readonly<Record<string, string | undefined>>

/** A setting that cannot be used: one line, naming the setting, the value and the rule. */
export class SettingError extends Error {}

/** Settings of `kedge up` and `kedge server`. Throws `SettingError`. */
export function settings(flags: Flags, environment: Environment): Settings {
  return {
    port: port(flags.port ?? environment['KEDGE_PORT'] ?? '6443'),
    host: flags.host ?? environment['KEDGE_HOST'] ?? '127.0.0.1',
    data: dataDirectory(flags.data, environment),
    docker: dockerSocket(flags.docker ?? environment['KEDGE_DOCKER'] ?? environment['DOCKER_HOST']),
    agent: (flags.agent ?? true) && environment['KEDGE_NO_AGENT'] !== '1',
    node: nodeName(flags.node ?? environment['KEDGE_NODE'] ?? hostname()),
  }
}

/** Where everything that must survive a restart lies: 0700, never shared between two processes. */
export function dataDirectory(flag: string | undefined, environment: Environment): string {
  const chosen = flag ?? environment['KEDGE_DATA']
  if (chosen !== undefined && chosen !== '') return resolve(chosen)
  if (process.getuid?.() === 0) return '/var/lib/kedge'
  return join(environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'kedge')
}

/** Only a local engine can run pods: their networks are made on this machine. */
export function dockerSocket(value: string | undefined): string {
  const chosen = value === undefined || value === '' ? 'unix:///var/run/docker.sock' : value
  if (chosen.startsWith('unix://')) return chosen
  if (chosen.startsWith('/')) return `unix://${chosen}`
  throw new SettingError(`--docker ${chosen}: must be a local socket, unix:///path/to/docker.sock`)
}

function port(value: string): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number
  throw new SettingError(`--port ${value}: must be a whole number from 0 to 65535`)
}

/** A Node's name is a DNS-1123 subdomain; a host name is brought into that form, anything else is refused. */
function nodeName(value: string): string {
  const name = value.toLowerCase()
  if (name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) return name
  throw new SettingError(`--node ${value}: must be a lower case DNS-1123 subdomain, such as web-1`)
}
