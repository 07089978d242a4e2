/**
 * YAML from clients, as upstream reads it: YAML 1.1's numbers and booleans, no tags that make anything but
 * JSON values, aliases bounded, repeated keys found.
 */
import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument, type Tags } from 'yaml'
import { DecodeError } from '../../schema/k8s/decode-error.ts'
import type { ReadJson } from '../../schema/k8s/json.ts'

/** Copies that aliases may make in all; beyond it the document is a bomb. */
const MAX_ALIASES = 100
const MAX_REPORTED = 100
const NOT_JSON = new Set([
  'tag:yaml.org,2002:binary',
  'tag:yaml.org,2002:timestamp',
  'tag:yaml.org,2002:omap',
  'tag:yaml.org,2002:pairs',
  'tag:yaml.org,2002:set',
])

/** Throws a DecodeError on anything malformed. An empty document is null. */
export function readYaml(text: string): ReadJson {
  try {
    const document = parseDocument(text, {
      schema: 'yaml-1.1',
      customTags: (tags: Tags) => tags.filter((tag) => typeof tag === 'string' || !NOT_JSON.has(tag.tag)),
      merge: true,
      uniqueKeys: false,
      logLevel: 'silent',
    })
    const [error] = document.errors
    if (error !== undefined) throw new DecodeError(`invalid YAML: ${error.message.split('\n')[0] ?? ''}`)
    const duplicates: string[] = []
    findDuplicates(document.contents, '', duplicates)
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown, duplicates }
  } catch (error) {
    if (error instanceof DecodeError || error instanceof RangeError) throw error
    throw new DecodeError(`invalid YAML: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function findDuplicates(node: Node | null, path: string, found: string[]): void {
  if (isAlias(node) || found.length >= MAX_REPORTED) return
  if (isSeq(node)) node.items.forEach((item, at) => findDuplicates(item as Node | null, `${path}[${at}]`, found))
  if (!isMap(node)) return
  const seen = new Set<string>()
  for (const { key, value } of node.items) {
    const name = isScalar(key) ? String(key.value) : ''
    const here = path === '' ? name : `${path}.${name}`
    if (seen.has(name)) found.push(here)
    seen.add(name)
    findDuplicates(value as Node | null, here, found)
  }
}
