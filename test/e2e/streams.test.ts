/** exec with a terminal, logs with their options, cp and port-forward, as a user types them. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { command } from '../tools/command.ts'
import { image, removePodContainers } from '../tools/docker.ts'
import { eventually } from '../tools/eventually.ts'
import { freePort } from '../tools/free-port.ts'
import { type RunningCluster, startCluster } from '../tools/kedge.ts'
import { kubectlPath } from '../tools/kubectl.ts'
import { tempFolder } from '../tools/temp.ts'

const NODE = 'streams-1'

let cluster: RunningCluster
let folder: Awaited<ReturnType<typeof tempFolder>>
const run = (...parameters: readonly string[]): Promise<string> => cluster.kubectl.run(...parameters)

const pod = (name: string, script: string, restartPolicy = 'Always'): unknown => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    restartPolicy,
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image, command: ['sh', '-c', script] }],
  },
})

describe('streams', () => {
  beforeAll(async () => {
    folder = await tempFolder()
    cluster = await startCluster({ agent: true, node: NODE })
    // The pauses inside are what is asserted: lines whose times are seconds apart, and lives that can be told apart.
    const items = [
      pod('web', 'mkdir /www; echo hello > /www/index.html; echo up; exec httpd -f -p 8080 -h /www'),
      pod('count', 'for i in 1 2 3; do echo line $i; done; sleep 4; echo line 4; sleep 86400', 'Never'),
      pod('again', 'echo life $(cat /proc/sys/kernel/random/uuid); sleep 2; exit 1'),
    ]
    await cluster.kubectl.pipe(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'create', '-f', '-')
    await run('wait', '--for=condition=Ready', 'pod/web', 'pod/count', '--timeout=60s')
  })
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]()
    await removePodContainers(NODE)
    await folder[Symbol.asyncDispose]()
  })

  test('kubectl exec -it has a terminal of the size of ours, and its exit code', async () => {
    // The size comes right after the terminal, as with a kubelet.
    const inside =
      'test -t 0 && test -t 1 && echo terminal; until stty size 2>&1 | grep -q "^[1-9]"; do sleep 0.1; done; stty size; read word; echo "read $word"; exit 5'
    const typed = `stty rows 33 cols 77; ${kubectlPath} exec -it web -- sh -c '${inside}'`
    const { code, stdout } = await command('script', ['-qec', typed, '/dev/null'], {
      stdin: 'abc\n',
      deadlineMs: 20_000,
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig, SHELL: '/bin/sh' },
    })
    expect(stdout.replaceAll('\r', '')).toMatch(/terminal\n[\s\S]*33 77\n[\s\S]*read abc\n/)
    expect(code).toBe(5)
  })

  test('kubectl logs --tail, --timestamps, --since and -f', async () => {
    await eventually(async () => expect(await run('logs', 'count')).toBe('line 1\nline 2\nline 3\nline 4\n'))
    expect(await run('logs', 'count', '--tail=2')).toBe('line 3\nline 4\n')
    expect(await run('logs', 'count', '--tail=0')).toBe('')
    expect(await run('logs', 'count', '--limit-bytes=9')).toBe('line 1\nli')
    const stamped = (await run('logs', 'count', '--timestamps')).trim().split('\n')
    expect(stamped).toHaveLength(4)
    for (const line of stamped) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z line \d$/)
    const [first = '', , , fourth = ''] = stamped.map((line) => line.split(' ')[0] ?? '')
    expect(Date.parse(fourth) - Date.parse(first)).toBeGreaterThan(3_000)
    expect(await run('logs', 'count', `--since-time=${fourth.slice(0, 19)}Z`)).toBe('line 4\n')
    expect(await run('logs', 'count', '--since=1h')).toBe('line 1\nline 2\nline 3\nline 4\n')
    await using followed = cluster.kubectl.watch('logs', '-f', 'web', '--prefix')
    await eventually(() => expect(followed.text()).toContain('[pod/web/main] up'))
  })

  test('kubectl logs --previous is the life before this one', async () => {
    await eventually(
      async () => {
        const now = await run('logs', 'again')
        const before = await run('logs', 'again', '--previous')
        expect(now).toMatch(/^life [-0-9a-f]{36}\n$/)
        expect(before).toMatch(/^life [-0-9a-f]{36}\n$/)
        expect(before).not.toBe(now)
      },
      { deadlineMs: 30_000, everyMs: 300 },
    )
    const never = await cluster.kubectl.try('logs', 'web', '--previous')
    expect(never.code).toBe(1)
    expect(never.stderr).toContain('previous terminated container "main" in pod "web" not found')
  })

  test('kubectl cp there and back is the same bytes', async () => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000))
    const [here, back] = [join(folder.path, 'here'), join(folder.path, 'back')]
    await writeFile(here, bytes)
    await run('cp', here, 'web:/tmp/there')
    await run('cp', 'web:/tmp/there', back)
    expect(Buffer.compare(await readFile(back), bytes)).toBe(0)
  })

  test('kubectl port-forward carries requests, also several at once', async () => {
    const port = await freePort()
    await using forwarding = cluster.kubectl.watch('port-forward', 'pod/web', `${port}:8080`)
    await eventually(() => expect(forwarding.text()).toContain(`Forwarding from 127.0.0.1:${port} -> 8080`))
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
    )
    expect(answers).toEqual(Array.from({ length: 5 }, () => 'hello\n'))
  })
})
