import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { checkAlarms } from '../../core/alarms/check-settings.ts'
import { formTitle } from '../../core/messages/compose.ts'
import { transportNames } from '../../core/messages/transport.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { alarm, shownAlarm } from './alarms.ts'
import { json, language, problems } from './openapi.ts'
import { row, shownRow } from './submissions.ts'

const overview = z
  .object({
    transport: z.enum(transportNames),
    forms: z.array(
      z.object({
        name: z.string(),
        title: z.string(),
        waiting: z.number().meta({ description: 'Submissions that wait for review' }),
        newest: z.array(row),
      }),
    ),
    alarms: z.array(alarm).meta({ description: 'What is wrong now, newest first' }),
    warnings: z
      .array(z.object({ code: z.string(), sentence: z.string(), next: z.string() }))
      .meta({ description: 'Why a loss would not be noticed' }),
  })
  .meta({ id: 'Overview' })

const overviewRoute = createRoute({
  method: 'get',
  path: '/overview',
  operationId: 'getOverview',
  summary: 'What a manager looks at first: forms, what waits, what is wrong',
  request: { query: z.object({ language: language.default('en') }) },
  responses: { 200: json('The overview', overview), ...problems },
})

/** Posts of each form that are shown. */
const newest = 3

/** `/api/v1/overview`: what `/app/` begins with. */
export function overviewRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()
  routes.openapi(overviewRoute, async (c) => {
    const { language: spoken } = c.req.valid('query')
    const records = await deps.forms.list()
    const forms = await Promise.all(
      records.map(async (record) => {
        const [waiting, { items }] = await Promise.all([
          deps.submissions.countWaiting({ form: record.name }),
          deps.submissions.list({ form: record.name, limit: newest }),
        ])
        return {
          name: record.name,
          title: formTitle(record, spoken),
          waiting,
          newest: await Promise.all(items.map((item) => shownRow(deps, item))),
        }
      }),
    )
    const open = (await deps.alarms.active()).filter(({ overAt }) => overAt === null)
    const findings = checkAlarms(deps.settings, records, deps.alarmTransport !== null)
    return c.json(
      {
        transport: deps.settings.transport,
        forms,
        alarms: open.sort((a, b) => b.since - a.since).map((one) => shownAlarm(one, spoken)),
        warnings: findings.map(({ code, sentence, next }) => ({ code, sentence, next })),
      },
      200,
    )
  })
  return routes
}
