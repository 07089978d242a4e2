/**
 * Applies the declarations of `schema/k8s/treatment.ts` to a pod spec: errors for refused fields, warnings for stored
 * ones. Nothing of a pod is accepted and silently ignored.
 */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldForbidden } from '../../schema/k8s/field-error.ts'
import type { PodSpec } from '../../schema/k8s/generated/types.ts'
import type { Rule } from '../../schema/k8s/treatment.ts'
import { TREATMENTS } from '../../schema/k8s/treatment.ts'

/** Warnings in one answer; a header is not the place for a hundred. */
const MAX_WARNINGS = 20

/** 422 for each refused field that asks for something. `path` is that of the spec: `spec`, `spec.template.spec`. */
export function treatmentErrors(spec: PodSpec, path: string): readonly FieldError[] {
  return asked(spec, path, 'refused').map(({ at, rule }) => fieldForbidden(at, `kedge: ${rule.why}`))
}

/** `kedge: stored; nothing acts on spec.containers[0].livenessProbe yet` */
export function treatmentWarnings(spec: PodSpec | undefined, path: string): readonly string[] {
  if (spec === undefined) return []
  return asked(spec, path, 'stored')
    .slice(0, MAX_WARNINGS)
    .map(({ at }) => `kedge: stored; nothing acts on ${at} yet`)
}

interface Found {
  readonly at: string
  readonly rule: Rule
  readonly order: number
}

/** In the order of the declarations. Each field is looked at once, and its path only written out when it is found. */
function asked(spec: PodSpec, path: string, treatment: Treatment): readonly Found[] {
  const found: Found[] = []
  look(PLACES[treatment], spec, () => path, found)
  return found.toSorted((one, other) => one.order - other.order)
}

type Treatment = 'refused' | 'stored'

/** What holds for the fields of an object. */
interface Place {
  readonly rules: Map<string, { readonly rule: Rule; readonly order: number }>
  /** by field: what holds inside it, or inside each of its items */
  readonly inside: Map<string, Place>
}

function look(place: Place, value: object, at: () => string, found: Found[]): void {
  for (const [field, held] of Object.entries(value) as [string, unknown][]) {
    if (held === undefined) continue
    const declared = place.rules.get(field)
    if (declared !== undefined && !isEmpty(held) && !declared.rule.fine.includes(JSON.stringify(held)))
      found.push({ at: `${at()}.${field}`, ...declared })
    const inside = place.inside.get(field)
    if (inside === undefined || typeof held !== 'object' || held === null) continue
    if (Array.isArray(held)) {
      for (const [index, item] of held.entries())
        if (typeof item === 'object' && item !== null)
          look(inside, item as object, () => `${at()}.${field}[${index}]`, found)
    } else look(inside, held, () => `${at()}.${field}`, found)
  }
}

/** The declarations as a tree below the spec; what holds for containers holds for init containers. */
function placesOf(treatment: Treatment): Place {
  const root: Place = { rules: new Map(), inside: new Map() }
  for (const [order, { place, rules }] of TREATMENTS.entries()) {
    const mine = Object.entries(rules).filter(([, rule]) => rule.treatment === treatment)
    if (mine.length === 0) continue
    const steps = place.replaceAll('[]', '').split('.').slice(1)
    const init = steps[0] === 'containers' ? [['initContainers', ...steps.slice(1)]] : []
    for (const [second, one] of [steps, ...init].entries()) {
      const { rules: there } = one.reduce(placeIn, root)
      for (const [field, rule] of mine) there.set(field, { rule, order: 2 * order + second })
    }
  }
  return root
}

function placeIn({ inside }: Place, step: string): Place {
  const found = inside.get(step) ?? { rules: new Map(), inside: new Map() }
  inside.set(step, found)
  return found
}

const PLACES = { refused: placesOf('refused'), stored: placesOf('stored') }

/** An empty list, map or string asks for nothing; an empty volume source does. */
function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0)
}
