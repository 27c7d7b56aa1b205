import { type Context, Hono } from 'hono'
import { isFormName } from '../../core/forms/form.ts'
import { mayHavePuzzle } from '../../core/submissions/crowd.ts'
import { type ApiDeps, type ApiEnv, visitorLanguage } from '../api-types.ts'
import { problemResponse } from '../problem.ts'
import { crossOrigin, preflightAnswer } from './cross-origin.ts'

/**
 * `GET /f/{form}/challenge`: a puzzle for the widget at `/altcha.js`, whose solution goes along with the post as `altcha`. Each
 * one is good for half an hour, and once.
 */
export function challengeRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  const path = '/f/:form/challenge'
  routes.use(path, crossOrigin)
  routes.get(path, async (c) => await answer(deps, c))
  routes.options(path, () => {
    const allowed = preflightAnswer()
    allowed.headers.set('Access-Control-Allow-Methods', 'GET, OPTIONS')
    return allowed
  })
  routes.all(path, (c) => {
    const refused = problemResponse(c, 'method-not-allowed', visitorLanguage(c.req.raw))
    refused.headers.set('Allow', 'GET, OPTIONS')
    return refused
  })
  return routes
}

async function answer(deps: ApiDeps, c: Context<ApiEnv>): Promise<Response> {
  const name = c.req.param('form') ?? ''
  const form = isFormName(name) ? await deps.forms.get(name) : null
  if (form === null) return problemResponse(c, 'form-not-found', visitorLanguage(c.req.raw))
  const client = deps.host.client(c.env, c.req.raw.headers)
  if (!(await mayHavePuzzle(deps, client))) return problemResponse(c, 'too-many-posts', visitorLanguage(c.req.raw))
  return Response.json(await deps.proofs.challenge(), { headers: { 'Cache-Control': 'no-store' } })
}
