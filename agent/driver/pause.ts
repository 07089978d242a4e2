// The pause image, so that a node needs no registry for its sandboxes: a gzipped tar with one static program, for each
// architecture. Its source and the lines that build it are in pause/pause.c.

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

const ARM64 = [
  'H4sIAAAAAAACA+2UwWvUQBTGv0myraVFtgepInSDXlaoIbu4tnga2aoXD1W8l9RG1sN2SzaF0ksDXnrsSv+NhT0IXjz02GtD6bkFvevRi+NMMtk2cWsR',
  'VBDfDyZv3pvvexOGSda9ja6PP4srmW80kigpxtp8fThP6zW3cd+F7eIvsNENvcC2EXQ64c90l63/o2w/evrYYGyYG3gPlQ3Ak5zr+pJx5uFYkDqOMZQS',
  'bSnXkeejgXxEutezT+Hq2C+8Z1nHa8BeazqKZZejHTuKgegtQxTfksOUw0K6VgG+TAnxYt9cPj6YTHSx0hkFnVqXbXexX+oJkx0elKP41ERP6WDxvslS',
  '7ck4+rAe9nkyZ33lPWFpj9M36NlGOq9OjNhL6r4KMaPe/+PwfGCpx7uzPOGDztkF69k5sK3nsDZn2c2pSlK7Lsfnb0JUz+nm1CZCCPtcTXUry1pLFZpX',
  '+ZNm84FdXfRXXntrdq3u1B33bu3eHT0FnG6rGwahtwIn9DdDOEFn1Qs9OH5r+VXgtX04Lzvttr/2mz6OSX1DsruR3cPB8HzyWIV8Wvuz67bOuI7525lx',
  'pZDfKPgH2j/Q/qVL/Le1/4d/l25YKZTZiGiOOJeK9s9d4CcIgiAIgiAIgiAIgiAIgiAIgiAIgiAIgiD+T74DozDNNgAoAAA=',
].join('')

const BUILT: { readonly [architecture: string]: string } = { x64: AMD64, arm64: ARM64 }

/** The tar for this machine, or undefined where none was built. */
export function pauseTar(architecture: string = process.arch): Uint8Array | undefined {
  const text = BUILT[architecture]
  return text === undefined ? undefined : Buffer.from(text, 'base64')
}
