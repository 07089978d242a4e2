/** An admission step: may change the object, and may add effects and guards to the group it is written in. */
import type { K8sObject } from '../../schema/k8s/meta.ts'
import type { Refusal } from '../../schema/k8s/status.ts'
import type { Allowed } from '../access/request.ts'
import type { Kind } from '../kinds/kind.ts'
import type { Effect, Guard, Lost } from '../store/store.ts'

export interface Admitted {
  readonly object: K8sObject
  readonly effects: readonly Effect[]
  readonly guards: readonly Guard[]
  /** What it means that one of `effects` or `guards` was lost; undefined: not mine. */
  readonly judge: (lost: Lost) => Refusal | 'again' | undefined
}

export type Step = (request: Allowed, kind: Kind, admitted: Admitted) => Admitted | Promise<Admitted>

export function admittedAs(object: K8sObject): Admitted {
  return { object, effects: [], guards: [], judge: () => undefined }
}
