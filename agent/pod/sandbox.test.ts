/** Whether a pod's volumes are as its Secrets and ConfigMaps say, also when those change while volumes are written. */
import { expect, test } from 'vitest'
import type { Pod, Secret } from '../../schema/k8s/generated/types.ts'
import type { Ground } from '../ground.ts'
import { PodRecord } from './record.ts'
import { prepareVolumes } from './sandbox.ts'

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'default', name: 'web', uid: 'u1' },
  spec: { containers: [], volumes: [{ name: 'key', secret: { secretName: 'key' } }] },
}
const secret = (password: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'default', name: 'key' },
  data: { password: btoa(password) },
})

/** A record on ground whose volumes take until `let go`, and what was written. */
function slow(): { readonly record: PodRecord; readonly written: string[]; readonly letGo: (error?: Error) => void } {
  const written: string[] = []
  const going = Promise.withResolvers<void>()
  const ground = {
    node: {
      ip: '192.0.2.1',
      clusterDomain: 'cluster.local',
      clusterDNS: '10.96.0.10',
      hostResolvConf: '',
      podsDir: '/',
    },
    sources: { secret: () => secret('old'), configMap: () => undefined },
    event: () => {},
    volumes: {
      prepare: async (_uid: string, volumes: PodRecord['volumes']) => {
        await going.promise
        for (const volume of volumes)
          if (volume.kind === 'files') written.push(...volume.files.map(({ bytes }) => new TextDecoder().decode(bytes)))
      },
    },
  }
  const record = new PodRecord(ground as unknown as Ground, pod)
  return { record, written, letGo: (error) => (error === undefined ? going.resolve() : going.reject(error)) }
}

test('volumes are ready once they are written', async () => {
  const { record, written, letGo } = slow()
  const preparing = prepareVolumes(record, '', new AbortController().signal)
  letGo()
  await preparing
  expect(written).toEqual(['old'])
  expect(record.volumesReady).toBe(true)
})

test('a Secret that changes while volumes are written makes them be written again', async () => {
  const { record, letGo } = slow()
  const preparing = prepareVolumes(record, '', new AbortController().signal)
  // What the worker does when it is handed a newer version.
  record.volumesReady = false
  letGo()
  await preparing
  expect(record.volumesReady).toBe(false)
})

test('volumes that cannot be written are not ready', async () => {
  const { record, letGo } = slow()
  const preparing = prepareVolumes(record, '', new AbortController().signal)
  letGo(new Error('no space left'))
  await expect(preparing).rejects.toThrow('no space left')
  expect(record.volumesReady).toBe(false)
})
