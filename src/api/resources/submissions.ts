import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { explain } from '../../core/submissions/explain.ts'
import { normalizeReference } from '../../core/submissions/reference.ts'
import { currentConfirmation, isSettled, stateName } from '../../core/submissions/status.ts'
import { statusUrl } from '../../core/submissions/status-token.ts'
import type { Submission } from '../../core/submissions/submission.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { problemResponse } from '../problem.ts'
import { evidence, message, shownMessage } from './messages.ts'
import { json, language, pageQuery, problems, time } from './openapi.ts'

const entry = z
  .object({
    name: z.string(),
    value: z.string().nullable().meta({ description: 'Text; null for a file' }),
    file: z
      .object({
        number: z.number().meta({ description: 'For /files/{number}' }),
        fileName: z.string(),
        type: z.string(),
        size: z.number(),
      })
      .nullable(),
  })
  .meta({ id: 'Entry' })

const summary = z
  .object({
    reference: z.string(),
    form: z.string(),
    formVersion: z.number(),
    receivedAt: time,
    language,
    review: z.string(),
    email: z.string().nullable(),
  })
  .meta({ id: 'SubmissionSummary' })

const submission = summary
  .extend({
    entries: z.array(entry),
    observations: z.array(z.object({ field: z.string(), code: z.string() })),
    resends: z.array(
      z.object({ kind: z.enum(['corrected', 'resent']), at: time, oldEmail: z.string(), newEmail: z.string() }),
    ),
    statusUrl: z.string(),
    messages: z.array(message),
  })
  .meta({ id: 'Submission' })

const row = summary
  .extend({ confirmation: z.string().nullable(), notification: z.string().nullable() })
  .meta({ id: 'SubmissionRow' })

const story = z
  .object({
    reference: z.string(),
    form: z.string(),
    lines: z.array(
      z.object({
        at: time,
        text: z.string(),
        messageId: z.string().nullable(),
        evidence: z.union([evidence, z.null()]),
      }),
    ),
    now: z.array(z.string()),
  })
  .meta({ id: 'Story' })

const reference = z.object({ reference: z.string() })

const listRoute = createRoute({
  method: 'get',
  path: '/submissions',
  operationId: 'listSubmissions',
  summary: 'Submissions, newest first',
  request: { query: pageQuery.extend({ form: z.string().optional() }) },
  responses: {
    200: json('A page of them', z.object({ items: z.array(row), cursor: z.string().nullable() })),
    ...problems,
  },
})

const getRoute = createRoute({
  method: 'get',
  path: '/submissions/{reference}',
  operationId: 'getSubmission',
  summary: 'One submission with its messages',
  request: { params: reference },
  responses: { 200: json('The submission', submission), ...problems },
})

const storyRoute = createRoute({
  method: 'get',
  path: '/submissions/{reference}/story',
  operationId: 'explainSubmission',
  summary: 'Everything that happened to a submission, as sentences with evidence',
  request: { params: reference, query: z.object({ language: language.default('en') }) },
  responses: { 200: json('The story', story), ...problems },
})

const fileRoute = createRoute({
  method: 'get',
  path: '/submissions/{reference}/files/{number}',
  operationId: 'getUpload',
  summary: 'An upload of a submission, as it came',
  request: { params: reference.extend({ number: z.coerce.number().int().min(1) }) },
  responses: {
    200: {
      description: 'The file',
      content: { 'application/octet-stream': { schema: z.string().meta({ format: 'binary' }) } },
    },
    ...problems,
  },
})

/** `/api/v1/submissions`: for managers and operators. */
export function submissionRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()
  const find = async (typed: string) => {
    const known = normalizeReference(typed)
    return known === null ? null : await deps.submissions.get(known)
  }

  routes.openapi(listRoute, async (c) => {
    const { limit, before, form } = c.req.valid('query')
    const page = await deps.submissions.list({
      limit,
      ...(before === undefined ? {} : { before }),
      ...(form === undefined ? {} : { form }),
    })
    const items = await Promise.all(page.items.map((item) => shownRow(deps, item)))
    return c.json({ items, cursor: page.cursor }, 200)
  })
  routes.openapi(getRoute, async (c) => {
    const found = await find(c.req.valid('param').reference)
    if (found === null) return problemResponse(c, 'submission-not-found', 'en') as never
    return c.json(await shownSubmission(deps, found), 200)
  })
  routes.openapi(storyRoute, async (c) => {
    const found = await find(c.req.valid('param').reference)
    if (found === null) return problemResponse(c, 'submission-not-found', 'en') as never
    const told = await explain(deps, found, c.req.valid('query').language)
    return c.json({ ...told, lines: [...told.lines], now: [...told.now] }, 200)
  })
  routes.openapi(fileRoute, async (c) => {
    const { reference: typed, number } = c.req.valid('param')
    const found = await find(typed)
    const files = found?.entries.flatMap((posted) => (posted.kind === 'file' ? [posted.file] : [])) ?? []
    const file = files[number - 1]
    const content = file === undefined ? null : await deps.blobs.read(file.blob)
    if (file === undefined || content === null) return problemResponse(c, 'file-not-found', 'en') as never
    return c.body(new Uint8Array(content), 200, {
      // A visitor's file is never shown as a page of ours.
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.fileName.toWellFormed())}`,
      'Content-Security-Policy': "default-src 'none'; sandbox",
      'X-Content-Type-Options': 'nosniff',
    }) as never
  })
  return routes
}

function shownSummary(found: Submission): z.infer<typeof summary> {
  const { reference, form, formVersion, language, review, email } = found
  return { reference, form, formVersion, receivedAt: new Date(found.receivedAt).toISOString(), language, review, email }
}

async function shownRow(deps: ApiDeps, found: Submission): Promise<z.infer<typeof row>> {
  const now = deps.clock.now()
  const messages = await deps.messages.ofSubmission(found.id)
  const confirmation = currentConfirmation(found, messages)
  // Of several managers the one whose mail is worst off is shown: that is the one to look at.
  const notifications = messages.filter(({ role }) => role === 'notification')
  const notification =
    notifications.find((each) => each.state.name !== 'delivered' && !isSettled(each, now)) ??
    notifications.find((each) => each.state.name !== 'delivered') ??
    notifications[0]
  return {
    ...shownSummary(found),
    confirmation: confirmation === null ? null : stateName(confirmation, now),
    notification: notification === undefined ? null : stateName(notification, now),
  }
}

async function shownSubmission(deps: ApiDeps, found: Submission): Promise<z.infer<typeof submission>> {
  let number = 0
  const messages = await deps.messages.ofSubmission(found.id)
  return {
    ...shownSummary(found),
    entries: found.entries.map((posted) => {
      if (posted.kind === 'text') return { name: posted.name, value: posted.value, file: null }
      number += 1
      const { fileName, type, size } = posted.file
      return { name: posted.name, value: null, file: { number, fileName, type, size } }
    }),
    observations: [...found.observations],
    resends: found.resends.map(({ kind, at, oldEmail, newEmail }) => ({
      kind,
      at: new Date(at).toISOString(),
      oldEmail,
      newEmail,
    })),
    statusUrl: statusUrl(deps, found),
    messages: messages.map((each) => shownMessage(each, deps.clock.now())),
  }
}
