/** The command as a user meets it when it cannot start: one line that says what is wrong, and an exit code. */
import { chmod, copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../api/platform/nodejs/native.ts'
import { eventually } from '../tools/eventually.ts'
import { freePort } from '../tools/free-port.ts'
import { kedge, startCluster, startProcess } from '../tools/kedge.ts'
import { tempFolder } from '../tools/temp.ts'

let folder: Awaited<ReturnType<typeof tempFolder>>
let busy: Server
let busyPort: number

/** A data directory with a stopped cluster in it. */
async function stopped(name: string): Promise<string> {
  const dataDir = join(folder.path, name)
  const cluster = await startCluster({ dataDir })
  expect(await cluster.stop()).toBe(0)
  return dataDir
}

const inCluster = (dataDir: string, file: string): string => join(dataDir, 'clusters', 'default', file)

interface Case {
  readonly what: string
  /** what is there before, and the arguments that fail on it */
  readonly given: () => Promise<readonly string[]>
  readonly said: RegExp
}

const cases: readonly Case[] = [
  {
    what: 'the port is busy',
    given: async () => ['server', '--port', String(busyPort), '--data', join(folder.path, 'busy')],
    said: /^port \d+ of 127\.0\.0\.1 is in use: stop what listens there, or choose another with --port$/,
  },
  {
    what: 'the address is not of this machine',
    given: async () => ['server', '--host', '203.0.113.7', '--port', '0', '--data', join(folder.path, 'address')],
    said: /^--host 203\.0\.113\.7 is no address of this machine$/,
  },
  {
    what: 'the port is no port',
    given: async () => ['server', '--port', 'http', '--data', join(folder.path, 'none')],
    said: /^--port http: must be a whole number from 0 to 65535$/,
  },
  {
    what: 'the data directory is a file',
    given: async () => {
      await writeFile(join(folder.path, 'file'), '')
      return ['server', '--port', '0', '--data', join(folder.path, 'file')]
    },
    said: /^cannot keep data in \S+\/file: /,
  },
  {
    what: 'the data directory cannot be made',
    given: async () => ['server', '--port', '0', '--data', '/proc/kedge/data'],
    said: /^cannot keep data in \/proc\/kedge\/data: /,
  },
  {
    what: 'the database is another cluster’s',
    given: async () => {
      const [mine, other] = [await stopped('mine'), await stopped('other')]
      for (const name of await readdir(inCluster(mine, '.'))) {
        if (name.startsWith('kedge.db')) await rm(inCluster(mine, name))
      }
      await copyFile(inCluster(other, 'kedge.db'), inCluster(mine, 'kedge.db'))
      return ['server', '--port', '0', '--data', mine]
    },
    said: /^cannot use the data in \S+\/mine\/clusters\/default: the database belongs to cluster [-0-9a-f]{36}, not to [-0-9a-f]{36}$/,
  },
  {
    what: 'the database is of a newer kedge',
    given: async () => {
      const dataDir = await stopped('newer')
      const database = connect(inCluster(dataDir, 'kedge.db'))
      database.ask(`UPDATE store_meta SET v = '99' WHERE k = 'schema_version'`)
      database.close()
      return ['server', '--port', '0', '--data', dataDir]
    },
    said: /the database has schema version 99, this kedge knows \d+: use a newer kedge$/,
  },
  {
    what: 'the database is no database',
    given: async () => {
      const dataDir = await stopped('garbage')
      await writeFile(inCluster(dataDir, 'kedge.db'), 'not a database at all, but long enough to look at\n'.repeat(200))
      return ['server', '--port', '0', '--data', dataDir]
    },
    said: /^cannot open \S+\/garbage\/clusters\/default\/kedge\.db: file is not a database$/,
  },
  {
    what: 'the keys are gone',
    given: async () => {
      const dataDir = await stopped('keyless')
      await rm(inCluster(dataDir, 'keys.json'))
      return ['server', '--port', '0', '--data', dataDir]
    },
    said: /keys\.json is missing, and the database beside it is sealed with the keys in it: put it back$/,
  },
  {
    what: 'the engine is not a local one',
    given: async () => ['up', '--docker', 'tcp://10.0.0.1:2375'],
    said: /^--docker tcp:\/\/10\.0\.0\.1:2375: must be a local socket, unix:\/\/\/path\/to\/docker\.sock$/,
  },
  {
    what: 'the agent’s server is no URL',
    given: async () => ['agent', '--server', '10.0.0.1:6443', '--data', join(folder.path, 'agent')],
    said: /^--server 10\.0\.0\.1:6443: must be the URL of the control plane, such as https:\/\/10\.0\.0\.1:6443$/,
  },
  {
    what: 'the agent’s authority is no file',
    given: async () => ['agent', '--server', 'https://10.0.0.1', '--ca', '/none.pem', '--data', join(folder.path, 'a')],
    said: /^--ca \/none\.pem: cannot be read: .*ENOENT/,
  },
  {
    what: 'there is no control plane to ask for a token',
    given: async () => ['token', 'create', '--data', join(folder.path, 'nowhere')],
    said: /^no kubeconfig at \S+\/nowhere\/kubeconfig: start the control plane there, or give --kubeconfig$/,
  },
]

describe('what cannot start says why in one line', () => {
  beforeAll(async () => {
    folder = await tempFolder()
    await mkdir(folder.path, { recursive: true })
    busyPort = await freePort()
    busy = createServer().listen(busyPort, '127.0.0.1')
    await once(busy, 'listening')
  })
  afterAll(async () => {
    busy.close()
    await folder[Symbol.asyncDispose]()
  })

  test.each(cases)('$what', async ({ given, said }) => {
    const { code, stdout, stderr } = await kedge(await given(), { deadlineMs: 15_000 })
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^kedge: [^\n]*\n$/)
    expect(stderr.slice('kedge: '.length, -1)).toMatch(said)
    expect(code).toBe(1)
  })

  test('another process has the data', async () => {
    await using cluster = await startCluster()
    const { code, stderr } = await kedge(['server', '--port', '0', '--data', cluster.dataDir], { deadlineMs: 15_000 })
    expect(stderr).toMatch(
      /^kedge: another process is using the data in \S+: stop it first, or choose another directory\n$/,
    )
    expect(code).toBe(1)
  })

  test('only the owner may write there', async ({ skip }) => {
    const nobody = 65_534
    skip(process.getuid?.() !== 0, 'needs root, to become somebody else')
    await chmod(folder.path, 0o711)
    const { code, stderr } = await kedge(['server', '--port', '0', '--data', join(folder.path, 'locked')], {
      deadlineMs: 15_000,
      uid: nobody,
    })
    expect(stderr).toMatch(/^kedge: cannot keep data in \S+\/locked: EACCES: permission denied, mkdir '\S+'\n$/)
    expect(code).toBe(1)
  })
})

test('without an engine the control plane runs alone and says how to get one', async () => {
  await using data = await tempFolder()
  const socket = `unix://${join(data.path, 'docker.sock')}`
  const up = startProcess(['up', '--port', '0', '--data', join(data.path, 'data'), '--docker', socket])
  try {
    await eventually(() => expect(up.output()).toMatch(/kubectl get nodes/), { deadlineMs: 20_000 })
    expect(up.output()).toContain(`no Docker engine at ${socket}; the control plane runs alone`)
    expect(up.output()).toContain('apt-get install docker.io')
  } finally {
    expect(await up.stop('SIGINT')).toBe(0)
  }
})
