import { Hono } from 'hono'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { problemResponse } from './problem.ts'

/** Seconds; a page may have the script of before an upgrade for so long. */
const maxAge = 600

/** `GET /todoku.js`, the optional script, and `GET /altcha.js`, the widget that proves work: for pages of any origin. */
export function snippetRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  routes.on('GET', ['/todoku.js', '/altcha.js'], async (c) => {
    const file = await deps.host.snippetFile(c.req.raw)
    if (file === null) return problemResponse(c, 'not-found', visitorLanguage(c.req.raw))
    file.headers.set('Cache-Control', `public, max-age=${maxAge}`)
    file.headers.set('Access-Control-Allow-Origin', '*')
    file.headers.set('Cross-Origin-Resource-Policy', 'cross-origin')
    file.headers.set('X-Content-Type-Options', 'nosniff')
    return file
  })
  return routes
}
