import { expect, test } from 'vitest'
import { fuzz } from './fuzz.ts'

test.each([1, 2026, Math.floor(Math.random() * 2 ** 31)])(
  '500 random requests from seed %i change only what they name',
  async (seed) => {
    const report = await fuzz(seed, 500)
    expect(report.violations).toEqual([])
    expect(report.accepted / report.requests).toBeGreaterThan(0.3)
  },
)
