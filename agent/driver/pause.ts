// The pause image, so that a node needs no registry for its sandboxes: a gzipped tar with one static program.
// Its source and the line that builds it are in pause/pause.c.

export const PAUSE_IMAGE = 'kedge/pause:v1'
export const PAUSE_CHANGES = ['ENTRYPOINT ["/pause"]', 'LABEL io.kedge.pause=1'] as const

const AMD64 = [
  'H4sIAAAAAAACA+3TPUvDQBgH8Es1IohEV6cMARUx9KpVEdQGq97QRfALtBrQQSttCm4OxSFDv4C7s46tDo04qJPSQR07KBZFcRK3epcmvhRfEFRQ',
  '/j/a3D13z+W5pNfleCZtkp8V5AbDYbfl6lva1//Ur43TYDg8QNQg+QWZtBVPqSpJJZPWR3mfzf9RqxOxyYAkPcUBMkpEtEUibhzxxsvPKXxsiOdF',
  'SCNpcHPlV3eMvGrXvXV+S9pqzfSFNdf0hX16ywi9Ydnzu8oY7+YVflFkWpoQHyd/yUNmnzL7RJH3jMKICLNH1W1RuZZC72P2gSKzNWf1do+WjEKr',
  'yMlZmsMnmT2jnRUDokaJ5eSNarXK7KjmsFzrpujvOzv8mYztZrdMTCvTQzF/LC53/L5sP6od8LlG0alIosOzHhS5KPbpFi62e/XKbmgUFElU45sz',
  '8s21JP8BritT4+PDalfUTCzEl1Qa0kN6sJf298yZCRrK0G5viBA9PZ+2UlY8QXTLXLGIPptcXDSXvumwtvCveIH+b+Wfiy0vvqrLl+ridm+s/r/s',
  'n4fOd9a/bBve2Neul9DxSX0AAAAAAAAAAAAAAAAAAAAAgP/sEQhwKdwAKAAA',
].join('')

const BUILT: { readonly [architecture: string]: string } = { x64: AMD64 }

/** The tar for this machine, or undefined where none was built. */
export function pauseTar(architecture: string = process.arch): Uint8Array | undefined {
  const text = BUILT[architecture]
  return text === undefined ? undefined : Buffer.from(text, 'base64')
}
