/** A client that writes without pause and remembers what was acknowledged: the other side of a control plane that dies. */
import { Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { clusterOf } from '../../cli/token.ts'

export interface Acknowledged {
  readonly name: string
  readonly revision: number
}

export interface SteadyWrites {
  readonly acknowledged: readonly Acknowledged[]
  /** Ends it, and waits for the answer that is on its way. */
  stop(): Promise<void>
}

/** Creates ConfigMaps `<prefix>-<n>` in `default`, `perSecond` at most, through refusals and broken connections. */
export async function writeSteadily(kubeconfig: string, prefix: string, perSecond: number): Promise<SteadyWrites> {
  const { server, ca, token } = await clusterOf(kubeconfig)
  const agent = new Agent({ keepAlive: true, maxSockets: LANES, ...(ca === undefined ? {} : { ca }) })
  const acknowledged: Acknowledged[] = []
  const over = new AbortController()
  let at = 0
  const lane = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const began = performance.now()
      const name = `${prefix}-${at++}`
      const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { name } })
      const answer = await post(`${server}/api/v1/namespaces/default/configmaps`, agent, token, body)
      if (answer?.code === 201) {
        const made = JSON.parse(answer.text) as { readonly metadata: { readonly resourceVersion: string } }
        acknowledged.push({ name, revision: Number(made.metadata.resourceVersion) })
      }
      await sleep(Math.max(answer === undefined ? 20 : 0, (LANES * 1000) / perSecond - (performance.now() - began)))
    }
  }
  const lanes = Promise.all(Array.from({ length: LANES }, lane))
  return {
    acknowledged,
    async stop() {
      over.abort()
      await lanes
      agent.destroy()
    },
  }
}

const LANES = 4

/** undefined: no answer */
function post(
  url: string,
  agent: Agent,
  token: string,
  body: string,
): Promise<{ readonly code: number; readonly text: string } | undefined> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const sent = request(url, { method: 'POST', agent, headers, timeout: 10_000 }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => (text += part))
      answer.on('error', () => resolve(undefined))
      answer.on('end', () => resolve({ code: answer.statusCode ?? 0, text }))
    })
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => resolve(undefined))
    sent.end(body)
  })
}
