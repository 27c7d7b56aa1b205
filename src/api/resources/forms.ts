import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { applyForms } from '../../core/forms/apply-forms.ts'
import { formFigures } from '../../core/forms/figures.ts'
import { type FormRecord, formSettingsSchema } from '../../core/forms/form.ts'
import { syncForms } from '../../core/forms/sync-forms.ts'
import { formTitle } from '../../core/messages/compose.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { collectBody } from '../intake/body.ts'
import { noSuchForm, problemResponse } from '../problem.ts'
import { json, problems, time } from './openapi.ts'

const control = z
  .object({
    name: z.string(),
    kind: z.string(),
    label: z.string().nullable(),
    required: z.boolean(),
    multiple: z.boolean(),
    minLength: z.number().nullable(),
    maxLength: z.number().nullable(),
    pattern: z
      .object({ source: z.string(), title: z.string().nullable(), safety: z.enum(['safe', 'risky']) })
      .nullable(),
    min: z.string().nullable(),
    max: z.string().nullable(),
    step: z.string().nullable(),
    accept: z.array(z.string()).nullable(),
    options: z.array(z.string()).nullable(),
  })
  .meta({ id: 'Control' })

const form = z
  .object({
    name: z.string(),
    version: z.number(),
    createdAt: time,
    origin: z.enum(['pages', 'settings']),
    title: z.string(),
    settings: formSettingsSchema,
    variants: z.array(
      z.object({
        pages: z.array(z.string()),
        language: z.string().nullable(),
        charset: z.string(),
        title: z.string().nullable(),
        controls: z.array(control),
      }),
    ),
  })
  .meta({ id: 'Form' })

const formWithFigures = form
  .extend({
    figures: z
      .object({
        quarantined: z.number().meta({ description: 'Submissions that wait for review' }),
        released: z.number().meta({ description: 'Submissions that a person released' }),
        held: z.number().meta({ description: 'Confirmations that are held back now' }),
        stopped: z.number().meta({ description: 'Confirmations not sent, as the address asked for none' }),
        saved: z.number().meta({ description: 'Mails that strangers were saved from' }),
      })
      .meta({ id: 'FormFigures', description: 'What the rules against abuse did' }),
  })
  .meta({ id: 'FormWithFigures' })

const change = z.enum(['new', 'changed', 'same', 'gone'])

const syncReport = z
  .object({
    forms: z.array(z.object({ name: z.string(), version: z.number(), change, differences: z.array(z.string()) })),
    notAdopted: z.array(z.object({ page: z.string(), reason: z.string() })),
    warnings: z.array(z.object({ page: z.string(), form: z.string(), text: z.string() })),
  })
  .meta({ id: 'SyncReport' })

const applyReport = z
  .object({
    forms: z.array(z.object({ name: z.string(), version: z.number(), change, keys: z.array(z.string()) })),
    problems: z.array(z.object({ key: z.string(), rule: z.string(), line: z.number().nullish() })),
  })
  .meta({ id: 'ApplyReport' })

const listForms = createRoute({
  method: 'get',
  path: '/forms',
  operationId: 'listForms',
  summary: 'The newest version of every form',
  responses: { 200: json('Forms by name', z.object({ items: z.array(form) })), ...problems },
})

const getForm = createRoute({
  method: 'get',
  path: '/forms/{name}',
  operationId: 'getForm',
  summary: 'One form',
  request: { params: z.object({ name: z.string() }) },
  responses: { 200: json('The form', formWithFigures), ...problems },
})

const syncRoute = createRoute({
  method: 'post',
  path: '/forms/sync',
  operationId: 'syncForms',
  summary: 'Take the rules of forms from HTML pages',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({
            pages: z.array(
              z.object({ path: z.string(), base64: z.base64().meta({ description: 'The bytes of the file' }) }),
            ),
          }),
        },
      },
    },
  },
  responses: { 200: json('What changed', syncReport), ...problems },
})

const applyRoute = createRoute({
  method: 'post',
  path: '/forms/apply',
  operationId: 'applyForms',
  summary: 'Store the settings of forms',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.object({ forms: z.record(z.string(), z.unknown()), dryRun: z.boolean().default(false) }),
        },
      },
    },
  },
  responses: {
    200: json('What changed', applyReport),
    422: json('Wrong keys; nothing was stored', applyReport),
    ...problems,
  },
})

/** Pages of a site in one request; base64 makes them a third larger. */
const maxSyncBytes = 100_000_000

/** `/api/v1/forms`: the records, and the two ways they come about. */
export function formRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()
  routes.use('/forms/*', async (c, next) => {
    // Some ask for something to be done, and say no more than that; a browser then sends a body of no bytes.
    const { method, body: sent, headers } = c.req.raw
    if (method !== 'POST' || sent === null || headers.get('content-length') === '0') return await next()
    if (!/^application\/json\b/i.test(c.req.header('content-type') ?? '')) {
      return problemResponse(c, 'unsupported-type', 'en', { detail: 'Send application/json.' })
    }
    const body = await collectBody(deps, c.req.raw, maxSyncBytes)
    if (typeof body === 'string') return problemResponse(c, body, 'en')
    c.req.raw = new Request(c.req.raw.url, { method: 'POST', headers: c.req.raw.headers, body: new Uint8Array(body) })
    return await next()
  })

  routes.openapi(listForms, async (c) => {
    const forms = await deps.forms.list()
    return c.json({ items: forms.map((record) => shown(deps, record)) }, 200)
  })
  routes.openapi(syncRoute, async (c) => {
    const { pages } = c.req.valid('json')
    const report = await syncForms(
      deps,
      pages.map(({ path, base64 }) => ({ path, bytes: bytesOf(base64) })),
    )
    return c.json(
      {
        forms: report.forms.map(({ differences, ...rest }) => ({ ...rest, differences: [...differences] })),
        notAdopted: [...report.notAdopted],
        warnings: [...report.warnings],
      },
      200,
    )
  })
  routes.openapi(applyRoute, async (c) => {
    const { forms, dryRun } = c.req.valid('json')
    const outcome = await applyForms(deps, forms, { dryRun })
    if (outcome.kind === 'invalid') return c.json({ forms: [], problems: [...outcome.problems] }, 422)
    return c.json(
      { forms: outcome.forms.map(({ keys, ...rest }) => ({ ...rest, keys: [...keys] })), problems: [] },
      200,
    )
  })
  routes.openapi(getForm, async (c) => {
    const record = await deps.forms.get(c.req.valid('param').name)
    if (record === null) return noSuchForm(c) as never
    return c.json({ ...shown(deps, record), figures: await formFigures(deps, record.name) }, 200)
  })
  return routes
}

function shown(deps: ApiDeps, record: FormRecord): z.infer<typeof form> {
  const { name, version, origin, settings, variants } = record
  return {
    name,
    version,
    createdAt: new Date(record.createdAt).toISOString(),
    origin,
    title: formTitle(record, settings.language ?? deps.settings.language),
    settings,
    variants: variants.map(({ pages, language, charset, title, controls }) => ({
      pages: [...pages],
      language,
      charset,
      title,
      controls: controls.map(({ accept, options, requiredOptions, stepBase, ...rest }) => ({
        ...rest,
        accept: accept === null ? null : [...accept],
        options: options === null ? null : [...options],
      })),
    })),
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))
}
