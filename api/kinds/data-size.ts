/** The limit on what a ConfigMap or a Secret holds, and how much a base64 value counts. */

/** All values together, upstream's limit. */
export const MAX_DATA_BYTES = 1_048_576

/** Bytes in a padded base64 text, without decoding it. */
export function base64Length(text: string): number {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return Math.floor((text.length * 3) / 4) - padding
}
