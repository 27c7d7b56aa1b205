import { type Context, Hono } from 'hono'
import type { LogFields } from '../../core/deps.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { FormRecord } from '../../core/forms/form.ts'
import { isFormName } from '../../core/forms/form.ts'
import {
  type AcceptOutcome,
  acceptSubmission,
  type Post,
  postLanguage,
} from '../../core/submissions/accept-submission.ts'
import { splitControls } from '../../core/submissions/control-fields.ts'
import { type Admission, admitPost, newTurn } from '../../core/submissions/crowd.ts'
import type { Client } from '../../core/submissions/network.ts'
import { redirectTarget, withErrorCode } from '../../core/submissions/redirect.ts'
import type { Entry, StoredFile } from '../../core/submissions/submission.ts'
import { type ApiDeps, type ApiEnv, visitorLanguage } from '../api-types.ts'
import { acceptedAnswer, type Refusal, refusedAnswer, unreadAnswer, wayThrough } from './answer.ts'
import { crossOrigin, openToOrigin, preflightAnswer, sessionEvidence } from './cross-origin.ts'
import { wantsJson } from './negotiate.ts'
import { isSmall, readBody } from './read-body.ts'

/** Where a post came to: which form that is, and whether a field of the post may say so instead. */
type Address = { form: FormRecord | null; fromBody: boolean }

/**
 * `POST /f/{form}`, the public endpoint, and the addresses that other services gave theirs. Everything before the answer
 * happens here, in reading order.
 */
export function intakeRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  for (const path of ['/f/:form', '/p/:project/f/:form', '/ajax/:form']) {
    routes.use(path, crossOrigin)
    routes.post(path, async (c) => await takePost(deps, c, { form: await formOf(deps, c), fromBody: false }))
    routes.options(path, preflightAnswer)
    routes.all(path, methodNotAllowed)
  }
  // Below `/s/` are status pages too, and a site may have a page called `submit`.
  for (const path of ['/s/:form', '/submit']) {
    routes.post(path, crossOrigin, async (c) => {
      return await takePost(deps, c, { form: await formOf(deps, c), fromBody: path === '/submit' })
    })
    routes.options(path, crossOrigin, preflightAnswer)
    routes.all(path, async (c, next) => {
      if (path !== '/submit' && (await formOf(deps, c)) === null) return await next()
      return await pageOrRefusal(deps, c)
    })
  }
  return routes
}

/**
 * Posts to `/{form}`, and to a page of the site that names its form in a field. Both only where nothing else is: they are
 * the last of all routes.
 */
export function lastIntakeRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  routes.post('/:form', crossOrigin, async (c) => {
    const form = await formOf(deps, c)
    return await takePost(deps, c, { form, fromBody: await isSitePage(deps, c) })
  })
  routes.options('/:form', crossOrigin, async (c, next) => {
    return (await formOf(deps, c)) === null ? await next() : preflightAnswer()
  })
  routes.all('/:form', async (c, next) => {
    return (await formOf(deps, c)) === null ? await next() : await pageOrRefusal(deps, c)
  })
  routes.post('*', crossOrigin, async (c, next) => {
    return (await isSitePage(deps, c)) ? await takePost(deps, c, { form: null, fromBody: true }) : await next()
  })
  return routes
}

/** The page of the site that is called like a form, for who asks for it; else how to use the form, to be read from anywhere. */
async function pageOrRefusal(deps: ApiDeps, c: Context<ApiEnv>): Promise<Response> {
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  const page = isRead ? await deps.host.sitePage(c.req.raw) : null
  return page ?? openToOrigin(c, methodNotAllowed(c))
}

function methodNotAllowed(c: Context<ApiEnv>): Response {
  const answer = unreadAnswer(c, 'method-not-allowed', visitorLanguage(c.req.raw))
  answer.headers.set('Allow', 'POST, OPTIONS')
  return answer
}

async function formOf(deps: ApiDeps, c: Context<ApiEnv>): Promise<FormRecord | null> {
  // `/f/contact.json` is what some clients of other services post to.
  return await formNamed(deps, (c.req.param('form') ?? '').replace(/\.json$/, ''))
}

async function formNamed(deps: ApiDeps, name: string): Promise<FormRecord | null> {
  return isFormName(name) ? await deps.forms.get(name) : null
}

async function isSitePage(deps: ApiDeps, c: Context<ApiEnv>): Promise<boolean> {
  return (await deps.host.sitePage(new Request(c.req.url))) !== null
}

async function takePost(deps: ApiDeps, c: Context<ApiEnv>, address: Address): Promise<Response> {
  const language = visitorLanguage(c.req.raw)
  // Nothing is read for a form that is not there; where the post itself names it, there is no other way.
  if (address.form === null && !address.fromBody) return unreadAnswer(c, 'form-not-found', language)
  const key = idempotencyKey(c.req.header('idempotency-key'))
  if (key === 'invalid') {
    deps.metrics.countPost('idempotency-key-invalid')
    return unreadAnswer(c, 'idempotency-key-invalid', language)
  }
  const client = deps.host.client(c.env, c.req.raw.headers)
  deps.host.seePost(client)
  const admission = await admitPost(deps, client, c.req.query('turn') ?? null)
  if (admission.kind === 'crowded' && !isSmall(c.req.raw, admission.uploads)) {
    deps.metrics.countPost('too-many-posts')
    return unreadAnswer(c, 'too-many-posts', language, [], wayThrough(deps, c, address.form, newTurn(deps, client)))
  }
  const pageCharsets = address.form?.variants.map((variant) => variant.charset) ?? []
  const body = await readBody(deps, c.req.raw, pageCharsets)
  const named = address.fromBody ? splitControls(body.entries).controls.formName : null
  const form = (named === null ? null : await formNamed(deps, named)) ?? address.form
  if (form !== null) return await judge(deps, c, form, body, { key, client, admission })

  if (body.kind === 'refused') {
    deps.metrics.countPost(body.code)
    return unreadAnswer(c, body.code, language)
  }
  await deleteUploads(deps, body.uploads)
  return unreadAnswer(c, 'form-not-found', language)
}

async function judge(
  deps: ApiDeps,
  c: Context<ApiEnv>,
  form: FormRecord,
  body: Awaited<ReturnType<typeof readBody>>,
  { key, client, admission }: { key: string | null; client: Client; admission: Admission },
): Promise<Response> {
  const { metrics, host } = deps
  const { fields, controls } = splitControls(body.entries, form)
  const pageOrigin = pageOf(c.req.raw.headers).origin
  const refuse = (code: ErrorCode, more: Partial<Refusal> = {}) => {
    metrics.countPost(code)
    const wanted = isVisitors(code) && !wantsJson(c.req.raw.headers, c.req.url) ? controls.error : null
    const target = redirectTarget(wanted, { publicUrl: deps.settings.publicUrl, pageOrigin, settings: form.settings })
    if (target !== null) {
      const headers = { Location: withErrorCode(target, code), 'Cache-Control': 'no-store' }
      return new Response(null, { status: 303, headers })
    }
    return refusedAnswer(deps, c, form, {
      code,
      language: postLanguage(deps, form, controls.language, postOf(deps, c, client, body.entries, null)),
      errors: [],
      fields,
      controls: without(body.entries, fields),
      variant: form.variants[0] ?? null,
      ...more,
    })
  }
  if (body.kind === 'refused') {
    if (body.code === 'store-unavailable') metrics.countFault('store')
    return refuse(body.code)
  }
  if (host.stopping()) return refuse('shutting-down')
  const post = { ...postOf(deps, c, client, body.entries, key), crowded: admission.kind === 'crowded' }
  const tooMany = () => refuse('too-many-posts', { turn: newTurn(deps, post.client) })
  if (admission.kind === 'crowded' && !admission.proof) return tooMany()
  let outcome: Awaited<ReturnType<typeof acceptSubmission>>
  try {
    outcome = await acceptSubmission(deps, form, post)
  } catch (error) {
    const code = (error as { code?: unknown }).code
    if (code !== 'store-unavailable' && code !== 'shutting-down') throw error
    deps.log.error({ form: form.name, code, err: error }, 'a post could not be stored')
    metrics.countFault('store')
    // Everything that was typed goes back into the visitor's hands.
    return refuse(code)
  }
  switch (outcome.kind) {
    case 'accepted':
      metrics.countPost(outcome.repeated ? 'repeated' : outcome.submission.review)
      deps.log.info(takenFields(outcome), 'post accepted')
      if (outcome.repeated) await deleteUploads(deps, body.uploads)
      return acceptedAnswer(c, outcome)
    case 'invalid':
      return refuse('validation-failed', {
        language: outcome.language,
        errors: outcome.errors,
        fields: outcome.fields,
        variant: outcome.variant,
      })
    case 'crowded':
      return tooMany()
    case 'too-many-files':
    case 'too-large':
      // What earlier tries brought was within the limits and stays; of this one the texts are given back.
      await deleteUploads(deps, body.uploads)
      return refuse(outcome.kind, { language: outcome.language, fields: fields.filter(({ kind }) => kind === 'text') })
    case 'conflict':
      await deleteUploads(deps, body.uploads)
      return refuse('idempotency-conflict', { language: outcome.language, fields: [], controls: [] })
  }
}

/** Which rules spoke, never what they saw. */
function takenFields({ submission, repeated }: Extract<AcceptOutcome, { kind: 'accepted' }>): LogFields {
  const { form, reference, review, verdict } = submission
  const rules = [...verdict.reasons.map(({ rule }) => rule), ...verdict.shadow.map(({ rule }) => `(${rule})`)]
  const code = rules.length === 0 ? {} : { code: rules.join(' ') }
  return { form, reference, state: repeated ? 'repeated' : review, ...code }
}

/** Whether the page's own page for errors can say anything useful: the visitor can do something about it. */
function isVisitors(code: ErrorCode): boolean {
  return !['store-unavailable', 'shutting-down', 'too-many-posts'].includes(code)
}

function without(entries: readonly Entry[], fields: readonly Entry[]): Entry[] {
  const left = new Set(fields)
  return entries.filter((entry) => !left.has(entry))
}

/** A structured-field string (draft-ietf-httpapi-idempotency-key-header), or the bare text most clients send. */
function idempotencyKey(header: string | undefined): string | null | 'invalid' {
  if (header === undefined) return null
  const key = /^"(.*)"$/.exec(header.trim())?.[1] ?? header.trim()
  return /^[\x21-\x7e]{1,200}$/.test(key) ? key : 'invalid'
}

function postOf(
  deps: ApiDeps,
  c: Context<ApiEnv>,
  client: Client,
  entries: readonly Entry[],
  idempotencyKey: string | null,
): Omit<Post, 'crowded'> {
  const headers = c.req.raw.headers
  const { origin, url } = pageOf(headers)
  return {
    entries: [...entries, ...sessionEvidence(c)],
    idempotencyKey,
    client: { ...client, agent: headers.get('user-agent') ?? '' },
    pageOrigin: origin,
    pagePath: url === null ? null : pagePathOf(url, deps.settings.publicUrl),
    acceptLanguage: headers.get('accept-language'),
  }
}

/** The page that posted, as far as the browser tells. */
function pageOf(headers: Headers): { origin: string | null; url: URL | null } {
  const referer = headers.get('referer')
  const url = referer !== null && URL.canParse(referer) ? new URL(referer) : null
  return { origin: headers.get('origin') ?? url?.origin ?? null, url }
}

/** Browsers tell another origin no path: then every page seems to be the front page, which says nothing. */
function pagePathOf(page: URL, publicUrl: string): string | null {
  return page.pathname === '/' && page.origin !== new URL(publicUrl).origin ? null : page.pathname
}

/** Uploads of a post that was taken before; those of the first one stay. */
async function deleteUploads(deps: ApiDeps, uploads: readonly StoredFile[]): Promise<void> {
  for (const { blob } of uploads) await deps.blobs.delete(blob).catch(() => {})
}
