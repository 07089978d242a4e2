/** The template of pods inside Deployments and ReplicaSets. */
import type { PodSpec, PodTemplateSpec } from '../../schema/k8s/generated/types.ts'
import { withPodSpecDefaults } from './pod-spec-defaults.ts'

export function withTemplateDefaults(template: PodTemplateSpec): PodTemplateSpec {
  return {
    ...template,
    metadata: template.metadata ?? {},
    // Also where there is none: what is missing then is its containers, and nothing else.
    spec: withPodSpecDefaults(template.spec ?? ({} as PodSpec)),
  }
}
