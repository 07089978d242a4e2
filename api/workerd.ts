/**
 * The control plane on workerd: `fetch` for requests, `scheduled` for the floor, and the Durable Object classes. It
 * contains no logic of its own.
 */
import { createApp } from './app.ts'
import { agentsDoor } from './dispatch/door.ts'
import { clusterOf, pathOf } from './http/parse.ts'
import { allControllers } from './loop/controllers.ts'
import { echo } from './loop/echo.ts'
import { startLoop } from './loop/runner.ts'
import { ClusterObjectBase, type ObjectWiring } from './platform/workerd/cluster-object.ts'
import type { Environment } from './platform/workerd/environment.ts'
import { workerPlatform } from './platform/workerd/platform.ts'

export { StreamObject } from './platform/workerd/stream-object.ts'

/** Registering, polling and reporting share memory: they are served in the cluster's object. */
const IN_OBJECT = /^\/agent\/v1\/(register|poll|report)$/

export class ClusterObject extends ClusterObjectBase {
  override readonly wiring: ObjectWiring = {
    async serve(request, cluster) {
      const platform = { open: () => Promise.resolve(cluster) }
      return createApp({ platform, doors: [agentsDoor] }).fetch(request)
    },
    loop: (cluster, options) => startLoop(cluster, { ...options, controllers: [...allControllers(), echo()] }),
  }
}

export default {
  async fetch(request, environment, context) {
    const platform = workerPlatform(environment, (work) => context.waitUntil(work))
    const place = clusterOf(pathOf(request.url))
    if (IN_OBJECT.test(place.path)) {
      const answer = platform.serveInObject(place.name, request)
      if (answer !== undefined) return answer
    }
    return createApp({ platform, doors: [agentsDoor] }).fetch(request)
  },
  async scheduled(_event, environment, context) {
    await workerPlatform(environment, (work) => context.waitUntil(work)).tick()
  },
} satisfies ExportedHandler<Environment>
