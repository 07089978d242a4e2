/**
 * When to look for objects nobody controls. That is a walk over a namespace's index, so it happens only when a
 * controller is new or something it may adopt has turned up, not with each plan.
 */
import type { Tries } from './controller.ts'

export class Orphans {
  readonly #keys = new Set<string>()

  expect(key: string): void {
    this.#keys.add(key)
  }

  /** Answers once per expectation, and again while a plan has not come through. */
  mayBe(key: string, tries: Tries): boolean {
    return this.#keys.delete(key) || tries.attempt > 0
  }
}
