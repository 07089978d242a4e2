/** The real time. A sleep keeps no process alive that has nothing else to do. */
import type { Clock } from '../port.ts'

export const nodeClock: Clock = {
  now: () => Date.now(),
  sleep(ms, signal) {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve()
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1))
      timer.unref()
      signal?.addEventListener('abort', done)
    })
  },
}
