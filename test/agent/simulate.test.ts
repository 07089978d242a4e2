// Simulated nodes are nodes: a control plane sees no difference.
import { expect, it } from 'vitest'
import { simulate } from '../../agent/simulate.ts'
import { TestControlPlane } from './control-plane.ts'
import { aContainer, aPod, SLEEP, uidOf } from './pods.ts'

it('a simulated node runs a pod, restarts a crashed one and ends a deleted one', { timeout: 30_000 }, async () => {
  const plane = new TestControlPlane()
  const server = await plane.listen()
  const stop = new AbortController()
  const running = simulate({ server, nodes: 1, token: async () => plane.token }, stop.signal)
  const steady = aPod({ containers: [aContainer(SLEEP)] })
  const crashing = aPod({ containers: [aContainer('exit 3')] }, 'crashing')
  plane.put(steady)
  plane.put(crashing)
  await plane.until('running', () => plane.status(uidOf(steady))?.phase === 'Running')
  await plane.until(
    'backing off',
    () => plane.status(uidOf(crashing))?.containerStatuses?.[0]?.state?.waiting?.reason === 'CrashLoopBackOff',
  )
  plane.delete(uidOf(steady), 5)
  await plane.until('stopped', () => plane.stopped.has(uidOf(steady)))
  stop.abort()
  await running
  await plane.close()
  expect(plane.registrations.map(({ node }) => node)).toEqual(['sim-0001'])
})
