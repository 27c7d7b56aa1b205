import { type Context, Hono } from 'hono'
import { suggestAddress } from '../../core/address-help/suggest.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { isFormName } from '../../core/forms/form.ts'
import { mayPost } from '../../core/submissions/redirect.ts'
import { type ApiDeps, type ApiEnv, visitorLanguage } from '../api-types.ts'
import { problemResponse } from '../problem.ts'
import { collectBody } from './body.ts'
import { crossOrigin, preflightAnswer } from './cross-origin.ts'

/** An address in JSON, every character of it escaped, and some room. Bytes. */
const bodyLimit = 2_000

/**
 * `POST /f/{form}/suggest`, before a form is sent: `{"email": "hanako@gmial.com"}` gives `{"suggestion": "hanako@gmail.com"}`,
 * or null. The answer depends on the spelling alone. Neither the DNS nor anything that is stored of people is asked, so that
 * it tells nobody whether an address exists, was posted here, or may be mailed.
 */
export function suggestRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  for (const path of ['/f/:form/suggest', '/p/:project/f/:form/suggest', '/ajax/:form/suggest']) {
    routes.use(path, crossOrigin)
    routes.post(path, async (c) => await answer(deps, c))
    routes.options(path, preflightAnswer)
    routes.all(path, (c) => {
      const refused = problemResponse(c, 'method-not-allowed', visitorLanguage(c.req.raw))
      refused.headers.set('Allow', 'POST, OPTIONS')
      return refused
    })
  }
  return routes
}

async function answer(deps: ApiDeps, c: Context<ApiEnv>): Promise<Response> {
  const refuse = (code: ErrorCode) => problemResponse(c, code, visitorLanguage(c.req.raw))
  // `/f/contact.json` is what some clients of other services post to.
  const name = (c.req.param('form') ?? '').replace(/\.json$/, '')
  const form = isFormName(name) ? await deps.forms.get(name) : null
  if (form === null) return refuse('form-not-found')
  const origin = c.req.header('origin') ?? null
  const { publicUrl } = deps.settings
  if (!mayPost(origin, { publicUrl, settings: form.settings })) return refuse('origin-refused')
  if (!/^application\/json\s*(?:;|$)/i.test(c.req.header('content-type') ?? '')) return refuse('unsupported-type')

  const body = await collectBody(deps, c.req.raw, bodyLimit)
  if (typeof body === 'string') return refuse(body)
  const email = emailIn(body)
  if (email === null) return refuse('malformed-body')
  return Response.json({ suggestion: suggestAddress(email) }, { headers: { 'Cache-Control': 'no-store' } })
}

function emailIn(body: Uint8Array): string | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    if (typeof value !== 'object' || value === null || !('email' in value)) return null
    return typeof value.email === 'string' ? value.email : null
  } catch {
    return null
  }
}
