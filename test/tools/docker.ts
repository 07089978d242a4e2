/** The Docker engine that `npm test` found or started, and the images it built. */
import { type Answer, command, type CommandOptions } from './command.ts'

/** `unix:///path`; undefined where pods cannot run. */
export const dockerHost: string | undefined = process.env['KEDGE_TEST_DOCKER']

/** Busybox with every applet. Both hold the same but for /etc/image-version. */
export const image = 'kedge.test/busybox:1'
export const newerImage = 'kedge.test/busybox:2'

export function docker(args: readonly string[], options: CommandOptions = {}): Promise<Answer> {
  if (dockerHost === undefined) throw new Error('there is no Docker engine for tests: start them with npm test')
  return command('docker', args, { ...options, env: { ...process.env, ...options.env, DOCKER_HOST: dockerHost } })
}

/** The containers of a node's pods, or of all pods, running or not. */
export async function podContainers(node?: string): Promise<readonly string[]> {
  const label = node === undefined ? 'io.kubernetes.pod.uid' : `io.kedge.node=${node}`
  const { stdout } = await docker(['ps', '--all', '--quiet', '--no-trunc', '--filter', `label=${label}`])
  return stdout.split('\n').filter((id) => id !== '')
}

/** Leaves the engine without pods, those of this node or all: others may use the same engine. */
export async function removePodContainers(node?: string): Promise<void> {
  const ids = await podContainers(node)
  if (ids.length > 0) await docker(['rm', '--force', '--volumes', ...ids])
}
