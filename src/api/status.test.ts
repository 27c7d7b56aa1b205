import { describe, expect, test } from 'vitest'
import { sampleWrite } from '../../test/contracts/samples.ts'
import { solved } from '../../test/fakes/solved-puzzle.ts'
import { contactPage, good, testApp, testToken } from '../../test/fakes/test-app.ts'
import { isWorkingState } from '../core/messages/fold.ts'
import type { Message, MessageEvent } from '../core/messages/message.ts'

type App = Awaited<ReturnType<typeof testApp>>
type Status = {
  reference: string
  receivedAt: string
  messages: Record<string, unknown>[]
  actions: { correct: boolean; resend: boolean; left: number }
  open: false | 'soon' | 'late'
}

const evidence = { transport: 'smtp', stage: 'rcpt', replyCode: 550, text: 'secret words of the server' }

/** Posts, and gives the path of the status page. */
async function posted(
  app: App,
  fields: Record<string, string> = good,
  headers: Record<string, string> = {},
): Promise<string> {
  const answer = await app.post(fields, headers)
  return new URL(answer.headers.get('location') ?? '').pathname
}

async function messageOf(app: App, role: Message['role']): Promise<Message> {
  const [newest] = (await app.deps.messages.list({ role, limit: 1 })).items
  if (newest === undefined) throw new Error(`no ${role}`)
  return newest
}

/** Lets something happen to the newest message of a role. */
async function happens(
  app: App,
  role: Message['role'],
  shape: Partial<MessageEvent> & { kind: MessageEvent['kind'] },
): Promise<void> {
  const message = await messageOf(app, role)
  const event = { id: `${message.id}.${shape.kind}`, at: app.deps.clock.now(), evidence, ...shape } as MessageEvent
  const write = sampleWrite(message, event)
  await app.deps.messages.write({ ...write, dueAt: isWorkingState(write.state) ? message.dueAt : null })
}

const statusOf = async (app: App, path: string): Promise<Status> =>
  (await (await app.request(`${path}.json`)).json()) as Status
const submit = (app: App, path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  app.request(path, { method: 'POST', body: new URLSearchParams(fields), headers: { accept: 'text/html', ...headers } })

describe('the status page', () => {
  test('says what is stored and where the mails are, and is kept by nobody', async () => {
    const app = await testApp()
    const answer = await app.request(await posted(app))
    const page = await answer.text()
    expect(answer.status).toBe(200)
    expect(page).toContain('Your message is stored')
    expect(page).toContain('On its way to <bdi class="address">hanako@example.net</bdi>.')
    expect(page).toContain('Name, E-mail, Message')
    expect(page).not.toContain('花子')
    // Without script it looks again by itself while something is open.
    expect(page).toMatch(/<noscript><meta http-equiv="refresh" content="10; url=\/s\/[^"]+"\/?><\/noscript>/)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
      'x-content-type-options': 'nosniff',
    })
    expect(answer.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-.*frame-ancestors 'none'$/,
    )
    expect(page).not.toMatch(/(?:src|href)="https?:/)
  })

  test('the policy allows just the style and the script that are in the page', async () => {
    const app = await testApp()
    const answer = await app.request(await posted(app))
    const page = await answer.text()
    const policy = answer.headers.get('content-security-policy') ?? ''
    for (const tag of ['style', 'script']) {
      const content = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(page)?.[1] ?? ''
      const hash = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(content))).toString('base64')
      expect(policy).toContain(`${tag}-src 'sha256-${hash}'`)
    }
  })

  test('a wrong token, a cut one and a reference that never was look the same', async () => {
    const app = await testApp()
    const path = await posted(app)
    for (const wrong of [
      path.slice(0, -1),
      `${path.slice(0, -1)}${path.endsWith('a') ? 'b' : 'a'}`,
      path.replace(/k1-/, 'k2-'),
      '/s/AAA-AAA-AAA/k1-aaaaaaaaaaaaaaaaaaaaaaaaaa',
    ]) {
      const answer = await app.request(wrong, { headers: { accept: 'text/html' } })
      expect(answer.status).toBe(404)
      expect(await answer.text()).toContain('This link does not lead to a message.')
      expect((await app.request(`${wrong}.json`)).status).toBe(404)
      expect((await submit(app, `${wrong}/correct`, { email: 'a@example.jp' })).status).toBe(404)
    }
  })

  test('a reference may be typed in lower case', async () => {
    const app = await testApp()
    const path = await posted(app)
    expect((await app.request(path.replace(/\/s\/[^/]+/, (part) => part.toLowerCase()))).status).toBe(200)
  })

  test('the JSON has an entity tag that changes when the state does, and 304 until then', async () => {
    const app = await testApp()
    const path = await posted(app)
    const first = await app.request(`${path}.json`)
    const etag = first.headers.get('etag') ?? ''
    expect(first.headers.get('access-control-allow-origin')).toBe('*')
    expect((await app.request(`${path}.json`, { headers: { 'if-none-match': etag } })).status).toBe(304)
    await happens(app, 'confirmation', { kind: 'delivered', by: 'recipient' })
    expect((await app.request(`${path}.json`, { headers: { 'if-none-match': etag } })).status).toBe(200)
  })

  test('the submitter sees neither evidence, nor classes, nor who the managers are', async () => {
    const app = await testApp()
    const path = await posted(app)
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'mailbox-disabled' })
    await happens(app, 'notification', { kind: 'bounced', hard: true, class: 'unknown-user' })
    const seen = JSON.stringify(await statusOf(app, path)) + (await (await app.request(path)).text())
    expect(seen).not.toMatch(/secret words|mailbox-disabled|unknown-user|office@example\.jp/)
    expect((await statusOf(app, path)).messages).toMatchObject([
      {
        role: 'confirmation',
        state: 'bounced_hard',
        class: null,
        reason: 'no-such-mailbox',
        evidence: null,
        settled: true,
      },
      { role: 'notification', state: 'bounced_hard', class: null, reason: null, evidence: null },
    ])
  })

  test('of several managers the mail that came furthest is told', async () => {
    const app = await testApp({ settings: { managers: ['a@example.jp', 'b@example.jp'] } })
    const path = await posted(app)
    await happens(app, 'notification', { kind: 'bounced', hard: true, class: 'unknown-user' })
    expect((await statusOf(app, path)).messages.filter(({ role }) => role === 'notification')).toMatchObject([
      { state: 'queued' },
    ])
  })

  test.each([
    [
      { kind: 'deferred', turn: 1, attempt: 1, class: 'network', nextTryAt: Date.UTC(2026, 0, 1, 3) },
      'Delayed. The next try is at',
      'deferred',
    ],
    [{ kind: 'unknown', attempt: 1 }, 'the answer was lost', 'unknown'],
    [{ kind: 'accepted', by: 'relay', settleAt: 9e15 }, 'There is no word yet that it arrived', 'accepted'],
    [{ kind: 'accepted', by: 'relay', settleAt: 1 }, 'no bad news came back', 'accepted'],
    [{ kind: 'delivered', by: 'recipient' }, 'Delivered to the mail server of example.net.', 'delivered'],
    [{ kind: 'bounced', hard: false, class: 'mailbox-full' }, 'can’t take mail at the moment', 'bounced_soft'],
    [{ kind: 'bounced', hard: false, class: 'content-policy' }, 'the receiving side refused it', 'bounced_soft'],
    [{ kind: 'complained' }, 'reported as spam', 'complained'],
    [{ kind: 'expired', class: 'network' }, 'Could not be delivered', 'expired'],
    [{ kind: 'failed', class: 'authentication' }, 'Could not be delivered', 'failed'],
  ] as const)('tells the truth about %j', async (shape, sentence, state) => {
    const app = await testApp()
    const path = await posted(app)
    await happens(app, 'confirmation', shape as never)
    expect(await (await app.request(path)).text()).toContain(sentence)
    expect((await statusOf(app, path)).messages[0]).toMatchObject({ role: 'confirmation', state })
  })

  test.each([
    [{ kind: 'delivered', by: 'recipient' }, 'arrived', 'good'],
    [{ kind: 'complained' }, 'arrived', 'good'],
    [{ kind: 'accepted', by: 'relay', settleAt: 9e15 }, 'on its way', 'wait'],
    [{ kind: 'accepted', by: 'relay', settleAt: 1 }, 'handed over', 'plain'],
    [{ kind: 'unknown', attempt: 1 }, 'may have arrived', 'plain'],
    [{ kind: 'held', turn: 1, reason: 'doubtful-address' }, 'held back', 'plain'],
    [{ kind: 'bounced', hard: true, class: 'unknown-user' }, 'needs attention', 'bad'],
  ] as const)('its title and mark claim no more than is known: %j', async (shape, words, mood) => {
    const app = await testApp()
    const path = await posted(app)
    await happens(app, 'confirmation', shape as never)
    const page = await (await app.request(path)).text()
    expect(/<title>.* — (.*)<\/title>/.exec(page)?.[1]).toBe(words)
    expect(/<svg class="(\w+)"/.exec(page)?.[1]).toBe(mood)
  })

  test('says why there is no confirmation: no address, or a form that sends none', async () => {
    const page = async (app: App, fields: Record<string, string>) =>
      await (await app.request(await posted(app, fields))).text()
    const quiet = { confirmation: { enabled: false } }
    expect(await page(await testApp({ settings: quiet }), good)).toContain('This form sends no confirmation.')
    expect(
      await page(
        await testApp({ settings: { ...quiet, language: 'ja' }, page: contactPage.replace('lang="en"', '') }),
        good,
      ),
    ).toContain('このフォームは確認メールを送りません。')
    const open = '<html lang="en"><form action="/f/contact"><input name="message"></form></html>'
    expect(await page(await testApp({ page: open }), { message: 'x' })).toContain('No address was given')
  })

  test('without any mail it says no more than that the message is stored', async () => {
    const app = await testApp()
    app.deps.messages.ofSubmission = async () => []
    expect(await (await app.request(await posted(app))).text()).toMatch(/<title>.* — stored<\/title>/)
  })

  test('looks again by itself without script: soon while a mail is on its way, rarely when news may still come', async () => {
    const app = await testApp()
    const path = await posted(app)
    const refresh = async () => /http-equiv="refresh" content="(\d+);/.exec(await (await app.request(path)).text())?.[1]
    expect(await refresh()).toBe('10')
    for (const role of ['confirmation', 'notification'] as const)
      await happens(app, role, { kind: 'accepted', by: 'relay', settleAt: 9e15 })
    expect(await refresh()).toBe('300')
    for (const role of ['confirmation', 'notification'] as const)
      await happens(app, role, { kind: 'delivered', by: 'recipient' })
    expect(await refresh()).toBeUndefined()
  })

  test('never says that a mail is in the inbox', async () => {
    const { readFile } = await import('node:fs/promises')
    for (const file of ['src/pages/status.tsx', 'src/core/submissions/explain.ts']) {
      expect(await readFile(file, 'utf8')).not.toMatch(/inbox|受信箱|受信トレイ/i)
    }
  })

  test('after a few failing addresses of one client only “could not be delivered” is told', async () => {
    const app = await testApp()
    const paths: string[] = []
    for (let n = 0; n < 10; n += 1) {
      paths.push(await posted(app, { ...good, email: `person${n}@example.net` }))
      await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
      await statusOf(app, paths[n] ?? '')
    }
    const states = await Promise.all(paths.map(async (path) => (await statusOf(app, path)).messages[0]))
    expect(states.slice(0, 8).every((message) => message?.state === 'bounced_hard')).toBe(true)
    for (const message of states.slice(8)) expect(message).toMatchObject({ state: 'bounced', reason: 'not-delivered' })
    // Another client has a budget of its own, and a day later this one has too.
    const elsewhere = await posted(app, { ...good, email: 'other@example.net' }, { 'x-test-client': '198.51.100.7' })
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    expect((await statusOf(app, elsewhere)).messages[0]).toMatchObject({ state: 'bounced_hard' })
    app.deps.clock.advance(25 * 3_600_000)
    expect((await statusOf(app, paths[9] ?? '')).messages[0]).toMatchObject({ state: 'bounced_hard' })
  })

  /** Lets confirmations to new addresses bounce until this client has learned of as many as it may. */
  async function exhaust(app: App, headers: Record<string, string>): Promise<void> {
    for (let n = 0; n < 8; n += 1) {
      const path = await posted(app, { ...good, email: `person${n}@example.net` }, headers)
      await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
      await statusOf(app, path)
    }
  }

  test.each([
    ['another agent', { 'x-test-client': '2001:db8:1:2:3::4', 'user-agent': 'other' }, 'new@example.net', 'bounced'],
    ['another address of the network', { 'x-test-client': '2001:db8:1:2:ffff::1' }, 'new@example.net', 'bounced'],
    ['another network', { 'x-test-client': '2001:db8:1:3::4' }, 'new@example.net', 'bounced_hard'],
    ['an address it knows of', { 'x-test-client': '2001:db8:1:2:3::4' }, 'Person3@example.net', 'bounced_hard'],
  ])('a budget belongs to a network and counts addresses: %s', async (_who, headers, email, state) => {
    const app = await testApp()
    await exhaust(app, { 'x-test-client': '2001:db8:1:2:3::4', 'user-agent': 'browser' })
    const path = await posted(app, { ...good, email, message: 'again' }, headers)
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    expect((await statusOf(app, path)).messages[0]).toMatchObject({ state })
  })

  test('a budget belongs to the /48 as well: who has 65,536 networks learns ten times as much, not more', async () => {
    const app = await testApp()
    const states: unknown[] = []
    for (let n = 0; n < 84; n += 1) {
      const headers = { 'x-test-client': `2001:db8:1:${n.toString(16)}::1` }
      const path = await posted(app, { ...good, email: `person${n}@example${n}.net` }, headers)
      await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
      states.push((await statusOf(app, path)).messages[0]?.state)
      // What the spam rules and caps say of so many posts is another matter.
      app.deps.clock.advance(600_000)
    }
    expect(states.indexOf('bounced')).toBe(80)
    expect(new Set(states.slice(80))).toEqual(new Set(['bounced']))
  })

  test('where it is not told why, what can be done does not tell it either', async () => {
    const app = await testApp()
    await exhaust(app, {})
    const seen: unknown[] = []
    for (const [n, hard] of [true, false].entries()) {
      const path = await posted(app, { ...good, email: `more${n}@example.net` })
      await happens(app, 'confirmation', { kind: 'bounced', hard, class: hard ? 'unknown-user' : 'mailbox-full' })
      const { messages, actions } = await statusOf(app, path)
      const { status } = await submit(app, `${path}/resend`, {})
      const page = (await (await app.request(path)).text()).replaceAll(
        /more\d|[A-Z0-9]{3}(?:-[A-Z0-9]{3}){2}|k1-\w+|etag="[^"]*"/g,
        '',
      )
      seen.push({ confirmation: messages[0], actions, status, page })
    }
    expect(seen[1]).toEqual(seen[0])
    expect(seen[0]).toMatchObject({ actions: { correct: true, resend: false }, status: 409 })
  })
})

describe('correct the address', () => {
  async function bounced(settings = {}) {
    const app = await testApp({ settings })
    const path = await posted(app)
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    return { app, path }
  }

  test('a new confirmation goes to the new address, and every manager learns of it', async () => {
    const { app, path } = await bounced({ managers: ['a@example.jp', 'b@example.jp'] })
    const answer = await submit(app, `${path}/correct`, { email: ' taro@example.net ' })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(path)
    expect(await messageOf(app, 'confirmation')).toMatchObject({
      recipient: 'taro@example.net',
      state: { name: 'queued' },
    })
    const updates = (await app.deps.messages.list({ role: 'update', limit: 9 })).items
    expect(updates.map(({ recipient }) => recipient).sort()).toEqual(['a@example.jp', 'b@example.jp'])
    const [submission] = await app.stored()
    expect(submission).toMatchObject({
      email: 'taro@example.net',
      resends: [{ kind: 'corrected', oldEmail: 'hanako@example.net' }],
    })
    const status = await statusOf(app, path)
    expect(status.messages[0]).toMatchObject({ role: 'confirmation', state: 'queued' })
    expect(status.actions).toEqual({ correct: false, resend: false, left: 2 })
  })

  test('pressed twice it is done once', async () => {
    const { app, path } = await bounced()
    const answers = await Promise.all(
      [1, 2, 3].map(() => submit(app, `${path}/correct`, { email: 'taro@example.net' })),
    )
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303])
    expect((await app.stored())[0]?.resends).toHaveLength(1)
  })

  test('a script gets the status as JSON', async () => {
    const { app, path } = await bounced()
    const answer = await app.request(`${path}/correct`, {
      method: 'POST',
      body: JSON.stringify({ email: 'taro@example.net' }),
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ email: 'taro@example.net' })
  })

  test.each(['', 'nonsense', 'a@b', 'a@example.jp, b@example.jp', 'a@example.jp\r\nBcc: x@example.jp'])(
    'what is no address is refused with the page again: %.20s',
    async (email) => {
      const { app, path } = await bounced()
      const answer = await submit(app, `${path}/correct`, { email })
      expect(answer.status).toBe(422)
      expect(await answer.text()).toContain('This is not an e-mail address.')
      expect((await app.stored())[0]?.resends).toEqual([])
    },
  )

  test.each([
    ['text/plain', 'email=taro@example.net', 415, 'unsupported-type'],
    ['application/x-www-form-urlencoded', `email=${'x'.repeat(20_000)}`, 413, 'too-large'],
    ['application/json', '{"email":', 400, 'malformed-body'],
    ['multipart/form-data; boundary=b', 'no part', 400, 'malformed-body'],
  ])('a body that can’t be read is told as such: %s', async (type, body, status, code) => {
    const { app, path } = await bounced()
    const headers = { 'content-type': type, accept: 'application/json' }
    const answer = await app.request(`${path}/correct`, { method: 'POST', body, headers })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code })
  })

  test('a body that comes too slowly is given up', async () => {
    const { app, path } = await bounced()
    const body = new ReadableStream<Uint8Array>()
    const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' }
    const answer = app.request(`${path}/correct`, { method: 'POST', body, duplex: 'half', headers })
    await app.deps.clock.due(30_000)
    app.deps.clock.advance(30_000)
    expect((await answer).status).toBe(408)
  })

  test('a body as FormData is understood, but takes no file', async () => {
    const { app, path } = await bounced()
    const body = new FormData()
    body.set('email', new File(['taro@example.net'], 'address.txt'))
    const headers = { accept: 'application/json' }
    expect((await app.request(`${path}/correct`, { method: 'POST', body, headers })).status).toBe(413)
    body.set('email', 'taro@example.net')
    expect((await app.request(`${path}/correct`, { method: 'POST', body, headers })).status).toBe(200)
    expect((await app.stored())[0]?.email).toBe('taro@example.net')
  })

  test('the form’s own rules hold for the new address as for the first one', async () => {
    const page = contactPage.replace('type="email"', 'type="email" pattern=".+@example[.]net"')
    const app = await testApp({ page })
    const path = await posted(app)
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    const refused = await submit(app, `${path}/correct`, { email: 'taro@elsewhere.example' })
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('value="taro@elsewhere.example"')
    expect((await submit(app, `${path}/correct`, { email: 'taro@example.net' })).status).toBe(303)
  })

  test('the rules of a page for _replyto hold as well', async () => {
    const page =
      '<html><form action="/f/contact"><input type=email name=_replyto required maxlength=20><input name=name></form></html>'
    const app = await testApp({ page })
    const path = await posted(app, { name: 'x', _replyto: 'hanako@example.net' })
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    expect((await submit(app, `${path}/correct`, { email: 'somebody.else@example.net' })).status).toBe(422)
    expect((await submit(app, `${path}/correct`, { email: 'taro@example.net' })).status).toBe(303)
  })

  test('the same address again is no correction', async () => {
    const { app, path } = await bounced()
    const answer = await submit(app, `${path}/correct`, { email: 'hanako@EXAMPLE.net' })
    expect(answer.status).toBe(409)
    expect(await answer.text()).toContain('the confirmation could not be delivered to')
    expect((await app.stored())[0]?.resends).toEqual([])
  })

  test('a page that answered a wish leads back to the status page, when it is loaded again and by itself', async () => {
    const app = await testApp()
    const path = await posted(app)
    const page = await (await submit(app, `${path}/correct`, { email: 'other@example.net' })).text()
    expect(page).toContain(`; url=${path}"`)
    for (const wish of ['correct', 'resend']) {
      const back = await app.request(`${path}/${wish}`, { headers: { accept: 'text/html' } })
      expect(back.status).toBe(303)
      expect(back.headers.get('location')).toBe(path)
      expect((await app.request(`${path.slice(0, -1)}/${wish}`)).status).toBe(404)
    }
  })

  test('of two corrections the managers’ mails about the second one are told', async () => {
    const { app, path } = await bounced()
    expect((await submit(app, `${path}/correct`, { email: 'one@example.net' })).status).toBe(303)
    await happens(app, 'update', { kind: 'delivered', by: 'recipient' })
    const update = async () => (await statusOf(app, path)).messages.filter(({ role }) => role === 'update')
    expect(await update()).toMatchObject([{ state: 'delivered' }])
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    app.deps.clock.advance(60_000)
    expect((await submit(app, `${path}/correct`, { email: 'two@example.net' })).status).toBe(303)
    expect(await update()).toMatchObject([{ state: 'queued' }])
    // Sending the confirmation again tells the managers nothing new.
    await happens(app, 'confirmation', { kind: 'bounced', hard: false, class: 'mailbox-full' })
    app.deps.clock.advance(60_000)
    expect((await submit(app, `${path}/resend`, {})).status).toBe(303)
    expect(await update()).toMatchObject([{ state: 'queued' }])
  })

  test('three times, then no more', async () => {
    const { app, path } = await bounced()
    for (let n = 0; n < 3; n += 1) {
      expect((await submit(app, `${path}/correct`, { email: `try${n}@example.net` })).status).toBe(303)
      await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    }
    const answer = await submit(app, `${path}/correct`, { email: 'try4@example.net' })
    expect(answer.status).toBe(409)
    expect((await statusOf(app, path)).actions).toEqual({ correct: false, resend: false, left: 0 })
  })

  test.each([
    [{ kind: 'delivered', by: 'recipient' }],
    [{ kind: 'accepted', by: 'relay', settleAt: 9e15 }],
    [{ kind: 'unknown', attempt: 1 }],
    [{ kind: 'complained' }],
  ] as const)('not while the mail is %j', async (shape) => {
    const app = await testApp()
    const path = await posted(app)
    expect((await submit(app, `${path}/correct`, { email: 'taro@example.net' })).status).toBe(409)
    await happens(app, 'confirmation', shape as never)
    const answer = await submit(app, `${path}/correct`, { email: 'taro@example.net' }, { accept: 'application/json' })
    expect(answer.status).toBe(409)
    expect(await answer.json()).toMatchObject({ code: 'correction-refused' })
  })

  test('a mail held for a doubtful address is cancelled and goes to the new one', async () => {
    const app = await testApp()
    const path = await posted(app)
    await happens(app, 'confirmation', { kind: 'held', turn: 1, reason: 'doubtful-address', until: null })
    const held = await messageOf(app, 'confirmation')
    expect((await submit(app, `${path}/correct`, { email: 'taro@example.net' })).status).toBe(303)
    expect(await app.deps.messages.get(held.id)).toMatchObject({ state: { name: 'cancelled' }, dueAt: null })
  })
})

describe('send it again', () => {
  test.each([
    [{ kind: 'unknown', attempt: 1 }, true],
    [{ kind: 'bounced', hard: false, class: 'mailbox-full' }, true],
    [{ kind: 'expired', class: 'network' }, true],
    [{ kind: 'failed', class: 'authentication' }, true],
    [{ kind: 'bounced', hard: true, class: 'unknown-user' }, false],
    [{ kind: 'delivered', by: 'recipient' }, false],
  ] as const)('after %j: %s', async (shape, allowed) => {
    const app = await testApp()
    const path = await posted(app)
    await happens(app, 'confirmation', shape as never)
    expect((await statusOf(app, path)).actions.resend).toBe(allowed)
    const answer = await submit(app, `${path}/resend`, {})
    expect(answer.status).toBe(allowed ? 303 : 409)
    expect((await messageOf(app, 'confirmation')).state.name === 'queued').toBe(allowed)
    expect((await app.deps.messages.list({ role: 'update', limit: 1 })).items).toEqual([])
  })
})

describe('correct the address, where the form asks for a proof of work', () => {
  const settings = { confirmation: { proof: 'required' } } as const
  const csp = (answer: Response) => answer.headers.get('content-security-policy') ?? ''

  async function bounced(email: string = good.email) {
    const app = await testApp({ settings })
    const path = await posted(app, { ...good, email, altcha: await solved(app) })
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    return { app, path }
  }

  test.each([
    ['by the page', { 'content-type': 'application/x-www-form-urlencoded' }, String, 303],
    ['as JSON', { 'content-type': 'application/json', accept: 'application/json' }, undefined, 200],
  ] as const)('%s: with a proof the mail goes out, without one it is held', async (_how, headers, asText, status) => {
    for (const proven of [true, false]) {
      const { app, path } = await bounced()
      const fields = { email: 'taro@example.net', ...(proven ? { altcha: await solved(app) } : {}) }
      const body = asText === undefined ? JSON.stringify(fields) : asText(new URLSearchParams(fields))
      const answer = await app.request(`${path}/correct`, { method: 'POST', headers, body })
      expect(answer.status).toBe(status)
      expect(await messageOf(app, 'confirmation')).toMatchObject({
        recipient: 'taro@example.net',
        state: proven ? { name: 'queued' } : { name: 'held', heldReason: 'no-proof' },
      })
      const page = await (await app.request(path)).text()
      expect(page.includes('Nothing showed that a person pressed the button')).toBe(!proven)
    }
  })

  test('the page brings the widget’s place, says what happens without script, and its policy allows that script', async () => {
    const { app, path } = await bounced('hanako@gmial.com')
    const answer = await app.request(path)
    const page = await answer.text()
    expect(page).toContain('challenge="/f/contact/challenge"')
    expect(page).toContain('data-script="https://forms.example.jp/altcha.js"')
    expect(page).toContain('waits until the people behind the form let it go')
    // The suggestion, and what is typed.
    expect(page.match(/name="altcha"/g)).toHaveLength(2)
    expect(csp(answer)).toMatch(/script-src 'sha256-[^ ]+' https:\/\/forms\.example\.jp\/altcha\.js; worker-src blob:;/)
    expect((await (await app.request(`${path}.json`)).json()) as object).toMatchObject({
      challengeUrl: 'https://forms.example.jp/f/contact/challenge',
    })
  })

  test('while nothing can be corrected there is no widget, but the policy knows of it: news may bring it', async () => {
    const app = await testApp({ settings })
    const path = await posted(app, { ...good, altcha: await solved(app) })
    const answer = await app.request(path)
    expect(await answer.text()).not.toMatch(/altcha-widget|name="altcha"/)
    expect(csp(answer)).toContain('https://forms.example.jp/altcha.js')
    expect(await (await app.request(`${path}.json`)).json()).toMatchObject({ challengeUrl: null })
  })

  test('a form that asks for none has no widget and no policy for it, nor has an address in doubt', async () => {
    const app = await testApp()
    const path = await posted(app)
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    const answer = await app.request(path)
    expect(await answer.text()).not.toMatch(/altcha-widget|name="altcha"|without script/)
    expect(csp(answer)).not.toMatch(/altcha|worker-src/)

    const asking = await testApp({ settings })
    const doubted = await posted(asking, { ...good, email: 'hanako@gmial.com', altcha: await solved(asking) })
    await happens(asking, 'confirmation', { kind: 'held', turn: 1, reason: 'doubtful-address', until: 9e15 })
    expect(await (await asking.request(doubted)).text()).not.toMatch(/altcha-widget|name="altcha"/)
  })
})

describe('a doubtful address', () => {
  const typo = 'hanako@gmial.com'
  const meant = 'hanako@gmail.com'

  async function inDoubt(email = typo) {
    const app = await testApp()
    const path = await posted(app, { ...good, email })
    const until = app.deps.clock.now() + 600_000
    await happens(app, 'confirmation', { kind: 'held', turn: 1, reason: 'doubtful-address', until })
    return { app, path }
  }

  test('is asked about with both choices, and says what happens otherwise', async () => {
    const { app, path } = await inDoubt()
    const page = await (await app.request(path)).text()
    expect(page).toContain('Not sent yet: <bdi class="address">hanako@gmial.com</bdi> may be mistyped.')
    expect(page).toContain('Did you mean <bdi class="address">hanako@gmail.com</bdi>?')
    expect(page).toContain('Yes, send it there')
    expect(page).toContain('No, my address is right')
    expect(page).toContain('If you do nothing, it goes there unchanged at')
    // A page that loads itself again would take away what is being typed.
    expect(page).not.toContain('http-equiv="refresh"')
    expect((await statusOf(app, path)).messages[0]).toMatchObject({
      state: 'held',
      heldReason: 'doubtful-address',
      suggestion: meant,
      nextTryAt: new Date(app.deps.clock.now() + 600_000).toISOString(),
    })
  })

  test('“yes”: the confirmation goes to the suggested address', async () => {
    const { app, path } = await inDoubt()
    expect((await submit(app, `${path}/correct`, { email: meant })).status).toBe(303)
    expect(await messageOf(app, 'confirmation')).toMatchObject({ recipient: meant, state: { name: 'queued' } })
    expect((await statusOf(app, path)).messages[0]).toMatchObject({ heldReason: null, suggestion: null })
  })

  test.each(['resend', 'correct'])(
    '“no”, by %s: the same mail goes at once, pressed several times too, and no resend is used up',
    async (action) => {
      const { app, path } = await inDoubt()
      const held = await messageOf(app, 'confirmation')
      const announced = app.deps.announced
      const answers = await Promise.all([1, 2, 3].map(() => submit(app, `${path}/${action}`, { email: typo })))
      answers.push(await submit(app, `${path}/${action}`, { email: typo }))
      expect(answers.map(({ status }) => status)).toEqual([303, 303, 303, 303])
      expect(await messageOf(app, 'confirmation')).toMatchObject({
        id: held.id,
        state: { name: 'queued' },
        dueAt: app.deps.clock.now(),
        events: { length: 3 },
      })
      expect(app.deps.announced).toBe(announced + 1)
      expect(await app.stored()).toMatchObject([{ email: typo, resends: [] }])
      expect((await statusOf(app, path)).actions).toEqual({ correct: false, resend: false, left: 3 })
      // A slow second click, when it has arrived already, is no error either.
      await happens(app, 'confirmation', { kind: 'delivered', by: 'recipient' })
      expect((await submit(app, `${path}/resend`, {})).status).toBe(303)
    },
  )

  test('“no” is possible too when all resends are used up; another address is not', async () => {
    const { app, path } = await inDoubt()
    for (const email of ['a@gmial.com', 'b@gmial.com', 'c@gmial.com']) {
      await submit(app, `${path}/correct`, { email })
      await happens(app, 'confirmation', { kind: 'held', turn: 1, reason: 'doubtful-address', until: 8e15 })
    }
    expect((await statusOf(app, path)).actions).toEqual({ correct: false, resend: true, left: 0 })
    expect((await submit(app, `${path}/correct`, { email: meant })).status).toBe(409)
    expect((await submit(app, `${path}/resend`, {})).status).toBe(303)
    expect(await messageOf(app, 'confirmation')).toMatchObject({ recipient: 'c@gmial.com', state: { name: 'queued' } })
  })

  test('without a suggestion the address is to be looked at again', async () => {
    const { app, path } = await inDoubt('hanako@gone.example.jp')
    const page = await (await app.request(path)).text()
    expect(page).not.toContain('Did you mean')
    expect(page).toContain('Send the confirmation to this address instead')
    expect(page).toContain('>My address is right')
  })

  test('that bounced offers the suggestion beside the field, which keeps what was typed', async () => {
    const app = await testApp()
    const path = await posted(app, { ...good, email: typo })
    await happens(app, 'confirmation', { kind: 'bounced', hard: true, class: 'unknown-user' })
    const page = await (await app.request(path)).text()
    expect(page).toContain(`<input type="hidden" name="email" value="${meant}"`)
    expect(page).toMatch(/id="email"[^>]*value="hanako@gmial\.com"/)
    expect((await statusOf(app, path)).messages[0]).toMatchObject({ suggestion: meant })
  })

  test('a mail that has arrived is not doubted', async () => {
    const app = await testApp()
    const path = await posted(app, { ...good, email: typo })
    await happens(app, 'confirmation', { kind: 'delivered', by: 'recipient' })
    expect((await statusOf(app, path)).messages[0]).toMatchObject({ suggestion: null })
  })
})

describe('a confirmation that is held back', () => {
  test.each([
    ['cap', 'Confirmations are limited', null],
    ['breaker', 'Confirmations are limited', null],
    ['no-proof', 'Nothing showed that a person pressed the button', 'no-proof'],
  ] as const)('%s: it stands there that it waits, and that nothing is lost', async (reason, sentence, told) => {
    const app = await testApp()
    const path = await posted(app)
    await happens(app, 'notification', { kind: 'delivered', by: 'recipient' })
    await happens(app, 'confirmation', { kind: 'held', turn: 1, reason, until: null })
    app.deps.clock.advance(6_000)
    const page = await (await app.request(path)).text()
    expect(page).toContain(sentence)
    expect(page).toContain('Your message itself is stored.')
    const status = await statusOf(app, path)
    expect(status.messages[0]).toMatchObject({ state: 'held', heldReason: told, suggestion: null })
    expect(status.open).toBe('late')
    expect(status.actions).toMatchObject({ correct: false, resend: false })
    expect((await submit(app, `${path}/resend`, {})).status).toBe(409)
    expect((await submit(app, `${path}/correct`, { email: 'x@example.net' })).status).toBe(409)
  })

  test('status oracle: who types an address can’t learn that it is stopped, capped, or held for all', async () => {
    const evidence = { transport: 'none', rule: 'x' }
    const until = Date.UTC(2026, 0, 1, 0, 15)
    const seen: unknown[] = []
    for (const event of [
      { kind: 'suppressed', by: 'us', evidence },
      { kind: 'suppressed', by: 'provider', evidence },
      { kind: 'held', turn: 1, reason: 'cap', until, evidence },
      { kind: 'held', turn: 1, reason: 'breaker', until, evidence },
    ] as const) {
      const app = await testApp()
      const path = await posted(app)
      // A stop is found a moment later than a cap.
      const look = async () => {
        const { reference, receivedAt, ...status } = await statusOf(app, path)
        const page = await (await app.request(path)).text()
        const kept = page
          .replaceAll(path, '')
          .replaceAll(reference, '')
          .replaceAll(/&quot;[\w-]{22}&quot;/g, '')
        expect(kept).not.toMatch(/owner|stop|complain|suppress|many confirmations/i)
        const [resend, correct] = [
          await submit(app, `${path}/resend`, {}),
          await submit(app, `${path}/correct`, { email: 'x@example.net' }),
        ]
        return {
          status,
          kept: kept.replace(/<(style|script)[\s\S]*?<\/\1>/g, ''),
          refused: [resend.status, correct.status],
        }
      }
      const queued = await look()
      app.deps.clock.advance(event.kind === 'held' ? 0 : 1_000)
      await happens(app, 'confirmation', event)
      expect((await look()).status.messages).toEqual(queued.status.messages)
      app.deps.clock.advance(event.kind === 'held' ? 20_000 : 19_000)
      seen.push(await look())
    }
    expect(seen[0]).toMatchObject({ status: { messages: [{ state: 'held', heldReason: null }, {}] } })
    for (const other of seen.slice(1)) expect(other).toEqual(seen[0])
  })
})

test('invariant 13: what a secret address answers is in no cache, no referrer and no search engine', async () => {
  const app = await testApp()
  const path = await posted(app)
  const { url } = (await (
    await app.request('/api/v1/links', { method: 'POST', headers: { authorization: `Bearer ${testToken}` } })
  ).json()) as { url: string }
  const etag = (await app.request(`${path}.json`)).headers.get('etag') ?? ''
  const answers = {
    page: await app.request(path),
    json: await app.request(`${path}.json`),
    unchanged: await app.request(`${path}.json`, { headers: { 'if-none-match': etag } }),
    back: await app.request(`${path}/correct`),
    wrong: await app.request(`${path}x`, { headers: { accept: 'text/html' } }),
    enter: await app.request(new URL(url).pathname),
    used: await app.request(new URL(url).pathname, { headers: { accept: 'text/html' } }),
  }
  expect(Object.values(answers).map(({ status }) => status)).toEqual([200, 200, 304, 303, 404, 303, 410])
  for (const [name, { headers }] of Object.entries(answers)) {
    const kept = [headers.get('cache-control'), headers.get('referrer-policy'), headers.get('x-robots-tag')]
    expect(kept, name).toEqual(['no-store', 'no-referrer', 'noindex'])
  }
})

test('invariant 13: status tokens and one-time links are in no log', async () => {
  const app = await testApp()
  const path = await posted(app)
  await app.request(path)
  await app.request(`${path}.json`)
  await submit(app, `${path}/correct`, { email: 'x' })
  await app.request('/app/enter/abcdefghijklmnopqrstuvwxyz234567')
  const log = JSON.stringify(app.deps.lines)
  expect(log).toContain('/s/:reference/:token')
  expect(log).not.toContain(path.split('/').at(-1))
  expect(log).not.toContain('abcdefghijklmnop')
  expect(log).not.toContain('hanako')
})
