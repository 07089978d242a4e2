import { describe, expect, test } from 'vitest'
import { isInstalled } from './install.js'

const ourNode = `node_modules/node-${process.platform}-${process.arch}`
const wanted = {
  '': { version: '0.1.0' },
  'node_modules/hono': { version: '4.0.0' },
  'node_modules/vitest': { version: '5.0.0', dev: true },
  'node_modules/other-platform': { version: '1.0.0', optional: true },
  [ourNode]: { version: '24.0.0', optional: true },
}
const product = { 'node_modules/hono': { version: '4.0.0' }, [ourNode]: { version: '24.0.0' } }

describe('the lock file is installed', () => {
  test('when the product is asked for and development packages are missing', () => {
    expect(isInstalled(wanted, product, false)).toBe(true)
  })

  test('when everything is there but what other platforms need', () => {
    expect(isInstalled(wanted, { ...product, 'node_modules/vitest': { version: '5.0.0', dev: true } }, true)).toBe(true)
  })
})

describe('the lock file is not installed', () => {
  const rows: readonly (readonly [why: string, installed: Record<string, { version: string }>, dev: boolean])[] = [
    ['when nothing is', {}, false],
    ['when development packages are asked for and missing', product, true],
    ['when a package has another version', { ...product, 'node_modules/hono': { version: '3.9.0' } }, false],
    ['when an optional package has another version', { ...product, [ourNode]: { version: '23.0.0' } }, false],
    ['when Node for this platform is missing', { 'node_modules/hono': { version: '4.0.0' } }, false],
  ]
  test.each(rows)('%s', (_why, installed, dev) => {
    expect(isInstalled(wanted, installed, dev)).toBe(false)
  })
})
