import { type Context, Hono } from 'hono'
import { base64url } from '../core/base-encoding.ts'
import { type ErrorCode, errorEntry, errorText } from '../core/errors.ts'
import { formatSoon, formatTime } from '../core/format-time.ts'
import { normalizeReference } from '../core/submissions/reference.ts'
import { correctAddress, type ResendOutcome, resendConfirmation } from '../core/submissions/resend-confirmation.ts'
import { challengePath, type SubmissionStatus, submissionStatus } from '../core/submissions/status.ts'
import { isStatusToken, statusPath } from '../core/submissions/status-token.ts'
import type { Submission } from '../core/submissions/submission.ts'
import { renderStatus } from '../pages/status.tsx'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { wantsJson } from './intake/negotiate.ts'
import { readBody } from './intake/read-body.ts'
import { pageResponse } from './page-response.ts'
import { onlyMethods, problemResponse } from './problem.ts'

/** The submitter's status page, its JSON, and what can be asked for there. The path is the only key. */
export function statusRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()

  routes.get('/s/:reference/:token{[a-z0-9-]+\\.json}', async (c) => {
    const submission = await find(deps, c, c.req.param('token').replace(/\.json$/, ''))
    return submission === null ? notFound(c) : await statusJson(deps, c, submission)
  })

  // A page of another origin names the entity tag it has, and its browser asks first (Fetch §3.3.2).
  routes.options('/s/:reference/:token{[a-z0-9-]+\\.json}', () => {
    const headers = {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Methods': 'GET, OPTIONS',
      'Access-Control-Allow-Headers': 'if-none-match',
      'Access-Control-Max-Age': '86400',
    }
    return new Response(null, { status: 204, headers })
  })

  routes.get('/s/:reference/:token', async (c) => {
    const submission = await find(deps, c, c.req.param('token'))
    return submission === null ? notFound(c) : await statusPage(deps, submission, null)
  })

  routes.post('/s/:reference/:token/correct', async (c) => {
    const submission = await find(deps, c, c.req.param('token'))
    if (submission === null) return notFound(c)
    const wish = await postedWish(deps, c)
    if ('code' in wish) return problemResponse(c, wish.code, submission.language)
    const { email, altcha } = wish
    return await answer(deps, c, submission, await correctAddress(deps, submission, email, altcha), email)
  })

  routes.post('/s/:reference/:token/resend', async (c) => {
    const submission = await find(deps, c, c.req.param('token'))
    if (submission === null) return notFound(c)
    return await answer(deps, c, submission, await resendConfirmation(deps, submission), submission.email ?? '')
  })

  // Who reloads a page that answered a wish, or lets it look again, is led back.
  routes.get('/s/:reference/:token/:wish{correct|resend}', async (c) => {
    const submission = await find(deps, c, c.req.param('token'))
    if (submission === null) return notFound(c)
    return new Response(null, { status: 303, headers: backTo(deps, submission) })
  })

  routes.all('/s/:reference/:token{[a-z0-9-]+\\.json}', onlyMethods('GET, HEAD, OPTIONS'))
  routes.all('/s/:reference/:token', onlyMethods('GET, HEAD'))
  routes.all('/s/:reference/:token/:wish{correct|resend}', onlyMethods('GET, HEAD, POST'))

  return routes
}

function backTo(deps: ApiDeps, submission: Submission): Record<string, string> {
  return {
    Location: statusPath(deps, submission),
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Robots-Tag': 'noindex',
  }
}

/** The submission of a status link; null for a wrong token as for a reference that never was. */
async function find(deps: ApiDeps, c: Context<ApiEnv>, token: string): Promise<Submission | null> {
  const reference = normalizeReference(c.req.param('reference') ?? '')
  const submission = reference === null ? null : await deps.submissions.get(reference)
  return submission !== null && isStatusToken(deps, submission, token) ? submission : null
}

function notFound(c: Context<ApiEnv>): Response {
  return problemResponse(c, 'status-not-found', visitorLanguage(c.req.raw))
}

/** Carried by the JSON and by the page made from the same state, so that the page knows whether there is news. */
function etagOf(deps: ApiDeps, status: SubmissionStatus): string {
  return `"${base64url(deps.crypto.sha256(JSON.stringify(status))).slice(0, 22)}"`
}

async function statusJson(deps: ApiDeps, c: Context<ApiEnv>, submission: Submission): Promise<Response> {
  const status = await submissionStatus(deps, submission)
  const etag = etagOf(deps, status)
  const headers = {
    ETag: etag,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Robots-Tag': 'noindex',
    // The secret is in the address; a page of another origin that has it may read it.
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': 'ETag',
  }
  if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers })
  return Response.json(status, { headers })
}

type Problem = { code: Extract<ResendOutcome, { kind: 'refused' }>['code']; typed: string }

async function statusPage(deps: ApiDeps, submission: Submission, problem: Problem | null): Promise<Response> {
  const status = await submissionStatus(deps, submission)
  const { language } = submission
  const { timeZone } = deps.settings
  const now = deps.clock.now()
  // A page that is open when its mail bounces gets the widget with its news: what is needed for that is there from the beginning.
  const asksForProof = await doesAskForProof(deps, submission)
  const proofScript = `${deps.settings.publicUrl}/altcha.js`
  const page = renderStatus({
    language,
    reference: status.reference,
    title: status.title,
    receivedAt: formatTime(submission.receivedAt, language, timeZone),
    review: status.review,
    toConfirm: status.toConfirm,
    stored: status.stored,
    mails: status.messages.map(({ role, state, reason, heldReason, suggestion, inDigest, settled, nextTryAt }) => ({
      role,
      state,
      reason,
      heldReason,
      suggestion,
      inDigest,
      settled,
      nextTryAt: nextTryAt === null ? null : formatSoon(Date.parse(nextTryAt), now, language, timeZone),
    })),
    email: status.email,
    actions: status.actions,
    // Its path alone: the page may be looked at by another name of this server.
    proof: asksForProof
      ? { script: proofScript, challenge: challengePath(status.form), wanted: status.challengeUrl !== null }
      : null,
    open: status.open,
    path: statusPath(deps, submission),
    etag: etagOf(deps, status),
    problem: problem === null ? null : { ...errorText(problem.code, language), typed: problem.typed },
  })
  const code = problem === null ? 200 : errorEntry(problem.code).status
  return pageResponse(deps, page, code, asksForProof ? { proofScript } : {})
}

async function doesAskForProof(deps: ApiDeps, { form, formVersion }: Submission): Promise<boolean> {
  const record = await deps.forms.getVersion(form, formVersion)
  return record?.settings.confirmation?.proof === 'required'
}

async function answer(
  deps: ApiDeps,
  c: Context<ApiEnv>,
  submission: Submission,
  outcome: ResendOutcome,
  typed: string,
): Promise<Response> {
  const fresh = (await deps.submissions.get(submission.reference)) ?? submission
  const json = wantsJson(c.req.raw.headers)
  if (outcome.kind === 'refused') {
    if (json) return problemResponse(c, outcome.code, submission.language)
    return await statusPage(deps, fresh, { code: outcome.code, typed })
  }
  if (json) return await statusJson(deps, c, fresh)
  return new Response(null, { status: 303, headers: backTo(deps, fresh) })
}

/** Bytes; longer than any address can be. */
const maxBody = 10_000

/**
 * The fields `email`, empty when there is none, and `altcha` of a small body of any kind a form can have; or why it can't be
 * read.
 */
async function postedWish(
  deps: ApiDeps,
  c: Context<ApiEnv>,
): Promise<{ email: string; altcha: string | null } | { code: ErrorCode }> {
  const own = { fields: 20, fieldBytes: maxBody, bodyBytes: maxBody, files: 0, fileBytes: 0, totalBytes: maxBody }
  const limits = { ...deps.settings.limits, ...own }
  const body = await readBody({ ...deps, settings: { ...deps.settings, limits } }, c.req.raw, [])
  if (body.kind === 'refused') return body
  const textOf = (wanted: string) => {
    const entry = body.entries.find(({ kind, name }) => kind === 'text' && name === wanted)
    return entry?.kind === 'text' ? entry.value : ''
  }
  return { email: textOf('email'), altcha: textOf('altcha') || null }
}
