/**
 * The `kedge` command. Each command is a file, loaded only when it is asked for: `up` answers its first request
 * within half a second of the process starting, so nothing is loaded that it does not need.
 */
import { Command } from 'commander'

const serverFlags = (command: Command): Command =>
  command
    .option('--port <number>', 'port of the API (KEDGE_PORT, default 6443)')
    .option('--host <address>', 'address to listen on (KEDGE_HOST, default 127.0.0.1)')
    .option('--data <directory>', 'data directory (KEDGE_DATA)')

const program = new Command('kedge').description('A real Kubernetes API for the VMs you already have')

serverFlags(program.command('up'))
  .description('control plane and an agent on the local Docker engine')
  .option('--docker <socket>', 'Docker engine (KEDGE_DOCKER, default unix:///var/run/docker.sock)')
  .option('--node <name>', 'name of this node (KEDGE_NODE, default the host name)')
  .option('--no-agent', 'control plane alone (KEDGE_NO_AGENT=1)')
  .action(async (flags) => (await import('./up.ts')).up(flags))

serverFlags(program.command('server'))
  .description('control plane alone')
  .action(async (flags) => (await import('./up.ts')).up({ ...flags, agent: false }))

program
  .command('agent')
  .description('join this machine to a cluster')
  .requiredOption('--server <url>', 'URL of the control plane')
  .option('--token <token>', 'one-use join token (KEDGE_TOKEN); not needed once joined')
  .option('--ca <file>', 'PEM of the authority that signed the control plane; default: the one in the token')
  .option('--node <name>', 'name of this node (KEDGE_NODE, default the host name)')
  .option('--docker <socket>', 'Docker engine (KEDGE_DOCKER)')
  .option('--data <directory>', 'data directory of the agent (KEDGE_DATA)')
  .option('--no-offline-secrets', 'keep Secrets in memory only')
  .action(async (flags) => (await import('./agent.ts')).agent(flags))

const token = program.command('token').description('join tokens')
token
  .command('create')
  .description('print a one-use join token')
  .option('--data <directory>', 'data directory of the control plane (KEDGE_DATA)')
  .option('--kubeconfig <file>', 'kubeconfig of the cluster, default the one in the data directory')
  .option('--ttl <seconds>', 'life of the token, at most 3600', '3600')
  .action(async (flags) => (await import('./token.ts')).createToken(flags))

program
  .command('simulate')
  .description('many agents on an in-memory engine, over the real protocol; or seeded whole-cluster runs')
  .option('--nodes <number>', 'agents to run against --server')
  .option('--server <url>', 'URL of the control plane')
  .option('--data <directory>', 'data directory of the control plane, for its kubeconfig (KEDGE_DATA)')
  .option('--kubeconfig <file>', 'kubeconfig of the cluster, default the one in the data directory')
  .option('--seeds <number>', 'seeded simulations of a whole cluster under a virtual clock')
  .option('--first <seed>', 'first seed', '1')
  .action(async (flags) => (await import('./simulate.ts')).simulate(flags))

program
  .command('edge')
  .description('the same cluster from workerd, over a libSQL server; or what a deployment needs, with --init')
  .option('--port <number>', 'port of the API (KEDGE_PORT, default 6443)')
  .option('--host <address>', 'address to listen on (KEDGE_HOST, default 127.0.0.1)')
  .option('--data <directory>', 'data directory (KEDGE_DATA)')
  .option('--init', 'make keys, secret and kubeconfig for a deployment, and migrate its database')
  .option('--url <url>', 'with --init: the address the Worker will have')
  .option('--database <url>', 'with --init: the libSQL database')
  .option('--auth-token <token>', 'with --init: token of the database')
  .option('--ca <file>', 'with --init: PEM of the authority that clients meet, when it is not a public one')
  .action(async (flags) => (await import('./edge.ts')).edge(flags))

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`kedge: ${error instanceof Error ? error.message : String(error)}\n`)
  if (process.env['KEDGE_LOG'] === 'debug' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  // What a command that failed left open, an agent's pods or its parent's channel, must not keep it.
  process.exit(1)
}
