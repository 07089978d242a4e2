/**
 * Rings for every change the loop finds in the log. Where writers ring from other isolates a ring may be lost, or go to
 * another control plane; the loop reads the whole log, so whoever listens here hears of it at the latest with the next
 * pass. A ring that was heard before wakes nobody.
 */
import type { Changed, Planned } from './controller.ts'

export function echo(): Planned {
  return {
    name: 'echo',
    user: '',
    watches: {
      '*': ({ revision, resource, now, before }, { cluster }) => {
        const nodes = resource === 'pods' ? [...new Set([nodeOf(now()), nodeOf(before())])].filter(Boolean) : []
        cluster.bell.ring({ revision, resources: [resource], nodes })
        return []
      },
    },
    plan: () => Promise.resolve({ actions: [] }),
    seed: () => Promise.resolve([]),
  }
}

function nodeOf(pod: ReturnType<Changed['now']>): string {
  return (pod?.['spec'] as { readonly nodeName?: string } | undefined)?.nodeName ?? ''
}
