/**
 * At most so many jobs at once, first come first served. What a pass writes is as wide as what it found, and without a
 * bound a large plan would fill the store's queue and have other writers refused.
 */
export class Width {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(jobs: number) {
    this.#free = jobs
  }

  async run<Result>(job: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await job()
    } finally {
      // The place goes straight to who waits longest.
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
