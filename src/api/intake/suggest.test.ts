import { describe, expect, test } from 'vitest'
import { contactPage, testApp } from '../../../test/fakes/test-app.ts'
import { dnsWhere, testDeps } from '../../../test/fakes/test-deps.ts'

const origin = 'https://site.example'

async function rig(options: Parameters<typeof testApp>[0] = {}) {
  const dns = dnsWhere({})
  const app = await testApp({ ...options, deps: testDeps({ dns }) })
  const ask = (body: unknown, headers: Record<string, string> = {}, path = '/f/contact/suggest') =>
    app.request(path, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', origin, ...headers },
    })
  return { ...app, dns, ask }
}

describe('POST /f/{form}/suggest', () => {
  test.each<[email: string, suggestion: string | null]>([
    ['hanako@gmial.com', 'hanako@gmail.com'],
    ['hanako＠docomo。ne。jp', 'hanako@docomo.ne.jp'],
    ['hanako@gmail.com', null],
    ['a..b.@docomo.ne.jp', null],
    ['', null],
    [`${'花'.repeat(250)}@gmial.com`, null],
    ['a@constructor', null],
  ])('%j gives %j', async (email, suggestion) => {
    const { ask } = await rig()
    const answer = await ask({ email, other: 'ignored' })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ suggestion })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('is there under the addresses of other services too', async () => {
    const { ask } = await rig()
    for (const path of ['/f/contact.json/suggest', '/p/1234/f/contact/suggest', '/ajax/contact/suggest']) {
      expect(await (await ask({ email: 'a@gmial.com' }, {}, path)).json()).toEqual({ suggestion: 'a@gmail.com' })
    }
  })

  test('tells nothing of anybody: neither the DNS is asked, nor what is stored, and no log has the address', async () => {
    const { ask, dns, deps } = await rig()
    const { submissions, messages, stops, budgets } = deps
    for (const store of [submissions, messages, stops, budgets]) {
      for (const method of Object.keys(store)) {
        Object.assign(store, { [method]: () => Promise.reject(new Error('must not be asked')) })
      }
    }
    expect((await ask({ email: 'hanako.secret@gmial.com' })).status).toBe(200)
    expect((await ask('{"email": "hanako.secret@gmial.com"')).status).toBe(400)
    expect(dns.asked).toEqual([])
    expect(JSON.stringify(deps.lines)).not.toContain('secret')
  })

  test.each<[what: string, body: string, status: number, code: string]>([
    ['no JSON', 'email=a', 400, 'malformed-body'],
    ['nothing', '', 400, 'malformed-body'],
    ['a list', '["a@gmial.com"]', 400, 'malformed-body'],
    ['null', 'null', 400, 'malformed-body'],
    ['no address', '{}', 400, 'malformed-body'],
    ['a number', '{"email":1}', 400, 'malformed-body'],
    ['several', '{"email":["a@gmial.com"]}', 400, 'malformed-body'],
    ['too much', JSON.stringify({ email: 'a@gmial.com', more: 'x'.repeat(2_000) }), 413, 'too-large'],
  ])('refuses %s, and the page can read why', async (_what, body, status, code) => {
    const { ask } = await rig()
    const answer = await ask(body)
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ ok: false, code })
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
  })

  test('refuses what is not UTF-8, other types, unknown forms and other methods', async () => {
    const { ask, request } = await rig()
    const bytes = Buffer.from('{"email":"\x8e@gmial.com"}', 'latin1')
    const headers = { 'content-type': 'application/json' }
    expect((await request('/f/contact/suggest', { method: 'POST', body: bytes, headers })).status).toBe(400)
    for (const type of ['text/plain', 'application/jsonp', 'application/x-www-form-urlencoded']) {
      expect((await ask({ email: 'a@gmial.com' }, { 'content-type': type })).status).toBe(415)
    }
    expect((await ask({ email: 'a@gmial.com' }, {}, '/f/nothing/suggest')).status).toBe(404)
    expect((await ask({ email: 'a@gmial.com' }, {}, '/f/%2e%2e/suggest')).status).toBe(404)
    const got = await request('/f/contact/suggest?email=a@gmial.com')
    expect(got.status).toBe(405)
    expect(got.headers.get('allow')).toBe('POST, OPTIONS')
  })

  test('a script of another origin may ask, as it may post', async () => {
    const { ask, request } = await rig()
    const preflight = await request('/f/contact/suggest', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('content-type')
    expect((await ask({ email: 'a@gmial.com' })).headers.get('access-control-allow-origin')).toBe(origin)
  })

  test('an origin that may not post may not ask either', async () => {
    const { ask } = await rig({ settings: { origins: ['https://www.example.jp'] } })
    const answer = await ask({ email: 'a@gmial.com' })
    expect(answer.status).toBe(403)
    expect(await answer.json()).toMatchObject({ code: 'origin-refused' })
    expect((await ask({ email: 'a@gmial.com' }, { origin: 'https://www.example.jp' })).status).toBe(200)
  })
})

describe('old addresses of Japanese carriers', () => {
  test.each(['a..b@docomo.ne.jp', 'ab.@ezweb.ne.jp', '.ab@docomo.ne.jp', 'a..b.@softbank.ne.jp'])(
    '%s is accepted, by the page’s rules and without any, and its confirmation planned',
    async (email) => {
      for (const page of [contactPage, contactPage.replace('type="email" required', '')]) {
        const { post, stored, deps } = await testApp({ page })
        expect((await post({ name: '花子', email, message: 'hi' })).status).toBe(303)
        const [submission] = await stored()
        expect(submission?.email).toBe(email)
        const messages = await deps.messages.ofSubmission(submission?.id ?? '')
        expect(messages.find(({ role }) => role === 'confirmation')?.recipient).toBe(email)
      }
    },
  )
})
