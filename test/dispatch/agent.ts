/** An agent of the tests: speaks the wire through the door, with nothing in between. */
import { createJoinToken } from '../../api/access/token.ts'
import { agentsDoor } from '../../api/dispatch/door.ts'
import { systemAllowed } from '../../api/access/authorize.ts'
import type { Allowed, Verb } from '../../api/access/request.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { create } from '../../api/registry/create.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { isRefusal } from '../../schema/k8s/status.ts'
import { type PollResponse, pollResponse } from '../../schema/wire/poll.ts'
import { type RegisterResponse, registerResponse } from '../../schema/wire/register.ts'
import { type ReportRequest, type ReportResponse, reportResponse } from '../../schema/wire/report.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export async function call(
  cluster: Cluster,
  path: string,
  bearer: string | undefined,
  body: unknown,
  signal?: AbortSignal,
): Promise<Answer> {
  const request = new Request(`https://kedge.test/agent/v1/${path}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  })
  try {
    const response = await agentsDoor(cluster, request, `/agent/v1/${path}`)
    return { status: response?.status ?? 0, body: await response?.json() }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { status: error.code, body: error.status() }
  }
}

const READY = {
  capacity: { cpu: '4', memory: '8Gi', pods: '110' },
  allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
  nodeInfo: { kubeletVersion: 'v1.35.0' },
  addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
  conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }],
}

interface Registration {
  readonly instance?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly version?: number
  readonly status?: Readonly<Record<string, unknown>>
}

export function registerCall(
  cluster: Cluster,
  node: string,
  bearer: string | undefined,
  more: Registration = {},
): Promise<Answer> {
  const { instance = 'i1', labels = {}, version = 1, status = READY } = more
  return call(cluster, 'register', bearer, { version, node, instance, labels, status })
}

export class Agent {
  readonly cluster: Cluster
  readonly node: string
  readonly registered: RegisterResponse
  credential: string
  have: number | null = null
  seq = 0

  constructor(cluster: Cluster, node: string, registered: RegisterResponse) {
    this.cluster = cluster
    this.node = node
    this.registered = registered
    this.credential = registered.credential
  }

  static async join(cluster: Cluster, node: string, more: Registration = {}): Promise<Agent> {
    return Agent.register(cluster, node, await createJoinToken(cluster), more)
  }

  static async register(cluster: Cluster, node: string, bearer: string, more: Registration = {}): Promise<Agent> {
    const { status, body } = await registerCall(cluster, node, bearer, more)
    if (status !== 200) throw new Error(`register answered ${status}: ${JSON.stringify(body)}`)
    return new Agent(cluster, node, registerResponse.parse(body))
  }

  pollCall(waitMs: number, signal?: AbortSignal): Promise<Answer> {
    const message = { session: this.registered.session, have: this.have, wait: 'poll', waitMs }
    return call(this.cluster, 'poll', this.credential, message, signal)
  }

  async poll(waitMs = 0): Promise<PollResponse> {
    const { status, body } = await this.pollCall(waitMs)
    if (status !== 200) throw new Error(`poll answered ${status}: ${JSON.stringify(body)}`)
    const answer = pollResponse.parse(body)
    if (answer.assignment.kind === 'changes' && answer.assignment.from !== this.have) throw new Error('a gap')
    this.have = answer.assignment.to
    return answer
  }

  reportCall(parts: Partial<ReportRequest>): Promise<Answer> {
    const message = { session: this.registered.session, seq: ++this.seq, pods: [], stopped: [], events: [], ...parts }
    return call(this.cluster, 'report', this.credential, message)
  }

  async report(parts: Partial<ReportRequest>): Promise<ReportResponse> {
    const { status, body } = await this.reportCall(parts)
    if (status !== 200) throw new Error(`report answered ${status}: ${JSON.stringify(body)}`)
    return reportResponse.parse(body)
  }
}

/** As an administrator would. */
export function asAdmin(
  cluster: Cluster,
  verb: Verb,
  resource: string,
  namespace?: string,
  name?: string,
  subresource?: string,
): Allowed {
  return systemAllowed(cluster, 'kubernetes-admin', {
    verb,
    group: '',
    version: 'v1',
    resource,
    namespace,
    name,
    subresource,
  })
}

export async function createNamespace(cluster: Cluster, name: string): Promise<void> {
  await create(asAdmin(cluster, 'create', 'namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } }
  await create(asAdmin(cluster, 'create', 'serviceaccounts', name), account)
}

export async function createObject(cluster: Cluster, resource: string, object: K8sObject): Promise<K8sObject> {
  return (await create(asAdmin(cluster, 'create', resource, object.metadata.namespace), object)).object
}

export function aPod(name: string, node: string, spec: object = {}): K8sObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns' },
    spec: { nodeName: node, containers: [{ name: 'main', image: 'kedge.test/busybox:1' }], ...spec },
  }
}
