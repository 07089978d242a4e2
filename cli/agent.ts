/**
 * `kedge agent`: this machine as a node. Started by hand or by a service manager with a join token, or by `kedge up`
 * over an IPC channel, which it asks for a token and with which it ends.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runAgent } from '../agent/main.ts'
import { dataDirectory, dockerSocket, type Flags, settings } from './settings.ts'
import { untilSignal } from './signals.ts'

export interface AgentFlags extends Flags {
  readonly server: string
  readonly token?: string
  readonly ca?: string
  readonly offlineSecrets?: boolean
}

export async function agent(flags: AgentFlags): Promise<void> {
  const stop = new AbortController()
  const running = runAgent(
    {
      server: flags.server,
      node: settings({ ...(flags.node === undefined ? {} : { node: flags.node }) }, process.env).node,
      dataDir:
        flags.data === undefined ? join(dataDirectory(undefined, process.env), 'agent') : dataDirectory(flags.data, {}),
      docker: dockerSocket(flags.docker ?? process.env['KEDGE_DOCKER']).slice('unix://'.length),
      offlineSecrets: flags.offlineSecrets ?? true,
      token: () => joinToken(flags.token ?? process.env['KEDGE_TOKEN']),
      ...(flags.ca === undefined ? {} : { caPem: await readFile(flags.ca, 'utf8') }),
    },
    stop.signal,
  )
  const failed = running.then(() => new Promise<never>(() => undefined))
  await Promise.race([untilSignal(failed), ...(process.connected ? [once(process, 'disconnect')] : [])])
  stop.abort()
  await running
  if (process.connected) process.disconnect()
}

/** The token given, or one from the parent that started this process. */
async function joinToken(given: string | undefined): Promise<string | undefined> {
  if (given !== undefined && given !== '') return given
  if (!process.connected || process.send === undefined) return undefined
  const answer = once(process, 'message') as Promise<unknown[]>
  process.send('token')
  return ((await answer)[0] as { readonly token: string }).token
}
