// What kedge does with every field of a pod. The records are complete: a new field in the types does not compile
// until it has a line here. Refused fields are answered 422, stored ones with a warning, and whoever honours one
// can be asked to prove it. README's table of support is printed from the same lines.
import type {
  Affinity,
  Container,
  EnvVarSource,
  Lifecycle,
  PodSecurityContext,
  PodSpec,
  SecurityContext,
  Volume,
  VolumeMount,
  VolumeProjection,
} from './generated/types.ts'

export interface Rule {
  /** honoured: something acts on it. stored: kept and shown, nothing acts on it. refused: 422. */
  readonly treatment: 'honoured' | 'stored' | 'refused'
  /** Values (as JSON) that ask for nothing beyond what happens anyway: no warning, no refusal. */
  readonly fine: readonly string[]
  /** refused: the reason a client reads */
  readonly why: string
}

const honoured: Rule = { treatment: 'honoured', fine: [], why: '' }

function stored(...fine: readonly unknown[]): Rule {
  return { treatment: 'stored', fine: fine.map((value) => JSON.stringify(value)), why: '' }
}

function refused(why: string, ...fine: readonly unknown[]): Rule {
  return { treatment: 'refused', fine: fine.map((value) => JSON.stringify(value)), why }
}

const WINDOWS = refused('nodes run Linux')
const NO_MOUNT = refused('no node can mount a volume of this type')

const POD_TREATMENT: Readonly<Record<keyof PodSpec, Rule>> = {
  volumes: honoured,
  initContainers: honoured,
  containers: honoured,
  ephemeralContainers: refused('ephemeral containers are not run yet'),
  restartPolicy: honoured,
  terminationGracePeriodSeconds: honoured,
  activeDeadlineSeconds: honoured,
  dnsPolicy: honoured,
  nodeSelector: honoured,
  serviceAccountName: honoured,
  serviceAccount: honoured,
  // No token is mounted whatever it says; false is what happens.
  automountServiceAccountToken: stored(false),
  nodeName: honoured,
  hostNetwork: honoured,
  hostPID: honoured,
  hostIPC: honoured,
  shareProcessNamespace: honoured,
  securityContext: honoured,
  imagePullSecrets: honoured,
  hostname: honoured,
  subdomain: honoured,
  affinity: honoured,
  schedulerName: honoured,
  tolerations: honoured,
  hostAliases: honoured,
  priorityClassName: honoured,
  // The order of the queue; nothing is evicted for it.
  priority: honoured,
  dnsConfig: honoured,
  readinessGates: honoured,
  runtimeClassName: refused('containers run with the default runtime of the node'),
  // Variables of Services are not injected; true is the default every pod gets.
  enableServiceLinks: stored(true, false),
  preemptionPolicy: stored('PreemptLowerPriority', 'Never'),
  overhead: honoured,
  topologySpreadConstraints: stored(),
  setHostnameAsFQDN: stored(false),
  os: refused('nodes run Linux', { name: 'linux' }),
  hostUsers: refused('pods have no user namespace of their own', true),
  schedulingGates: honoured,
  resourceClaims: refused('no devices are allocated'),
  // Counted by the scheduler; no limit of the whole pod is enforced.
  resources: stored(),
  hostnameOverride: honoured,
  workloadRef: refused('pod groups are not scheduled'),
}

const AFFINITY_TREATMENT: Readonly<Record<keyof Affinity, Rule>> = {
  nodeAffinity: honoured,
  podAffinity: stored(),
  podAntiAffinity: stored(),
}

const POD_SECURITY_TREATMENT: Readonly<Record<keyof PodSecurityContext, Rule>> = {
  seLinuxOptions: stored(),
  windowsOptions: WINDOWS,
  runAsUser: honoured,
  runAsGroup: honoured,
  runAsNonRoot: honoured,
  supplementalGroups: honoured,
  supplementalGroupsPolicy: stored('Merge'),
  fsGroup: honoured,
  sysctls: honoured,
  fsGroupChangePolicy: stored('Always', 'OnRootMismatch'),
  seccompProfile: honoured,
  appArmorProfile: stored({ type: 'RuntimeDefault' }),
  seLinuxChangePolicy: stored(),
}

const CONTAINER_TREATMENT: Readonly<Record<keyof Container, Rule>> = {
  name: honoured,
  image: honoured,
  command: honoured,
  args: honoured,
  workingDir: honoured,
  ports: honoured,
  envFrom: honoured,
  env: honoured,
  resources: honoured,
  resizePolicy: stored(),
  restartPolicy: honoured,
  restartPolicyRules: refused('containers are restarted by restartPolicy alone'),
  volumeMounts: honoured,
  volumeDevices: refused('no node can hand out block devices'),
  livenessProbe: honoured,
  readinessProbe: honoured,
  startupProbe: honoured,
  lifecycle: honoured,
  terminationMessagePath: honoured,
  terminationMessagePolicy: honoured,
  imagePullPolicy: honoured,
  securityContext: honoured,
  stdin: honoured,
  stdinOnce: honoured,
  tty: honoured,
}

const LIFECYCLE_TREATMENT: Readonly<Record<keyof Lifecycle, Rule>> = {
  postStart: honoured,
  preStop: honoured,
  stopSignal: honoured,
}

const SECURITY_TREATMENT: Readonly<Record<keyof SecurityContext, Rule>> = {
  capabilities: honoured,
  privileged: honoured,
  seLinuxOptions: stored(),
  windowsOptions: WINDOWS,
  runAsUser: honoured,
  runAsGroup: honoured,
  runAsNonRoot: honoured,
  readOnlyRootFilesystem: honoured,
  allowPrivilegeEscalation: honoured,
  procMount: honoured,
  seccompProfile: honoured,
  appArmorProfile: stored({ type: 'RuntimeDefault' }),
}

const ENV_SOURCE_TREATMENT: Readonly<Record<keyof EnvVarSource, Rule>> = {
  fieldRef: honoured,
  resourceFieldRef: honoured,
  configMapKeyRef: honoured,
  secretKeyRef: honoured,
  fileKeyRef: refused('no environment is read from files of a volume'),
}

const MOUNT_TREATMENT: Readonly<Record<keyof VolumeMount, Rule>> = {
  name: honoured,
  readOnly: honoured,
  recursiveReadOnly: stored('Disabled', 'IfPossible'),
  mountPath: honoured,
  subPath: honoured,
  mountPropagation: honoured,
  subPathExpr: honoured,
}

const VOLUME_TREATMENT: Readonly<Record<keyof Volume, Rule>> = {
  name: honoured,
  hostPath: honoured,
  emptyDir: honoured,
  gcePersistentDisk: NO_MOUNT,
  awsElasticBlockStore: NO_MOUNT,
  gitRepo: NO_MOUNT,
  secret: honoured,
  nfs: NO_MOUNT,
  iscsi: NO_MOUNT,
  glusterfs: NO_MOUNT,
  persistentVolumeClaim: NO_MOUNT,
  rbd: NO_MOUNT,
  flexVolume: NO_MOUNT,
  cinder: NO_MOUNT,
  cephfs: NO_MOUNT,
  flocker: NO_MOUNT,
  downwardAPI: honoured,
  fc: NO_MOUNT,
  azureFile: NO_MOUNT,
  configMap: honoured,
  vsphereVolume: NO_MOUNT,
  quobyte: NO_MOUNT,
  azureDisk: NO_MOUNT,
  photonPersistentDisk: NO_MOUNT,
  projected: honoured,
  portworxVolume: NO_MOUNT,
  scaleIO: NO_MOUNT,
  storageos: NO_MOUNT,
  csi: NO_MOUNT,
  ephemeral: NO_MOUNT,
  image: NO_MOUNT,
}

const PROJECTION_TREATMENT: Readonly<Record<keyof VolumeProjection, Rule>> = {
  secret: honoured,
  downwardAPI: honoured,
  configMap: honoured,
  serviceAccountToken: refused('no service account tokens are issued yet'),
  clusterTrustBundle: refused('there are no ClusterTrustBundles'),
  podCertificate: refused('no pod certificates are issued'),
}

/** The records by the place they speak of; a place is a path with `[]` for each item of a list. */
export const TREATMENTS: readonly { readonly place: string; readonly rules: Readonly<Record<string, Rule>> }[] = [
  { place: 'spec', rules: POD_TREATMENT },
  { place: 'spec.affinity', rules: AFFINITY_TREATMENT },
  { place: 'spec.securityContext', rules: POD_SECURITY_TREATMENT },
  { place: 'spec.volumes[]', rules: VOLUME_TREATMENT },
  { place: 'spec.volumes[].projected.sources[]', rules: PROJECTION_TREATMENT },
  { place: 'spec.containers[]', rules: CONTAINER_TREATMENT },
  { place: 'spec.containers[].env[].valueFrom', rules: ENV_SOURCE_TREATMENT },
  { place: 'spec.containers[].lifecycle', rules: LIFECYCLE_TREATMENT },
  { place: 'spec.containers[].securityContext', rules: SECURITY_TREATMENT },
  { place: 'spec.containers[].volumeMounts[]', rules: MOUNT_TREATMENT },
]
