// Addresses of a node's pods, from its pod range. The first one is the gateway. An address that was freed is
// given out last, so that what still holds it in a cache is not led to another pod.

export class Addresses {
  readonly gateway: string
  readonly #first: number
  readonly #last: number
  readonly #taken = new Set<string>()
  #next: number

  constructor(podCIDR: string) {
    const [base = '', bits = '24'] = podCIDR.split('/')
    const size = 2 ** (32 - Number(bits))
    const start = toNumber(base)
    if (!Number.isInteger(start) || size < 4)
      throw new Error(`podCIDR ${podCIDR}: an IPv4 range of at least 4 addresses`)
    this.gateway = toText(start + 1)
    this.#first = start + 2
    this.#last = start + size - 2
    this.#next = this.#first
  }

  /** One that a container already has. */
  keep(ip: string): void {
    this.#taken.add(ip)
    const number = toNumber(ip)
    if (number >= this.#next && number < this.#last) this.#next = number + 1
  }

  take(): string {
    const size = this.#last - this.#first + 1
    for (let tried = 0; tried < size; tried++) {
      const number = this.#next
      this.#next = number >= this.#last ? this.#first : number + 1
      const ip = toText(number)
      if (this.#taken.has(ip)) continue
      this.#taken.add(ip)
      return ip
    }
    throw new Error(`no free address: all ${size} of this node's pod range are in use`)
  }

  free(ip: string): void {
    this.#taken.delete(ip)
  }
}

function toNumber(ip: string): number {
  const parts = ip.split('.').map(Number)
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return Number.NaN
  return parts.reduce((sum, part) => sum * 256 + part, 0)
}

function toText(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
}
