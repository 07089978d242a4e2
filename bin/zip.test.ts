import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { unzip } from './zip.js'

interface Entry {
  readonly name: string
  readonly content: string
  readonly method: number
}

/** A zip archive as tools write it, with the local headers carrying an extra field that the directory does not have. */
function zip(entries: readonly Entry[], comment = ''): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const { name, content, method } of entries) {
    const packed = method === 8 ? deflateRawSync(content) : Buffer.from(content)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(name.length, 26)
    local.writeUInt16LE(4, 28)
    const central = Buffer.alloc(46)
    central.writeUInt32LE(0x02014b50, 0)
    central.writeUInt16LE(method, 10)
    central.writeUInt32LE(packed.length, 20)
    central.writeUInt16LE(name.length, 28)
    central.writeUInt32LE(at, 42)
    directory.push(central, Buffer.from(name))
    const part = Buffer.concat([local, Buffer.from(name), Buffer.alloc(4), packed])
    parts.push(part)
    at += part.length
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(at, 16)
  end.writeUInt16LE(comment.length, 20)
  return Buffer.concat([...parts, ...directory, end, Buffer.from(comment)])
}

test('files come out by name, stored or deflated, and folders do not', () => {
  const files = unzip(
    zip([
      { name: 'kubectl/', content: '', method: 0 },
      { name: 'kubectl/kubectl', content: 'binary '.repeat(100), method: 8 },
      { name: 'note', content: 'plain', method: 0 },
    ]),
  )
  expect([...files].map(([name, bytes]) => [name, bytes.toString()])).toEqual([
    ['kubectl/kubectl', 'binary '.repeat(100)],
    ['note', 'plain'],
  ])
})

test('a comment at the end of the archive is passed over', () => {
  expect(unzip(zip([{ name: 'a', content: 'x', method: 0 }], 'made by hand')).size).toBe(1)
})

test('what is no archive, or is packed in another way, is refused in a sentence', () => {
  expect(() => unzip(Buffer.from('no archive at all, but some bytes'))).toThrow('not a zip archive')
  expect(() => unzip(zip([{ name: 'a', content: 'x', method: 14 }]))).toThrow('zip entry a uses compression method 14')
})
