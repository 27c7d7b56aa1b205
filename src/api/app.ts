import { OpenAPIHono } from '@hono/zod-openapi'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { appRoutes } from './app-session.ts'
import { fileRoutes } from './files.ts'
import { challengeRoutes } from './intake/challenge.ts'
import { intakeRoutes, lastIntakeRoutes } from './intake/routes.ts'
import { suggestRoutes } from './intake/suggest.ts'
import { operationRoutes } from './operations.ts'
import { previewPageRoutes } from './preview-page.ts'
import { failureResponse, problemResponse } from './problem.ts'
import { observeRequests, onlyKnownHosts, onlyOperators, onlyWatchers } from './request-guards.ts'
import { accessRoutes } from './resources/access.ts'
import { alarmRoutes } from './resources/alarms.ts'
import { formRoutes } from './resources/forms.ts'
import { mailboxRoutes } from './resources/mailbox.ts'
import { messageRoutes } from './resources/messages.ts'
import { openApiInfo } from './resources/openapi.ts'
import { overviewRoutes } from './resources/overview.ts'
import { previewRoutes } from './resources/previews.ts'
import { submissionRoutes } from './resources/submissions.ts'
import { reviewRoutes } from './review.ts'
import { snippetRoutes } from './snippet.ts'
import { statusRoutes } from './status.ts'
import { stopRoutes } from './stop.ts'

/**
 * The whole HTTP side: `app.fetch(Request) → Response` is the contract with a host.
 *
 * @example const app = createApp(deps); await app.fetch(new Request('http://localhost:4180/healthz'))
 */
export function createApp(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result, c) => {
      if (result.success) return undefined
      const detail = result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
      return problemResponse(c, 'invalid-request', 'en', { detail })
    },
  })
  app.use(async (c, next) => {
    c.set('deps', deps)
    await next()
  })
  app.use(observeRequests)
  app.use(onlyKnownHosts)
  app.use('/api/*', onlyOperators)
  app.use('/metrics', onlyWatchers)

  app.route('/', operationRoutes())
  app.route('/', intakeRoutes(deps))
  app.route('/', suggestRoutes(deps))
  app.route('/', challengeRoutes(deps))
  app.route('/', statusRoutes(deps))
  app.route('/', stopRoutes(deps))
  app.route('/', reviewRoutes(deps))
  app.route('/', fileRoutes(deps))
  app.route('/', previewPageRoutes(deps))
  app.route('/', appRoutes(deps))
  app.route('/', snippetRoutes(deps))
  app.route('/api/v1', formRoutes(deps))
  app.route('/api/v1', previewRoutes(deps))
  app.route('/api/v1', submissionRoutes(deps))
  app.route('/api/v1', messageRoutes(deps))
  app.route('/api/v1', mailboxRoutes(deps))
  app.route('/api/v1', accessRoutes(deps))
  app.route('/api/v1', alarmRoutes(deps))
  app.route('/api/v1', overviewRoutes(deps))
  app.doc31('/api/v1/openapi.json', openApiInfo)
  app.route('/', lastIntakeRoutes(deps))

  app.notFound(async (c) => {
    const page = c.req.method === 'GET' || c.req.method === 'HEAD' ? await deps.host.sitePage(c.req.raw) : null
    return page ?? problemResponse(c, 'not-found', visitorLanguage(c.req.raw))
  })
  app.onError((error, c) => failureResponse(c, error))
  return app
}

/** The OpenAPI document; it does not depend on an instance. */
export function openApiDocument(): object {
  // Routes touch their dependencies only when they are called.
  return createApp({} as ApiDeps).getOpenAPI31Document(openApiInfo)
}
