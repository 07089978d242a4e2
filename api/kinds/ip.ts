/** IP addresses as text: what is valid, what may be an endpoint. */

/** Dotted decimal; leading zeros are tolerated, as upstream's old fields do. */
export function isIPv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
}

function isIPv6(text: string): boolean {
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')))
  const last = groups.at(-1) ?? ''
  const dotted = last.includes('.')
  if (dotted && !isIPv4(last)) return false
  const hex = dotted ? groups.slice(0, -1) : groups
  const count = hex.length + (dotted ? 2 : 0)
  if (!text.includes(':') || !hex.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false
  return halves.length === 2 ? count < 8 : count === 8
}

export function ipProblems(text: string): readonly string[] {
  return isIPv4(text) || isIPv6(text) ? [] : ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']
}

/** Addresses that cannot be the other end of a Service. */
export function endpointAddressProblems(text: string): readonly string[] {
  const lower = text.toLowerCase()
  const problems: string[] = []
  if (lower === '0.0.0.0' || lower === '::') problems.push(`may not be unspecified (${text})`)
  if (lower.startsWith('127.') || lower === '::1')
    problems.push('may not be in the loopback range (127.0.0.0/8, ::1/128)')
  if (lower.startsWith('169.254.') || /^fe[89ab][0-9a-f]:/.test(lower)) {
    problems.push('may not be in the link-local range (169.254.0.0/16, fe80::/10)')
  }
  if (lower.startsWith('224.0.0.') || lower.startsWith('ff02:')) {
    problems.push('may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')
  }
  return problems
}
