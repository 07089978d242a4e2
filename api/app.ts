/**
 * The request pipeline, read downwards: which cluster, health, who asks, what is asked, may they, do it. Errors
 * become Status answers at the one place where they arrive. Everything here is Web-standard; the entries of the
 * platforms call `fetch` and add nothing.
 */
import { Hono } from 'hono'
import { unauthorized, unknownPath } from '../schema/k8s/status.ts'
import { authenticate } from './access/authenticate.ts'
import { authorizePath, authorizeRequest } from './access/authorize.ts'
import { actingAs } from './access/impersonate.ts'
import { discovery } from './http/discovery.ts'
import { health, version } from './http/health.ts'
import { openapi } from './http/openapi.ts'
import { clusterOf, parseResource, pathOf, queryOf } from './http/parse.ts'
import { refusalOf, refusalResponse, wantsPretty } from './http/respond.ts'
import { serve } from './http/verbs.ts'
import type { Cluster, Platform } from './platform/port.ts'

export interface AppOptions {
  readonly platform: Platform
  /** Doors beside the API (the agents'), tried after health and before anybody is asked who they are. */
  readonly doors?: readonly Door[]
}

/** Answers what is its own; undefined leaves it to the next. */
export type Door = (
  cluster: Cluster,
  request: Request,
  path: string,
) => Promise<Response | undefined> | Response | undefined

export interface App {
  fetch(request: Request, env?: unknown): Response | Promise<Response>
}

export function createApp(options: AppOptions): App {
  const app = new Hono()
  app.all('*', (context) => answer(options, context.req.raw))
  return { fetch: (request, env) => app.fetch(request, env) }
}

async function answer(options: AppOptions, request: Request): Promise<Response> {
  const warnings: string[] = []
  const query = queryOf(request.url)
  const pretty = wantsPretty(request.headers, query)
  let cluster: Cluster | undefined
  try {
    const place = clusterOf(pathOf(request.url))
    cluster = await options.platform.open(place.name)
    // Nobody is known to a cluster that is not there, and strangers do not learn which ones are.
    if (cluster === undefined) throw unauthorized()
    return stamped(await route(options, cluster, request, place.path, query, pretty, warnings), cluster)
  } catch (error) {
    const refusal = refusalOf(error, cluster === undefined ? {} : { log: cluster.log, random: cluster.random })
    return stamped(refusalResponse(refusal, pretty, warnings), cluster)
  }
}

async function route(
  options: AppOptions,
  cluster: Cluster,
  request: Request,
  path: string,
  query: URLSearchParams,
  pretty: boolean,
  warnings: string[],
): Promise<Response> {
  const alive = await health(path, query, cluster)
  if (alive !== undefined) return alive
  if (path === '/version' || path === '/version/') return version(pretty)
  for (const door of options.doors ?? []) {
    const opened = await door(cluster, request, path)
    if (opened !== undefined) return opened
  }

  const asker = await authenticate(cluster, request.headers.get('authorization'))
  if (asker === undefined) throw unauthorized()
  const user = actingAs(asker, request.headers)

  const asked = parseResource(request.method, path, query)
  if (asked === undefined) {
    authorizePath(user, request.method === 'GET' ? 'get' : request.method.toLowerCase(), path)
    if (request.method !== 'GET') throw unknownPath()
    const found =
      (await discovery(path, request.headers, pretty)) ?? (await openapi(path, query, request.headers, pretty))
    return found ?? missing()
  }
  const narrowed = { fieldSelector: query.get('fieldSelector') ?? undefined }
  const allowed = await authorizeRequest({ ...asked, cluster, user }, narrowed)
  return serve({ allowed, request, query, warnings, warn: (text) => warnings.push(text) })
}

function missing(): never {
  throw unknownPath()
}

/** Every answer can be found again in the log. */
function stamped(response: Response, cluster: Cluster | undefined): Response {
  if (cluster !== undefined && response.status !== 101) response.headers.set('audit-id', cluster.random.uuid())
  return response
}
