import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { type Message, type MessageEvent, stateNames } from '../../core/messages/message.ts'
import { cancelMessage, retryMessage } from '../../core/messages/operate.ts'
import { roles } from '../../core/messages/roles.ts'
import { isSettled, stateName } from '../../core/submissions/status.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { problemResponse } from '../problem.ts'
import { json, language, pageQuery, problems, time } from './openapi.ts'

export const evidence = z
  .object({
    transport: z.string(),
    stage: z.string().optional(),
    command: z.string().optional(),
    replyCode: z.number().optional(),
    enhancedCode: z.string().optional(),
    text: z.string().optional(),
    fault: z.string().optional(),
    peer: z.string().optional(),
    tls: z.string().optional(),
    dsn: z.boolean().optional(),
    durationMs: z.number().optional(),
    rule: z.string().optional(),
  })
  .meta({ id: 'Evidence', description: 'What was seen on the wire' })

const event = z
  .object({
    id: z.string(),
    at: time,
    kind: z.string(),
    attempt: z.number().optional(),
    by: z.string().optional(),
    class: z.string().optional(),
    hard: z.boolean().optional(),
    reason: z.string().optional(),
    text: z.string().optional(),
    nextTryAt: time.optional(),
    digest: z.string().optional().meta({ description: 'Of `cancelled`: id of the message that tells it instead' }),
    evidence: evidence.optional(),
  })
  .meta({ id: 'Event' })

export const message = z
  .object({
    id: z.string(),
    reference: z.string(),
    form: z.string(),
    role: z.enum(roles),
    recipient: z.string(),
    language,
    state: z.enum(stateNames),
    by: z.string().nullable(),
    class: z.string().nullable(),
    heldReason: z.string().nullable().meta({ description: 'Why a held message waits' }),
    cancelReason: z.string().nullable().meta({ description: 'Why no attempt is made with a cancelled message' }),
    since: time,
    createdAt: time,
    expiresAt: time,
    nextTryAt: time.nullable(),
    settled: z.boolean(),
    attempts: z.number(),
    lane: z.string(),
    events: z.array(event),
  })
  .meta({ id: 'Message' })

const idParam = z.object({ id: z.string() })

const listRoute = createRoute({
  method: 'get',
  path: '/messages',
  operationId: 'listMessages',
  summary: 'Messages, newest first',
  request: { query: pageQuery.extend({ state: z.enum(stateNames).optional(), role: z.enum(roles).optional() }) },
  responses: {
    200: json('A page of them', z.object({ items: z.array(message), cursor: z.string().nullable() })),
    ...problems,
  },
})

const getRoute = createRoute({
  method: 'get',
  path: '/messages/{id}',
  operationId: 'getMessage',
  summary: 'One message with its events and their evidence',
  request: { params: idParam },
  responses: { 200: json('The message', message), ...problems },
})

const retryRoute = createRoute({
  method: 'post',
  path: '/messages/{id}/retry',
  operationId: 'retryMessage',
  summary: 'Make the next attempt of a waiting message now',
  request: { params: idParam },
  responses: { 200: json('The message', message), ...problems },
})

const cancelRoute = createRoute({
  method: 'post',
  path: '/messages/{id}/cancel',
  operationId: 'cancelMessage',
  summary: 'Make no further attempt with a waiting message',
  request: { params: idParam },
  responses: { 200: json('The message', message), ...problems },
})

/** `/api/v1/messages`: every mail, where it is and why. */
export function messageRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()

  routes.openapi(listRoute, async (c) => {
    const { limit, before, state, role } = c.req.valid('query')
    const now = deps.clock.now()
    const page = await deps.messages.list({
      limit,
      ...(before === undefined ? {} : { before }),
      ...(state === undefined ? {} : { state }),
      ...(role === undefined ? {} : { role }),
    })
    return c.json({ items: page.items.map((item) => shownMessage(item, now)), cursor: page.cursor }, 200)
  })
  routes.openapi(getRoute, async (c) => {
    const found = await deps.messages.get(c.req.valid('param').id)
    if (found === null) return problemResponse(c, 'message-not-found', 'en') as never
    return c.json(shownMessage(found, deps.clock.now()), 200)
  })
  routes.openapi(retryRoute, async (c) => {
    const outcome = await retryMessage(deps, c.req.valid('param').id)
    if (outcome.kind !== 'done') return problemResponse(c, outcome.kind, 'en') as never
    return c.json(shownMessage(outcome.message, deps.clock.now()), 200)
  })
  routes.openapi(cancelRoute, async (c) => {
    const outcome = await cancelMessage(deps, c.req.valid('param').id)
    if (outcome.kind !== 'done') return problemResponse(c, outcome.kind, 'en') as never
    return c.json(shownMessage(outcome.message, deps.clock.now()), 200)
  })
  return routes
}

export function shownMessage(found: Message, now: number): z.infer<typeof message> {
  const { id, reference, form, role, recipient, language, state, attempts, lane } = found
  return {
    id,
    reference,
    form,
    role,
    recipient,
    language,
    state: stateName(found, now),
    by: state.by ?? null,
    class: state.class ?? null,
    heldReason: state.name === 'held' ? (state.heldReason ?? null) : null,
    cancelReason: cancelReasonOf(found),
    since: iso(state.since),
    createdAt: iso(found.createdAt),
    expiresAt: iso(found.expiresAt),
    nextTryAt: found.dueAt === null ? null : iso(found.dueAt),
    settled: isSettled(found, now),
    attempts,
    lane,
    events: found.events.map(shownEvent),
  }
}

function cancelReasonOf({ events, state }: Message): string | null {
  const event = events.find(({ id }) => id === state.event)
  return event?.kind === 'cancelled' ? event.reason : null
}

function shownEvent(found: MessageEvent): z.infer<typeof event> {
  return {
    id: found.id,
    at: iso(found.at),
    kind: found.kind,
    ...('attempt' in found ? { attempt: found.attempt } : {}),
    ...('by' in found ? { by: found.by } : {}),
    ...('class' in found ? { class: found.class } : {}),
    ...('hard' in found ? { hard: found.hard } : {}),
    ...('reason' in found ? { reason: found.reason } : {}),
    ...('text' in found ? { text: found.text } : {}),
    ...('nextTryAt' in found ? { nextTryAt: iso(found.nextTryAt) } : {}),
    ...('digest' in found ? { digest: found.digest } : {}),
    ...('evidence' in found && found.evidence !== undefined ? { evidence: found.evidence } : {}),
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
