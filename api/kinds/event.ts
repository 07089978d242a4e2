/** Event (core/v1): what happened to an object; kept for an hour after it was last seen. */
import type { FieldError } from '../../schema/k8s/field-error.ts'
import { fieldInvalid, fieldRequired } from '../../schema/k8s/field-error.ts'
import type { Event } from '../../schema/k8s/generated/types.ts'
import { timeMs } from '../../schema/k8s/time.ts'
import { column, since, wideColumn } from './column.ts'
import { defineKind } from './generic.ts'
import { isDns1123Subdomain, isPathSegmentName, isQualifiedName } from '../../schema/k8s/names.ts'

const KEPT_MS = 3_600_000

export const event = defineKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  shortNames: ['ev'],
  createOnUpdate: true,
  nameProblems: isPathSegmentName,
  defaults: (object) => ({ ...object, involvedObject: object.involvedObject ?? {} }),
  validate: eventErrors,
  fields(object) {
    const about = object.involvedObject
    return {
      'involvedObject.kind': about.kind ?? '',
      'involvedObject.namespace': about.namespace ?? '',
      'involvedObject.name': about.name ?? '',
      'involvedObject.uid': about.uid ?? '',
      'involvedObject.apiVersion': about.apiVersion ?? '',
      'involvedObject.resourceVersion': about.resourceVersion ?? '',
      'involvedObject.fieldPath': about.fieldPath ?? '',
      reason: object.reason ?? '',
      reportingComponent: object.reportingComponent ?? '',
      source: firstText(object.source?.component, object.reportingComponent),
      type: object.type ?? '',
    }
  },
  fieldNames: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  index(object) {
    const seen = [
      object.series?.lastObservedTime,
      object.lastTimestamp,
      object.eventTime,
      object.metadata.creationTimestamp,
    ].flatMap((time) => (time === undefined ? [] : (timeMs(time) ?? [])))
    return seen.length === 0 ? {} : { expiresAt: Math.max(...seen) + KEPT_MS }
  },
  columns: [
    column('Last Seen', 'string', 'Time since it happened last.'),
    column('Type', 'string', 'Normal or Warning.'),
    column('Reason', 'string', 'One word for the cause.'),
    column('Object', 'string', 'What it happened to.'),
    wideColumn('Subobject', 'string', 'The part of the object.'),
    wideColumn('Source', 'string', 'Who reported it.'),
    column('Message', 'string', 'What happened, for people.'),
    wideColumn('First Seen', 'string', 'Time since it happened first.'),
    wideColumn('Count', 'string', 'How often it happened.'),
    { ...wideColumn('Name', 'string', 'Name of the event.'), format: 'name' },
  ],
  cells(object, now) {
    const { involvedObject: about, series } = object
    const first = since(object.firstTimestamp ?? object.eventTime, now)
    const last = object.lastTimestamp === undefined ? first : since(object.lastTimestamp, now)
    const kind = (about.kind ?? '').toLowerCase()
    const count = object.count ?? 0
    return [
      series === undefined ? last : since(series.lastObservedTime, now),
      object.type ?? '',
      object.reason ?? '',
      (about.name ?? '') === '' ? kind : `${kind}/${about.name}`,
      about.fieldPath ?? '',
      sourceText(object),
      (object.message ?? '').trim(),
      first,
      series === undefined ? (count === 0 ? 1 : count) : (series.count ?? 0),
      object.metadata.name ?? '',
    ]
  },
  support: { acts: 'kept for one hour', storedOnly: [] },
})

function firstText(...texts: readonly (string | undefined)[]): string {
  return texts.find((text) => text !== undefined && text !== '') ?? ''
}

function sourceText(object: Event): string {
  const component = firstText(object.source?.component, object.reportingComponent)
  const host = firstText(object.source?.host, object.reportingInstance)
  return host === '' ? component : `${component}, ${host}`
}

function eventErrors(object: Event): readonly FieldError[] {
  const errors: FieldError[] = []
  const own = object.metadata.namespace ?? ''
  const about = object.involvedObject.namespace ?? ''
  const legacy = object.eventTime === undefined
  const allowed = about !== '' || own === '' || own === 'default' || (!legacy && own === 'kube-system')
  if (!allowed || (legacy && about !== '' && about !== own)) {
    errors.push(fieldInvalid('involvedObject.namespace', about, 'does not match event.namespace'))
  }
  if (!legacy) errors.push(...reportErrors(object))
  for (const problem of isDns1123Subdomain(own)) errors.push(fieldInvalid('namespace', own, problem))
  return errors
}

/** Events with an eventTime say who reports them, and are bounded. */
function reportErrors(object: Event): readonly FieldError[] {
  const { reportingComponent = '', reportingInstance = '', action = '', reason = '', message = '' } = object
  const errors: FieldError[] = []
  const bound = (field: string, value: string, most: number): void => {
    if (value.length > most) errors.push(fieldInvalid(field, '', `can have at most ${most} characters`))
  }
  if (reportingComponent === '') errors.push(fieldRequired('reportingComponent'))
  for (const problem of isQualifiedName(reportingComponent)) {
    errors.push(fieldInvalid('reportingComponent', reportingComponent, problem))
  }
  if (reportingInstance === '') errors.push(fieldRequired('reportingInstance'))
  bound('reportingInstance', reportingInstance, 128)
  if (action === '') errors.push(fieldRequired('action'))
  bound('action', action, 128)
  if (reason === '') errors.push(fieldRequired('reason'))
  bound('reason', reason, 128)
  bound('message', message, 1024)
  return errors
}
