import { MemoryDriver } from '../../agent/driver/memory.ts'
import { driverSuite } from './driver.ts'

driverSuite('the engine in memory', async () => {
  const image = 'kedge.test/busybox:1'
  return { driver: new MemoryDriver({ images: [image] }), image }
})
