import { type Context, Hono } from 'hono'
import { formatTime } from '../core/format-time.ts'
import { type ConfirmView, confirmSubmission, confirmView } from '../core/submissions/confirm.ts'
import { type StopView, stopConfirmations, stopView, takeBackStop } from '../core/suppressions/stop.ts'
import { renderConfirm, renderStop } from '../pages/stop.tsx'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { pageResponse } from './page-response.ts'
import { onlyMethods, problemResponse } from './problem.ts'

/**
 * The links in a confirmation by which the owner of the address speaks: `/stop/{token}`, "this wasn't me", and
 * `/confirm/{token}`, "this was me". A GET shows a page and changes nothing: link scanners and previews open every link of
 * a mail. Only the page's button posts.
 */
export function stopRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()

  routes.get('/stop/:token', async (c) => stopPage(deps, c, await stopView(deps, c.req.param('token'))))
  routes.post('/stop/:token', async (c) => {
    const token = c.req.param('token')
    return backTo(c, `/stop/${token}`, await stopConfirmations(deps, token))
  })
  routes.post('/stop/:token/undo', async (c) => {
    const token = c.req.param('token')
    return backTo(c, `/stop/${token}?undone`, await takeBackStop(deps, token))
  })
  routes.all('/stop/:token', onlyMethods('GET, HEAD, POST'))
  routes.all('/stop/:token/undo', onlyMethods('POST'))

  routes.get('/confirm/:token', async (c) => confirmPage(deps, c, await confirmView(deps, c.req.param('token'))))
  routes.post('/confirm/:token', async (c) => {
    const token = c.req.param('token')
    return backTo(c, `/confirm/${token}`, await confirmSubmission(deps, token))
  })
  routes.all('/confirm/:token', onlyMethods('GET, HEAD, POST'))

  return routes
}

function stopPage(deps: ApiDeps, c: Context<ApiEnv>, view: StopView | null): Response {
  if (view === null) return notFound(c)
  const { language, title, receivedAt, stoppedUntil, disowned, asks, managersKnow } = view
  const { timeZone } = deps.settings
  const page = renderStop({
    language,
    title,
    receivedAt: formatTime(receivedAt, language, timeZone),
    path: pathOf(c),
    // Said as long as it is so, whoever opens this address.
    undone: c.req.query('undone') !== undefined && stoppedUntil === null && !disowned,
    stoppedUntil: stoppedUntil === null ? null : formatTime(stoppedUntil, language, timeZone),
    disowned,
    asks,
    managersKnow,
  })
  return pageResponse(deps, page, 200)
}

function confirmPage(deps: ApiDeps, c: Context<ApiEnv>, view: ConfirmView | null): Response {
  if (view === null) return notFound(c)
  const { language, title, receivedAt, standing, statusPath, stopPath } = view
  const page = renderConfirm({
    language,
    title,
    receivedAt: formatTime(receivedAt, language, deps.settings.timeZone),
    path: pathOf(c),
    standing,
    statusPath,
    stopPath,
  })
  return pageResponse(deps, page, 200)
}

function pathOf(c: Context<ApiEnv>): string {
  return new URL(c.req.url).pathname
}

/** To the page, which can then be loaded again without acting again. */
function backTo(c: Context<ApiEnv>, path: string, view: object | null): Response {
  if (view === null) return notFound(c)
  return new Response(null, {
    status: 303,
    headers: { Location: path, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
  })
}

/** The same for a cut link, a wrong one and one that never was. */
function notFound(c: Context<ApiEnv>): Response {
  return problemResponse(c, 'status-not-found', visitorLanguage(c.req.raw))
}
