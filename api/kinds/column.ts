/** The columns and cells that many tables share: name, age, lists cut short, containers of a template. */
import type { Container } from '../../schema/k8s/generated/types.ts'
import { humanDuration, timeMs } from '../../schema/k8s/time.ts'
import type { Column } from './kind.ts'

/** A column that is always shown. */
export function column(name: string, type: Column['type'], description: string): Column {
  return { name, type, format: '', description, priority: 0 }
}

/** A column shown with `-o wide`. */
export function wideColumn(name: string, type: Column['type'], description: string): Column {
  return { name, type, format: '', description, priority: 1 }
}

export const NAME_COLUMN: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name of the object, unique among its kind in its namespace.',
  priority: 0,
}

export const AGE_COLUMN: Column = column('Age', 'string', 'Time since the object was created.')

export const TEMPLATE_COLUMNS: readonly Column[] = [
  wideColumn('Containers', 'string', 'Names of the containers in the template.'),
  wideColumn('Images', 'string', 'Images of the containers in the template.'),
  wideColumn('Selector', 'string', 'Labels that select the pods.'),
]

/** `3m20s`, or `<unknown>` without a timestamp. */
export function since(time: string | undefined, now: number): string {
  const at = time === undefined ? undefined : timeMs(time)
  return at === undefined ? '<unknown>' : humanDuration(now - at)
}

export function age(object: { readonly metadata: { readonly creationTimestamp?: string } }, now: number): string {
  return since(object.metadata.creationTimestamp, now)
}

/** At most three, then ` + N more...`; `<unset>` for none. */
export function shortList(items: readonly string[]): string {
  if (items.length > 3) return `${items.slice(0, 3).join(',')} + ${items.length - 3} more...`
  return items.every((item) => item === '') ? '<unset>' : items.join(',')
}

/** Names and images of containers, comma separated. */
export function containerCells(containers: readonly Container[] | undefined): readonly [string, string] {
  const all = containers ?? []
  return [all.map((one) => one.name).join(','), all.map((one) => one.image ?? '').join(',')]
}
