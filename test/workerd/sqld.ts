/** Runs on Node, before the tests that run inside workerd: a real libSQL server, whose address they are given. */
import type { TestProject } from 'vitest/node'
import { sqldProgram, startSqld } from '../suites/sqld.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** where the server is, or why there is none */
    readonly sqld: { readonly url: string } | { readonly missing: string }
  }
}

// oxlint-disable-next-line import/no-default-export -- it is how vitest finds a set-up
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const program = sqldProgram()
  if ('missing' in program) {
    project.provide('sqld', program)
    return () => Promise.resolve()
  }
  const server = await startSqld(program.path)
  project.provide('sqld', { url: server.url })
  return async () => server[Symbol.asyncDispose]()
}
