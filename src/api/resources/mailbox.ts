import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { CapturedMail } from '../../core/deps.ts'
import { openCapturedMail } from '../../core/messages/mailbox.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { problemResponse } from '../problem.ts'
import { json, pageQuery, problems, time } from './openapi.ts'

const summary = z
  .object({
    id: z.string(),
    messageId: z.string(),
    attempt: z.number(),
    at: time,
    from: z.string(),
    to: z.string(),
    subject: z.string(),
  })
  .meta({ id: 'MailSummary' })

const mail = summary
  .extend({
    headers: z.array(z.object({ name: z.string(), value: z.string() })),
    text: z.string(),
    html: z.string().nullable(),
    attachments: z.array(z.object({ number: z.number(), fileName: z.string(), type: z.string(), size: z.number() })),
  })
  .meta({ id: 'Mail' })

const idParam = z.object({ id: z.string() })

const listRoute = createRoute({
  method: 'get',
  path: '/mailbox',
  operationId: 'listMailbox',
  summary: 'Mails the `capture` transport kept, newest first',
  request: { query: pageQuery },
  responses: {
    200: json('A page of them', z.object({ items: z.array(summary), cursor: z.string().nullable() })),
    ...problems,
  },
})

const getRoute = createRoute({
  method: 'get',
  path: '/mailbox/{id}',
  operationId: 'getMail',
  summary: 'One mail, read',
  request: { params: idParam },
  responses: { 200: json('The mail', mail), ...problems },
})

const clearRoute = createRoute({
  method: 'delete',
  path: '/mailbox',
  operationId: 'clearMailbox',
  summary: 'Empty the local mailbox',
  responses: { 204: { description: 'Empty' }, ...problems },
})

/** `/api/v1/mailbox`: what would have gone out. */
export function mailboxRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()

  routes.openapi(listRoute, async (c) => {
    const { limit, before } = c.req.valid('query')
    const page = await deps.mailbox.list({ limit, ...(before === undefined ? {} : { before }) })
    return c.json({ items: page.items.map(shownSummary), cursor: page.cursor }, 200)
  })
  routes.openapi(clearRoute, async (c) => {
    await deps.mailbox.clear()
    return c.body(null, 204)
  })
  routes.openapi(getRoute, async (c) => {
    const opened = await openCapturedMail(deps, c.req.valid('param').id)
    if (opened === null) return problemResponse(c, 'message-not-found', 'en') as never
    const { headers, text, html, attachments } = opened.read
    return c.json(
      {
        ...shownSummary(opened),
        headers: [...headers],
        text,
        html,
        attachments: attachments.map(({ fileName, type, content }, index) => ({
          number: index + 1,
          fileName,
          type,
          size: content.length,
        })),
      },
      200,
    )
  })
  routes.get('/mailbox/:id/raw', async (c) => {
    const kept = await deps.mailbox.get(c.req.param('id'))
    if (kept === null) return problemResponse(c, 'message-not-found', 'en')
    return c.body(new Uint8Array(kept.raw), 200, download('message/rfc822', `${kept.messageId}.eml`))
  })
  routes.get('/mailbox/:id/attachments/:number', async (c) => {
    const opened = await openCapturedMail(deps, c.req.param('id'))
    const attachment = opened?.read.attachments[Number(c.req.param('number')) - 1]
    if (attachment === undefined) return problemResponse(c, 'file-not-found', 'en')
    return c.body(new Uint8Array(attachment.content), 200, download('application/octet-stream', attachment.fileName))
  })
  return routes
}

function shownSummary({
  id,
  messageId,
  attempt,
  at,
  from,
  to,
  subject,
}: Omit<CapturedMail, 'raw'>): z.infer<typeof summary> {
  return { id, messageId, attempt, at: new Date(at).toISOString(), from, to, subject }
}

function download(type: string, fileName: string): Record<string, string> {
  return {
    'Content-Type': type,
    'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(fileName.toWellFormed())}`,
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'X-Content-Type-Options': 'nosniff',
  }
}
