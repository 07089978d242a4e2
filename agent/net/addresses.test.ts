import { describe, expect, it } from 'vitest'
import { Addresses } from './addresses.ts'

describe('addresses of a pod range', () => {
  it('start after the gateway and end before the last', () => {
    const addresses = new Addresses('10.1.2.0/29')
    expect(addresses.gateway).toBe('10.1.2.1')
    expect([1, 2, 3, 4, 5].map(() => addresses.take())).toEqual([
      '10.1.2.2',
      '10.1.2.3',
      '10.1.2.4',
      '10.1.2.5',
      '10.1.2.6',
    ])
    expect(() => addresses.take()).toThrow('no free address: all 5 of this node')
  })

  it('are given out again as late as possible', () => {
    const addresses = new Addresses('10.1.2.0/29')
    const first = addresses.take()
    addresses.free(first)
    expect([1, 2, 3, 4].map(() => addresses.take())).not.toContain(first)
    expect(addresses.take()).toBe(first)
  })

  it('are not given out while a container has them', () => {
    const addresses = new Addresses('10.1.2.0/29')
    addresses.keep('10.1.2.4')
    const given = [1, 2, 3, 4].map(() => addresses.take())
    expect(given).not.toContain('10.1.2.4')
    expect(new Set(given).size).toBe(4)
  })

  it.each(['10.1.2.0/31', 'fd00::/64', 'nonsense'])('refuse %s', (range) => {
    expect(() => new Addresses(range)).toThrow(`podCIDR ${range}`)
  })
})
