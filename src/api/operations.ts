import { Hono } from 'hono'
import type { ApiEnv } from './api-types.ts'

/** For machines that watch: alive, ready for work, figures, and the keys that verify receipts. */
export function operationRoutes(): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  routes.get('/healthz', (c) => c.text('ok\n'))
  routes.get('/readyz', async (c) => {
    const { host } = c.get('deps')
    if (host.stopping()) return c.text('stopping\n', 503)
    try {
      await host.ready()
      return c.text('ready\n')
    } catch {
      return c.text('the store does not answer\n', 503)
    }
  })
  routes.get('/metrics', async (c) => {
    const { metrics } = c.get('deps')
    return c.body(await metrics.render(), 200, { 'Content-Type': metrics.contentType })
  })
  routes.get('/.well-known/jwks.json', (c) => c.json(c.get('deps').crypto.publicKeys()))
  return routes
}
