import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type ErrorCode, errorEntry, errorText, TodokuError } from '../core/errors.ts'
import type { Language } from '../core/language.ts'
import { renderError } from '../pages/error.tsx'
import { type ApiEnv, visitorLanguage } from './api-types.ts'
import { wantsJson } from './intake/negotiate.ts'
import { pageHeaders } from './page-response.ts'

/** When a client may try again after an answer that says so. */
export const retryAfterSeconds = 10

/** One thing that is wrong; `field` is null where the whole post is meant. */
export type ProblemItem = { field: string | null; code: string; message: string }

/**
 * An error as a page or as a problem document (RFC 9457). The document has the members that clients of other form
 * services look for too: `ok`, `error`, `message`, `errors`; `legacyCode` is what stands in `code` for those that
 * expect a number there; `members` are added to it (RFC 9457 §3.2).
 */
export function problemResponse(
  c: Context<ApiEnv>,
  code: ErrorCode,
  language: Language,
  more: {
    errors?: readonly ProblemItem[]
    detail?: string
    legacyCode?: number
    members?: Record<string, string>
  } = {},
): Response {
  const { status, retry } = errorEntry(code)
  const { sentence, next } = errorText(code, language)
  const retryAfter: Record<string, string> = retry ? { 'Retry-After': String(retryAfterSeconds) } : {}
  if (!wantsJson(c.req.raw.headers, c.req.url) && !c.req.path.startsWith('/api/')) {
    const page = renderError({ language, status, code, sentence, next })
    return new Response(page, { status, headers: { ...pageHeaders(c.get('deps')), ...retryAfter } })
  }
  const body = {
    type: `urn:todoku:error:${code}`,
    title: sentence,
    status,
    detail: more.detail ?? next,
    ok: false,
    success: false,
    code: more.legacyCode ?? code,
    error: sentence,
    message: sentence,
    errors: more.errors ?? [],
    ...more.members,
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/problem+json; charset=utf-8', 'Cache-Control': 'no-store', ...retryAfter },
  })
}

/** For operators: their form is not there. What the catalogue says of it is for visitors, who followed a link. */
export function noSuchForm(c: Context<ApiEnv>): Response {
  const detail =
    '`npx todoku forms list` shows the names. A form comes with its page (`npx todoku forms sync`) or its settings (`npx todoku forms apply`).'
  return problemResponse(c, 'form-not-found', 'en', { detail })
}

/** For the other methods of an address that knows some (`allow`, RFC 9110 §10.2.1), whatever its path holds. */
export function onlyMethods(allow: string): (c: Context<ApiEnv>) => Response {
  return (c) => {
    const answer = problemResponse(c, 'method-unknown', visitorLanguage(c.req.raw))
    answer.headers.set('Allow', allow)
    return answer
  }
}

/** The answer to a request that ended with an error nobody handled. An unexpected one shows the client nothing. */
export function failureResponse(c: Context<ApiEnv>, error: unknown): Response {
  const { log, metrics } = c.get('deps')
  const language = visitorLanguage(c.req.raw)
  // What the framework itself could not read, as malformed JSON.
  if (error instanceof HTTPException && error.status === 400) return problemResponse(c, 'invalid-request', language)
  if (error instanceof TodokuError) {
    if (error.code === 'store-unavailable') metrics.countFault('store')
    log.error({ code: error.code, method: c.req.method, err: error }, 'a request could not be served')
    return problemResponse(c, error.code, language)
  }
  log.error({ code: 'internal', method: c.req.method, err: error }, 'a request failed')
  metrics.countFault('internal')
  return problemResponse(c, 'internal', language)
}
