// Docker's output streams: with a terminal raw bytes, else frames of 8 bytes (stream, 0, 0, 0, length) and a body.
import type { Chunk } from './driver.ts'

export async function* chunks(source: AsyncIterable<Buffer>, tty: boolean): AsyncGenerator<Chunk> {
  if (tty) {
    for await (const bytes of source) yield { stream: 'stdout', bytes }
    return
  }
  let rest: Buffer = Buffer.alloc(0)
  let left = 0
  let stream: Chunk['stream'] = 'stdout'
  for await (const part of source) {
    let data = rest.length === 0 ? part : Buffer.concat([rest, part])
    while (data.length > 0) {
      if (left === 0) {
        if (data.length < 8) break
        stream = data[0] === 2 ? 'stderr' : 'stdout'
        left = data.readUInt32BE(4)
        data = data.subarray(8)
        continue
      }
      const bytes = data.subarray(0, left)
      left -= bytes.length
      data = data.subarray(bytes.length)
      yield { stream, bytes }
    }
    rest = data
  }
}

/** One JSON value a line. */
export async function* jsonLines(source: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  let rest = ''
  const decoder = new TextDecoder()
  for await (const part of source) {
    const lines = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line.trim() !== '') yield JSON.parse(line)
    }
  }
  if (rest.trim() !== '') yield JSON.parse(rest)
}
