import { Hono } from 'hono'
import { formTitle } from '../core/messages/compose.ts'
import { previewRoles } from '../core/messages/preview.ts'
import { renderPreview } from '../pages/preview.tsx'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { problemResponse } from './problem.ts'
import { onlyOperators } from './request-guards.ts'
import { previewOf, previewQuery } from './resources/previews.ts'

/** `GET /app/preview/{form}`: the mails of a form with the settings in force, for whoever has a session. */
export function previewPageRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  routes.get('/app/preview/:form', onlyOperators, async (c) => {
    const language = visitorLanguage(c.req.raw)
    const form = await deps.forms.get(c.req.param('form'))
    if (form === null) return problemResponse(c, 'form-not-found', language)
    const query = previewQuery.safeParse(c.req.query())
    if (!query.success) return problemResponse(c, 'invalid-request', language)
    const preview = await previewOf(deps, form, query.data)
    if (preview === null) return problemResponse(c, 'submission-not-found', language)

    const { role, language: spoken, reference, posted, mail, faults } = preview
    const named = query.data.reference === undefined ? '' : `&reference=${encodeURIComponent(reference)}`
    const page = renderPreview({
      language,
      title: formTitle(form, language),
      choices: previewRoles.flatMap((each) =>
        (['ja', 'en'] as const).map((other) => ({
          href: `?role=${each}&language=${other}${named}`,
          role: each,
          language: other,
          current: each === role && other === spoken,
        })),
      ),
      reference,
      posted,
      from: mail.from,
      to: mail.to,
      replyTo: mail.replyTo,
      subject: mail.subject,
      text: mail.text,
      html: mail.html ?? '',
      attachments: mail.attachments.map(({ fileName, type, content }) => ({ fileName, type, size: content.length })),
      faults,
    })
    return new Response(page, { headers })
  })
  return routes
}

/**
 * The frame's page obeys the policy of this one: no script at all, nothing loaded. Its styles are inline, as mails need
 * them; a style can show a mail otherwise than it is, but reaches nothing.
 */
const headers = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy':
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Robots-Tag': 'noindex',
}
