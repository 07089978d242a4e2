/** Upstream's warnings about pod specs that are accepted and probably not what was meant. */
import type { Container, PodSpec } from '../../schema/k8s/generated/types.ts'
import { goQuote } from '../../schema/k8s/go-quote.ts'
import { milliValue } from '../../schema/k8s/quantity.ts'

/** `path` is that of the spec. */
export function podSpecWarnings(spec: PodSpec | undefined, path: string): readonly string[] {
  if (spec === undefined) return []
  const named = (list: 'initContainers' | 'containers'): readonly (readonly [string, Container])[] =>
    (spec[list] ?? []).map((container, index) => [`${path}.${list}[${index}]`, container] as const)
  const all = [...named('initContainers'), ...named('containers')]
  return [
    ...repeated(
      (spec.imagePullSecrets ?? []).map((one) => one.name ?? ''),
      (index, name) => `${path}.imagePullSecrets[${index}].name: duplicate name ${name}`,
    ),
    ...repeated(
      (spec.hostAliases ?? []).map((one) => one.ip),
      (index, ip) => `${path}.hostAliases[${index}].ip: duplicate ip ${ip}`,
    ),
    ...all.flatMap(([at, container]) => [...byteWarnings(container, at), ...envWarnings(container, at)]),
    ...portWarnings(all),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`]
      : []),
  ]
}

function repeated(names: readonly string[], warning: (index: number, quoted: string) => string): readonly string[] {
  return names.flatMap((name, index) =>
    names.indexOf(name) < index && name !== '' ? [warning(index, goQuote(name))] : [],
  )
}

/** Memory comes in whole bytes; `100m` of it is a typing mistake. */
function byteWarnings(container: Container, path: string): readonly string[] {
  const warnings: string[] = []
  for (const name of ['memory', 'ephemeral-storage']) {
    for (const kind of ['limits', 'requests'] as const) {
      const value = container.resources?.[kind]?.[name]
      if (value === undefined || milliValue(value) % 1000 === 0) continue
      const rule = 'is invalid, must be an integer'
      warnings.push(`${path}.resources.${kind}[${name}]: fractional byte value ${goQuote(value)} ${rule}`)
    }
  }
  return warnings
}

/** A later variable of the same name wins, which is fine only when it builds on the earlier one. */
function envWarnings(container: Container, path: string): readonly string[] {
  const seen = new Set<string>()
  return (container.env ?? []).flatMap(({ name, value = '' }, index) => {
    if (!seen.has(name)) {
      seen.add(name)
      return []
    }
    const itself = `$(${name})`
    if (value.includes(itself) && value !== itself) return []
    const why = 'which may be dropped when using apply'
    return [`${path}.env[${index}]: hides previous definition of ${goQuote(name)}, ${why}`]
  })
}

/** Two containers on one port and address cannot both listen. */
function portWarnings(all: readonly (readonly [string, Container])[]): readonly string[] {
  const seen = new Map<string, string>()
  return all.flatMap(([path, container]) =>
    (container.ports ?? []).flatMap((port, index) => {
      const at = `${path}.ports[${index}]`
      const key = `${port.containerPort}/${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort ?? 0}`
      const other = seen.get(key)
      if (other !== undefined) return [`${at}: duplicate port definition with ${other}`]
      seen.set(key, at)
      return []
    }),
  )
}
