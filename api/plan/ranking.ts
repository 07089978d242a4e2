/**
 * The best node for the next pod of a group, without looking at all nodes again: a tournament over the scores, in
 * which one changed score plays its few matches anew. Of equals the first in order wins; its score then falls, so
 * equals take turns.
 */
export class Ranking {
  readonly #size: number
  /** leaves at `size + index`; each inner place holds the better of its two */
  readonly #scores: Float64Array

  constructor(scores: Float64Array) {
    let size = 1
    while (size < scores.length) size *= 2
    this.#size = size
    this.#scores = new Float64Array(2 * size).fill(-1)
    this.#scores.set(scores, size)
    for (let at = size - 1; at > 0; at--) this.#play(at)
  }

  /** Index of the best score; -1 when all are below zero. */
  get top(): number {
    const best = this.#scores[1] ?? -1
    if (best < 0) return -1
    let at = 1
    while (at < this.#size) at = this.#scores[2 * at] === best ? 2 * at : 2 * at + 1
    return at - this.#size
  }

  set(index: number, score: number): void {
    let at = this.#size + index
    this.#scores[at] = score
    for (at = at >> 1; at > 0; at = at >> 1) this.#play(at)
  }

  #play(at: number): void {
    const left = this.#scores[2 * at] ?? -1
    const right = this.#scores[2 * at + 1] ?? -1
    this.#scores[at] = left >= right ? left : right
  }
}
