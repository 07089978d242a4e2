import { describe, expect, test } from 'vitest'
import * as status from './status.ts'

const row = (refusal: status.Refusal) => [refusal.code, refusal.reason, refusal.message]

describe('a refusal says what upstream says', () => {
  test.each<[status.Refusal, number, string, string]>([
    [status.notFound('deployments', 'apps', 'x'), 404, 'NotFound', 'deployments.apps "x" not found'],
    [status.notFound('pods', '', 'x'), 404, 'NotFound', 'pods "x" not found'],
    [status.alreadyExists('pods', '', 'x'), 409, 'AlreadyExists', 'pods "x" already exists'],
    [status.forbidden('pods', '', 'x', 'no'), 403, 'Forbidden', 'pods "x" is forbidden: no'],
    [status.forbidden('pods', '', '', 'no'), 403, 'Forbidden', 'pods is forbidden: no'],
    [status.forbidden('', '', '', 'no'), 403, 'Forbidden', 'forbidden: no'],
    [
      status.methodNotSupported('nodes', '', 'patch'),
      405,
      'MethodNotAllowed',
      'patch is not supported on resources of kind "nodes"',
    ],
    [
      status.notAcceptable(['application/json']),
      406,
      'NotAcceptable',
      'only the following media types are accepted: application/json',
    ],
    [status.unauthorized(), 401, 'Unauthorized', 'Unauthorized'],
    [status.internalError('boom'), 500, 'InternalError', 'Internal error occurred: boom'],
    [status.tooLarge('limit is 3145728'), 413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728'],
    [status.expired('too old'), 410, 'Expired', 'too old'],
    [
      status.conflict('deployments', 'apps', 'x'),
      409,
      'Conflict',
      'Operation cannot be fulfilled on deployments.apps "x": the object has been modified; please apply your changes to the latest version and try again',
    ],
  ])('%s', (refusal, code, reason, message) => {
    expect(row(refusal)).toEqual([code, reason, message])
  })
})

test('an invalid object lists every problem, repeated ones once in the message', () => {
  const same = status.fieldRequired('spec.selector')
  const refusal = status.invalid('Deployment', 'apps', 'x', [
    same,
    same,
    status.fieldInvalid('spec.replicas', -1, 'must be greater than or equal to 0'),
  ])
  expect(refusal.message).toBe(
    'Deployment.apps "x" is invalid: [spec.selector: Required value, spec.replicas: Invalid value: -1: must be greater than or equal to 0]',
  )
  expect(refusal.status()).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: refusal.message,
    reason: 'Invalid',
    details: {
      name: 'x',
      group: 'apps',
      kind: 'Deployment',
      causes: [
        { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.selector' },
        { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.selector' },
        {
          reason: 'FieldValueInvalid',
          message: 'Invalid value: -1: must be greater than or equal to 0',
          field: 'spec.replicas',
        },
      ],
    },
    code: 422,
  })
})

test('an expired list hands out a token to carry on with', () => {
  expect(status.expired('gone', 'abc').status().metadata).toEqual({ continue: 'abc' })
})

test('a delay becomes Retry-After', () => {
  expect(status.tooManyRequests('slow down', 10).retryAfterSeconds).toBe(10)
  expect(status.timeout('later', 1).retryAfterSeconds).toBe(1)
})
