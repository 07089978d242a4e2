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
}

function asked(spec: PodSpec, path: string, treatment: 'refused' | 'stored'): readonly Found[] {
  const found: Found[] = []
  for (const { place, rules } of PLACES[treatment]) {
    for (const { at, value } of reach(spec, path, place)) {
      for (const [field, held] of Object.entries(value)) {
        const rule = rules.get(field)
        if (rule === undefined || held === undefined || isEmpty(held)) continue
        if (!rule.fine.includes(JSON.stringify(held))) found.push({ at: `${at}.${field}`, rule })
      }
    }
  }
  return found
}

interface Place {
  readonly place: readonly string[]
  readonly rules: ReadonlyMap<string, Rule>
}

/** The places below the spec as steps; what holds for containers holds for init containers. */
function placesOf(treatment: Rule['treatment']): readonly Place[] {
  return TREATMENTS.flatMap(({ place, rules }) => {
    const mine = new Map(Object.entries(rules).filter(([, rule]) => rule.treatment === treatment))
    if (mine.size === 0) return []
    const steps = place.split('.').slice(1)
    const init = steps[0] === 'containers[]' ? [['initContainers[]', ...steps.slice(1)]] : []
    return [steps, ...init].map((one) => ({ place: one, rules: mine }))
  })
}

const PLACES = { refused: placesOf('refused'), stored: placesOf('stored') }

interface Reached {
  readonly at: string
  readonly value: Readonly<Record<string, unknown>>
}

function reach(spec: PodSpec, path: string, steps: readonly string[]): readonly Reached[] {
  let here: readonly Reached[] = [{ at: path, value: spec }]
  for (const step of steps) here = here.flatMap((one) => next(one, step))
  return here
}

function next({ at, value }: Reached, step: string): readonly Reached[] {
  const many = step.endsWith('[]')
  const field = many ? step.slice(0, -2) : step
  const held = value[field]
  const items: readonly unknown[] = many ? (Array.isArray(held) ? held : []) : [held]
  return items.flatMap((item, index) =>
    typeof item === 'object' && item !== null
      ? [{ at: many ? `${at}.${field}[${index}]` : `${at}.${field}`, value: item as Readonly<Record<string, unknown>> }]
      : [],
  )
}

/** An empty list, map or string asks for nothing; an empty volume source does. */
function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0)
}
