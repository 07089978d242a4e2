// Refusals: the Status object of every error a client can see, with upstream's codes, reasons and
// messages. Code that refuses throws one of these; one place turns it into a response.
import type { FieldError } from './field-error.ts'
import { fieldErrorBody, fieldErrorsText } from './field-error.ts'
import type { Status, StatusCause, StatusDetails } from './generated/types.ts'
import { goQuote } from './go-quote.ts'

export * from './field-error.ts'

export interface RefusalParts {
  /** HTTP status */
  readonly code: number
  /** metadata-free machine word, e.g. `NotFound` */
  readonly reason: string
  readonly message: string
  readonly details?: StatusDetails
  /** metadata.continue of the Status: a fresh token after an expired one */
  readonly continueToken?: string
  readonly cause?: unknown
}

/** An answer other than success. `status()` is the body to send, `code` its HTTP status. */
export class Refusal extends Error {
  readonly code: number
  readonly reason: string
  readonly details: StatusDetails | undefined
  readonly continueToken: string | undefined

  constructor(parts: RefusalParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.name = 'Refusal'
    this.code = parts.code
    this.reason = parts.reason
    this.details = parts.details
    this.continueToken = parts.continueToken
  }

  /** Seconds for the header `Retry-After`, when there is one. */
  get retryAfterSeconds(): number | undefined {
    return this.details?.retryAfterSeconds
  }

  /** The Status object, in upstream's order of fields. */
  status(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.continueToken === undefined ? {} : { continue: this.continueToken },
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(this.details === undefined ? {} : { details: this.details }),
      code: this.code,
    }
  }
}

/** Is it a refusal, of this reason if one is named? */
export function isRefusal(error: unknown, reason?: string): error is Refusal {
  return error instanceof Refusal && (reason === undefined || error.reason === reason)
}

/** A `Success` Status, e.g. the answer to a delete: details name what is gone. */
export function success(details?: StatusDetails, code?: number): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    ...(details === undefined ? {} : { details }),
    ...(code === undefined ? {} : { code }),
  }
}

/** `deployments.apps`, or `pods` in the core group. */
function qualified(resource: string, group: string): string {
  return group === '' ? resource : `${resource}.${group}`
}

function about(kind: string, group: string, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind === '' ? {} : { kind }),
  }
}

/** 404 `deployments.apps "x" not found` */
export function notFound(resource: string, group: string, name: string): Refusal {
  return new Refusal({
    code: 404,
    reason: 'NotFound',
    message: `${qualified(resource, group)} ${goQuote(name)} not found`,
    details: about(resource, group, name),
  })
}

/** 404 for a path that names no resource */
export function unknownPath(): Refusal {
  return new Refusal({
    code: 404,
    reason: 'NotFound',
    message: 'the server could not find the requested resource',
    details: {},
  })
}

/** 409 `pods "x" already exists` */
export function alreadyExists(resource: string, group: string, name: string): Refusal {
  return new Refusal({
    code: 409,
    reason: 'AlreadyExists',
    message: `${qualified(resource, group)} ${goQuote(name)} already exists`,
    details: about(resource, group, name),
  })
}

/** 409 after generateName met an existing name; the client may repeat at once */
export function generatedNameTaken(resource: string, group: string, name: string): Refusal {
  return new Refusal({
    code: 409,
    reason: 'AlreadyExists',
    message: `${qualified(resource, group)} ${goQuote(name)} already exists, the server was not able to generate a unique name for the object`,
    details: { ...about(resource, group, name), retryAfterSeconds: 1 },
  })
}

/** What a stale resourceVersion is answered. */
const MODIFIED = 'the object has been modified; please apply your changes to the latest version and try again'

/** 409 `Operation cannot be fulfilled on deployments.apps "x": why` */
export function conflict(resource: string, group: string, name: string, why: string = MODIFIED): Refusal {
  return new Refusal({
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on ${qualified(resource, group)} ${goQuote(name)}: ${why}`,
    details: about(resource, group, name),
  })
}

/** 422 `Deployment.apps "x" is invalid: spec.selector: Required value`, or `[a, b]` for several */
export function invalid(kind: string, group: string, name: string, errors: readonly FieldError[]): Refusal {
  const start = `${qualified(kind, group)} ${goQuote(name)} is invalid`
  const causes = errors.map((error) => ({
    reason: error.type,
    message: fieldErrorBody(error),
    ...(error.field === '' ? {} : { field: error.field }),
  }))
  return new Refusal({
    code: 422,
    reason: 'Invalid',
    message: errors.length === 0 ? start : `${start}: ${fieldErrorsText(errors)}`,
    details: { ...about(kind, group, name), ...(causes.length === 0 ? {} : { causes }) },
  })
}

/** 400, the message is free */
export function badRequest(message: string, cause?: unknown): Refusal {
  return new Refusal({ code: 400, reason: 'BadRequest', message, cause })
}

/** 401 `Unauthorized` */
export function unauthorized(message = 'Unauthorized'): Refusal {
  return new Refusal({ code: 401, reason: 'Unauthorized', message })
}

/** 403 `pods "x" is forbidden: why`; without a name `pods is forbidden: why`; without a resource `forbidden: why` */
export function forbidden(
  resource: string,
  group: string,
  name: string,
  why: string,
  causes: readonly StatusCause[] = [],
): Refusal {
  const what = qualified(resource, group)
  const start =
    what === '' ? 'forbidden' : name === '' ? `${what} is forbidden` : `${what} ${goQuote(name)} is forbidden`
  return new Refusal({
    code: 403,
    reason: 'Forbidden',
    message: `${start}: ${why}`,
    details: { ...about(resource, group, name), ...(causes.length === 0 ? {} : { causes }) },
  })
}

/** 405 `patch is not supported on resources of kind "pods"` */
export function methodNotSupported(resource: string, group: string, action: string): Refusal {
  return new Refusal({
    code: 405,
    reason: 'MethodNotAllowed',
    message: `${action} is not supported on resources of kind ${goQuote(qualified(resource, group))}`,
    details: about(resource, group, ''),
  })
}

/** 405 for a method the path does not know at all */
export function methodNotAllowed(): Refusal {
  return new Refusal({
    code: 405,
    reason: 'MethodNotAllowed',
    message: 'the server does not allow this method on the requested resource',
    details: {},
  })
}

/** 406 naming the media types that are served */
export function notAcceptable(accepted: readonly string[]): Refusal {
  return new Refusal({
    code: 406,
    reason: 'NotAcceptable',
    message: `only the following media types are accepted: ${accepted.join(', ')}`,
  })
}

/** 415 naming the media types a body may have */
export function unsupportedMediaType(accepted: readonly string[]): Refusal {
  return new Refusal({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  })
}

/** 410 of a list or watch from a revision that is compacted; a list may carry on with `continueToken` */
export function expired(message: string, continueToken?: string): Refusal {
  return new Refusal({
    code: 410,
    reason: 'Expired',
    message,
    ...(continueToken === undefined ? {} : { continueToken }),
  })
}

/** 410 for something that will not come back */
export function gone(message: string): Refusal {
  return new Refusal({ code: 410, reason: 'Gone', message })
}

/** 413 `Request entity too large: limit is 3145728` */
export function tooLarge(what: string): Refusal {
  return new Refusal({ code: 413, reason: 'RequestEntityTooLarge', message: `Request entity too large: ${what}` })
}

/** 429, with `Retry-After` when seconds are named */
export function tooManyRequests(
  message: string,
  retryAfterSeconds: number,
  causes: readonly StatusCause[] = [],
): Refusal {
  return new Refusal({
    code: 429,
    reason: 'TooManyRequests',
    message,
    details: {
      ...(causes.length === 0 ? {} : { causes }),
      ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
    },
  })
}

/** 500 `Internal error occurred: what` */
export function internalError(what: string, cause?: unknown): Refusal {
  return new Refusal({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${what}`,
    details: { causes: [{ message: what }] },
    cause,
  })
}

/** 503, the message is free */
export function serviceUnavailable(message: string, cause?: unknown): Refusal {
  return new Refusal({ code: 503, reason: 'ServiceUnavailable', message, cause })
}

/** 504 `Timeout: message` */
export function timeout(message: string, retryAfterSeconds = 0, causes: readonly StatusCause[] = []): Refusal {
  return new Refusal({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: ${message}`,
    details: {
      ...(causes.length === 0 ? {} : { causes }),
      ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
    },
  })
}

/** 504 of a read at a revision that does not exist yet; clients know it by its cause */
export function resourceVersionTooLarge(asked: number, current: number): Refusal {
  return timeout(`Too large resource version: ${asked}, current: ${current}`, 1, [
    { reason: 'ResourceVersionTooLarge', message: 'Too large resource version' },
  ])
}
