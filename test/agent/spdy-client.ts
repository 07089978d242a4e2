// The client side of SPDY/3.1 as kubectl speaks it, over any pipe of bytes: enough to open streams and read them.
import { constants, createDeflate, createInflate } from 'node:zlib'
import { spdyDictionary } from '../../agent/stream/spdy-dictionary.ts'

export interface Received {
  text: string
  ended: boolean
  replied: boolean
}

export class SpdyClient {
  readonly streams = new Map<number, Received>()
  readonly pings: number[] = []
  readonly #write: (bytes: Buffer) => void
  readonly #deflate = createDeflate({ dictionary: spdyDictionary(), flush: constants.Z_SYNC_FLUSH })
  readonly #inflate = createInflate({ dictionary: spdyDictionary(), finishFlush: constants.Z_SYNC_FLUSH })
  #rest: Buffer = Buffer.alloc(0)
  #next = 1

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write
  }

  async open(headers: { readonly [name: string]: string }, fin: boolean): Promise<number> {
    const id = this.#next
    this.#next += 2
    this.streams.set(id, { text: '', ended: false, replied: false })
    const entries = Object.entries(headers)
    const parts = [uint32(entries.length)]
    for (const word of entries.flat()) parts.push(uint32(Buffer.byteLength(word)), Buffer.from(word))
    const block = await new Promise<Buffer>((resolve) => {
      this.#deflate.write(Buffer.concat(parts), () => resolve(this.#deflate.read() as Buffer))
    })
    this.#write(control(1, fin ? 1 : 0, Buffer.concat([uint32(id), uint32(0), Buffer.from([0, 0]), block])))
    return id
  }

  send(id: number, bytes: Buffer, fin: boolean): void {
    const head = Buffer.concat([uint32(id), uint32(bytes.length)])
    head[4] = fin ? 1 : 0
    this.#write(Buffer.concat([head, bytes]))
  }

  ping(id: number): void {
    this.#write(control(6, 0, uint32(id)))
  }

  feed(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes])
    while (this.#rest.length >= 8) {
      const length = this.#rest.readUIntBE(5, 3)
      if (this.#rest.length < 8 + length) return
      const body = this.#rest.subarray(8, 8 + length)
      const word = this.#rest.readUInt32BE(0)
      if (word >>> 31 === 1) this.#control(word & 0xffff, body)
      else {
        const stream = this.streams.get(word)
        if (stream !== undefined) {
          stream.text += body.toString('latin1')
          stream.ended ||= ((this.#rest[4] ?? 0) & 1) === 1
        }
      }
      this.#rest = this.#rest.subarray(8 + length)
    }
  }

  #control(type: number, body: Buffer): void {
    if (type === 6) this.pings.push(body.readUInt32BE(0))
    if (type !== 2) return
    this.#inflate.write(body.subarray(4))
    const stream = this.streams.get(body.readUInt32BE(0))
    if (stream !== undefined) stream.replied = true
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.concat([uint32((0x8003 << 16) | type), uint32(body.length)])
  head[4] = flags
  return Buffer.concat([head, body])
}
