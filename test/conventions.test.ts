import { describe, expect, test } from 'vitest'
import { TodokuError } from '../src/core/errors.ts'
import { type ControlMeaning, conventionOf, conventions } from '../src/core/submissions/control-names.ts'
import { contactPage, good, testApp, testOrigin } from './fakes/test-app.ts'
import { testDeps } from './fakes/test-deps.ts'

const json = { accept: 'application/json' }
const site = 'https://site.example'

type App = Awaited<ReturnType<typeof testApp>>

/** The names of what was stored, of the newest submission. */
async function storedNames({ stored }: App): Promise<string[]> {
  return (await stored())[0]?.entries.map(({ name }) => name) ?? []
}

function html(path: string) {
  return async (request: Request) =>
    new URL(request.url).pathname === path
      ? new Response('<p>page', { headers: { 'content-type': 'text/html' } })
      : null
}

describe('addresses of other services', () => {
  test.each([
    ['Formspree, Forminit, coss, Formspring', '/f/contact', {}],
    ['Formspree’s client with a project', '/p/1234/f/contact', {}],
    ['Formcarry, Postbag', '/s/contact', {}],
    ['Formspark', '/contact', {}],
    ['Web3Forms', '/submit', { access_key: 'contact' }],
    ['Static Forms', '/submit', { apiKey: 'contact' }],
    ['a body that names its form', '/submit', { 'form-name': 'contact' }],
    ['Cloudflare’s plugin', '/submit', { 'static-form-name': 'contact' }],
  ])('%s: %s', async (_whose, path, key) => {
    const app = await testApp()
    const answer = await app.post({ ...good, ...key }, {}, path)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toContain(`${testOrigin}/s/`)
    expect(await storedNames(app)).toEqual(['name', 'email', 'message'])
  })

  test.each(['/ajax/contact', '/f/contact.json', '/contact.json', '/f/contact?format=json', '/p/1/f/contact.json'])(
    '%s answers JSON, whoever asks',
    async (path) => {
      const { post } = await testApp()
      expect(await (await post(good, {}, path)).json()).toMatchObject({ ok: true, success: true })
      const refused = await post({ ...good, email: 'x' }, {}, path)
      expect(refused.status).toBe(422)
      expect(await refused.json()).toMatchObject({ success: false, code: 'validation-failed' })
    },
  )

  test('Netlify: the front page', async () => {
    const app = await testApp({ host: { sitePage: html('/') } })
    expect((await app.post({ ...good, 'form-name': 'contact' }, {}, '/')).status).toBe(303)
  })

  test('Netlify: a page of the site, by the name in the post', async () => {
    const app = await testApp({ host: { sitePage: html('/about/us') } })
    expect((await app.post({ ...good, 'form-name': 'contact' }, {}, '/about/us')).status).toBe(303)
    expect(await storedNames(app)).toEqual(['name', 'email', 'message'])
    expect((await app.post(good, {}, '/about/us')).status).toBe(404)
    expect((await app.post({ ...good, 'form-name': 'contact' }, {}, '/about/them')).status).toBe(404)
  })

  test('a page that is called like a form: the name in the post decides, else the page’s', async () => {
    const app = await testApp({ host: { sitePage: html('/contact') } })
    expect((await app.post(good, {}, '/contact')).status).toBe(303)
    expect((await app.post({ ...good, message: 'x', 'form-name': 'nothing' }, {}, '/contact')).status).toBe(303)
    expect(await app.stored()).toHaveLength(2)
    const page = await app.request('/contact')
    expect(await page.text()).toBe('<p>page')
  })

  test('status pages are not taken for forms, nor forms for status pages', async () => {
    const { post, request, stored } = await testApp()
    expect((await post(good, {}, '/s/contact/token')).status).toBe(405)
    expect(await stored()).toEqual([])
    expect((await post(good, {}, '/s/nothing')).status).toBe(404)
    expect((await request('/s/nothing')).status).toBe(404)
  })

  test.each(['/f/contact', '/p/1/f/contact', '/ajax/contact', '/s/contact', '/submit', '/contact'])(
    'GET %s explains itself',
    async (path) => {
      const { request } = await testApp()
      const answer = await request(path, { headers: { accept: 'text/html' } })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe('POST, OPTIONS')
    },
  )

  test('the form is never named by an address of a recipient', async () => {
    const app = await testApp()
    for (const path of ['/ajax/office@example.jp', '/office@example.jp', '/f/office%40example.jp']) {
      expect((await app.post(good, {}, path)).status).toBe(404)
    }
    expect((await app.post({ ...good, _to: 'contact' }, {}, '/submit')).status).toBe(404)
    expect(await app.stored()).toEqual([])
  })

  test('uploads of a post that names no form are not kept', async () => {
    const { request, deps } = await testApp()
    const form = new FormData()
    form.set('access_key', 'nothing')
    form.set('doc', new File(['x'], 'x.pdf'))
    expect((await request('/submit', { method: 'POST', body: form })).status).toBe(404)
    for await (const blob of deps.blobs.olderThan(Date.now() + 1e6)) throw new Error(`left behind: ${blob}`)
  })
})

describe('reserved names', () => {
  // As services document them: written out, so that the table of the product is not compared with itself.
  const meanings: Readonly<Record<ControlMeaning, string>> = {
    honeypot: '_gotcha _honeypot _honey botcheck bot-field',
    next: '_next _redirect redirect redirectTo redirect_to _after next',
    error: '_error',
    subject: '_subject _email.subject subject',
    replyTo: '_replyto _reply_to _replyTo replyto _email.replyto',
    cc: '_cc _bcc ccemail',
    fromName: 'from_name _email.from',
    language: '_language _feedback.language',
    captcha: 'g-recaptcha-response recaptcha_response h-captcha-response cf-turnstile-response altcha _botpoison',
    idempotencyKey: '_idempotency',
    test: '_test',
    formName: 'form-name static-form-name _form access_key apikey apiKey',
    ignored: '_append _template _format _email.template.x _autoresponse _captcha _webhook webhook _to _charset_',
    loaded: '_loaded',
    webdriver: '_webdriver',
    uploads: '_uploads',
  }
  const names = Object.entries(meanings).flatMap(([meaning, all]) => all.split(' ').map((name) => [name, meaning]))

  test.each(names)('%s means: %s', (name, meaning) => {
    expect(conventionOf(name as string)?.meaning).toBe(meaning)
  })

  const more = conventions.flatMap((row) => row.names.map((name) => name.replace('*', 'x')))

  test.each([...new Set([...names.map(([name]) => name as string), ...more])])(
    '%s is no field of the submission',
    async (name) => {
      const app = await testApp({ page: null })
      await app.deps.forms.put({
        name: 'contact',
        version: 1,
        createdAt: 0,
        origin: 'settings',
        settings: {},
        variants: [],
      })
      const value = name === '_uploads' || name === '_charset_' ? '' : 'x\r\nBcc: evil@example.net'
      const when = conventionOf(name)?.when
      const key = when === 'hidden' ? { access_key: 'contact' } : {}
      expect((await app.post({ ...good, ...key, [name]: value }, json)).status).toBe(200)
      expect(await storedNames(app)).toEqual(['name', 'email', 'message'])
    },
  )

  test('a visitor’s field that is only called like one stays a field', async () => {
    const page = contactPage.replace('</form>', '<input name="subject"><input name="next"></form>')
    const app = await testApp({ page })
    await app.post({ ...good, subject: 'Prices', next: '/evil' }, json)
    expect(await storedNames(app)).toEqual(['name', 'email', 'message', 'subject', 'next'])
  })

  test('what a page of Web3Forms hides steers the post, and its wishes are kept for the notification', async () => {
    const hidden = ['access_key', 'subject', 'from_name', 'redirect', 'replyto', 'webhook']
    const inputs = hidden.map((name) => `<input type="hidden" name="${name}" value="x">`).join('')
    const app = await testApp({ page: contactPage.replace('</form>', `${inputs}</form>`) })
    const values = { ...Object.fromEntries(hidden.map((name) => [name, 'x'])), redirect: '/thanks', subject: 'A\r\nB' }
    const answer = await app.post({ ...good, ...values }, { origin: site })
    expect(answer.headers.get('location')).toContain(`${site}/thanks#`)
    expect(await storedNames(app)).toEqual(['name', 'email', 'message'])
    expect((await app.stored())[0]?.wishes).toMatchObject({ subject: 'A B', senderName: 'x' })
  })

  test('nothing that a post says makes anybody a recipient', async () => {
    const { post, deps } = await testApp()
    const evil = 'evil@example.com'
    const names = ['_to', '_cc', '_bcc', 'ccemail', '_webhook', 'webhook', '_autoresponse', '_email.from']
    await post({ ...good, access_key: 'contact', ...Object.fromEntries(names.map((name) => [name, evil])) })
    const { items } = await deps.messages.list({ limit: 10 })
    expect(items.map(({ recipient }) => recipient).sort()).toEqual(['hanako@example.net', 'office@example.jp'])
  })
})

describe('where a browser goes', () => {
  const fromSite = { origin: site }
  const target = (answer: Response) => answer.headers.get('location')?.replace(/#.*/, '')

  test.each(['_next', '_redirect', '_after'])(
    '%s: to the page’s own site, with the status link behind #',
    async (name) => {
      const { post } = await testApp()
      const answer = await post({ ...good, [name]: '/thanks' }, fromSite)
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toMatch(/^https:\/\/site\.example\/thanks#todoku=https%3A%2F%2F/)
      const absolute = await post({ ...good, message: '2', [name]: `${site}/thanks` }, fromSite)
      expect(target(absolute)).toBe(`${site}/thanks`)
    },
  )

  test('to nowhere else: the status page instead', async () => {
    const { post } = await testApp()
    for (const evil of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)']) {
      expect(target(await post({ ...good, _next: evil }, fromSite))).toMatch(/^https:\/\/forms\.example\.jp\/s\//)
    }
  })

  test('what was typed is never added to it', async () => {
    const { post } = await testApp()
    for (const append of ['true', '1', '']) {
      const answer = await post({ ...good, _next: '/thanks', _append: append }, fromSite)
      expect(target(answer)).toBe(`${site}/thanks`)
    }
  })

  test('_error: only to an allowed page, only for a browser, and with nothing but the code', async () => {
    const { post } = await testApp()
    const bad = { ...good, email: 'nonsense' }
    const answer = await post({ ...bad, _error: '/sorry' }, fromSite)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(`${site}/sorry#todoku-error=validation-failed`)
    expect((await post({ ...bad, _error: 'https://evil.example/' }, fromSite)).status).toBe(422)
    expect((await post({ ...bad, _error: '/sorry' }, { ...fromSite, ...json })).status).toBe(422)
  })

  test('_error does not take what was typed away while nothing can be stored', async () => {
    const deps = testDeps()
    deps.submissions.accept = () => Promise.reject(new TodokuError('store-unavailable'))
    const { post } = await testApp({ deps })
    const answer = await post({ ...good, _error: '/sorry' }, fromSite)
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('value="花子"')
  })
})

describe('JSON answers', () => {
  test('an accepted post has what clients of every service look for', async () => {
    const { post } = await testApp()
    const body = (await (await post(good, json)).json()) as Record<string, unknown>
    expect(body).toMatchObject({ ok: true, success: true, status: 'success', code: 200 })
    for (const name of ['next', 'redirect_url', 'id', 'reference', 'message'])
      expect(body[name]).toEqual(expect.any(String))
  })

  test('a refused one too, and is a problem document', async () => {
    const { post } = await testApp()
    const answer = await post({ ...good, email: 'x' }, json)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    const body = (await answer.json()) as Record<string, unknown>
    expect(body).toMatchObject({ ok: false, success: false, status: 422, code: 'validation-failed' })
    expect(body.errors).toEqual([{ field: 'email', code: 'TYPE_EMAIL', message: expect.any(String) }])
    for (const name of ['type', 'title', 'detail', 'error', 'message']) expect(body[name]).toEqual(expect.any(String))
  })

  test('a refusal of the whole post is among its errors: Formspree’s packages show nothing else', async () => {
    const { post, request } = await testApp()
    const errorsOf = async (answer: Response) => ((await answer.json()) as { errors: unknown }).errors
    expect(await errorsOf(await post(good, json, '/f/nothing'))).toEqual([
      { field: null, code: 'FORM_NOT_FOUND', message: 'There is no form at this address.' },
    ])
    const large = { method: 'POST', body: 'x'.repeat(60_000), headers: { ...json, 'content-type': 'application/json' } }
    expect(await errorsOf(await request('/f/contact', large))).toMatchObject([{ field: null, code: 'FILES_TOO_BIG' }])
  })

  test('Formcarry’s address has the status in `code`; nobody else’s', async () => {
    const { post } = await testApp()
    expect(await (await post({ ...good, email: 'x' }, json, '/s/contact')).json()).toMatchObject({ code: 422 })
    expect(await (await post(good, json, '/s/nothing')).json()).toMatchObject({ code: 404 })
    expect(await (await post(good, json, '/f/nothing')).json()).toMatchObject({ code: 'form-not-found' })
  })
})

describe('a page of another origin can read every answer', () => {
  const origin = { origin: site }
  const body = (content: BodyInit, type: string) => ({
    method: 'POST',
    body: content,
    headers: { ...json, ...origin, 'content-type': type },
  })
  const urlencoded = 'application/x-www-form-urlencoded'
  const toWrongHost = { method: 'POST', body: 'name=x', headers: { ...json, ...origin, host: 'old.example' } }

  test.each<[number, string, string, RequestInit]>([
    [200, 'accepted', '/f/contact', body(new URLSearchParams(good).toString(), urlencoded)],
    [400, 'malformed', '/f/contact', body('{', 'application/json')],
    [404, 'unknown form', '/f/nothing', body('name=x', urlencoded)],
    [404, 'unknown form of another service', '/ajax/nothing', body('name=x', urlencoded)],
    [404, 'unknown form at the root', '/nothing', body('name=x', urlencoded)],
    [404, 'no form named', '/submit', body('name=x', urlencoded)],
    ...(['/f/contact', '/p/1/f/contact', '/ajax/contact', '/s/contact', '/submit', '/contact'] as const).flatMap(
      (path): [number, string, string, RequestInit][] => [
        [405, `a look at ${path}`, path, { headers: { ...json, ...origin } }],
        [405, `a replacement of ${path}`, path, { method: 'PUT', headers: { ...json, ...origin } }],
        [421, `${path} under a name that is not ours`, path, toWrongHost],
      ],
    ),
    [413, 'too large', '/f/contact', body('x'.repeat(60_000), urlencoded)],
    [415, 'wrong type', '/f/contact', body('x', 'text/plain')],
    [422, 'invalid', '/f/contact', body('name=x&email=y', urlencoded)],
  ])('%i %s', async (status, _what, path, init) => {
    const { request } = await testApp()
    const answer = await request(path, init)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('access-control-allow-origin')).toBe(site)
    expect(answer.headers.get('access-control-expose-headers')).toBe('Location, Retry-After, Idempotent-Replayed')
    expect(answer.headers.get('vary')).toBe('Accept, Origin, Sec-Fetch-Mode')
  })

  test('421 after a preflight too, which is answered under any name', async () => {
    const { request } = await testApp()
    const headers = { ...origin, host: 'old.example', 'access-control-request-method': 'POST' }
    const answer = await request('/f/contact', { method: 'OPTIONS', headers })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe(site)
    expect((await request('/api/v1/forms', { headers })).status).toBe(421)
  })

  test('what is no address of a form is no business of other origins', async () => {
    const { request } = await testApp({ host: { sitePage: html('/about') } })
    for (const [method, path] of [
      ['GET', '/about'],
      ['PUT', '/about'],
      ['PUT', '/s/nothing'],
    ] as const) {
      const answer = await request(path, { method, headers: origin })
      expect(answer.headers.get('access-control-allow-origin'), `${method} ${path}`).toBeNull()
    }
  })

  test.each([
    [503, new TodokuError('store-unavailable')],
    [500, new Error('a fault of ours')],
  ])('%i', async (status, fault) => {
    const deps = testDeps()
    deps.submissions.accept = () => Promise.reject(fault)
    const { post } = await testApp({ deps })
    for (const path of ['/f/contact', '/s/contact', '/contact']) {
      const answer = await post(good, { ...json, ...origin }, path)
      expect(answer.status).toBe(status)
      expect(answer.headers.get('access-control-allow-origin')).toBe(site)
    }
  })

  test.each(['/f/contact', '/p/1/f/contact', '/ajax/contact', '/s/contact', '/submit', '/contact'])(
    'the preflight of %s allows what Formspree’s packages send',
    async (path) => {
      const { request } = await testApp()
      const answer = await request(path, {
        method: 'OPTIONS',
        headers: { ...origin, 'access-control-request-method': 'POST' },
      })
      expect(answer.status).toBe(204)
      expect(answer.headers.get('access-control-allow-origin')).toBe(site)
      const allowed = answer.headers.get('access-control-allow-headers')?.split(', ')
      for (const name of ['content-type', 'idempotency-key', 'formspree-client', 'formspree-session-data']) {
        expect(allowed).toContain(name)
      }
    },
  )

  test('credentials are never asked for, and other parts of the server are not opened', async () => {
    const { request, post } = await testApp()
    expect((await post(good, { ...json, ...origin })).headers.get('access-control-allow-credentials')).toBeNull()
    for (const path of ['/api/v1/submissions', '/metrics', '/app/']) {
      const answer = await request(path, { headers: origin })
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    }
  })

  test.each(['', 'x', '{}', btoa('null'), btoa('{"webdriver":"yes"}'), 'A'.repeat(100_000)])(
    'session data of Formspree’s packages that can’t be read does no harm: %.10s',
    async (data) => {
      const { post } = await testApp()
      expect((await post(good, { ...json, 'formspree-session-data': data })).status).toBe(200)
    },
  )
})
