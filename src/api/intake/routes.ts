import { type Context, Hono } from 'hono'
import type { ErrorCode } from '../../core/errors.ts'
import type { FormRecord } from '../../core/forms/form.ts'
import { isFormName } from '../../core/forms/form.ts'
import { acceptSubmission, type Post, postLanguage } from '../../core/submissions/accept-submission.ts'
import { mayPost } from '../../core/submissions/redirect.ts'
import type { StoredFile } from '../../core/submissions/submission.ts'
import { type ApiDeps, type ApiEnv, visitorLanguage } from '../api-types.ts'
import { failureResponse, problemResponse } from '../problem.ts'
import { acceptedAnswer, type Refusal, refusedAnswer } from './answer.ts'
import { chunksOf, drain } from './body.ts'
import { readBody } from './read-body.ts'

/** `POST /f/{form}`: the public endpoint. Everything before the answer happens here, in reading order. */
export function intakeRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  routes.post('/f/:form', async (c) => {
    let form: FormRecord | null = null
    let answer: Response
    try {
      form = await formOf(deps, c)
      answer =
        form === null ? problemResponse(c, 'form-not-found', visitorLanguage(c.req.raw)) : await takePost(deps, c, form)
    } catch (error) {
      answer = failureResponse(c, error)
    }
    return withCors(answer, c, form, deps)
  })
  routes.options('/f/:form', async (c) => {
    const form = await formOf(deps, c)
    const headers = {
      'Access-Control-Allow-Methods': 'POST, OPTIONS',
      'Access-Control-Allow-Headers':
        'content-type, accept, idempotency-key, x-requested-with, formspree-client, formspree-session-data',
      'Access-Control-Max-Age': '86400',
    }
    return withCors(new Response(null, { status: 204, headers }), c, form, deps)
  })
  routes.all('/f/:form', (c) => {
    const answer = problemResponse(c, 'method-not-allowed', visitorLanguage(c.req.raw))
    answer.headers.set('Allow', 'POST, OPTIONS')
    return answer
  })
  return routes
}

async function formOf(deps: ApiDeps, c: Context<ApiEnv>): Promise<FormRecord | null> {
  // `/f/contact.json` is what some clients of other services post to.
  const name = (c.req.param('form') ?? '').replace(/\.json$/, '')
  return isFormName(name) ? await deps.forms.get(name) : null
}

async function takePost(deps: ApiDeps, c: Context<ApiEnv>, form: FormRecord): Promise<Response> {
  const { metrics, host } = deps
  const refuse = (code: ErrorCode, more: Partial<Refusal> = {}) => {
    metrics.countPost(code)
    const { entries = [] } = more
    return refusedAnswer(deps, c, form, {
      code,
      language: postLanguage(deps, form, postOf(deps, c, entries, null)),
      errors: [],
      entries,
      variant: form.variants[0] ?? null,
      ...more,
    })
  }
  const key = idempotencyKey(c.req.header('idempotency-key'))
  if (key === 'invalid') return refuse('idempotency-key-invalid')

  // Before anything of it is read: what a refused page sends is not to reach the disk.
  const { pageOrigin } = postOf(deps, c, [], key)
  if (!mayPost(pageOrigin, { publicUrl: deps.settings.publicUrl, settings: form.settings })) {
    await drain(chunksOf(deps, c.req.raw), deps.settings.limits.totalBytes)
    return refuse('origin-refused')
  }
  const body = await readBody(deps, c.req.raw, form)
  if (body.kind === 'refused') {
    if (body.code === 'store-unavailable') metrics.countFault('store')
    return refuse(body.code, { entries: body.entries })
  }
  if (host.stopping()) return refuse('shutting-down', { entries: body.entries })
  const post = postOf(deps, c, body.entries, key)
  let outcome: Awaited<ReturnType<typeof acceptSubmission>>
  try {
    outcome = await acceptSubmission(deps, form, post)
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if (code !== 'store-unavailable' && code !== 'shutting-down') throw error
    deps.log.error({ form: form.name, code, err: error }, 'a post could not be stored')
    metrics.countFault('store')
    // Everything that was typed goes back into the visitor's hands.
    return refuse(code, { entries: body.entries })
  }
  switch (outcome.kind) {
    case 'accepted':
      metrics.countPost(outcome.repeated ? 'repeated' : 'accepted')
      deps.log.info(
        { form: form.name, reference: outcome.submission.reference, state: outcome.repeated ? 'repeated' : 'accepted' },
        'post accepted',
      )
      if (outcome.repeated) await deleteUploads(deps, body.uploads)
      return acceptedAnswer(c, outcome)
    case 'invalid':
      return refuse('validation-failed', {
        language: outcome.language,
        errors: outcome.errors,
        entries: [...outcome.fields, ...controlsOf(body.entries)],
        variant: outcome.variant,
      })
    case 'origin-refused':
      return refuse('origin-refused', { language: outcome.language })
    case 'too-many-files':
    case 'too-large':
      // What earlier tries brought was within the limits and stays; of this one the texts are given back.
      await deleteUploads(deps, body.uploads)
      return refuse(outcome.kind, {
        language: outcome.language,
        entries: body.entries.filter(({ kind }) => kind === 'text'),
      })
    case 'conflict':
      await deleteUploads(deps, body.uploads)
      return refuse('idempotency-conflict', { language: outcome.language })
  }
}

function controlsOf<E extends { name: string }>(entries: readonly E[]): E[] {
  return entries.filter((entry) => entry.name.startsWith('_'))
}

/** A structured-field string (draft-ietf-httpapi-idempotency-key-header), or the bare text most clients send. */
function idempotencyKey(header: string | undefined): string | null | 'invalid' {
  if (header === undefined) return null
  const key = /^"(.*)"$/.exec(header.trim())?.[1] ?? header.trim()
  return /^[\x21-\x7e]{1,200}$/.test(key) ? key : 'invalid'
}

function postOf(deps: ApiDeps, c: Context<ApiEnv>, entries: Post['entries'], idempotencyKey: string | null): Post {
  const headers = c.req.raw.headers
  const referer = headers.get('referer')
  const page = referer !== null && URL.canParse(referer) ? new URL(referer) : null
  return {
    entries,
    idempotencyKey,
    client: { address: deps.host.clientAddress(c.env, headers), agent: headers.get('user-agent') ?? '' },
    pageOrigin: headers.get('origin') ?? page?.origin ?? null,
    pagePath: page === null ? null : pagePathOf(page, deps.settings.publicUrl),
    acceptLanguage: headers.get('accept-language'),
  }
}

/** Browsers tell another origin no path: then every page seems to be the front page, which says nothing. */
function pagePathOf(page: URL, publicUrl: string): string | null {
  return page.pathname === '/' && page.origin !== new URL(publicUrl).origin ? null : page.pathname
}

/** Uploads of a post that was taken before; those of the first one stay. */
async function deleteUploads(deps: ApiDeps, uploads: readonly StoredFile[]): Promise<void> {
  for (const { blob } of uploads) await deps.blobs.delete(blob).catch(() => {})
}

/** Every answer can be read by the page that posted, errors included; else its script can only guess. */
function withCors(answer: Response, c: Context<ApiEnv>, form: FormRecord | null, deps: ApiDeps): Response {
  const origin = c.req.header('origin')
  answer.headers.append('Vary', 'Accept, Origin, Sec-Fetch-Mode')
  const settings = form?.settings ?? {}
  if (origin !== undefined && mayPost(origin, { publicUrl: deps.settings.publicUrl, settings })) {
    answer.headers.set('Access-Control-Allow-Origin', origin)
    answer.headers.set('Access-Control-Expose-Headers', 'Location, Retry-After, Idempotent-Replayed')
  }
  return answer
}
