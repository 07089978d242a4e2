// The import law: a room is a folder, or a file that stands alone; its row says what it may import. It changes in the same
// commit as the room, with a dated reason. `architecture.test.ts` holds every file to it, ARCHITECTURE.md shows it.
export interface Row {
  readonly room: string
  /** rooms of ours; a room may always import itself */
  readonly ours: readonly string[]
  /** packages; `node:` is every module of Node, `*` anything */
  readonly outside: readonly string[]
  /** language only: no clock, no randomness, no platform */
  readonly pure?: true
  /** may import what only running it can tell */
  readonly computed?: true
}

export const port = 'api/platform/port.ts'
const agentRooms = ['plan', 'session', 'driver', 'link', 'net', 'stream', 'volume', 'probe'].map(
  (name) => `agent/${name}`,
)
const apiRooms = ['access', 'dispatch', 'http', 'kinds', 'loop', 'plan', 'registry', 'store'].map(
  (name) => `api/${name}`,
)

export const law: readonly Row[] = [
  { room: 'schema/k8s', ours: [], outside: [], pure: true },
  { room: 'schema/wire', ours: ['schema/k8s'], outside: ['zod'] },
  { room: 'schema/tables', ours: [], outside: ['drizzle-orm'] },
  { room: 'migrations', ours: [], outside: [] },

  { room: 'api/kinds', ours: ['schema/k8s'], outside: [], pure: true },
  { room: 'api/plan', ours: ['schema/k8s'], outside: [], pure: true },
  { room: 'api/registry/patch', ours: ['schema/k8s'], outside: [], pure: true },
  { room: 'api/store', ours: ['schema/tables', port], outside: ['drizzle-orm'] },
  {
    room: 'api/access',
    ours: ['api/store', port, 'schema/k8s'],
    outside: ['jose', '@peculiar/x509', 'reflect-metadata'],
  },
  {
    room: 'api/registry',
    ours: ['api/access', 'api/kinds', 'api/registry/patch', 'api/store', port, 'schema/k8s'],
    outside: [],
  },
  {
    room: 'api/loop',
    ours: ['api/plan', 'api/registry', 'api/access', 'api/store', 'api/kinds', port, 'schema/k8s'],
    outside: [],
  },
  {
    room: 'api/dispatch',
    ours: ['api/registry', 'api/access', 'api/store', port, 'schema/wire', 'schema/k8s'],
    outside: ['hono'],
  },
  {
    room: 'api/http',
    ours: ['api/registry', 'api/access', 'api/kinds', port, 'schema/k8s'],
    outside: ['hono', 'yaml'],
  },
  {
    room: 'api/app.ts',
    ours: ['api/http', 'api/dispatch', 'api/access', 'api/registry', port, 'schema/k8s'],
    outside: ['hono'],
  },
  // What both platforms share: ports in memory, the database over HTTP, migrations.
  {
    room: 'api/platform',
    ours: ['api/store', 'schema/tables', 'migrations', port],
    outside: ['@libsql/client', 'drizzle-orm'],
  },
  { room: port, ours: ['api/store', 'schema/k8s', 'schema/wire'], outside: [] },
  {
    room: 'api/platform/nodejs',
    ours: ['api/platform', 'schema/tables', 'schema/wire', 'schema/k8s', 'api/store', 'api/access', port],
    outside: ['node:', '@libsql/client', 'libsql', 'drizzle-orm', '@hono/node-server', 'ws'],
  },
  {
    room: 'api/platform/workerd',
    ours: ['api/platform', 'schema/tables', 'schema/wire', 'schema/k8s', 'api/store', 'api/access', 'api/loop', port],
    outside: ['cloudflare:', '@libsql/client', 'drizzle-orm'],
  },
  {
    room: 'api/nodejs.ts',
    ours: ['api/app.ts', ...apiRooms, 'api/platform', 'api/platform/nodejs', port, 'schema/k8s'],
    outside: ['node:', '@hono/node-server', 'hono'],
  },
  {
    room: 'api/workerd.ts',
    ours: ['api/app.ts', ...apiRooms, 'api/platform', 'api/platform/workerd', port, 'schema/k8s'],
    outside: ['hono', 'cloudflare:'],
  },

  { room: 'agent/plan', ours: ['schema/k8s'], outside: [], pure: true },
  { room: 'agent/session', ours: ['schema/wire', 'schema/k8s'], outside: [], pure: true },
  // 2026-11-21: the engine's and the control plane's HTTP on node: alone; dockerode and undici cost an agent 50 MB.
  { room: 'agent/driver', ours: ['agent/plan', 'schema/k8s'], outside: ['node:'] },
  { room: 'agent/link', ours: ['schema/wire', 'schema/k8s'], outside: ['node:'] },
  { room: 'agent/net', ours: ['agent/plan', 'schema/wire', 'schema/k8s'], outside: ['node:'] },
  // 2026-11-21: a stream finds its container among what the planners know.
  {
    room: 'agent/stream',
    ours: ['agent/plan', 'agent/driver', 'agent/link', 'schema/wire', 'schema/k8s'],
    outside: ['ws', 'node:'],
  },
  { room: 'agent/volume', ours: ['agent/plan', 'agent/driver', 'schema/k8s'], outside: ['node:'] },
  { room: 'agent/probe', ours: ['agent/plan', 'agent/driver', 'schema/k8s'], outside: ['undici', 'node:'] },
  { room: 'agent', ours: [...agentRooms, 'schema/wire', 'schema/k8s'], outside: ['node:'] },

  // 2026-11-21: `kedge edge` makes what a deployment needs: its keys, its certificates, a migrated database.
  {
    room: 'cli',
    ours: [
      'api/nodejs.ts',
      'api/platform',
      'api/platform/nodejs',
      'api/platform/workerd',
      'agent',
      'schema/k8s',
      'schema/wire',
    ],
    outside: ['commander', 'miniflare', 'undici', 'yaml', 'node:'],
  },
  // 2026-11-21: the command is bundled, and started from the bundle.
  { room: 'bin', ours: [], outside: ['esbuild', 'node:'] },
  { room: 'bin/start.js', ours: ['bin'], outside: ['node:'], computed: true },
  { room: 'test', ours: ['schema', 'api', 'agent', 'cli', 'bin'], outside: ['*'] },
]
