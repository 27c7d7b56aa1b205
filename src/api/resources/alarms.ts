import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { type Alarm, alarmKinds } from '../../core/alarms/alarm.ts'
import { alarmText } from '../../core/alarms/alarm-text.ts'
import { testAlarmMail, testWebhook } from '../../core/alarms/tell.ts'
import { postTest, testFate } from '../../core/alarms/test-post.ts'
import { normalizeReference } from '../../core/submissions/reference.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { noSuchForm } from '../problem.ts'
import { json, language, problems, time } from './openapi.ts'

export const alarm = z
  .object({
    key: z.string(),
    kind: z.enum(alarmKinds),
    form: z.string().nullable(),
    since: time,
    overAt: time.nullable().meta({ description: 'Null while it lasts' }),
    title: z.string(),
    sentence: z.string(),
    next: z.string().meta({ description: 'What can be done' }),
    reference: z.string().nullable(),
    told: z.number().meta({ description: 'How often it was told through the webhook or by mail' }),
    toldAt: time.nullable(),
    fault: z.string().nullable().meta({ description: 'Why it could not be told yet' }),
  })
  .meta({ id: 'Alarm' })

const alarmTest = z
  .object({
    webhook: z.object({ ok: z.boolean(), fault: z.string().nullable() }).nullable(),
    mailTo: z.array(z.string()).meta({ description: 'Addresses that a test mail was queued for' }),
  })
  .meta({ id: 'AlarmTest' })

const formTest = z
  .object({
    reference: z.string().nullable(),
    fault: z.string().nullable().meta({ description: 'Why the public address did not take the test' }),
  })
  .meta({ id: 'FormTest' })

const formTestFate = z
  .object({
    fate: z.enum(['waiting', 'arrived', 'lost', 'quarantined', 'nobody', 'elsewhere']).meta({
      description:
        'Of its notifications, the worst: `nobody` when there are none, `elsewhere` when the post is not stored here',
    }),
    step: z
      .enum(['queued', 'sending', 'deferred', 'held'])
      .nullable()
      .meta({ description: 'How far it is, while it waits' }),
  })
  .meta({ id: 'FormTestFate' })

const listRoute = createRoute({
  method: 'get',
  path: '/alarms',
  operationId: 'listAlarms',
  summary: 'What is wrong now; with all, also what was',
  request: {
    query: z.object({
      all: z.enum(['true', 'false']).default('false'),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      language: language.default('en'),
    }),
  },
  responses: { 200: json('Alarms, newest first', z.object({ items: z.array(alarm) })), ...problems },
})

const testRoute = createRoute({
  method: 'post',
  path: '/alarms/test',
  operationId: 'testAlarms',
  summary: 'Send a test the way alarms go',
  responses: { 200: json('What became of it', alarmTest), ...problems },
})

const formTestRoute = createRoute({
  method: 'post',
  path: '/forms/{name}/test',
  operationId: 'testForm',
  summary: 'Post a test to a form at its public address',
  request: { params: z.object({ name: z.string() }) },
  responses: { 200: json('Its reference, or why there is none', formTest), ...problems },
})

const formTestFateRoute = createRoute({
  method: 'get',
  path: '/forms/{name}/test/{reference}',
  operationId: 'getFormTest',
  summary: 'What became of a test so far',
  request: { params: z.object({ name: z.string(), reference: z.string() }) },
  responses: { 200: json('How far its notification came', formTestFate), ...problems },
})

/** `/api/v1/alarms`: what is wrong, and tests of the ways by which it is found out and told. */
export function alarmRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()
  routes.openapi(listRoute, async (c) => {
    const { all, limit, language: wanted } = c.req.valid('query')
    const found =
      all === 'true'
        ? await deps.alarms.list({ limit })
        : (await deps.alarms.active())
            .filter(({ overAt }) => overAt === null)
            .sort((a, b) => b.since - a.since)
            .slice(0, limit)
    return c.json({ items: found.map((one) => shownAlarm(one, wanted)) }, 200)
  })
  routes.openapi(testRoute, async (c) => {
    const [fault, mailTo] = await Promise.all([testWebhook(deps), testAlarmMail(deps)])
    return c.json({ webhook: fault === 'none' ? null : { ok: fault === null, fault }, mailTo: [...mailTo] }, 200)
  })
  routes.openapi(formTestRoute, async (c) => {
    const form = await deps.forms.get(c.req.valid('param').name)
    if (form === null) return noSuchForm(c) as never
    const posted = await postTest(deps, form)
    return c.json(
      posted.kind === 'posted'
        ? { reference: posted.reference, fault: null }
        : { reference: null, fault: posted.fault },
      200,
    )
  })
  routes.openapi(formTestFateRoute, async (c) => {
    const { reference } = c.req.valid('param')
    const fate = await testFate(deps, normalizeReference(reference) ?? reference)
    return c.json({ fate: fate.kind, step: fate.kind === 'waiting' ? fate.step : null }, 200)
  })
  return routes
}

/** An alarm in this language. */
export function shownAlarm(found: Alarm, wanted: 'en' | 'ja'): z.infer<typeof alarm> {
  const { key, kind, form, since, overAt, facts, channels } = found
  const { mail, webhook } = channels
  const toldAt = Math.max(mail.toldAt ?? 0, webhook.toldAt ?? 0)
  const { reference } = facts
  return {
    key,
    kind,
    form,
    since: iso(since),
    overAt: overAt === null ? null : iso(overAt),
    ...alarmText(found, wanted),
    reference: typeof reference === 'string' && reference !== '' ? reference : null,
    told: Math.max(mail.told, webhook.told),
    toldAt: toldAt === 0 ? null : iso(toldAt),
    fault: webhook.next?.fault ?? null,
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
