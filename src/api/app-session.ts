import { Hono } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { endSession, enterByLink, isSession, sessionLivesMs } from '../core/access/access.ts'
import { renderSignIn } from '../pages/sign-in.tsx'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { pageResponse } from './page-response.ts'
import { problemResponse } from './problem.ts'
import { onlyOperators, sessionCookie } from './request-guards.ts'

/** The way into `/app/`: a one-time link becomes a session; without one a page says where the link is. */
export function appRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()

  routes.get('/app/enter/:secret', async (c) => {
    const entered = await enterByLink(deps, c.req.param('secret'))
    if (entered === null) return problemResponse(c, 'link-used', visitorLanguage(c.req.raw))
    setCookie(c, sessionCookie, entered.session, {
      path: '/',
      httpOnly: true,
      sameSite: 'Lax',
      secure: deps.settings.publicUrl.startsWith('https:'),
      maxAge: sessionLivesMs / 1000,
    })
    c.header('Referrer-Policy', 'no-referrer')
    c.header('Cache-Control', 'no-store')
    c.header('X-Robots-Tag', 'noindex')
    return c.redirect('/app/', 303)
  })

  routes.post('/app/leave', onlyOperators, async (c) => {
    const session = getCookie(c, sessionCookie)
    if (session !== undefined) await endSession(deps, session)
    deleteCookie(c, sessionCookie, { path: '/' })
    return c.redirect('/app/', 303)
  })

  routes.get('/app', (c) => c.redirect('/app/', 308))
  routes.get('/app/*', async (c) => {
    const session = getCookie(c, sessionCookie)
    if (session === undefined || !(await isSession(deps, session))) {
      return pageResponse(
        deps,
        renderSignIn({ language: visitorLanguage(c.req.raw), command: 'npx todoku token link' }),
        401,
      )
    }
    return (await deps.host.dashboardFile(c.req.raw)) ?? problemResponse(c, 'not-found', visitorLanguage(c.req.raw))
  })

  return routes
}
