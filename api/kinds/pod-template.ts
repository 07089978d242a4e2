/** The template of pods inside Deployments and ReplicaSets. */
import type { PodTemplateSpec } from '../../schema/k8s/generated/types.ts'
import { withPodSpecDefaults } from './pod-spec-defaults.ts'

export function withTemplateDefaults(template: PodTemplateSpec): PodTemplateSpec {
  return {
    ...template,
    metadata: template.metadata ?? {},
    ...(template.spec === undefined ? {} : { spec: withPodSpecDefaults(template.spec) }),
  }
}
