import { describe, expect, test } from 'vitest'
import { contactPage, good, testApp, testToken } from '../../../test/fakes/test-app.ts'

async function operated() {
  const app = await testApp()
  const call = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${testToken}`, 'content-type': 'application/json', ...init.headers }
    const answer = await app.request(`/api/v1${path}`, { ...init, headers })
    return {
      status: answer.status,
      body: (answer.headers.get('content-type') ?? '').includes('json') ? await answer.json() : null,
      answer,
    }
  }
  const send = (path: string, body: unknown) => call(path, { method: 'POST', body: JSON.stringify(body) })
  return { ...app, call, send }
}

describe('forms', () => {
  test('are listed, shown, and unknown ones told', async () => {
    const { call } = await operated()
    expect((await call('/forms')).body).toMatchObject({ items: [{ name: 'contact', version: 1, title: 'Contact' }] })
    expect((await call('/forms/contact')).body).toMatchObject({ variants: [{ pages: ['/index.html'] }] })
    // Who asks here is the operator, not a visitor who followed a link.
    const unknown = { status: 404, body: { code: 'form-not-found', detail: expect.stringContaining('forms list') } }
    for (const path of ['/forms/none', '/submissions?form=none', '/submissions?form=%00', '/forms/none/preview'])
      expect(await call(path)).toMatchObject(unknown)
    expect(await call('/forms/none/test', { method: 'POST' })).toMatchObject(unknown)
    expect(await call('/submissions?form=contact')).toMatchObject({ status: 200, body: { items: [] } })
  })

  test('take their rules from pages', async () => {
    const { send } = await operated()
    const base64 = Buffer.from(contactPage.replace('name="message"', 'name="message" required')).toString('base64')
    const report = await send('/forms/sync', { pages: [{ path: 'index.html', base64 }] })
    expect(report.body).toMatchObject({
      forms: [{ name: 'contact', version: 2, change: 'changed', differences: ['field "message": now required'] }],
    })
    const broken = await send('/forms/sync', {
      pages: [{ path: 'index.html', base64: Buffer.from(contactPage.slice(0, 400)).toString('base64') }],
    })
    expect(broken.body).toMatchObject({ notAdopted: [{ page: '/index.html' }] })
  })

  test('take their settings from the file: drift first, then applied, then the same', async () => {
    const { send, call } = await operated()
    const forms = { contact: { managers: ['office@example.jp'], title: 'お問い合わせ' }, shop: null }
    const dry = await send('/forms/apply', { forms, dryRun: true })
    expect(dry.body).toMatchObject({
      forms: [
        { name: 'contact', change: 'changed', version: 2, keys: ['managers', 'title'] },
        { name: 'shop', change: 'new' },
      ],
    })
    expect((await call('/forms/contact')).body).toMatchObject({ version: 1 })
    await send('/forms/apply', { forms })
    const again = await send('/forms/apply', { forms })
    expect(again.body).toMatchObject({ forms: [{ change: 'same' }, { change: 'same' }] })
    expect((await call('/forms/contact')).body).toMatchObject({
      version: 2,
      title: 'お問い合わせ',
      variants: [{ pages: ['/index.html'] }],
    })
  })

  test('one wrong key and nothing is applied; every wrong key is named, no value is printed', async () => {
    const { send, call } = await operated()
    const forms = {
      contact: {
        managers: ['hunter2'],
        colour: 'hunter2',
        confirmation: { body: 'Hello {{ fields.name }} {{ nobody }}' },
      },
      'bad name': {},
      api: {},
      shop: { title: 'Shop', notification: { subject: '{% if %}' } },
    }
    const { status, body } = await send('/forms/apply', { forms })
    expect(status).toBe(422)
    const keys = (body as { problems: { key: string }[] }).problems.map(({ key }) => key)
    expect(keys).toEqual(
      expect.arrayContaining([
        'forms.contact.managers.0',
        'forms.contact.colour',
        'forms.bad name',
        'forms.api',
        'forms.shop.notification.subject',
      ]),
    )
    expect(JSON.stringify(body)).not.toContain('hunter2')
    expect((await call('/forms/shop')).status).toBe(404)
  })

  test('addresses that no mail could be made with are refused by their key, the others stored in one form', async () => {
    const { send, call } = await operated()
    const settings = (address: string) => ({
      managers: ['office@example.jp', address],
      route: { field: 'dept', to: { 営業: [address] } },
      confirmation: { replyTo: address },
    })
    for (const wrong of ['ｏffice@example.jp', 'office@localhost', '"of fice"@example.jp', 'office@example..jp']) {
      const { status, body } = await send('/forms/apply', { forms: { contact: settings(wrong) } })
      expect(status).toBe(422)
      expect((body as { problems: { key: string }[] }).problems.map(({ key }) => key)).toEqual(
        wrong.includes(' ')
          ? expect.arrayContaining(['forms.contact.managers.1'])
          : ['forms.contact.managers.1', 'forms.contact.route.to.営業.0', 'forms.contact.confirmation.replyTo'],
      )
      expect(JSON.stringify(body)).not.toContain(wrong)
    }
    expect((await send('/forms/apply', { forms: { contact: settings('Office@日本語.JP') } })).status).toBe(200)
    const canonical = 'Office@xn--wgv71a119e.jp'
    expect((await call('/forms/contact')).body).toMatchObject({ settings: settings(canonical) })
    // What is written differently and means the same is no drift.
    const dry = await send('/forms/apply', { forms: { contact: settings('Office@日本語.jp') }, dryRun: true })
    expect(dry.body).toMatchObject({ forms: [{ change: 'same' }] })
  })

  test('settings of a form that the file does not name any more are told, and kept until it names them empty', async () => {
    const { send } = await operated()
    await send('/forms/apply', { forms: { contact: { title: 'A' }, shop: { title: 'B' } } })
    const gone = { name: 'contact', version: 2, change: 'gone', keys: ['title'] }
    for (const dryRun of [true, false]) {
      const { body } = await send('/forms/apply', { forms: { shop: { title: 'B' } }, dryRun })
      expect(body).toMatchObject({ forms: [{ name: 'shop', change: 'same' }, gone] })
    }
    // A file without any form says nothing about forms.
    expect((await send('/forms/apply', { forms: {}, dryRun: true })).body).toMatchObject({ forms: [] })
    await send('/forms/apply', { forms: { shop: { title: 'B' }, contact: {} } })
    const { body } = await send('/forms/apply', { forms: { shop: { title: 'B' } }, dryRun: true })
    expect((body as { forms: unknown[] }).forms).toHaveLength(1)
  })

  test('settings are applied on top of pages that are synced at the same time, but not for ever', async () => {
    const { send, deps } = await operated()
    let rivals = 0
    const { put } = deps.forms
    deps.forms.put = async (record) => {
      rivals += 1
      return rivals <= 3 ? { kind: 'stale' } : await put(record)
    }
    expect((await send('/forms/apply', { forms: { contact: { title: 'A' } } })).status).toBe(200)
    expect(rivals).toBe(4)
    deps.forms.put = async () => ({ kind: 'stale' })
    expect((await send('/forms/apply', { forms: { contact: { title: 'B' } } })).status).toBe(500)
  })

  test('a confirmation that would carry visitors’ text needs the owner’s word', async () => {
    const { send } = await operated()
    const body = { body: 'Hello {{ fields.name }} {% fields %}' }
    expect((await send('/forms/apply', { forms: { contact: { confirmation: body } } })).status).toBe(422)
    expect(
      (await send('/forms/apply', { forms: { contact: { confirmation: { ...body, allowUserText: true } } } })).status,
    ).toBe(200)
  })

  test('a request of the wrong form is told which part', async () => {
    const { send } = await operated()
    expect(await send('/forms/sync', { pages: 'x' })).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', detail: expect.stringContaining('pages') },
    })
    expect(await send('/forms/sync', { pages: [{ path: 'index.html', base64: 'no base64!' }] })).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', detail: expect.stringContaining('base64') },
    })
  })

  test.each(['/forms/apply', '/forms/sync'])(
    '%s: what is not JSON, or does not say so, is the caller’s mistake',
    async (path) => {
      const { call } = await operated()
      expect(await call(path, { method: 'POST', body: '{"forms":' })).toMatchObject({
        status: 400,
        body: { code: 'invalid-request' },
      })
      for (const type of ['', 'text/plain']) {
        const answer = await call(path, { method: 'POST', body: '{}', headers: { 'content-type': type } })
        expect(answer).toMatchObject({ status: 415, body: { code: 'unsupported-type' } })
      }
    },
  )

  test('that post to another service are not taken from its pages', async () => {
    const { send } = await operated()
    const page = (action: string) => ({
      path: 'a.html',
      base64: Buffer.from(`<html><form action="${action}" method=post><input name=a></form></html>`).toString('base64'),
    })
    const foreign = await send('/forms/sync', { pages: [page('https://formspree.io/f/abc')] })
    expect(foreign.body).toMatchObject({
      forms: [{ name: 'contact', change: 'gone' }],
      warnings: [{ page: '/a.html', form: 'abc', text: expect.stringContaining('https://formspree.io') }],
    })
    for (const action of ['/f/abc', 'https://forms.example.jp/f/abc']) {
      const own = await send('/forms/sync', { pages: [page(action)] })
      expect(own.body).toMatchObject({ forms: [{ name: 'abc' }, { name: 'contact' }], warnings: [] })
    }
  })
})

describe('submissions and messages', () => {
  test('are listed with the fate of their mails, shown whole, and explained', async () => {
    const { call, post, stored } = await operated()
    await post(good)
    const [submission] = await stored()
    const reference = submission?.reference ?? ''
    expect((await call('/submissions')).body).toMatchObject({
      items: [{ reference, confirmation: 'queued', notification: 'queued' }],
      cursor: null,
    })
    expect((await call(`/submissions/${reference.toLowerCase()}`)).body).toMatchObject({
      entries: [{ name: 'name', value: '花子' }, { name: 'email' }, { name: 'message' }],
      messages: [{ role: 'confirmation', state: 'queued' }, { role: 'notification' }],
    })
    const story = (await call(`/submissions/${reference}/story?language=ja`)).body as { lines: { text: string }[] }
    expect(story.lines[0]?.text).toContain('フォーム「contact」が送信され')
    expect((await call('/submissions/XXX-XXX-XXX')).status).toBe(404)
  })

  test('an upload can be fetched, and is never shown as a page', async () => {
    const { call, postForm, stored } = await operated()
    const form = new FormData()
    for (const [name, value] of Object.entries(good)) form.set(name, value)
    form.set('doc', new File(['<script>'], 'ページ.html', { type: 'text/html' }))
    await postForm(form)
    const [submission] = await stored()
    const { answer } = await call(`/submissions/${submission?.reference}/files/1`)
    expect(answer.headers.get('content-type')).toBe('application/octet-stream')
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename*=UTF-8''${encodeURIComponent('ページ.html')}`,
    )
    expect(answer.headers.get('content-security-policy')).toContain('sandbox')
    expect((await call(`/submissions/${submission?.reference}/files/2`)).status).toBe(404)
  })

  test('a waiting message can be tried now or cancelled; one that has ended can’t', async () => {
    const { call, send, post, deps } = await operated()
    await post(good)
    const { items } = (await call('/messages?state=queued')).body as { items: { id: string }[] }
    const [first, second] = items
    expect((await send(`/messages/${first?.id}/cancel`, {})).body).toMatchObject({
      state: 'cancelled',
      nextTryAt: null,
    })
    expect((await send(`/messages/${first?.id}/cancel`, {})).status).toBe(409)
    const before = deps.announced
    expect((await send(`/messages/${second?.id}/retry`, {})).body).toMatchObject({ state: 'queued' })
    expect(deps.announced).toBe(before + 1)
    expect((await send('/messages/none/retry', {})).status).toBe(404)
  })

  test('lists go page by page', async () => {
    const { call, post } = await operated()
    for (let n = 0; n < 3; n += 1) await post({ ...good, message: String(n) })
    const first = (await call('/submissions?limit=2')).body as { items: unknown[]; cursor: string }
    expect(first.items).toHaveLength(2)
    expect((await call(`/submissions?limit=2&before=${first.cursor}`)).body).toMatchObject({
      items: [{}],
      cursor: null,
    })
    expect((await call('/submissions?limit=0')).status).toBe(400)
    expect((await call('/messages?state=nonsense')).status).toBe(400)
  })
})
