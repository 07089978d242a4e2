// Images that have to be fetched, from a registry that wants a password.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { aContainer, aPod, aSecret, IMAGE, uidOf } from './pods.ts'
import type { Registry } from './registry.ts'
import { startRegistry } from './registry.ts'
import type { Rig } from './rig.ts'
import { because, DOCKER, startRig, whyNot } from './rig.ts'

const reason = await whyNot()

describe.skipIf(reason !== undefined)(`a pod whose image is elsewhere${because(reason)}`, { timeout: 60_000 }, () => {
  let rig: Rig
  let registry: Registry

  beforeAll(async () => {
    rig = await startRig({ podCIDR: '10.250.2.0/24' })
    const made = await rig.docker('create', IMAGE, 'sh')
    const exported = await promisify(execFile)('docker', ['-H', `unix://${DOCKER}`, 'export', made], {
      encoding: 'buffer',
      maxBuffer: 1 << 26,
    })
    await rig.docker('rm', made)
    registry = await startRegistry(exported.stdout)
    await rig.plane.until('registered', () => rig.plane.registrations.length > 0)
  })
  afterAll(async () => {
    await rig.close()
    await rig.docker('rmi', '-f', `${registry.host}/team/app:v1`).catch(() => '')
    await registry.close()
  })

  it('runs when its pull secret opens the registry, and names the exact image', async () => {
    const image = `${registry.host}/team/app:v1`
    const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64')
    rig.plane.putSecret(
      aSecret('login', { '.dockerconfigjson': JSON.stringify({ auths: { [registry.host]: { auth } } }) }),
    )
    const main = aContainer('echo pulled > /dev/termination-log', { image, imagePullPolicy: 'Always' })
    const pod = aPod({ restartPolicy: 'Never', imagePullSecrets: [{ name: 'login' }], containers: [main] })
    rig.plane.put(pod)
    await rig.plane.until('done', () => rig.plane.status(uidOf(pod))?.phase === 'Succeeded')
    const status = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]
    expect(status?.imageID).toMatch(new RegExp(`^docker-pullable://${registry.host}/team/app@sha256:[0-9a-f]{64}$`))
    expect(status?.state?.terminated?.message).toBe('pulled\n')
    const events = rig.plane.events(uidOf(pod))
    expect(events[0]).toBe(`Pulling: Pulling image "${image}"`)
    expect(events[1]).toMatch(
      /^Pulled: Successfully pulled image ".*" in [\d.]+m?s \([\d.]+m?s including waiting\)\. Image size: \d+ bytes\.$/,
    )
  })

  it.each([
    ['no secret', 'team/app:v1', /no basic auth credentials|unauthorized|authentication required/i],
    ['no such image', 'team/none:v1', /no basic auth credentials|unauthorized|not found/i],
  ])('says why it waits: %s', async (_, name, said) => {
    const pod = aPod({ containers: [aContainer('', { image: `${registry.host}/${name}`, imagePullPolicy: 'Always' })] })
    rig.plane.put(pod)
    const waiting = await rig.plane.until('failed', () => {
      const state = rig.plane.status(uidOf(pod))?.containerStatuses?.[0]?.state?.waiting
      return state?.reason === 'ErrImagePull' ? state : undefined
    })
    expect(waiting.message).toMatch(said)
  })
})
