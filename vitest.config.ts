import { defineConfig } from 'vitest/config'

const everything = ['schema', 'api', 'agent', 'cli', 'bin', 'test']

export default defineConfig({
  test: {
    // Failing seeds and timings belong to one run: nothing is cached between runs.
    passWithNoTests: true,
    projects: [
      {
        test: {
          name: 'unit',
          // Properties run hundreds of cases; how fast is the machine's business.
          testTimeout: 30_000,
          include: [
            `{${everything.filter((folder) => folder !== 'test').join(',')}}/**/*.test.ts`,
            'test/architecture.test.ts',
            'test/tools/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          name: 'nodejs',
          include: ['test/**/*.test.ts'],
          exclude: ['test/architecture.test.ts', 'test/{tools,workerd,e2e,conformance,bench}/**'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      './vitest.workerd.config.ts',
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          // One engine and one pod network for all: the files take turns.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
