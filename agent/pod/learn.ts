// Facts a status needs that the engine does not show in a list: the last words of containers that ended, and the
// digests of images. Each is asked for once.
import { terminationFile } from '../plan/container.ts'
import type { ObservedContainer } from '../plan/observed.ts'
import { attemptOf, LABEL } from '../plan/observed.ts'
import type { PodRecord } from './record.ts'

const LOG_TAIL_LINES = 80
const LOG_TAIL_BYTES = 2048
const TIMEOUT_MS = 10_000

export async function learn(record: PodRecord): Promise<void> {
  const { messages, imageRefs } = record
  for (const one of record.containers()) {
    if (one.state === 'exited' && !messages.has(one.id)) messages.set(one.id, await lastWords(record, one))
    if (imageRefs.has(one.imageId)) continue
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const image = await record.ground.driver.image(one.imageId, signal).catch(() => undefined)
    if (image !== undefined) imageRefs.set(one.imageId, image.reference)
  }
  for (const id of messages.keys()) if (!record.seen.has(id)) messages.delete(id)
}

async function lastWords(record: PodRecord, one: ObservedContainer): Promise<string> {
  const { node, volumes, driver } = record.ground
  const file = terminationFile(node.podsDir, record.id.uid, one.labels[LABEL.container] ?? '', attemptOf(one))
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const said = await volumes.lastWords(file, signal).catch(() => '')
  const policy = record.specOf(one)?.terminationMessagePolicy
  if (said !== '' || policy !== 'FallbackToLogsOnError' || one.exitCode === 0) return said
  let text = ''
  const tail = { follow: false, timestamps: false, tail: LOG_TAIL_LINES, sinceMs: undefined }
  try {
    for await (const chunk of driver.logs(one.id, tail, signal)) text += Buffer.from(chunk.bytes).toString('utf8')
  } catch {
    // no log: no words
  }
  return text.slice(-LOG_TAIL_BYTES)
}
