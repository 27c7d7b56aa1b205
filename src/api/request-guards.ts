import type { MiddlewareHandler } from 'hono'
import { getCookie } from 'hono/cookie'
import { routePath } from 'hono/route'
import { isSession } from '../core/access/access.ts'
import { type ApiEnv, visitorLanguage } from './api-types.ts'
import { openToOrigin, preflightAnswer } from './intake/cross-origin.ts'
import { problemResponse } from './problem.ts'

export const sessionCookie = 'todoku_session'

/** Counts and logs every request, by its route: paths hold status tokens and never reach a log (invariant 13). */
export const observeRequests: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const { clock, log, metrics } = c.get('deps')
  const startedAt = clock.monotonic()
  await next()
  const durationMs = clock.monotonic() - startedAt
  const route = routePath(c, -1)
  metrics.observeRequest(route, c.res.status, durationMs / 1000)
  log.debug({ method: c.req.method, route, status: c.res.status, durationMs: Math.round(durationMs) }, 'request')
}

/**
 * Refuses names we don't know: a page of an attacker that resolves to our address (DNS rebinding), or a poisoned link.
 * Health checks come from machines that know only an address.
 */
export const onlyKnownHosts: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const { hosts } = c.get('deps').host
  const asked = (c.req.header('host') ?? '').toLowerCase()
  if (hosts !== null && !hosts.includes(asked) && c.req.path !== '/healthz' && c.req.path !== '/readyz') {
    // A page whose form names a wrong address is told so, also after a preflight. It says nothing but that.
    const isPreflight = c.req.method === 'OPTIONS'
    return openToOrigin(
      c,
      isPreflight ? preflightAnswer() : problemResponse(c, 'host-refused', visitorLanguage(c.req.raw)),
    )
  }
  return await next()
}

/** Lets in who may see figures: whoever has the token for it, and operators. */
export const onlyWatchers: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const token = bearerToken(c.req.header('authorization'))
  if (token !== null && c.get('deps').host.isMetricsToken(token)) return await next()
  return await onlyOperators(c, next)
}

function bearerToken(header: string | undefined): string | null {
  return /^Bearer ([\x21-\x7e]{1,200})$/.exec(header ?? '')?.[1] ?? null
}

/** Lets in who has the instance's token, or a session; a session's changes must come from our own pages. */
export const onlyOperators: MiddlewareHandler<ApiEnv> = async (c, next) => {
  const deps = c.get('deps')
  const token = bearerToken(c.req.header('authorization'))
  if (token !== null && deps.host.isOperatorToken(token)) return await next()
  const session = getCookie(c, sessionCookie)
  if (session !== undefined && isOwnPage(c.req.raw) && (await isSession(deps, session))) return await next()
  return problemResponse(c, 'not-signed-in', visitorLanguage(c.req.raw))
}

/** Whether a request can't have been made by another site with the visitor's cookie. */
function isOwnPage(request: Request): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return true
  const origin = request.headers.get('origin')
  return origin !== null && URL.canParse(origin) && new URL(origin).host === request.headers.get('host')
}
