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
    expect(await call('/forms/none')).toMatchObject({ status: 404, body: { code: 'form-not-found' } })
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
