/** Messages of the agents' door: JSON of a bounded size, checked against the wire's schema before anything is done. */
import { badRequest, tooLarge } from '../../schema/k8s/status.ts'

const LONGEST_BODY = 3 * 1_048_576

/** The part of a zod schema that is needed here. */
interface Schema<T> {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: T }
    | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

export async function readMessage<T>(request: Request, schema: Schema<T>): Promise<T> {
  const parsed = schema.safeParse(parse(await readText(request)))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw badRequest(
    `${issue === undefined || issue.path.length === 0 ? 'body' : issue.path.map(String).join('.')}: ${issue?.message ?? 'invalid'}`,
  )
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > LONGEST_BODY) throw tooLarge(`limit is ${LONGEST_BODY}`)
  if (request.headers.has('content-length')) return request.text()
  // Nobody said how much there is: count while it comes.
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.length
    if (bytes > LONGEST_BODY) throw tooLarge(`limit is ${LONGEST_BODY}`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw badRequest('body: must be JSON', cause)
  }
}
