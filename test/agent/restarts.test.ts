// What lives on without the agent, without its control plane, and after both come back.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aContainer, aPod, aSecret, SLEEP, uidOf } from './pods.ts'
import type { Rig } from './rig.ts'
import { because, startRig, whyNot } from './rig.ts'

const reason = await whyNot()

describe.skipIf(reason !== undefined)(`pods of a node${because(reason)}`, { timeout: 60_000 }, () => {
  let rig: Rig

  beforeEach(async () => {
    rig = await startRig({ podCIDR: '10.250.8.0/24' })
    await rig.plane.until('registered', () => rig.plane.registrations.length > 0)
  })
  afterEach(() => rig.close())

  it('are the same containers after the agent was away', async () => {
    const pod = aPod({ containers: [aContainer(SLEEP)] })
    rig.plane.put(pod)
    await rig.plane.until('running', () => rig.plane.status(uidOf(pod))?.phase === 'Running')
    const before = await rig.containers()
    await rig.stopAgent()
    expect(await rig.containers()).toEqual(before)
    const reported = rig.plane.reports.length
    rig.startAgent()
    await rig.plane.until('reported again', () =>
      rig.plane.reports.slice(reported).some((report) => report.pods.length > 0),
    )
    expect(await rig.containers()).toEqual(before)
    expect(rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.restartCount).toBe(0)
  })

  it('are as ready as they were, while their probes have not been heard again', async () => {
    const probe = { exec: { command: ['sh', '-c', 'sleep 1; cat /tmp/ready'] }, timeoutSeconds: 5, periodSeconds: 1 }
    const script = `touch /tmp/ready; ${SLEEP}`
    const probed = aContainer(script, { startupProbe: probe, readinessProbe: probe })
    const pod = aPod({ containers: [probed] }, 'probed')
    rig.plane.put(pod)
    const shown = (): unknown => {
      const { ready, started } = rig.plane.status(uidOf(pod))?.containerStatuses?.[0] ?? {}
      return { ready, started }
    }
    await rig.plane.until('ready', () => rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.ready)
    await rig.stopAgent()
    const reported = rig.plane.reports.length
    rig.startAgent()
    await rig.plane.until('reported again', () =>
      rig.plane.reports.slice(reported).some((report) => report.pods.length > 0),
    )
    expect(shown()).toEqual({ ready: true, started: true })
    const container = (await rig.containers()).find((line) => line.includes('k8s_main_'))?.split(' ')[0] ?? ''
    await rig.docker('exec', container, 'rm', '/tmp/ready')
    await rig.plane.until('not ready', () => rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.ready === false)
    const said = rig.plane.reports
      .slice(reported)
      .flatMap(({ pods }) => pods.map(({ status }) => JSON.stringify(status)))
    expect(said.filter((status) => status.includes('"started":false'))).toEqual([])
  })

  it('run on and restart while the control plane is away, from Secrets sealed on the disk', async () => {
    rig.plane.putSecret(aSecret('hidden', { word: 'lion-in-the-morning' }))
    const env = [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'hidden', key: 'word' } } }]
    const pod = aPod({ containers: [aContainer(`echo $WORD; ${SLEEP}`, { env })] })
    rig.plane.put(pod)
    await rig.plane.until('running', () => rig.plane.status(uidOf(pod))?.phase === 'Running')
    rig.plane.refuse = 503
    await rig.stopAgent()
    const id = (await rig.containers()).find((line) => line.includes('k8s_main_'))?.split(' ')[0] ?? ''
    await rig.docker('kill', id)
    rig.startAgent()
    await expect
      .poll(
        async () => {
          const now = (await rig.containers()).find((line) => /k8s_main_\S+_1 running/.test(line))
          return now === undefined ? '' : rig.docker('logs', now.split(' ')[0] ?? '')
        },
        { timeout: 15_000 },
      )
      .toBe('lion-in-the-morning')
    rig.plane.refuse = undefined
  })

  it('leave no trace of Secrets in the directory of the agent, which is its alone', async () => {
    rig.plane.putSecret(aSecret('hidden', { word: 'lion-in-the-morning' }))
    const env = [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'hidden', key: 'word' } } }]
    const pod = aPod({ containers: [aContainer(SLEEP, { env })] })
    rig.plane.put(pod)
    await rig.plane.until('running', () => rig.plane.status(uidOf(pod))?.phase === 'Running')
    await rig.stopAgent()
    expect(((await stat(rig.dataDir)).mode & 0o777).toString(8)).toBe('700')
    const files = (await readdir(rig.dataDir, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    )
    expect(files.map((file) => file.name)).toContain('assignment.sealed')
    for (const file of files) {
      const bytes = await readFile(join(file.parentPath, file.name))
      expect([file.name, bytes.includes('lion-in-the-morning')]).toEqual([file.name, false])
      expect([file.name, bytes.includes(Buffer.from('lion-in-the-morning').toString('base64'))]).toEqual([
        file.name,
        false,
      ])
    }
    for (const name of ['assignment.sealed', 'assignment.key', 'identity.json']) {
      expect([name, ((await stat(join(rig.dataDir, name))).mode & 0o777).toString(8)]).toEqual([name, '600'])
    }
  })

  it('are told again in full to a control plane that forgot the session', async () => {
    const pod = aPod({ containers: [aContainer(SLEEP)] })
    rig.plane.put(pod)
    await rig.plane.until('running', () => rig.plane.status(uidOf(pod))?.phase === 'Running')
    const reported = rig.plane.reports.length
    rig.plane.endSession()
    await rig.plane.until('registered again', () => rig.plane.registrations.length > 1)
    const told = await rig.plane.until('told again', () =>
      rig.plane.reports.slice(reported).some((report) => report.pods.some(({ uid }) => uid === uidOf(pod))),
    )
    expect(told).toBe(true)
  })

  it('end when they were deleted while the agent was away', async () => {
    const pod = aPod({ containers: [aContainer(SLEEP)] })
    rig.plane.put(pod)
    await rig.plane.until('running', () => rig.plane.status(uidOf(pod))?.phase === 'Running')
    await rig.stopAgent()
    rig.plane.drop(uidOf(pod))
    rig.startAgent()
    await expect.poll(() => rig.containers(), { timeout: 10_000 }).toEqual([])
  })
})
