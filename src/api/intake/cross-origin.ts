import type { Context, MiddlewareHandler } from 'hono'
import type { Entry } from '../../core/submissions/submission.ts'
import type { ApiEnv } from '../api-types.ts'

/**
 * Every answer of an endpoint can be read by the page that posted, errors and refusals included; else its script can only
 * guess, and people send again. Which pages may post is decided where a post is judged, not here: an answer holds nothing
 * but what its own post gave.
 */
export const crossOrigin: MiddlewareHandler<ApiEnv> = async (c, next) => {
  await next()
  openToOrigin(c, c.res)
}

/** The same for one answer. */
export function openToOrigin(c: Context<ApiEnv>, answer: Response): Response {
  const origin = c.req.header('origin')
  answer.headers.append('Vary', 'Accept, Origin, Sec-Fetch-Mode')
  if (origin === undefined) return answer
  answer.headers.set('Access-Control-Allow-Origin', origin)
  answer.headers.set('Access-Control-Expose-Headers', 'Location, Retry-After, Idempotent-Replayed')
  return answer
}

/** Headers that a page's script may send; the last two are those of Formspree's own packages. */
const allowedHeaders = [
  'content-type',
  'accept',
  'idempotency-key',
  'x-requested-with',
  'formspree-client',
  'formspree-session-data',
]

/** What a browser asks before a script posts to another origin (Fetch §3.3.2). */
export function preflightAnswer(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': 'POST, OPTIONS',
      'Access-Control-Allow-Headers': allowedHeaders.join(', '),
      'Access-Control-Max-Age': '86400',
    },
  })
}

/**
 * What Formspree's packages say of the browser, in a header of theirs: whether a program steers it; as the field that says
 * the same. What makes no sense says nothing.
 */
export function sessionEvidence(c: Context<ApiEnv>): Entry[] {
  const header = c.req.header('formspree-session-data') ?? ''
  if (header === '' || header.length > 500) return []
  let said: unknown
  try {
    said = JSON.parse(atob(header))
  } catch {
    return []
  }
  if (typeof said !== 'object' || said === null) return []
  // `loadedAt` is a time of the visitor's clock; beside ours it would make people with a wrong clock look like programs.
  const { webdriver } = said as { webdriver?: unknown }
  return webdriver === true ? [evidence('_webdriver', '1')] : []
}

function evidence(name: string, value: string): Entry {
  return { kind: 'text', name, value }
}
