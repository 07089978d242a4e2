/**
 * What a user does with a running container through kubectl: a terminal that can be resized, files both ways, a port.
 * The same on Node and on workerd.
 */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '../tools/eventually.ts'
import { kubectlPath } from '../tools/kubectl.ts'
import { tempFolder } from '../tools/temp.ts'
import type { WalkTarget } from './walk.ts'

export interface StreamsTarget extends Pick<WalkTarget, 'kubectl' | 'image'> {
  readonly kubeconfig: () => string
}

const POD = 'streams'
const PORT = 8080
const COPIED = 20 * 1_048_576

export function streamsWalk(target: StreamsTarget): void {
  const run = (...parameters: readonly string[]): Promise<string> => target.kubectl().run(...parameters)

  test('a pod to talk to', async () => {
    const loop = `trap "exit 0" TERM; while true; do echo "$RANDOM" | nc -l -p ${PORT} -e cat; done`
    await run('run', POD, `--image=${target.image}`, '--restart=Never', '--', 'sh', '-c', loop)
    expect(await run('wait', '--for=condition=Ready', `pod/${POD}`, '--timeout=60s')).toContain('condition met')
  })

  test('kubectl exec -it has a terminal of the client’s size, follows a resize, and passes Ctrl-C', async () => {
    const { stdout, code } = await inTerminal(target.kubeconfig(), ['exec', '-it', POD, '--', 'sh'])
    expect(stdout).toContain('SIZE 30 100')
    expect(stdout).toContain('SIZE 45 120')
    expect(stdout).toContain('INTERRUPTED 130')
    expect(code).toBe(7)
  })

  test('kubectl cp carries 20 MB into the container and back, unchanged', async () => {
    await using folder = await tempFolder()
    const there = join(folder.path, 'there')
    const back = join(folder.path, 'back')
    const bytes = randomBytes(COPIED)
    writeFileSync(there, bytes)
    await run('cp', there, `${POD}:/tmp/copied`)
    expect(await run('exec', POD, '--', 'sha256sum', '/tmp/copied')).toContain(
      createHash('sha256').update(bytes).digest('hex'),
    )
    await run('cp', `${POD}:/tmp/copied`, back)
    expect(readFileSync(back).equals(bytes)).toBe(true)
  })

  test('kubectl port-forward carries bytes both ways, for one connection after another', async () => {
    await using forward = target.kubectl().watch('port-forward', POD, `:${PORT}`)
    const port = await eventually(() => /127\.0\.0\.1:(\d+) ->/.exec(forward.text())?.[1] ?? false, {
      deadlineMs: 15_000,
    })
    for (const size of [10, 1_000_000]) {
      const bytes = randomBytes(size)
      await eventually(async () => expect((await echoed(Number(port), bytes)).equals(bytes)).toBe(true), {
        deadlineMs: 15_000,
        everyMs: 300,
      })
    }
  })

  test('the pod goes', async () => {
    expect(await run('delete', 'pod', POD, '--grace-period=1')).toContain(`pod "${POD}" deleted`)
  })
}

/** Sends all, and answers with what comes back of the same length. */
async function echoed(port: number, bytes: Buffer): Promise<Buffer> {
  const { connect } = await import('node:net')
  const socket = connect(port, '127.0.0.1')
  const chunks: Buffer[] = []
  let length = 0
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
    if (length >= bytes.length) socket.end()
  })
  socket.on('error', () => socket.destroy())
  socket.setTimeout(10_000, () => socket.destroy())
  socket.write(bytes)
  await once(socket, 'close')
  return Buffer.concat(chunks)
}

/**
 * Python gives kubectl a terminal: what Node itself cannot make. Each step waits, with a deadline, for what the one
 * before it shows; kubectl starts once its terminal has a size.
 */
const TERMINAL = `
import fcntl, os, pty, select, signal, struct, sys, termios, time
def size(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
sized, unsized = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.close(unsized)
    os.read(sized, 1)
    os.execv(sys.argv[1], sys.argv[1:])
size(30, 100)
os.close(unsized)
seen = b''
def until(text, seconds=20):
    "What comes before the text; None when that does not come before the deadline or the end."
    global seen
    end = time.time() + seconds
    while text not in seen:
        if time.time() > end:
            return None
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            more = os.read(fd, 4096)
        except OSError:
            more = b''
        if more == b'':
            return None
        sys.stdout.buffer.write(more)
        seen += more
    before, _, seen = seen.partition(text)
    return before
def asked(wanted, seconds=20):
    "A size travels on a stream of its own, so it is asked for until it is the one."
    end = time.time() + seconds
    while time.time() < end:
        os.write(fd, b'echo SI""ZE $(stty size)\\n')
        if until(b'SIZE ') is None or (until(b'\\n') or b'').strip() == wanted:
            return
until(b'# ')
asked(b'30 100')
size(45, 120)
os.kill(pid, signal.SIGWINCH)
asked(b'45 120')
os.write(fd, b'echo SLEEP""ING; sleep 60; echo INTER""RUPTED $?\\n')
until(b'SLEEPING')
os.write(fd, b'\\x03')
until(b'# ')
os.write(fd, b'echo INTER""RUPTED $?\\n')
until(b'INTERRUPTED 130')
os.write(fd, b'exit 7\\n')
until(b'only the end ends this')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`

async function inTerminal(
  kubeconfig: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly code: number | null }> {
  const env = { ...process.env, KUBECONFIG: kubeconfig, TERM: 'xterm' }
  const child = spawn('python3', ['-c', TERMINAL, kubectlPath, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let stdout = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { stdout, code }
}
