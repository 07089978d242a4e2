// Why a connection did not come about, in the words events and kubectl show on other clusters.

const WORDS: { readonly [code: string]: string } = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
}

/** For codes nobody listed, what the platform says. */
export function whyNoConnection(error: { readonly code?: string | undefined; readonly message: string }): string {
  return WORDS[error.code ?? ''] ?? error.message
}
