import { expect, test } from 'vitest'
import { viewOf } from './accept.ts'

test.each([
  [null, 'object', 'v1'],
  ['', 'object', 'v1'],
  ['*/*', 'object', 'v1'],
  ['application/json', 'object', 'v1'],
  ['application/json;stream=watch', 'object', 'v1'],
  ['application/vnd.kubernetes.protobuf', 'object', 'v1'],
  ['application/vnd.kubernetes.protobuf;stream=watch,application/json', 'object', 'v1'],
  [
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json',
    'table',
    'v1',
  ],
  ['application/json;as=Table;v=v1beta1;g=meta.k8s.io', 'table', 'v1beta1'],
  ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'metadata', 'v1'],
  ['application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1', 'metadata', 'v1'],
  ['application/json;as=Nothing;v=v1;g=meta.k8s.io,application/json', 'object', 'v1'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'object', 'v1'],
  ['application/json;q=0.1,application/json;as=Table;v=v1;g=meta.k8s.io;q=0.9', 'table', 'v1'],
])('%s asks for %s', (accept, as, version) => {
  expect(viewOf(accept)).toEqual({ as, version })
})

test.each([['text/html'], ['application/json;as=Table;v=v2;g=meta.k8s.io'], ['*/*;q=0'], [',;=']])(
  '%s cannot be served',
  (accept) => {
    expect(() => viewOf(accept)).toThrow('only the following media types are accepted: application/json')
  },
)
