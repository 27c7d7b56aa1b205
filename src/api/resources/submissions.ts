import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { riskOf } from '../../core/files/risk.ts'
import type { Language } from '../../core/language.ts'
import { carrierOf } from '../../core/messages/carrier.ts'
import { labelOf } from '../../core/messages/labels.ts'
import { explain } from '../../core/submissions/explain.ts'
import { reasonSentence } from '../../core/submissions/judge/sentences.ts'
import { normalizeReference } from '../../core/submissions/reference.ts'
import { releaseSubmission } from '../../core/submissions/release.ts'
import { currentConfirmation, isSettled, stateName } from '../../core/submissions/status.ts'
import { statusUrl } from '../../core/submissions/status-token.ts'
import { reviews, type Submission, type VerdictReason, verdictRules } from '../../core/submissions/submission.ts'
import { reviewUrl } from '../../core/suppressions/links.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { savedFile } from '../files.ts'
import { noSuchForm, problemResponse } from '../problem.ts'
import { evidence, message, shownMessage } from './messages.ts'
import { json, language, pageQuery, problems, time } from './openapi.ts'

const entry = z
  .object({
    name: z.string(),
    label: z.string().meta({ description: 'As the page of the form shows it; else the name' }),
    value: z.string().nullable().meta({ description: 'Text; null for a file' }),
    file: z
      .object({
        number: z.number().meta({ description: 'For /files/{number}' }),
        fileName: z.string(),
        type: z.string().meta({ description: 'As claimed' }),
        size: z.number(),
        content: z.string().nullable().meta({ description: 'Type that its first bytes show' }),
        risk: z.string().nullable().meta({ description: 'Why it is not attached to mails' }),
      })
      .nullable(),
  })
  .meta({ id: 'Entry' })

const reasons = z.array(z.object({ rule: z.enum(verdictRules), detail: z.string(), text: z.string() }))

const verdict = z
  .object({
    reasons: reasons.meta({ description: 'Why it was put aside for review' }),
    shadow: reasons.meta({ description: 'What rules on trial would have put it aside for' }),
  })
  .meta({ id: 'Verdict' })

/** Whoever has the link can look and release: it is for managers. */
const review = z
  .string()
  .nullable()
  .meta({ description: 'Page to look at it and to release it, for managers; null where it waits for no review' })

const summary = z
  .object({
    reference: z.string(),
    form: z.string(),
    formVersion: z.number(),
    receivedAt: time,
    language,
    review: z.enum(reviews),
    reviewedAt: time.nullable().meta({ description: 'When it was released, or confirmed by its submitter' }),
    disownedAt: time.nullable().meta({ description: 'When the owner of its address said that it was not them' }),
    test: z.boolean(),
    verdict,
    email: z.string().nullable(),
    reviewUrl: review,
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

export const row = summary
  .extend({ confirmation: z.string().nullable(), notification: z.string().nullable() })
  .meta({ id: 'SubmissionRow' })

const story = z
  .object({
    reference: z.string(),
    form: z.string(),
    reviewUrl: review,
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

/** Of labels and reasons. */
const languageQuery = z.object({ language: language.default('en') })

const listRoute = createRoute({
  method: 'get',
  path: '/submissions',
  operationId: 'listSubmissions',
  summary: 'Submissions, newest first',
  request: { query: pageQuery.extend({ form: z.string().optional(), review: z.enum(reviews).optional() }) },
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
  request: { params: reference, query: languageQuery },
  responses: { 200: json('The submission', submission), ...problems },
})

const storyRoute = createRoute({
  method: 'get',
  path: '/submissions/{reference}/story',
  operationId: 'explainSubmission',
  summary: 'Everything that happened to a submission, as sentences with evidence',
  request: { params: reference, query: languageQuery },
  responses: { 200: json('The story', story), ...problems },
})

const releaseRoute = createRoute({
  method: 'post',
  path: '/submissions/{reference}/release',
  operationId: 'releaseSubmission',
  summary: 'Let a submission go on that waits for review, or for its submitter; its mails go out',
  request: { params: reference },
  responses: { 200: json('The submission', submission), ...problems },
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
    const { limit, before, form, review } = c.req.valid('query')
    if (form !== undefined && (await deps.forms.get(form)) === null) return noSuchForm(c) as never
    const page = await deps.submissions.list({
      limit,
      ...(before === undefined ? {} : { before }),
      ...(form === undefined ? {} : { form }),
      ...(review === undefined ? {} : { review }),
    })
    const items = await Promise.all(page.items.map((item) => shownRow(deps, item)))
    return c.json({ items, cursor: page.cursor }, 200)
  })
  routes.openapi(getRoute, async (c) => {
    const found = await find(c.req.valid('param').reference)
    if (found === null) return problemResponse(c, 'submission-not-found', 'en') as never
    return c.json(await shownSubmission(deps, found, c.req.valid('query').language), 200)
  })
  routes.openapi(releaseRoute, async (c) => {
    const outcome = await releaseSubmission(deps, c.req.valid('param').reference)
    if (outcome.kind !== 'done') return problemResponse(c, outcome.kind, 'en') as never
    return c.json(await shownSubmission(deps, outcome.submission, 'en'), 200)
  })
  routes.openapi(storyRoute, async (c) => {
    const found = await find(c.req.valid('param').reference)
    if (found === null) return problemResponse(c, 'submission-not-found', 'en') as never
    const told = await explain(deps, found, c.req.valid('query').language)
    return c.json({ ...told, reviewUrl: reviewUrl(deps, found), lines: [...told.lines], now: [...told.now] }, 200)
  })
  routes.openapi(fileRoute, async (c) => {
    const { reference: typed, number } = c.req.valid('param')
    const found = await find(typed)
    const files = found?.entries.flatMap((posted) => (posted.kind === 'file' ? [posted.file] : [])) ?? []
    const file = files[number - 1]
    const pieces = file === undefined ? null : await deps.blobs.stream(file.blob)
    if (file === undefined || pieces === null) return problemResponse(c, 'file-not-found', 'en') as never
    return savedFile(pieces, file.fileName, file.size) as never
  })
  return routes
}

function shownSummary(deps: ApiDeps, found: Submission, spoken: Language): z.infer<typeof summary> {
  const { reference, form, formVersion, language, review, reviewedAt, disownedAt, test, email } = found
  return {
    reference,
    form,
    formVersion,
    receivedAt: new Date(found.receivedAt).toISOString(),
    language,
    review,
    reviewedAt: reviewedAt === null ? null : new Date(reviewedAt).toISOString(),
    disownedAt: disownedAt === null ? null : new Date(disownedAt).toISOString(),
    test,
    verdict: {
      reasons: shownReasons(found.verdict.reasons, spoken),
      shadow: shownReasons(found.verdict.shadow, spoken),
    },
    email,
    reviewUrl: reviewUrl(deps, found),
  }
}

function shownReasons(found: readonly VerdictReason[], spoken: Language): z.infer<typeof reasons> {
  return found.map((reason) => ({ ...reason, text: reasonSentence(reason)[spoken] }))
}

/** A submission in a list, with the fate of its mails. */
export async function shownRow(deps: ApiDeps, found: Submission): Promise<z.infer<typeof row>> {
  const now = deps.clock.now()
  const messages = await deps.messages.ofSubmission(found.id)
  const confirmation = currentConfirmation(found, messages)
  // Of several managers the one whose mail is worst off is shown: that is the one to look at.
  const notifications = await Promise.all(
    messages.filter(({ role }) => role === 'notification').map((each) => carrierOf(deps, each)),
  )
  const notification =
    notifications.find((each) => each.state.name !== 'delivered' && !isSettled(each, now)) ??
    notifications.find((each) => each.state.name !== 'delivered') ??
    notifications[0]
  return {
    ...shownSummary(deps, found, 'en'),
    confirmation: confirmation === null ? null : stateName(confirmation, now),
    notification: notification === undefined ? null : stateName(notification, now),
  }
}

async function shownSubmission(
  deps: ApiDeps,
  found: Submission,
  spoken: Language,
): Promise<z.infer<typeof submission>> {
  let number = 0
  const messages = await deps.messages.ofSubmission(found.id)
  const form = await deps.forms.getVersion(found.form, found.formVersion)
  return {
    ...shownSummary(deps, found, spoken),
    entries: found.entries.map((posted) => {
      const label = form === null ? posted.name : labelOf(form, posted.name, spoken)
      if (posted.kind === 'text') return { name: posted.name, label, value: posted.value, file: null }
      number += 1
      const { fileName, type, size, content } = posted.file
      const shows = { content: content?.type ?? null, risk: riskOf(posted.file) }
      return { name: posted.name, label, value: null, file: { number, fileName, type, size, ...shows } }
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
