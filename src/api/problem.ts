import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type ErrorCode, errorEntry, errorText, TodokuError } from '../core/errors.ts'
import type { FieldError } from '../core/forms/field-errors.ts'
import type { Language } from '../core/language.ts'
import { renderError } from '../pages/error.tsx'
import { type ApiEnv, visitorLanguage } from './api-types.ts'
import { wantsJson } from './intake/negotiate.ts'
import { pageHeaders } from './page-response.ts'

/** When a client may try again after an answer that says so. */
export const retryAfterSeconds = 10

/**
 * An error as a page or as a problem document (RFC 9457). The document has the members that clients of other form
 * services look for too: `ok`, `error`, `message`, `errors`.
 */
export function problemResponse(
  c: Context<ApiEnv>,
  code: ErrorCode,
  language: Language,
  more: { errors?: readonly FieldError[]; detail?: string } = {},
): Response {
  const { status, retry } = errorEntry(code)
  const { sentence, next } = errorText(code, language)
  const retryAfter: Record<string, string> = retry ? { 'Retry-After': String(retryAfterSeconds) } : {}
  if (!wantsJson(c.req.raw.headers) && !c.req.path.startsWith('/api/')) {
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
    code,
    error: sentence,
    message: sentence,
    errors: more.errors ?? [],
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/problem+json; charset=utf-8', 'Cache-Control': 'no-store', ...retryAfter },
  })
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
