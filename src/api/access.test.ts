import { describe, expect, test } from 'vitest'
import { testApp, testOrigin, testToken } from '../../test/fakes/test-app.ts'
import { newLink } from '../core/access/access.ts'

const protectedPaths = [
  '/api/v1/forms',
  '/api/v1/submissions',
  '/api/v1/messages',
  '/api/v1/mailbox',
  '/api/v1/openapi.json',
  '/metrics',
]

describe('who gets in', () => {
  test.each(protectedPaths)('%s wants a token or a session', async (path) => {
    const { request } = await testApp()
    expect((await request(path)).status).toBe(401)
    expect((await request(path, { headers: { authorization: 'Bearer wrong' } })).status).toBe(401)
    expect((await request(path, { headers: { cookie: 'todoku_session=wrong' } })).status).toBe(401)
    expect((await request(path, { headers: { authorization: `Bearer ${testToken}` } })).status).toBe(200)
  })

  test('a one-time link opens once, and its session opens everything until it is left', async () => {
    const { request, deps } = await testApp()
    const link = await newLink(deps)
    const entered = await request(`/app/enter/${link}`)
    expect(entered.status).toBe(303)
    expect(entered.headers.get('location')).toBe('/app/')
    const cookie = entered.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/HttpOnly/i)
    expect(cookie).toMatch(/SameSite=Lax/i)
    expect(cookie).toMatch(/Secure/i)
    const session = cookie.split(';')[0] ?? ''
    expect((await request('/app/', { headers: { cookie: session } })).status).toBe(200)
    expect((await request('/api/v1/forms', { headers: { cookie: session } })).status).toBe(200)
    const again = await request(`/app/enter/${link}`, { headers: { accept: 'text/html' } })
    expect(again.status).toBe(410)
    expect(await again.text()).toContain('todoku token link')

    expect(
      (await request('/app/leave', { method: 'POST', headers: { cookie: session, origin: testOrigin } })).status,
    ).toBe(303)
    expect((await request('/app/', { headers: { cookie: session } })).status).toBe(401)
  })

  test('a link is no longer good after a day, a session after a month', async () => {
    const { request, deps } = await testApp()
    const [late, early] = [await newLink(deps), await newLink(deps)]
    const session = ((await request(`/app/enter/${early}`)).headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    deps.clock.advance(24 * 3_600_000)
    expect((await request(`/app/enter/${late}`)).status).toBe(410)
    expect((await request('/app/', { headers: { cookie: session } })).status).toBe(200)
    deps.clock.advance(30 * 24 * 3_600_000)
    expect((await request('/app/', { headers: { cookie: session } })).status).toBe(401)
  })

  test('another site can change nothing with a visitor’s session', async () => {
    const { request, deps } = await testApp()
    const entered = await request(`/app/enter/${await newLink(deps)}`)
    const cookie = (entered.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    for (const origin of ['https://evil.example', 'null', '']) {
      const answer = await request('/api/v1/mailbox', {
        method: 'DELETE',
        headers: { cookie, ...(origin === '' ? {} : { origin }) },
      })
      expect(answer.status).toBe(401)
    }
    expect(
      (await request('/api/v1/mailbox', { method: 'DELETE', headers: { cookie, origin: testOrigin } })).status,
    ).toBe(204)
  })

  test('nobody’s stored secret can be read back', async () => {
    const { deps } = await testApp()
    const link = await newLink(deps)
    // The store has only what the keyed hash gives.
    expect(await deps.access.use({ hash: link, kind: 'link', now: 0 })).toBe(false)
  })

  test('the dashboard without a session says where the link is', async () => {
    const { request } = await testApp()
    const answer = await request('/app/', { headers: { 'accept-language': 'ja' } })
    expect(answer.status).toBe(401)
    expect(await answer.text()).toContain('npx todoku token link')
  })
})

describe('for machines', () => {
  test('health, readiness and the keys are public', async () => {
    const { request } = await testApp()
    expect(await (await request('/healthz')).text()).toBe('ok\n')
    expect((await request('/readyz')).status).toBe(200)
    expect(await (await request('/.well-known/jwks.json')).json()).toMatchObject({
      keys: [{ kty: 'OKP', crv: 'Ed25519' }],
    })
  })

  test('not ready while the store does not answer, or while stopping', async () => {
    const broken = await testApp({ host: { ready: () => Promise.reject(new Error('x')) } })
    expect((await broken.request('/readyz')).status).toBe(503)
    const stopping = await testApp({ host: { stopping: () => true } })
    expect((await stopping.request('/readyz')).status).toBe(503)
    expect((await stopping.request('/healthz')).status).toBe(200)
  })

  test('an unexpected error shows the client nothing, and the log everything', async () => {
    const app = await testApp()
    app.deps.submissions.get = () => Promise.reject(new Error('password is hunter2'))
    const answer = await app.request('/s/KD4-MR7-WC3/k1-aaaaaaaaaaaaaaaaaaaaaaaaaa')
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('hunter2')
    expect(
      app.deps.lines.some(({ fields }) => (fields.err as Error | undefined)?.message === 'password is hunter2'),
    ).toBe(true)
  })
})
