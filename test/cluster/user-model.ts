/** A person (or a pipeline) at work on the cluster: makes, scales, changes, rolls back and deletes things at random. */
import { systemAllowed } from '../../api/access/authorize.ts'
import type { Verb } from '../../api/access/request.ts'
import { kindByStore } from '../../api/kinds/all.ts'
import type { Cluster } from '../../api/platform/port.ts'
import { create } from '../../api/registry/create.ts'
import { remove } from '../../api/registry/delete.ts'
import type { DeleteOptions } from '../../api/registry/options.ts'
import { patch } from '../../api/registry/patch.ts'
import type { Deployment, PodTemplateSpec } from '../../schema/k8s/generated/types.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { isRefusal } from '../../schema/k8s/status.ts'
import type { Chaos } from './chaos.ts'

const NAMES = ['web', 'api', 'db', 'cache']
const NAMESPACES = ['default', 'shop', 'blog']

export class UserModel {
  readonly #chaos: Chaos
  readonly #cluster: Cluster
  readonly #nodes: readonly string[]
  /** what was done, for the story of a seed that failed */
  readonly did: string[] = []

  constructor(chaos: Chaos, cluster: Cluster, nodes: readonly string[]) {
    this.#chaos = chaos
    this.#cluster = cluster
    this.#nodes = nodes
  }

  /** One thing, which may be refused as any request may. */
  async act(): Promise<void> {
    const actions: readonly (() => Promise<string>)[] = [
      () => this.#makeDeployment(),
      () => this.#makeDeployment(),
      () => this.#changeDeployment({ replicas: this.#below(7) }),
      () => this.#changeDeployment({ replicas: this.#below(7) }),
      () => this.#changeDeployment({ template: template(this.#name(), this.#below(3)) }),
      () => this.#changeDeployment({ template: template(this.#name(), this.#below(3)) }),
      () => this.#changeDeployment({ paused: this.#below(2) === 0 }),
      () => this.#delete('deployments.apps', this.#namespace(), this.#pick(NAMES)),
      () => this.#makeService(),
      () => this.#delete('services', this.#namespace(), this.#pick(NAMES)),
      () => this.#makeNamespace(),
      () => this.#delete('namespaces', '', this.#pick(NAMESPACES.slice(1))),
      () => this.#deleteSomePod(),
      () => this.#makePod(),
      () => this.#cordon(this.#pick(this.#nodes), this.#below(2) === 0),
      () => this.#delete('configmaps', this.#namespace(), 'kube-root-ca.crt'),
      () => this.#delete('replicasets.apps', this.#namespace(), ''),
    ]
    try {
      this.did.push(`${this.#cluster.clock.now()} ${await this.#pick(actions)()}`)
    } catch (error) {
      if (!isRefusal(error)) throw error
    }
  }

  async cordon(node: string, unschedulable: boolean): Promise<void> {
    await this.#cordon(node, unschedulable)
  }

  /** Nothing is paused any more: what is wanted can come about. */
  async resume(namespace: string, name: string): Promise<void> {
    await this.#patch('deployments.apps', namespace, name, { spec: { paused: false } })
  }

  async #makeDeployment(): Promise<string> {
    const name = this.#name()
    const namespace = this.#namespace()
    const rolling = { maxSurge: this.#pick(['25%', 1, '100%', 0]), maxUnavailable: this.#pick(['25%', 1, 0]) }
    const strategy =
      this.#below(4) === 0
        ? { type: 'Recreate' as const }
        : {
            type: 'RollingUpdate' as const,
            rollingUpdate: rolling.maxSurge === 0 && rolling.maxUnavailable === 0 ? { maxSurge: 1 } : rolling,
          }
    const deployment: Deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas: this.#below(6),
        selector: { matchLabels: { app: name } },
        template: template(name, 0),
        strategy,
        revisionHistoryLimit: this.#below(3),
        minReadySeconds: this.#below(3) === 0 ? 5 : 0,
      },
    }
    await create(this.#allowed('create', 'deployments.apps', namespace, ''), deployment)
    return `made deployment ${namespace}/${name} of ${deployment.spec?.replicas} by ${strategy.type}`
  }

  async #changeDeployment(spec: { readonly [field: string]: unknown }): Promise<string> {
    const namespace = this.#namespace()
    const name = this.#pick(NAMES)
    const fixed = 'template' in spec ? { template: template(name, this.#below(3)) } : spec
    await this.#patch('deployments.apps', namespace, name, { spec: fixed })
    return `changed deployment ${namespace}/${name}: ${JSON.stringify(fixed)}`
  }

  async #makeService(): Promise<string> {
    const name = this.#name()
    const namespace = this.#namespace()
    const object = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: {
        selector: { app: name },
        ports: [{ port: 80, targetPort: 'http' }],
        publishNotReadyAddresses: this.#below(5) === 0,
      },
    }
    await create(this.#allowed('create', 'services', namespace, ''), object)
    return `made service ${namespace}/${name}`
  }

  async #makeNamespace(): Promise<string> {
    const name = this.#pick(NAMESPACES.slice(1))
    await create(this.#allowed('create', 'namespaces', '', ''), {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    })
    return `made namespace ${name}`
  }

  async #makePod(): Promise<string> {
    const app = this.#name()
    const namespace = this.#namespace()
    const { spec } = template(app, 0)
    const metadata = { generateName: 'bare-', namespace, labels: this.#below(2) === 0 ? { app } : { bare: app } }
    const object = { apiVersion: 'v1', kind: 'Pod', metadata, spec } as K8sObject
    const item = await create(this.#allowed('create', 'pods', namespace, ''), object)
    return `made pod ${namespace}/${item.object.metadata.name}`
  }

  async #deleteSomePod(): Promise<string> {
    const page = await this.#cluster.store.list({ resource: 'pods', limit: 200 })
    if ('expired' in page || page.items.length === 0) return 'looked for pods'
    const { key } = this.#pick(page.items)
    const options = this.#below(3) === 0 ? { gracePeriodSeconds: 0 } : {}
    await remove(this.#allowed('delete', 'pods', key.namespace, key.name), options)
    return `deleted pod ${key.namespace}/${key.name} ${JSON.stringify(options)}`
  }

  async #cordon(node: string, unschedulable: boolean): Promise<string> {
    await this.#patch('nodes', '', node, { spec: { unschedulable: unschedulable ? true : null } })
    return `${unschedulable ? 'cordoned' : 'uncordoned'} ${node}`
  }

  async #delete(resource: string, namespace: string, named: string): Promise<string> {
    let name = named
    if (name === '') {
      const page = await this.#cluster.store.list({ resource, namespace, limit: 100 })
      if ('expired' in page || page.items.length === 0) return `looked for ${resource}`
      name = this.#pick(page.items).key.name
    }
    const propagationPolicy = this.#pick(['Background', 'Background', 'Foreground', 'Orphan'] as const)
    const options: DeleteOptions = resource === 'namespaces' || resource === 'configmaps' ? {} : { propagationPolicy }
    await remove(this.#allowed('delete', resource, namespace, name), options)
    return `deleted ${resource} ${namespace}/${name} ${JSON.stringify(options)}`
  }

  async #patch(resource: string, namespace: string, name: string, value: unknown): Promise<void> {
    await patch(this.#allowed('patch', resource, namespace, name), { type: 'merge', value, duplicates: [] })
  }

  #allowed(verb: Verb, resource: string, namespace: string, name: string): ReturnType<typeof systemAllowed> {
    const kind = kindByStore(resource)
    if (kind === undefined) throw new Error(`${resource} is not served`)
    return systemAllowed(this.#cluster, 'somebody', {
      verb,
      group: kind.group,
      version: kind.version,
      resource: kind.plural,
      namespace: kind.namespaced ? namespace : undefined,
      name: name === '' ? undefined : name,
      subresource: undefined,
    })
  }

  #name(): string {
    return this.#pick(NAMES)
  }

  #namespace(): string {
    return this.#below(3) > 0 ? 'default' : this.#pick(NAMESPACES)
  }

  #below(limit: number): number {
    return Math.floor(this.#chaos.random.fraction() * limit)
  }

  #pick<T>(values: readonly T[]): T {
    const value = values[this.#below(values.length)]
    if (value === undefined) throw new Error('there is nothing to pick from')
    return value
  }
}

function template(app: string, version: number): PodTemplateSpec {
  const requests = { cpu: `${100 + version * 50}m`, memory: '64Mi' }
  return {
    metadata: { labels: { app } },
    spec: {
      containers: [
        {
          name: 'c',
          image: `busybox:${version}`,
          resources: { requests },
          ports: [{ name: 'http', containerPort: 8080 + version }],
        },
      ],
    },
  }
}
