import { expect, test } from 'vitest'
import type { Deployment, Pod } from './generated/types.ts'
import type { K8sObject } from './meta.ts'

test('a generated type is an object like any other', () => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' }, spec: { containers: [{ name: 'c' }] } }
  const deployment: Deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: {} }
  const any: readonly K8sObject[] = [pod, deployment]
  expect(any.map(({ kind }) => kind)).toEqual(['Pod', 'Deployment'])
})
