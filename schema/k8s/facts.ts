// What is known of each built-in type: its fields with JSON name, protobuf number, patch and list
// keys. Lines of generated/facts.ts are parsed when first asked for, so start-up costs nothing.
import { ENUMS, KINDS, MESSAGES } from './generated/facts.ts'

export type Scalar =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'bytes'
  | 'quantity'
  | 'intOrString'
  | 'time'
  | 'microTime'
  | 'raw'

/** What a value looks like. `wrapped` lists travel in protobuf as a message {repeated items = 1}. */
export type Shape =
  | { readonly of: Scalar }
  | { readonly of: 'message'; readonly message: string }
  | { readonly of: 'list'; readonly items: Shape; readonly wrapped: boolean }
  | { readonly of: 'map'; readonly values: Shape }

export interface Field {
  readonly json: string
  readonly shape: Shape
  /** Protobuf field number; 0 for apiVersion and kind, which travel in the envelope. */
  readonly number: number
  /** JSON spreads the message into its parent, protobuf nests it (Volume.volumeSource). `json` is then unused. */
  readonly inline: boolean
  /** Go leaves the zero value out of JSON. Has no effect on messages that are not pointers. */
  readonly omitEmpty: boolean
  /** Like omitEmpty, for messages and times too. */
  readonly omitZero: boolean
  /** Zero and absent differ. */
  readonly pointer: boolean
  /** Listed as required in OpenAPI. */
  readonly required: boolean
  /** `merge`, `replace`, `retainKeys`; [] when there is none. */
  readonly patchStrategy: readonly string[]
  readonly patchMergeKey: string | undefined
  /** As declared; see `applyList` for what it means when absent. */
  readonly listType: 'atomic' | 'set' | 'map' | undefined
  readonly listMapKeys: readonly string[]
  readonly mapType: 'atomic' | 'granular' | undefined
  /** Values of the string (or of the strings of the list), where Kubernetes declares them. */
  readonly enumeration: readonly string[] | undefined
  /** A scalar default declared in the schema (`TCP`), used in list keys of apply. */
  readonly defaultValue: unknown
  /** Go's name of the type as decode errors print it: `int32`, `v1.Protocol`, `[]v1.Container`. */
  readonly goType: string
}

export interface Message {
  readonly name: string
  /** OpenAPI name, e.g. `io.k8s.api.core.v1.Pod`. */
  readonly model: string
  /** Go's name without package, e.g. `Pod`. */
  readonly goName: string
  /** Apply owns the whole value, not its fields. */
  readonly atomic: boolean
  /** In upstream's order; inline ones are listed as themselves. */
  readonly fields: readonly Field[]
  /** By JSON name, fields of inline messages included. */
  readonly properties: ReadonlyMap<string, Field>
  /** By protobuf number, inline ones as themselves. */
  readonly byNumber: ReadonlyMap<number, Field>
}

export interface KindFacts {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Name for `messageOf`. */
  readonly message: string
}

let kinds: Map<string, KindFacts> | undefined
const messages = new Map<string, Message>()

/**
 * The facts of a built-in kind, lists included; undefined when unknown. DeleteOptions, Status and
 * their like are known under every apiVersion.
 */
export function kindOf(apiVersion: string, kind: string): KindFacts | undefined {
  const all = allKinds()
  return all.get(`${apiVersion} ${kind}`) ?? all.get(`* ${kind}`)
}

/** Every kind of a group version, in the order of the table: `kindsIn('apps/v1')`. */
export function kindsIn(apiVersion: string): readonly KindFacts[] {
  return [...allKinds().entries()].filter(([key]) => key.startsWith(`${apiVersion} `)).map(([, kind]) => kind)
}

/** The message of that name (a type's name in generated/types.ts). Throws on an unknown name: a mistake of ours. */
export function messageOf(name: string): Message {
  const known = messages.get(name)
  if (known !== undefined) return known
  const line = Object.hasOwn(MESSAGES, name) ? MESSAGES[name] : undefined
  if (line === undefined) throw new Error(`no message is called ${name}`)
  const message = parseMessage(name, line)
  messages.set(name, message)
  return message
}

/** Names of all messages, in the order of the table. */
export function messageNames(): readonly string[] {
  return Object.keys(MESSAGES)
}

/** What server-side apply does with a list: one value, a set, or a map with these keys. */
export type ApplyList =
  | { readonly as: 'atomic' }
  | { readonly as: 'set' }
  | { readonly as: 'map'; readonly keys: readonly string[] }

/** The list type in force: a merge key or strategy stands in for an undeclared one. */
export function applyList(field: Field): ApplyList {
  if (field.listType === 'map') return { as: 'map', keys: field.listMapKeys }
  if (field.listType !== undefined) return { as: field.listType }
  if (field.patchMergeKey !== undefined) return { as: 'map', keys: [field.patchMergeKey] }
  return { as: field.patchStrategy.includes('merge') ? 'set' : 'atomic' }
}

function allKinds(): Map<string, KindFacts> {
  if (kinds !== undefined) return kinds
  kinds = new Map()
  for (const line of KINDS) {
    const [group = '', version = '', kind = '', message = ''] = line.split(' ')
    const apiVersion = group === '*' ? '*' : group === '' ? version : `${group}/${version}`
    kinds.set(`${apiVersion} ${kind}`, { group: group === '*' ? '' : group, version, kind, message })
  }
  return kinds
}

function parseMessage(name: string, line: string): Message {
  const [model = '', flags = '', ...texts] = line.split(';')
  const fields = texts.map(parseField)
  const properties = new Map<string, Field>()
  const byNumber = new Map<number, Field>()
  for (const field of fields) {
    if (field.number > 0) byNumber.set(field.number, field)
    if (!field.inline) properties.set(field.json, field)
    else if (field.shape.of === 'message') {
      for (const [json, inner] of messageOf(field.shape.message).properties) properties.set(json, inner)
    }
  }
  const goName = model.slice(model.lastIndexOf('.') + 1)
  return { name, model, goName, atomic: flags.includes('a'), fields, properties, byNumber }
}

function parseField(text: string): Field {
  const [json = '', code = '', number = '', flags = '', strategy, key, list, keys, map, enumName, fallback, goType] =
    text.split('|')
  return {
    json,
    shape: shapeOf(code),
    number: Number(number),
    inline: flags.includes('n'),
    omitEmpty: flags.includes('o'),
    omitZero: flags.includes('z'),
    pointer: flags.includes('p'),
    required: flags.includes('r'),
    patchStrategy: words(strategy),
    patchMergeKey: key === undefined || key === '' ? undefined : key,
    listType: list === 'atomic' || list === 'set' || list === 'map' ? list : undefined,
    listMapKeys: words(keys),
    mapType: map === 'atomic' || map === 'granular' ? map : undefined,
    enumeration: enumName === undefined || enumName === '' ? undefined : ENUMS[enumName],
    defaultValue: fallback === undefined || fallback === '' ? undefined : JSON.parse(fallback),
    goType: goType === undefined || goType === '' ? goTypeOf(code) : goType,
  }
}

function words(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split(',')
}

const SCALARS: Readonly<Record<string, readonly [Scalar, string]>> = {
  s: ['string', 'string'],
  b: ['bool', 'bool'],
  i: ['int32', 'int32'],
  I: ['int64', 'int64'],
  d: ['float64', 'float64'],
  B: ['bytes', '[]uint8'],
  q: ['quantity', 'resource.Quantity'],
  x: ['intOrString', 'intstr.IntOrString'],
  t: ['time', 'v1.Time'],
  u: ['microTime', 'v1.MicroTime'],
  r: ['raw', 'runtime.RawExtension'],
}

function shapeOf(code: string): Shape {
  const rest = code.slice(1)
  switch (code.slice(0, 1)) {
    case 'M':
      return { of: 'message', message: rest }
    case '[':
      return { of: 'list', items: shapeOf(rest), wrapped: false }
    case 'W':
      return { of: 'list', items: shapeOf(rest), wrapped: true }
    case '{':
      return { of: 'map', values: shapeOf(rest) }
  }
  const scalar = SCALARS[code]
  if (scalar === undefined) throw new Error(`no type has the code ${code}`)
  return { of: scalar[0] }
}

function goTypeOf(code: string): string {
  const rest = code.slice(1)
  switch (code.slice(0, 1)) {
    case 'M': {
      const model = (MESSAGES[rest] ?? '').split(';', 1)[0] ?? ''
      return model.split('.').slice(-2).join('.')
    }
    case '[':
    case 'W':
      return `[]${goTypeOf(rest)}`
    case '{':
      return `map[string]${goTypeOf(rest)}`
  }
  return SCALARS[code]?.[1] ?? code
}
