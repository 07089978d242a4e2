/**
 * The body of a request as an object of the kind the path asks for: JSON, YAML or protobuf, at most 3 MiB.
 * Unknown and repeated fields are refused, warned about or dropped as `fieldValidation` says.
 */
import { DecodeError } from '../../schema/k8s/decode-error.ts'
import { kindOf } from '../../schema/k8s/facts.ts'
import { type ReadJson, readJson } from '../../schema/k8s/json.ts'
import type { K8sObject } from '../../schema/k8s/meta.ts'
import { decodeObject, PROTOBUF } from '../../schema/k8s/protobuf.ts'
import { badRequest, tooLarge, unsupportedMediaType } from '../../schema/k8s/status.ts'
import { cannotBeHandled, checkFields, strictErrorText, strictProblems } from '../../schema/k8s/strict.ts'

const MAX_BODY_BYTES = 3_145_728

export interface Body {
  /** media type without parameters, lower case */
  readonly type: string
  readonly text: string
  /** protobuf only */
  readonly bytes: Uint8Array | undefined
  /** YAML only: its reader is loaded with the first such body, which most clusters never see */
  readonly readYaml: ((text: string) => ReadJson) | undefined
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore'

/** What the path says the body is. */
export interface Expected {
  readonly apiVersion: string
  readonly kind: string
}

export async function readBody(request: Request): Promise<Body> {
  const header = request.headers.get('content-type') ?? ''
  const semicolon = header.indexOf(';')
  const type = (semicolon === -1 ? header : header.slice(0, semicolon)).trim().toLowerCase()
  const length = request.headers.get('content-length')
  if (length !== null && Number(length) > MAX_BODY_BYTES) throw bodyTooLarge()
  if (type === PROTOBUF) return { type, text: '', bytes: await readBytes(request), readYaml: undefined }
  // With a declared length the platform reads no more than that.
  const text = length === null ? new TextDecoder().decode(await readBytes(request)) : await request.text()
  const readYaml = isYaml(type) ? (await import('./yaml.ts')).readYaml : undefined
  return { type, text, bytes: undefined, readYaml }
}

async function readBytes(request: Request): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) throw bodyTooLarge()
    chunks.push(chunk)
  }
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

function bodyTooLarge(): Error {
  return tooLarge(`limit is ${MAX_BODY_BYTES}`)
}

/** The object in the body; kind and apiVersion may be left out and are then the path's. */
export function decodeBody(
  body: Body,
  expected: Expected,
  validation: FieldValidation,
  warn: (text: string) => void,
): K8sObject {
  const value =
    body.bytes === undefined ? decodeText(body, expected, validation, warn) : decodeProtobuf(body.bytes, expected)
  return value['metadata'] === undefined
    ? ({ ...value, metadata: {} } as unknown as K8sObject)
    : (value as unknown as K8sObject)
}

type Value = { readonly [field: string]: unknown }

function decodeProtobuf(bytes: Uint8Array, expected: Expected): Value {
  try {
    const decoded = decodeObject(bytes, expected)
    checkKind(decoded, expected)
    return decoded.value
  } catch (error) {
    throw asRefusal(
      error,
      (why) => `the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${summary(bytes)})`,
    )
  }
}

function decodeText(body: Body, expected: Expected, validation: FieldValidation, warn: (text: string) => void): Value {
  const read = asValue(body, expected)
  const { value } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const why = `couldn't get version/kind; json parse error: json: cannot unmarshal ${Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`
    throw unrecognized(body, expected, why)
  }
  const { apiVersion, kind } = value as { apiVersion?: unknown; kind?: unknown }
  const named = { apiVersion: apiVersion || expected.apiVersion, kind: kind || expected.kind }
  if (typeof named.apiVersion !== 'string' || typeof named.kind !== 'string') {
    throw unrecognized(
      body,
      expected,
      "couldn't get version/kind; json parse error: apiVersion and kind must be strings",
    )
  }
  checkKind({ apiVersion: named.apiVersion, kind: named.kind }, expected)
  const message = kindOf(expected.apiVersion, expected.kind)?.message ?? expected.kind
  const checked = checkFields(value, message)
  const version = versionOf(expected.apiVersion)
  const [typeError] = checked.typeErrors
  if (typeError !== undefined) throw badRequest(cannotBeHandled(expected.kind, version, typeError))
  if (validation !== 'Ignore' && (checked.unknown.length > 0 || read.duplicates.length > 0)) {
    if (validation === 'Strict') {
      throw badRequest(cannotBeHandled(expected.kind, version, strictErrorText(checked.unknown, read.duplicates)))
    }
    for (const problem of strictProblems(checked.unknown, read.duplicates)) warn(problem)
  }
  const { apiVersion: _, kind: __, ...rest } = checked.value
  return { kind: expected.kind, apiVersion: expected.apiVersion, ...rest }
}

/** JSON or YAML text as a value, with the keys it repeats. */
function asValue(body: Body, expected: Expected): { readonly value: unknown; readonly duplicates: readonly string[] } {
  try {
    if (body.readYaml !== undefined) return body.readYaml(body.text)
    if (body.type !== '' && body.type !== 'application/json')
      throw unsupportedMediaType(['application/json', 'application/yaml', PROTOBUF])
    return readJson(body.text)
  } catch (error) {
    throw asRefusal(error, (why) => {
      const parser = body.readYaml !== undefined ? 'yaml' : 'json'
      const text = `couldn't get version/kind; ${parser} parse error: ${why.replace(/^invalid (JSON|YAML): /, '')}`
      return `the object provided is unrecognized (must be of type ${expected.kind}): ${text} (${summary(body.text)})`
    })
  }
}

function isYaml(type: string): boolean {
  return type === 'application/yaml' || type === 'application/x-yaml' || type === 'text/yaml'
}

function unrecognized(body: Body, expected: Expected, why: string): Error {
  return badRequest(
    `the object provided is unrecognized (must be of type ${expected.kind}): ${why} (${summary(body.text)})`,
  )
}

/** Upstream's texts for a body of another kind or version than the path's. */
function checkKind(named: Expected, expected: Expected): void {
  if (named.apiVersion === expected.apiVersion && named.kind === expected.kind) return
  const facts = kindOf(named.apiVersion, named.kind)
  if (facts === undefined) {
    const why = `no kind ${JSON.stringify(named.kind)} is registered for version ${JSON.stringify(named.apiVersion)}`
    throw badRequest(
      `${named.kind} in version ${JSON.stringify(versionOf(named.apiVersion))} cannot be handled as a ${expected.kind}: ${why}`,
    )
  }
  if (named.kind !== expected.kind) {
    const to = `${packageOf(expected.apiVersion)}.${expected.kind}`
    const why = `converting (${versionOf(named.apiVersion)}.${named.kind}) to (${to}): unknown conversion`
    throw badRequest(
      `${named.kind} in version ${JSON.stringify(versionOf(named.apiVersion))} cannot be handled as a ${expected.kind}: ${why}`,
    )
  }
  // Options and the like are known under every group version.
  if (kindOf('v1', expected.kind) === facts) return
  throw badRequest(
    `the API version in the data (${named.apiVersion}) does not match the expected API version (${expected.apiVersion})`,
  )
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf('/') + 1)
}

/** The Go package of the internal types: `core`, `apps`, `rbac`. */
function packageOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/')
  return slash === -1 ? 'core' : (apiVersion.slice(0, slash).split('.')[0] ?? '')
}

function asRefusal(error: unknown, text: (why: string) => string): unknown {
  if (error instanceof DecodeError) return badRequest(text(error.message))
  // Nesting beyond the stack is the sender's doing.
  if (error instanceof RangeError) return badRequest(text('nested too deep'))
  return error
}

/** The first 30 bytes, for people to recognise what they sent. */
function summary(data: string | Uint8Array): string {
  if (data.length === 0) return '<empty>'
  const bytes = typeof data === 'string' ? new TextEncoder().encode(data.slice(0, 31)) : data
  const more = bytes.length > 30 || data.length > 30 ? ' ...' : ''
  if (typeof data === 'string' && data.startsWith('{')) return `${data.slice(0, 30)}${more}`
  return `${Array.from(bytes.subarray(0, 30), (byte) => byte.toString(16).padStart(2, '0')).join('')}${more}`
}
