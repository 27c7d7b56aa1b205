import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { linkLivesMs, newLink } from '../../core/access/access.ts'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { json, problems, time } from './openapi.ts'

const link = z.object({ url: z.string(), expiresAt: time }).meta({ id: 'Link' })

const createLink = createRoute({
  method: 'post',
  path: '/links',
  operationId: 'createLink',
  summary: 'A one-time link to /app/',
  responses: { 201: json('The link', link), ...problems },
})

/** `/api/v1/links`: ways into `/app/`. */
export function accessRoutes(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const routes = new OpenAPIHono<ApiEnv>()
  routes.openapi(createLink, async (c) => {
    const secret = await newLink(deps)
    const expiresAt = new Date(deps.clock.now() + linkLivesMs).toISOString()
    return c.json({ url: `${deps.settings.publicUrl}/app/enter/${secret}`, expiresAt }, 201)
  })
  return routes
}
