import { describe } from 'vitest'
import { DockerDriver } from '../../agent/driver/docker.ts'
import { DOCKER, whyNot } from '../agent/rig.ts'
import { driverSuite } from './driver.ts'

const reason = await whyNot()
if (reason !== undefined) process.stderr.write(`the driver suite does not run on Docker here: ${reason}\n`)

describe.skipIf(reason !== undefined)('a real engine', () => {
  driverSuite('Docker', async () => ({ driver: new DockerDriver(DOCKER), image: 'kedge.test/busybox:1' }))
})
