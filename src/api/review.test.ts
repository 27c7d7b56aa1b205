import { describe, expect, test } from 'vitest'
import { sampleWrite } from '../../test/contracts/samples.ts'
import { good, testApp, testOrigin } from '../../test/fakes/test-app.ts'
import { testDeps, testSettings } from '../../test/fakes/test-deps.ts'
import { raise } from '../core/alarms/lifecycle.ts'
import { correctAddress } from '../core/submissions/resend-confirmation.ts'
import type { Submission } from '../core/submissions/submission.ts'
import { reviewUrl } from '../core/suppressions/links.ts'

type App = Awaited<ReturnType<typeof testApp>>

const day = 24 * 3_600_000
const token = { authorization: 'Bearer operator-token' }

/** A post that a rule put aside, and the path of its managers' link. */
async function waiting(
  app: App,
  fields: Record<string, string> = {},
): Promise<{ submission: Submission; path: string }> {
  const answer = await app.post({ ...good, _gotcha: 'x', ...fields })
  expect(answer.status).toBe(303)
  const [submission] = await app.stored()
  if (submission === undefined) throw new Error('nothing was stored')
  expect(submission.review).toBe('quarantined')
  return { submission, path: new URL(reviewUrl(app.deps, submission) ?? '').pathname }
}

const look = (app: App, path: string, method = 'GET') => app.request(path, { method, headers: { accept: 'text/html' } })
const text = async (app: App, path: string) => await (await look(app, path)).text()
const snapshot = async (app: App, { id, reference }: Submission) => ({
  submission: await app.deps.submissions.get(reference),
  messages: await app.deps.messages.ofSubmission(id),
})

describe('the review page', () => {
  test('shows what was posted, why it waits, and what one button would send to whom', async () => {
    const app = await testApp({ settings: { managers: ['a@example.jp', 'b@example.jp'] } })
    const { submission, path } = await waiting(app)
    const page = await text(app, path)
    for (const part of [
      'Is this message genuine?',
      submission.reference,
      'a field that visitors don’t see was filled in',
      '花子',
      'The confirmation to',
      good.email,
      'a@example.jp',
      'b@example.jp',
      '31 January 2026',
    ])
      expect(page).toContain(part)
    expect(page.match(/<button/g)).toHaveLength(1)
    expect(page).toContain(`action="${path}"`)
  })

  test('looking at it, as link scanners do, changes nothing, and leaves no trace elsewhere', async () => {
    const app = await testApp()
    const { submission, path } = await waiting(app)
    const before = await snapshot(app, submission)
    for (const method of ['GET', 'HEAD', 'GET']) {
      const answer = await look(app, path, method)
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-robots-tag': 'noindex',
      })
    }
    await look(app, path, 'PUT')
    expect(await snapshot(app, submission)).toEqual(before)
    expect(JSON.stringify(app.deps.lines)).not.toContain(path.slice(-26))
  })

  test('the button sends the mails and leads back to the page, which then says that it was done, and when', async () => {
    const app = await testApp()
    const { submission, path } = await waiting(app)
    const announced = app.deps.announced
    app.deps.clock.advance(3_600_000)
    const answer = await look(app, path, 'POST')
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(path)
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    const { submission: after, messages } = await snapshot(app, submission)
    expect(after).toMatchObject({
      review: 'released',
      reviewedAt: app.deps.clock.now(),
      receivedAt: submission.receivedAt,
    })
    expect(messages.map(({ role, recipient }) => `${role} ${recipient}`)).toEqual([
      `confirmation ${good.email}`,
      'notification office@example.jp',
    ])
    expect(app.deps.announced).toBe(announced + 1)
    const page = await text(app, path)
    expect(page).toContain('Released')
    expect(page).toContain('on 1 January 2026 at 10:00')
    expect(page).toContain(`The confirmation to ${good.email} waits to be sent.`)
    expect(page).not.toContain('<button')
  })

  test('pressed by several at once, and again later, the mails go out once', async () => {
    const app = await testApp()
    const { submission, path } = await waiting(app)
    const answers = await Promise.all([1, 2, 3].map(() => look(app, path, 'POST')))
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303])
    const once = await snapshot(app, submission)
    app.deps.clock.advance(3_600_000)
    await look(app, path, 'POST')
    expect(await snapshot(app, submission)).toEqual(once)
    expect(once.messages).toHaveLength(2)
  })

  test('released by somebody else meanwhile, it says so instead of asking', async () => {
    const app = await testApp()
    const { submission, path } = await waiting(app)
    const release = `/api/v1/submissions/${submission.reference}/release`
    expect((await app.request(release, { method: 'POST', headers: token })).status).toBe(200)
    expect(await text(app, path)).toContain('A person found this message genuine')
  })

  test('a link that is cut, forged, of another purpose or over looks like one that never was, and acts on nothing', async () => {
    const app = await testApp()
    const { submission, path } = await waiting(app)
    expect((await look(app, path.toUpperCase().replace('/REVIEW/', '/review/'))).status).toBe(200)
    const [, reference, end = '', code = ''] = /^\/review\/(\w+)-(\w+)-(\w+)$/.exec(path) ?? []
    const longer = (Number.parseInt(end, 36) + 60 * 24).toString(36)
    const status = new URL((await app.post({ ...good, _gotcha: 'x' })).headers.get('location') ?? '').pathname
    const wrong = [
      path.slice(0, -1),
      `${path}a`,
      path.slice(0, -1) + (path.endsWith('a') ? 'b' : 'a'),
      `/review/${reference}-${longer}-${code}`,
      `/review/AAAAAAAAA-${end}-${code}`,
      `/review/${reference}-${end}-${status.slice(-26)}`,
      `/review/${'%00'.repeat(30)}`,
      `/review/${'x'.repeat(5000)}`,
    ]
    const pages = new Set<string>()
    for (const each of wrong) {
      const answer = await look(app, each)
      expect(answer.status, each).toBe(404)
      pages.add(await answer.text())
      expect((await look(app, each, 'POST')).status).toBe(404)
    }
    app.deps.clock.advance(30 * day + 60_000)
    const over = await look(app, path)
    expect(over.status).toBe(404)
    pages.add(await over.text())
    expect((await look(app, path, 'POST')).status).toBe(404)
    expect(pages.size).toBe(1)
    expect(await snapshot(app, submission)).toMatchObject({ submission: { review: 'quarantined' }, messages: [] })
  })

  test('what a stranger typed is text: no markup, no link', async () => {
    const app = await testApp()
    const message = `<script>alert(1)</script><a href="https://evil.example/">x</a> javascript:alert(1)`
    const { path } = await waiting(app, { message, name: '\u202Eevil {{ form.title }}' })
    const page = await text(app, path)
    expect(page).not.toContain('<script>alert')
    expect(page).not.toContain('href="https://evil.example')
    expect(page).toContain('&lt;script>alert(1)')
    expect(page).toContain('{{ form.title }}')
  })

  test('a long text is cut, and the whole of it a link away', async () => {
    const limits = { ...testSettings.limits, fieldBytes: 40_000 }
    const app = await testApp({ deps: testDeps({ settings: { ...testSettings, limits } }) })
    const { path } = await waiting(app, { message: `${'long '.repeat(4000)}end` })
    const page = await text(app, path)
    expect(page).toContain('The whole text (20003 characters)')
    expect(page.length).toBeLessThan(30_000)
    const link = /href="https:\/\/forms\.example\.jp(\/files\/[^"]+)"/.exec(page)?.[1] ?? ''
    expect(await (await app.request(link)).text()).toMatch(/long end$/)
  })

  test('uploads are links that only ever save, and what is dangerous about one is said', async () => {
    const page = `<!doctype html><form action="/f/contact" method="post" enctype="multipart/form-data">
      <input name="email" type="email"><label>Document <input type="file" name="doc"></label></form>`
    const app = await testApp({ page })
    const form = new FormData()
    form.append('email', good.email)
    form.append('_gotcha', 'x')
    form.append('doc', new File(['MZ'], 'bill.pdf\u202E.exe', { type: 'application/pdf' }))
    expect((await app.postForm(form)).status).toBe(303)
    const [submission] = await app.stored()
    const shown = await text(app, new URL(reviewUrl(app.deps, submission as Submission) ?? '').pathname)
    expect(shown).toContain('bill.pdf.exe')
    expect(shown).toContain('A program.')
    const link = /href="https:\/\/forms\.example\.jp(\/files\/[^"]+)"/.exec(shown)?.[1] ?? ''
    const file = await app.request(link)
    expect(file.status).toBe(200)
    expect(file.headers.get('content-disposition')).toContain('attachment')
    // They end with the page that has them.
    const path = new URL(reviewUrl(app.deps, submission as Submission) ?? '').pathname
    app.deps.clock.advance(30 * day - 60_000)
    expect([(await look(app, path)).status, (await app.request(link)).status]).toEqual([200, 200])
    app.deps.clock.advance(2 * 60_000)
    expect([(await look(app, path)).status, (await app.request(link)).status]).toEqual([404, 410])
  })

  test('a test, and a form that mails nobody, say so; the page speaks the language of the managers', async () => {
    const app = await testApp({
      deps: testDeps({ settings: { ...testSettings, managers: [] } }),
      settings: { language: 'ja' },
    })
    const { path } = await waiting(app, { _test: 'true' })
    const page = await text(app, path)
    expect(page).toContain('この送信は本物ですか')
    expect(page).toContain('（テスト）')
    expect(page).toContain('このフォームはメールを送らない設定です')
  })

  test('one whose sender could not be asked says so; confirmed after all, it says that', async () => {
    const app = await testApp({ settings: { doubleOptIn: true } })
    await app.post(good)
    const [asked] = await app.stored()
    if (asked === undefined) throw new Error('nothing was stored')
    const move = { submissionId: asked.id, at: app.deps.clock.now(), messages: [], capped: [] }
    await app.deps.submissions.review({ ...move, from: 'unconfirmed', to: 'quarantined' })
    const path = new URL(reviewUrl(app.deps, { ...asked, review: 'quarantined' }) ?? '').pathname
    const page = await text(app, path)
    expect(page).toContain('The form asks the sender to confirm first')
    expect(page).toContain('The notification to <bdi')
    expect(page).not.toContain('The confirmation to <bdi')
    await app.deps.submissions.review({ ...move, from: 'quarantined', to: 'accepted' })
    expect(await text(app, path)).toContain('Its sender confirmed this message')
    await look(app, path, 'POST')
    expect((await snapshot(app, asked)).submission).toMatchObject({ review: 'accepted' })
  })

  test('one whose sender could not be asked says how that mail stands, and names the address that counts now', async () => {
    const app = await testApp({ settings: { doubleOptIn: true } })
    await app.post(good)
    const [asked] = await app.stored()
    const [question] = await app.deps.messages.ofSubmission(asked?.id ?? '')
    if (asked === undefined || question === undefined) throw new Error('nothing was stored')
    const evidence = { transport: 't' }
    const at = app.deps.clock.now()
    const bounce = { id: 'b', at, kind: 'bounced', hard: true, class: 'unknown-user', evidence } as const
    await app.deps.messages.write(sampleWrite(question, bounce))
    const move = { submissionId: asked.id, at, from: 'unconfirmed', to: 'quarantined' } as const
    await app.deps.submissions.review({ ...move, messages: [], capped: [] })
    const path = new URL(reviewUrl(app.deps, { ...asked, review: 'quarantined' }) ?? '').pathname
    const page = await text(app, path)
    expect(page).toContain(`The confirmation to ${good.email} came back; the address does not work.`)
    expect(page).not.toContain('corrected by the sender')
    const moved = await app.deps.submissions.get(asked.reference)
    expect(await correctAddress(app.deps, moved as Submission, 'other@example.net')).toEqual({ kind: 'done' })
    const corrected = await text(app, path)
    expect(corrected).toContain('<bdi class="address">other@example.net</bdi> (corrected by the sender)')
    expect(corrected).toContain(`The confirmation to other@example.net waits to be sent.`)
    expect(corrected).not.toContain('the address may not work')
  })

  test('one whose address’s owner said that it wasn’t them says so, while it waits and after its release', async () => {
    const app = await testApp({ settings: { doubleOptIn: true } })
    await app.post(good)
    const [asked] = await app.stored()
    if (asked === undefined) throw new Error('nothing was stored')
    const at = app.deps.clock.now()
    const move = { submissionId: asked.id, at, messages: [], capped: [] }
    await app.deps.submissions.review({ ...move, from: 'unconfirmed', to: 'quarantined' })
    const path = new URL(reviewUrl(app.deps, { ...asked, review: 'quarantined' }) ?? '').pathname
    expect(await text(app, path)).not.toContain('this wasn’t me')
    await app.deps.submissions.disown({ submissionId: asked.id, at, messages: [] })
    const said = 'The owner of this address said “this wasn’t me” on 1 January 2026'
    expect(await text(app, path)).toContain(said)
    await look(app, path, 'POST')
    const released = await text(app, path)
    expect(released).toContain('Released')
    expect(released).toContain(said)
  })

  test('what became of a mail is told there too', async () => {
    const app = await testApp()
    const { submission, path } = await waiting(app)
    await look(app, path, 'POST')
    const [confirmation] = await app.deps.messages.ofSubmission(submission.id)
    if (confirmation === undefined) throw new Error('there is no confirmation')
    const bounce = {
      id: 'b',
      at: 1,
      kind: 'bounced',
      hard: true,
      class: 'unknown-user',
      evidence: { transport: 't' },
    } as const
    await app.deps.messages.write(sampleWrite(confirmation, bounce))
    expect(await text(app, path)).toContain('came back; the address does not work.')
  })
})

describe('the link to it', () => {
  test('stands in the API while the submission waits, and only then', async () => {
    const app = await testApp()
    const { submission, path } = await waiting(app)
    const ask = async (rest: string) =>
      (await (await app.request(`/api/v1/submissions${rest}`, { headers: token })).json()) as {
        items: { reviewUrl: string | null }[]
        reviewUrl: string | null
      }
    const one = `/${submission.reference}`
    expect((await ask(one)).reviewUrl).toBe(testOrigin + path)
    expect((await ask(`${one}/story`)).reviewUrl).toBe(testOrigin + path)
    expect((await ask('?review=quarantined')).items.map(({ reviewUrl: url }) => url)).toEqual([testOrigin + path])
    await look(app, path, 'POST')
    expect((await ask(one)).reviewUrl).toBeNull()
    expect((await ask(`${one}/story`)).reviewUrl).toBeNull()
  })

  test('is nowhere that the submitter looks', async () => {
    const app = await testApp()
    const answer = await app.post({ ...good, _gotcha: 'x' })
    const status = new URL(answer.headers.get('location') ?? '').pathname
    const seen = (await text(app, status)) + (await (await app.request(`${status}.json`)).text())
    expect(seen).not.toContain('/review/')
  })
})

describe('the overview', () => {
  test('names each form with what waits and came last, what is wrong, and why a loss would not be noticed', async () => {
    const app = await testApp()
    const { submission } = await waiting(app)
    await raise(app.deps, { key: 'k', kind: 'queue-stuck', form: null, since: 1, facts: {} })
    const seen = await app.request('/api/v1/overview', { headers: token })
    expect(await seen.json()).toMatchObject({
      transport: 'smtp',
      forms: [{ name: 'contact', title: 'Contact', waiting: 1, newest: [{ reference: submission.reference }] }],
      alarms: [{ key: 'k', form: null }],
      warnings: [{ code: 'no-second-channel' }, { code: 'no-heartbeat' }],
    })
    expect((await app.request('/api/v1/overview')).status).toBe(401)
  })

  test('a press of a button, which browsers send with a body of no bytes, is no wrong type', async () => {
    const app = await testApp()
    const headers = { ...token, 'content-length': '0' }
    const answer = await app.request('/api/v1/forms/contact/test', { method: 'POST', body: '', headers })
    expect(answer.status).toBe(200)
  })
})
