/**
 * What a user does with kubectl, in order, against a running cluster with at least one node: the same walk runs on Node
 * and on workerd. Each step is a test; a step may rely on the ones before it.
 */
import { expect, test } from 'vitest'
import { eventually } from '../tools/eventually.ts'
import type { Kubectl } from '../tools/kubectl.ts'

export interface WalkTarget {
  readonly kubectl: () => Kubectl
  /** an image with a shell, present on the node */
  readonly image: string
  /** the same under another tag */
  readonly newImage: string
}

const manifest = (image: string, greeting: string, replicas: number): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: page}
data: {greeting: "${greeting}"}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
stringData: {password: "${greeting}-secret"}
---
apiVersion: v1
kind: Service
metadata: {name: site}
spec:
  selector: {app: site}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: site}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: site}}
  template:
    metadata: {labels: {app: site}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: site
        image: ${image}
        command: [sh, -c, 'echo started with $GREETING; trap "exit 0" TERM; while true; do sleep 1; done']
        env:
        - {name: GREETING, valueFrom: {configMapKeyRef: {name: page, key: greeting}}}
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: key, key: password}}}
        - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
        volumeMounts:
        - {name: page, mountPath: /etc/page}
        - {name: key, mountPath: /etc/key}
      volumes:
      - {name: page, configMap: {name: page}}
      - {name: key, secret: {secretName: key}}
`

const LOOP = ['--', 'sh', '-c', 'trap "exit 0" TERM; while true; do sleep 1; done']

export function walk(target: WalkTarget): void {
  const run = (...parameters: readonly string[]): Promise<string> => target.kubectl().run(...parameters)

  test('a Ready node is listed', async () => {
    await eventually(async () => expect(await run('get', 'nodes', '--no-headers')).toMatch(/\sReady\s/), {
      deadlineMs: 60_000,
    })
    expect((await run('get', 'nodes')).split('\n')[0]).toMatch(/^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION/)
  })

  test('kubectl create deployment, a protobuf body, runs three pods', async () => {
    expect(await run('create', 'deployment', 'web', `--image=${target.image}`, '--replicas=3', ...LOOP)).toContain(
      'deployment.apps/web created',
    )
    await run('rollout', 'status', 'deployment/web', '--timeout=120s')
    const pods = (await run('get', 'pods', '-l', 'app=web', '--no-headers', '-o', 'wide')).trim().split('\n')
    expect(pods).toHaveLength(3)
    for (const pod of pods) expect(pod).toMatch(/^web-\S+\s+1\/1\s+Running\s+0\s+\S+\s+10\.244\.\d+\.\d+\s+\S+/)
    expect(await run('get', 'deployment', 'web', '--no-headers')).toMatch(/^web\s+3\/3\s+3\s+3\s/)
    expect(await run('get', 'rs', '-l', 'app=web', '--no-headers')).toMatch(/^web-\S+\s+3\s+3\s+3\s/)
  })

  test('kubectl apply creates, configures on a change, and says unchanged otherwise', async () => {
    const created = await target.kubectl().pipe(manifest(target.image, 'hello', 2), 'apply', '-f', '-')
    expect(created).toMatch(
      /configmap\/page created\nsecret\/key created\nservice\/site created\ndeployment.apps\/site created/,
    )
    const changed = await target.kubectl().pipe(manifest(target.image, 'hello', 3), 'apply', '-f', '-')
    expect(changed).toMatch(
      /configmap\/page unchanged\nsecret\/key (unchanged|configured)\nservice\/site unchanged\ndeployment.apps\/site configured/,
    )
    await run('rollout', 'status', 'deployment/site', '--timeout=120s')
    expect(await run('get', 'svc', 'site', '-o', 'jsonpath={.spec.clusterIP}')).toMatch(
      /^10\.(9[6-9]|1\d\d)\.\d+\.\d+$/,
    )
  })

  test('environment and files carry ConfigMap and Secret into the container', async () => {
    const shown = await run(
      'exec',
      'deploy/site',
      '--',
      'sh',
      '-c',
      'echo $GREETING $PASSWORD; cat /etc/page/greeting /etc/key/password',
    )
    expect(shown).toBe('hello hello-secret\nhellohello-secret')
  })

  test('files of a changed ConfigMap and Secret change in the running container within 60 s', async () => {
    await target.kubectl().pipe(manifest(target.image, 'changed', 3), 'apply', '-f', '-')
    await eventually(
      async () =>
        expect(await run('exec', 'deploy/site', '--', 'cat', '/etc/page/greeting', '/etc/key/password')).toBe(
          'changedchanged-secret',
        ),
      { deadlineMs: 60_000 },
    )
  })

  test('EndpointSlices list exactly the ready pods', async () => {
    const ready = async (): Promise<readonly string[]> =>
      (await run('get', 'pods', '-l', 'app=site', '-o', 'jsonpath={range .items[*]}{.status.podIP}{"\\n"}{end}'))
        .trim()
        .split('\n')
        .toSorted()
    const slices = async (): Promise<readonly string[]> =>
      (
        await run(
          'get',
          'endpointslices',
          '-l',
          'kubernetes.io/service-name=site',
          '-o',
          'jsonpath={range .items[*].endpoints[?(@.conditions.ready==true)]}{.addresses[0]}{"\\n"}{end}',
        )
      )
        .trim()
        .split('\n')
        .toSorted()
    await eventually(async () => expect(await slices()).toEqual(await ready()), { deadlineMs: 30_000 })
    expect(await slices()).toHaveLength(3)
  })

  test('kubectl run, wait, logs -f, label, annotate', async () => {
    await run(
      'run',
      'one',
      `--image=${target.image}`,
      '--restart=Never',
      '--',
      'sh',
      '-c',
      'for i in 1 2 3; do echo line $i; sleep 1; done',
    )
    await run('wait', '--for=condition=Ready', 'pod/one', '--timeout=60s')
    expect(await run('logs', '-f', 'one')).toBe('line 1\nline 2\nline 3\n')
    expect(await run('logs', 'one', '--tail=1')).toBe('line 3\n')
    await run('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/one', '--timeout=60s')
    expect(await run('get', 'pod', 'one', '--no-headers')).toMatch(/^one\s+0\/1\s+Completed\s+0/)
    expect(await run('label', 'pod', 'one', 'tier=front')).toContain('pod/one labeled')
    expect(await run('annotate', 'pod', 'one', 'note=kept')).toContain('pod/one annotated')
    expect(await run('get', 'pods', '-l', 'tier=front', '-o', 'name')).toBe('pod/one\n')
    expect(await run('get', 'pod', 'one', '-o', 'jsonpath={.metadata.annotations.note}')).toBe('kept')
  })

  test('kubectl exec passes input, exit codes and errors through', async () => {
    expect(await target.kubectl().pipe('through\n', 'exec', '-i', 'deploy/web', '--', 'cat')).toBe('through\n')
    const failed = await target.kubectl().try('exec', 'deploy/web', '--', 'sh', '-c', 'echo bad >&2; exit 7')
    expect(failed.code).toBe(7)
    expect(failed.stderr).toContain('bad')
    const missing = await target.kubectl().try('exec', 'deploy/web', '-c', 'absent', '--', 'true')
    expect(missing.code).toBe(1)
    expect(missing.stderr).toContain('absent')
  })

  test('kubectl describe shows conditions and events in upstream words', async () => {
    const pod = (await run('get', 'pods', '-l', 'app=web', '-o', 'name')).split('\n')[0] ?? ''
    const shown = await run('describe', pod)
    expect(shown).toMatch(/Status:\s+Running/)
    expect(shown).toMatch(/Ready\s+True/)
    expect(shown).toMatch(
      /Normal\s+Scheduled\s+\S+\s+default-scheduler\s+Successfully assigned default\/web-\S+ to \S+/,
    )
    expect(shown).toMatch(/Normal\s+Started\s+\S+\s+kubelet/)
    expect(await run('describe', 'deployment', 'web')).toMatch(/Scaled up replica set web-\S+ from 0 to 3/)
    const node = await run('describe', 'node')
    expect(node).toMatch(/Allocatable:/)
    expect(node).toMatch(/Normal\s+NodeReady\s+\S+\s+kubelet\s+Node \S+ status is now: NodeReady/)
    expect(await run('describe', 'service', 'site')).toMatch(/Endpoints:\s+10\.244\./)
  })

  test('kubectl scale, set image, rollout status, history and undo', async () => {
    await run('scale', 'deployment', 'web', '--replicas=2')
    await eventually(
      async () => expect(await run('get', 'deployment', 'web', '--no-headers')).toMatch(/^web\s+2\/2\s/),
      { deadlineMs: 60_000 },
    )
    const container = await run('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].name}')
    await run('set', 'image', 'deployment/web', `${container}=${target.newImage}`)
    expect(await run('rollout', 'status', 'deployment/web', '--timeout=120s')).toContain('successfully rolled out')
    expect(await run('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image}')).toBe(
      target.newImage,
    )
    expect(await run('rollout', 'history', 'deployment/web')).toMatch(/REVISION[\s\S]*1[\s\S]*2/)
    await run('rollout', 'undo', 'deployment/web')
    await run('rollout', 'status', 'deployment/web', '--timeout=120s')
    expect(await run('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].image}')).toBe(
      target.image,
    )
  })

  test('kubectl get -w shows a pod come and go', async () => {
    const watched = target.kubectl().watch('get', 'pods', '-w', '--no-headers')
    await run('run', 'seen', `--image=${target.image}`, '--restart=Never', '--grace-period=1', ...LOOP).catch(() =>
      run('run', 'seen', `--image=${target.image}`, '--restart=Never', ...LOOP),
    )
    await eventually(() => expect(watched.text()).toMatch(/seen\s+1\/1\s+Running/), { deadlineMs: 60_000 })
    await run('delete', 'pod', 'seen', '--grace-period=1')
    await eventually(() => expect(watched.text()).toMatch(/seen\s+1\/1\s+Terminating/), { deadlineMs: 60_000 })
    await watched.stop()
  })

  test('a pod that fits nowhere says why', async () => {
    await target.kubectl().pipe(
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'huge' },
        spec: { containers: [{ name: 'huge', image: target.image, resources: { requests: { cpu: '1000' } } }] },
      }),
      'create',
      '-f',
      '-',
    )
    await eventually(
      async () =>
        expect(await run('describe', 'pod', 'huge')).toMatch(
          /FailedScheduling.*0\/1 nodes are available: 1 Insufficient cpu/,
        ),
      { deadlineMs: 30_000 },
    )
    await run('delete', 'pod', 'huge')
  })

  test('kubectl delete --cascade=orphan keeps the pods, background and foreground take them', async () => {
    const replicaSet = (
      await run(
        'get',
        'rs',
        '-l',
        'app=web',
        '-o',
        'jsonpath={range .items[?(@.spec.replicas>0)]}{.metadata.name}{end}',
      )
    ).trim()
    await run('delete', 'deployment', 'web', '--cascade=orphan')
    expect(await run('get', 'rs', replicaSet, '-o', 'jsonpath={.metadata.ownerReferences}')).toBe('')
    expect((await run('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n')).toHaveLength(2)
    await run('delete', 'rs', '-l', 'app=web', '--cascade=background')
    await eventually(async () => expect(await run('get', 'pods', '-l', 'app=web', '-o', 'name')).toBe(''), {
      deadlineMs: 90_000,
    })
    await run('delete', 'deployment', 'site', '--cascade=foreground', '--timeout=90s')
    expect(await run('get', 'rs,pods', '-l', 'app=site', '-o', 'name')).toBe('')
  })

  test('deleting a namespace deletes what is in it, and a new one gets its service account', async () => {
    await run('create', 'namespace', 'team')
    await eventually(
      async () =>
        expect(await run('get', 'sa,cm', '-n', 'team', '-o', 'name')).toBe(
          'serviceaccount/default\nconfigmap/kube-root-ca.crt\n',
        ),
      { deadlineMs: 15_000 },
    )
    await run('create', 'deployment', 'inner', '-n', 'team', `--image=${target.image}`, ...LOOP)
    await run('rollout', 'status', 'deployment/inner', '-n', 'team', '--timeout=60s')
    await run('delete', 'namespace', 'team', '--timeout=120s')
    expect((await target.kubectl().try('get', 'namespace', 'team')).stderr).toContain('namespaces "team" not found')
  })
}
