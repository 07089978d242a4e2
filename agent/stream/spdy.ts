// The server side of SPDY/3.1 as kubectl speaks it: streams the client opens, data both ways, no flow control (the
// client's library has none). Header blocks share one compression context per direction, so every one is read.
import { constants, createDeflate, createInflate } from 'node:zlib'
import type { Deflate, Inflate } from 'node:zlib'
import { spdyDictionary } from './spdy-dictionary.ts'

const SYN_STREAM = 1
const SYN_REPLY = 2
const RST_STREAM = 3
const PING = 6
const GOAWAY = 7
const HEADERS = 8
const FIN = 1
const VERSION = 0x8003
const MAX_FRAME_BYTES = 1 << 20
const MAX_HEADERS = 64

export interface SpdyOptions {
  readonly maxStreams: number
  /** bytes for the client, in order; resolves when there is room for more */
  readonly write: (bytes: Buffer) => Promise<void>
  readonly stream: (stream: SpdyStream) => void
}

/** One stream: read it by iterating, write it, end it. */
export class SpdyStream {
  readonly id: number
  readonly headers: ReadonlyMap<string, string>
  readonly #send: (id: number, bytes: Uint8Array, fin: boolean) => Promise<void>
  readonly #queue: Buffer[] = []
  #ended = false
  #closed = false
  #wake: () => void = () => {}

  constructor(
    id: number,
    headers: ReadonlyMap<string, string>,
    send: (id: number, bytes: Uint8Array, fin: boolean) => Promise<void>,
  ) {
    this.id = id
    this.headers = headers
    this.#send = send
  }

  take(bytes: Buffer, fin: boolean): void {
    if (bytes.length > 0) this.#queue.push(bytes)
    if (fin) this.#ended = true
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (;;) {
      const bytes = this.#queue.shift()
      if (bytes !== undefined) yield bytes
      else if (this.#ended) return
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#closed) await this.#send(this.id, bytes, false)
  }

  async end(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#send(this.id, new Uint8Array(), true)
  }
}

export class SpdyServer {
  readonly #options: SpdyOptions
  readonly #streams = new Map<number, SpdyStream>()
  readonly #inflate: Inflate
  readonly #deflate: Deflate
  #rest: Buffer = Buffer.alloc(0)

  constructor(options: SpdyOptions) {
    const dictionary = spdyDictionary()
    this.#options = options
    this.#inflate = createInflate({ dictionary, finishFlush: constants.Z_SYNC_FLUSH })
    this.#deflate = createDeflate({ dictionary, flush: constants.Z_SYNC_FLUSH })
    // A broken block fails the read that waits for it.
    this.#inflate.on('error', () => {})
    this.#deflate.on('error', () => {})
  }

  /** Bytes from the client, cut anywhere. One call at a time. */
  async feed(bytes: Buffer): Promise<void> {
    let data = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    while (data.length >= 8) {
      const length = data.readUIntBE(5, 3)
      if (length > MAX_FRAME_BYTES) throw new Error(`a frame of ${length} bytes; at most ${MAX_FRAME_BYTES}`)
      if (data.length < 8 + length) break
      const body = data.subarray(8, 8 + length)
      const flags = data[4] ?? 0
      const word = data.readUInt32BE(0)
      if (word >>> 31 === 1) await this.#control(word & 0xffff, flags, body)
      else this.#data(word, flags, body)
      data = data.subarray(8 + length)
    }
    this.#rest = Buffer.from(data)
  }

  async #control(type: number, flags: number, body: Buffer): Promise<void> {
    switch (type) {
      case SYN_STREAM:
        return this.#open(flags, body)
      case HEADERS:
        await this.#headers(body.subarray(4))
        return
      case RST_STREAM:
        this.#finish(body.readUInt32BE(0))
        return
      case PING:
        return this.#options.write(control(PING, 0, body))
      case GOAWAY:
        for (const id of this.#streams.keys()) this.#finish(id)
    }
  }

  async #open(flags: number, body: Buffer): Promise<void> {
    const id = body.readUInt32BE(0)
    const headers = await this.#headers(body.subarray(10))
    const reply = Buffer.concat([body.subarray(0, 4), await this.#noHeaders()])
    // Answered before anything else on the stream: the client drops data of one that is not.
    await this.#options.write(control(SYN_REPLY, 0, reply))
    if (this.#streams.size >= this.#options.maxStreams) {
      const refused = Buffer.alloc(8)
      refused.writeUInt32BE(id, 0)
      refused.writeUInt32BE(3, 4)
      return this.#options.write(control(RST_STREAM, 0, refused))
    }
    const stream = new SpdyStream(id, headers, (to, bytes, fin) => this.#send(to, bytes, fin))
    this.#streams.set(id, stream)
    if ((flags & FIN) !== 0) stream.take(Buffer.alloc(0), true)
    this.#options.stream(stream)
  }

  #data(id: number, flags: number, body: Buffer): void {
    this.#streams.get(id)?.take(Buffer.from(body), (flags & FIN) !== 0)
  }

  #finish(id: number): void {
    this.#streams.get(id)?.take(Buffer.alloc(0), true)
    this.#streams.delete(id)
  }

  async #send(id: number, bytes: Uint8Array, fin: boolean): Promise<void> {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(id, 0)
    head.writeUInt32BE(bytes.length, 4)
    head[4] = fin ? FIN : 0
    if (fin) this.#streams.delete(id)
    await this.#options.write(Buffer.concat([head, bytes]))
  }

  async #headers(block: Buffer): Promise<Map<string, string>> {
    const plain = await through(this.#inflate, block)
    const headers = new Map<string, string>()
    let at = 4
    const text = (): string => {
      const length = plain.readUInt32BE(at)
      const value = plain.subarray(at + 4, at + 4 + length).toString('utf8')
      at += 4 + length
      return value
    }
    const count = plain.readUInt32BE(0)
    if (count > MAX_HEADERS) throw new Error(`${count} headers; at most ${MAX_HEADERS}`)
    for (let n = 0; n < count; n++) {
      const name = text()
      headers.set(name.toLowerCase(), text())
    }
    return headers
  }

  #noHeaders(): Promise<Buffer> {
    return through(this.#deflate, Buffer.alloc(4))
  }
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(((VERSION << 16) | type) >>> 0, 0)
  head.writeUInt32BE(body.length, 4)
  head[4] = flags
  return Buffer.concat([head, body])
}

function through(codec: Inflate | Deflate, block: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    codec.once('error', reject)
    codec.write(block, () => {
      codec.off('error', reject)
      for (let part = codec.read() as Buffer | null; part !== null; part = codec.read() as Buffer | null)
        parts.push(part)
      resolve(Buffer.concat(parts))
    })
  })
}
