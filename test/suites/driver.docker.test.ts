import { describe } from 'vitest'
import { DockerDriver } from '../../agent/driver/docker.ts'
import { because, DOCKER, whyNot } from '../agent/rig.ts'
import { driverSuite } from './driver.ts'

const reason = await whyNot()

describe.skipIf(reason !== undefined)(`a real engine${because(reason)}`, () => {
  driverSuite('Docker', async () => ({ driver: new DockerDriver(DOCKER), image: 'kedge.test/busybox:1' }))
})
