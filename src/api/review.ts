import { Hono } from 'hono'
import { formatTime } from '../core/format-time.ts'
import { releaseByLink, reviewView } from '../core/submissions/review.ts'
import { renderReview } from '../pages/review.tsx'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { pageResponse } from './page-response.ts'
import { onlyMethods, problemResponse } from './problem.ts'

/**
 * `/review/{token}`: a submission that waits for review, for managers without an account. A GET shows it and changes
 * nothing: link scanners and previews open every link of a mail. Only the page's button posts.
 */
export function reviewRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()

  routes.get('/review/:token', async (c) => {
    const view = await reviewView(deps, c.req.param('token'))
    if (view === null) return problemResponse(c, 'review-not-found', visitorLanguage(c.req.raw))
    const { language, receivedAt, settledAt, disownedAt, until, ...rest } = view
    const { timeZone } = deps.settings
    const page = renderReview({
      ...rest,
      language,
      receivedAt: formatTime(receivedAt, language, timeZone),
      settledAt: settledAt === null ? null : formatTime(settledAt, language, timeZone),
      disownedAt: disownedAt === null ? null : formatTime(disownedAt, language, timeZone),
      until: formatTime(until, language, timeZone),
      path: new URL(c.req.url).pathname,
    })
    return pageResponse(deps, page, 200)
  })

  routes.post('/review/:token', async (c) => {
    const token = c.req.param('token')
    if ((await releaseByLink(deps, token)) === 'not-found') {
      return problemResponse(c, 'review-not-found', visitorLanguage(c.req.raw))
    }
    // To the page, which can then be loaded again without acting again.
    return new Response(null, {
      status: 303,
      headers: { Location: `/review/${token}`, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
    })
  })

  routes.all('/review/:token', onlyMethods('GET, HEAD, POST'))

  return routes
}
