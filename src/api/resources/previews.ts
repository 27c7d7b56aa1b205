import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { type FormRecord, formSettingsSchema, isFormName } from '../../core/forms/form.ts'
import { type Preview, previewMail, previewRoles } from '../../core/messages/preview.ts'
import { normalizeReference } from '../../core/submissions/reference.ts'
import type { Submission } from '../../core/submissions/submission.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { noSuchForm, problemResponse } from '../problem.ts'
import { json, language, problems } from './openapi.ts'

const preview = z
  .object({
    role: z.enum(previewRoles),
    language,
    reference: z.string(),
    posted: z.boolean().meta({ description: 'Whether somebody posted what it is made of; else it is made up' }),
    from: z.string(),
    to: z.string(),
    replyTo: z.string().nullable(),
    subject: z.string(),
    text: z.string(),
    html: z.string(),
    attachments: z.array(z.object({ fileName: z.string(), type: z.string(), size: z.number() })),
    faults: z.array(z.object({ key: z.string(), line: z.number().nullable(), rule: z.string() })),
  })
  .meta({ id: 'Preview' })

const wanted = z.object({
  role: z.enum(previewRoles).default('confirmation'),
  language: language.optional(),
  reference: z.string().optional().meta({ description: 'A submission of the form; the newest, unless given' }),
})

const getRoute = createRoute({
  method: 'get',
  path: '/forms/{name}/preview',
  operationId: 'previewForm',
  summary: 'A mail of the form as it would go out',
  request: { params: z.object({ name: z.string() }), query: wanted },
  responses: { 200: json('The mail', preview), ...problems },
})

const postRoute = createRoute({
  method: 'post',
  path: '/forms/{name}/preview',
  operationId: 'previewFormSettings',
  summary: 'A mail of the form as it would go out with other settings; nothing is stored',
  request: {
    params: z.object({ name: z.string() }),
    body: {
      required: true,
      content: { 'application/json': { schema: wanted.extend({ settings: z.record(z.string(), z.unknown()) }) } },
    },
  },
  responses: { 200: json('The mail', preview), ...problems },
})

/** `/api/v1/forms/{name}/preview`: what the texts of a form become. */
export function previewRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()

  routes.openapi(getRoute, async (c) => {
    const form = await deps.forms.get(c.req.valid('param').name)
    if (form === null) return noSuchForm(c) as never
    const made = await previewOf(deps, form, c.req.valid('query'))
    return made === null ? (problemResponse(c, 'submission-not-found', 'en') as never) : c.json(shown(made), 200)
  })

  routes.openapi(postRoute, async (c) => {
    const { name } = c.req.valid('param')
    const { settings, ...rest } = c.req.valid('json')
    const parsed = formSettingsSchema.safeParse(settings)
    if (!parsed.success) {
      const errors = parsed.error.issues.map(({ path, message }) => ({
        field: ['forms', name, ...path.map(String)].join('.'),
        code: 'SETTING',
        message,
      }))
      return problemResponse(c, 'settings-invalid', 'en', { errors }) as never
    }
    const current = isFormName(name) ? await deps.forms.get(name) : null
    if (current === null && !isFormName(name)) return noSuchForm(c) as never
    const form: FormRecord = {
      name,
      version: (current?.version ?? 0) + 1,
      createdAt: deps.clock.now(),
      origin: 'settings',
      settings: parsed.data,
      variants: current?.variants ?? [],
    }
    const made = await previewOf(deps, form, rest)
    return made === null ? (problemResponse(c, 'submission-not-found', 'en') as never) : c.json(shown(made), 200)
  })
  return routes
}

/** Null when the named submission is not there, or is one of another form. */
export async function previewOf(
  deps: ApiDeps,
  form: FormRecord,
  { role, language: own, reference }: z.output<typeof wanted>,
): Promise<Preview | null> {
  const submission = reference === undefined ? await newest(deps, form.name) : await named(deps, form.name, reference)
  if (submission === null && reference !== undefined) return null
  return await previewMail(deps, form, { role, language: own ?? null, submission })
}

/** What a query may ask of a preview. */
export const previewQuery = wanted

async function named(deps: ApiDeps, form: string, typed: string): Promise<Submission | null> {
  const reference = normalizeReference(typed)
  const submission = reference === null ? null : await deps.submissions.get(reference)
  return submission?.form === form ? submission : null
}

/** The newest one that caused mail; what waits for review is no example to show. */
async function newest(deps: ApiDeps, form: string): Promise<Submission | null> {
  const { items } = await deps.submissions.list({ form, limit: 20 })
  return items.find(({ review, test }) => (review === 'accepted' || review === 'released') && !test) ?? null
}

function shown({ role, language: spoken, reference, posted, mail, faults }: Preview): z.infer<typeof preview> {
  const { from, to, replyTo, subject, text, html, attachments } = mail
  return {
    role,
    language: spoken,
    reference,
    posted,
    from,
    to,
    replyTo,
    subject,
    text,
    html: html ?? '',
    attachments: attachments.map(({ fileName, type, content }) => ({ fileName, type, size: content.length })),
    faults: [...faults],
  }
}
