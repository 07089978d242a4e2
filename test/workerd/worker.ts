/** What the tests that run inside workerd need beside the Worker itself: an object that is a bell and nothing else. */
import { DurableObject } from 'cloudflare:workers'
import { objectBell } from '../../api/platform/workerd/object-bell.ts'
import type { Touched } from '../../api/store/store.ts'

// oxlint-disable-next-line import/no-default-export -- it is how workerd finds a Worker
export { ClusterObject, StreamObject, default } from '../../api/workerd.ts'

export class BellObject extends DurableObject {
  readonly #bell = objectBell(this.ctx, 0)

  ring(touched: Touched): void {
    this.#bell.ring(touched)
  }

  override fetch(request: Request): Response {
    return this.#bell.accept(new URL(request.url).searchParams)
  }
}
