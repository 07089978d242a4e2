/**
 * README's table of support, printed from the kinds' own declarations and from `schema/k8s/treatment.ts`, so that it
 * cannot say anything else than what the code does.
 */
import { TREATMENTS } from '../../schema/k8s/treatment.ts'
import { apiVersionOf, kinds } from './all.ts'

/** Markdown: kinds first, then the fields of a pod that are stored only, then those that are refused. */
export function supportTable(): string {
  const rows = kinds.map(
    (kind) => `| ${kind.kind} | ${apiVersionOf(kind)} | ${kind.support.acts} | ${list(kind.support.storedOnly)} |`,
  )
  return [
    '| kind | version | what acts on it | stored, nothing acts on it yet |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    'Pods, and the templates of Deployments and ReplicaSets:',
    '',
    '| part of a pod | stored with a warning | refused (422) |',
    '| --- | --- | --- |',
    ...podRows(),
    '',
  ].join('\n')
}

function podRows(): readonly string[] {
  return TREATMENTS.map(({ place, rules }) => {
    const of = (treatment: string): string =>
      list(
        Object.entries(rules)
          .filter(([, rule]) => rule.treatment === treatment)
          .map(([field]) => field),
      )
    return `| ${code(place)} | ${of('stored')} | ${of('refused')} |`
  }).filter((row) => !row.endsWith('|  |  |'))
}

function list(fields: readonly string[]): string {
  return fields.map(code).join(', ')
}

function code(text: string): string {
  return `\`${text}\``
}
