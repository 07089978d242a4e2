// Ports of the node that lead into pods, with real packets.
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aContainer, aPod, uidOf } from './pods.ts'
import type { Rig } from './rig.ts'
import { because, run, startRig, whyNot } from './rig.ts'

const reason = await whyNot()

const WEB = 'mkdir /tmp/www; echo hello > /tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www'
const outside = Object.values(networkInterfaces())
  .flat()
  .find((one) => one !== undefined && one.family === 'IPv4' && !one.internal)?.address

describe.skipIf(reason !== undefined)(`a port of the node${because(reason)}`, { timeout: 60_000 }, () => {
  let rig: Rig
  beforeAll(async () => {
    rig = await startRig({ podCIDR: '10.250.23.0/24' })
    await rig.plane.until('registered', () => rig.plane.registrations.length > 0)
  })
  afterAll(() => rig.close())

  const get = async (url: string): Promise<string> =>
    fetch(url, { signal: AbortSignal.timeout(2000), headers: { connection: 'close' } }).then(
      async (answer) => (await answer.text()).trim(),
      () => 'no answer',
    )
  const running = (uid: string): Promise<unknown> =>
    rig.plane.until('running', () => rig.plane.status(uid)?.phase === 'Running')

  it('leads to the pod from everywhere, while the agent is away as well, and ends with the pod', async () => {
    const ports = [{ containerPort: 80, hostPort: 28_080 }]
    const pod = aPod({ containers: [aContainer(WEB, { ports })] })
    rig.plane.put(pod)
    await running(uidOf(pod))
    const addresses = ['127.0.0.1', ...(outside === undefined ? [] : [outside])]
    for (const address of addresses)
      await expect.poll(() => get(`http://${address}:28080/`), { timeout: 5000 }).toBe('hello')
    // From inside a pod, to the node: its own pod by way of the node's port.
    const id = (await rig.containers()).find((line) => line.includes('k8s_main_'))?.split(' ')[0] ?? ''
    if (outside !== undefined)
      expect(await rig.docker('exec', id, 'wget', '-O-', `http://${outside}:28080/`)).toBe('hello')
    await rig.stopAgent()
    rig.startAgent()
    expect(await get('http://127.0.0.1:28080/')).toBe('hello')
    rig.plane.delete(uidOf(pod), 1)
    await rig.plane.until('stopped', () => rig.plane.stopped.has(uidOf(pod)))
    expect(await get('http://127.0.0.1:28080/')).toBe('no answer')
    expect((await run('nft', ['list', 'ruleset'])).stdout).not.toContain('dport 28080')
  })

  it('is that of one address when it names one', async () => {
    const ports = [{ containerPort: 80, hostPort: 28_081, hostIP: '127.0.0.1' }]
    const pod = aPod({ containers: [aContainer(WEB, { ports })] }, 'one')
    rig.plane.put(pod)
    await running(uidOf(pod))
    await expect.poll(() => get('http://127.0.0.1:28081/'), { timeout: 5000 }).toBe('hello')
    if (outside !== undefined) expect(await get(`http://${outside}:28081/`)).toBe('no answer')
  })
})
