import { expect, test } from 'vitest'
import { applyList, kindOf, kindsIn, messageNames, messageOf } from './facts.ts'

test('a kind is found by apiVersion and kind', () => {
  expect(kindOf('apps/v1', 'Deployment')).toEqual({
    group: 'apps',
    version: 'v1',
    kind: 'Deployment',
    message: 'Deployment',
  })
  expect(kindOf('events.k8s.io/v1', 'Event')?.message).toBe('EventsEvent')
  expect(kindOf('any/v9', 'DeleteOptions')?.message).toBe('DeleteOptions')
  expect(kindOf('v1', 'Nothing')).toBeUndefined()
  expect(kindsIn('coordination.k8s.io/v1').map(({ kind }) => kind)).toEqual(['Lease', 'LeaseList'])
})

test('fields are found by JSON name and by number', () => {
  const container = messageOf('Container')
  expect(container.properties.get('ports')).toMatchObject({
    number: 6,
    shape: { of: 'list', items: { of: 'message', message: 'ContainerPort' }, wrapped: false },
    patchStrategy: ['merge'],
    patchMergeKey: 'containerPort',
    listType: 'map',
    listMapKeys: ['containerPort', 'protocol'],
  })
  expect(container.byNumber.get(1)?.json).toBe('name')
  expect(messageOf('ContainerPort').properties.get('protocol')).toMatchObject({
    defaultValue: 'TCP',
    enumeration: ['SCTP', 'TCP', 'UDP'],
  })
})

test('an inline message is spread into its parent', () => {
  const volume = messageOf('Volume')
  expect(volume.properties.get('emptyDir')?.shape).toEqual({ of: 'message', message: 'EmptyDirVolumeSource' })
  expect(volume.byNumber.get(2)).toMatchObject({ inline: true, shape: { of: 'message', message: 'VolumeSource' } })
})

test('what apply does with a list follows from its marks', () => {
  const field = (message: string, json: string) => {
    const found = messageOf(message).properties.get(json)
    if (found === undefined) throw new Error(json)
    return applyList(found)
  }
  expect(field('ServiceSpec', 'ports')).toEqual({ as: 'map', keys: ['port', 'protocol'] })
  expect(field('ObjectMeta', 'finalizers')).toEqual({ as: 'set' })
  expect(field('Container', 'command')).toEqual({ as: 'atomic' })
  expect(field('PodStatus', 'hostIPs')).toEqual({ as: 'atomic' })
})

test('every message of the table can be read', () => {
  for (const name of messageNames()) {
    const message = messageOf(name)
    expect(message.model).toMatch(/^io\.k8s\./)
    for (const field of message.fields) if (field.shape.of === 'message') messageOf(field.shape.message)
  }
})
