/**
 * Refusals of the agent's door are Kubernetes Status objects. What the agent does with the code:
 * 401 its credential or token is not good: stop (join token) or register again (session, credential);
 * 403 the node may not: log and drop; 409 another instance of this node holds the session: stop with one line;
 * 410 the session is over: register again; 426 the protocol version is not served: stop and say which;
 * 429 and 5xx: wait (Retry-After, else back-off with full jitter up to 60 s) and go on.
 */
import { z } from 'zod'

export const wireRefusal = z.object({ code: z.number().int(), reason: z.string(), message: z.string() })
