import { describe, expect, test } from 'vitest'
import { sampleWrite } from '../../test/contracts/samples.ts'
import { good, testApp } from '../../test/fakes/test-app.ts'
import type { Message, MessageEvent } from '../core/messages/message.ts'
import type { Review, Submission } from '../core/submissions/submission.ts'
import { type LinkPurpose, linkToken } from '../core/suppressions/links.ts'

type App = Awaited<ReturnType<typeof testApp>>

const day = 24 * 3_600_000

async function posted(app: App, fields: Record<string, string> = good): Promise<Submission> {
  await app.post(fields)
  const [newest] = await app.stored()
  if (newest === undefined) throw new Error('nothing was stored')
  return newest
}

async function ofRole(app: App, submission: Submission, role: Message['role']): Promise<Message[]> {
  return (await app.deps.messages.ofSubmission(submission.id)).filter((message) => message.role === role)
}

/** The path of a link in the submission's confirmation. */
async function linkOf(app: App, submission: Submission, purpose: LinkPurpose = 'stop'): Promise<string> {
  const [confirmation] = await ofRole(app, submission, 'confirmation')
  if (confirmation === undefined) throw new Error('there is no confirmation')
  return `/${purpose}/${linkToken(app.deps, purpose, confirmation, submission)}`
}

const fresh = async (app: App, { reference }: Submission) => (await app.deps.submissions.get(reference)) as Submission
const press = (app: App, path: string) => app.request(path, { method: 'POST', headers: { accept: 'text/html' } })
const text = async (app: App, path: string) =>
  await (await app.request(path, { headers: { accept: 'text/html' } })).text()

/** Everything that could change, to see that nothing did. */
async function snapshot(app: App, submission: Submission): Promise<unknown> {
  return {
    submission: await fresh(app, submission),
    messages: await app.deps.messages.ofSubmission(submission.id),
    stop: await app.deps.stops.get(good.email, app.deps.clock.now()),
  }
}

describe('“this wasn’t me”', () => {
  test('a page with one button; looking at it, as link scanners do, changes nothing', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    const before = await snapshot(app, submission)
    for (const method of ['GET', 'HEAD', 'GET']) {
      const answer = await app.request(path, { method, headers: { accept: 'text/html', purpose: 'prefetch' } })
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-robots-tag': 'noindex',
      })
      expect(answer.headers.get('content-security-policy')).toContain("form-action 'self'")
      if (method === 'GET') expect((await answer.text()).match(/<button/g)).toHaveLength(1)
    }
    expect(await snapshot(app, submission)).toEqual(before)
    // Neither the page of the link nor that of its undo may be opened by an address alone.
    expect((await app.request(`${path}/undo`)).status).toBe(405)
    expect(await snapshot(app, submission)).toEqual(before)
  })

  test('the button marks the submission, stops confirmations for 90 days, cancels them and tells the managers', async () => {
    const app = await testApp({ settings: { managers: ['a@example.jp', 'b@example.jp'] } })
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    const answer = await press(app, path)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(path)
    const now = app.deps.clock.now()
    expect(await fresh(app, submission)).toMatchObject({ disownedAt: now, review: 'accepted' })
    expect(await app.deps.stops.get(good.email, now + 90 * day - 1)).toMatchObject({ address: good.email })
    expect(await app.deps.stops.get(good.email, now + 90 * day)).toBeNull()
    expect(await ofRole(app, submission, 'confirmation')).toMatchObject([{ state: { name: 'cancelled' }, dueAt: null }])
    // Notifications go on as they were.
    expect((await ofRole(app, submission, 'notification')).map(({ state }) => state.name)).toEqual(['queued', 'queued'])
    const updates = await ofRole(app, submission, 'update')
    expect(updates.map(({ recipient }) => recipient).sort()).toEqual(['a@example.jp', 'b@example.jp'])

    const page = await text(app, path)
    expect(page).toContain('Thank you for telling us')
    expect(page).toContain('No confirmations come to your address until 1 April 2026')
    expect(page).toContain(`action="${path}/undo"`)
  })

  test('after an undo the page says so, as long as it is so', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    const undone = 'Confirmations may come to this address again'
    await press(app, path)
    expect(await text(app, `${path}?undone`)).not.toContain(undone)
    const { headers } = await press(app, `${path}/undo`)
    const page = await text(app, headers.get('location') as string)
    expect(page).toContain('Taken back')
    expect(page).toContain(undone)
    // The button leads to the page itself, which then has nothing to say of the undo.
    expect(page).toContain(`action="${path}"`)
    expect(await text(app, path)).not.toContain(undone)
    expect((await press(app, path)).headers.get('location')).toBe(path)
    expect(await text(app, `${path}?undone`)).not.toContain(undone)
  })

  test.each([
    ['/stop/x', 'GET, HEAD, POST'],
    ['/stop/x/undo', 'POST'],
    ['/confirm/x', 'GET, HEAD, POST'],
    ['/review/x', 'GET, HEAD, POST'],
    ['/files/x', 'GET, HEAD'],
    ['/s/KD4-MR7-WC3/x', 'GET, HEAD'],
    ['/s/KD4-MR7-WC3/x.json', 'GET, HEAD, OPTIONS'],
    ['/s/KD4-MR7-WC3/x/correct', 'GET, HEAD, POST'],
  ])('%s says which methods it knows, whether or not there is something', async (path, allow) => {
    const { request } = await testApp()
    for (const method of ['DELETE', 'PUT', 'PATCH']) {
      const answer = await request(path, { method, headers: { accept: 'application/json' } })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toBe(allow)
      expect(await answer.json()).toMatchObject({ code: 'method-unknown' })
    }
  })

  test('pressed again, also at once by several, it is done once', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    const answers = await Promise.all([1, 2, 3].map(() => press(app, path)))
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303])
    await press(app, path)
    expect(await ofRole(app, submission, 'update')).toHaveLength(1)
    expect((await ofRole(app, submission, 'confirmation'))[0]?.events).toHaveLength(2)
  })

  test('undo takes the stop and the mark back, and the managers learn of that too', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    await press(app, path)
    expect((await press(app, `${path}/undo`)).headers.get('location')).toBe(`${path}?undone`)
    await press(app, `${path}/undo`)
    expect(await fresh(app, submission)).toMatchObject({ disownedAt: null })
    expect(await app.deps.stops.get(good.email, app.deps.clock.now())).toBeNull()
    expect(await ofRole(app, submission, 'update')).toHaveLength(2)
    expect(await text(app, path)).toContain('It wasn’t me')
  })

  test('pressing to and fro does not flood the managers', async () => {
    const app = await testApp({ settings: { managers: ['a@example.jp', 'b@example.jp'] } })
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    for (let n = 0; n < 20; n += 1) await press(app, n % 2 === 0 ? path : `${path}/undo`)
    expect(await ofRole(app, submission, 'update')).toHaveLength(8)
    expect(await fresh(app, submission)).toMatchObject({ disownedAt: null })
  })

  test('the link works in any case of letters; everything else looks like a link that never was', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    expect((await app.request(path.toUpperCase().replace('/STOP/', '/stop/'))).status).toBe(200)

    const [notification] = await ofRole(app, submission, 'notification')
    const last = path.endsWith('a') ? 'b' : 'a'
    const wrong = [
      path.slice(0, -1),
      path.slice(0, -1) + last,
      `${path}a`,
      `/stop/${'a'.repeat(52)}`,
      `/stop/${'%00'.repeat(26)}`,
      `/stop/${'x'.repeat(5000)}`,
      `/stop/${linkToken(app.deps, 'stop', notification as Message, submission)}`,
      (await linkOf(app, submission, 'confirm')).replace('/confirm/', '/stop/'),
      path.replace('/stop/', '/confirm/'),
    ]
    const pages = new Set<string>()
    for (const each of wrong) {
      const answer = await app.request(each, { headers: { accept: 'text/html' } })
      expect(answer.status).toBe(404)
      pages.add(await answer.text())
      expect((await press(app, each)).status).toBe(404)
      expect((await press(app, `${each}/undo`)).status).toBe(404)
    }
    expect(pages.size).toBe(1)
    expect(await fresh(app, submission)).toMatchObject({ disownedAt: null })
  })

  test('a mail that went to a wrong address stops that address, not the corrected submission', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    const [confirmation] = await ofRole(app, submission, 'confirmation')
    const bounce = { id: 'b', at: 1, kind: 'bounced', hard: false, class: 'mailbox-full', evidence: { transport: 't' } }
    await app.deps.messages.write(sampleWrite(confirmation as Message, bounce as MessageEvent))
    const status = new URL((await app.post(good)).headers.get('location') ?? '').pathname
    await app.request(`${status}/correct`, { method: 'POST', body: new URLSearchParams({ email: 'taro@example.net' }) })

    await press(app, path)
    expect(await fresh(app, submission)).toMatchObject({ email: 'taro@example.net', disownedAt: null })
    expect(await app.deps.stops.get(good.email, app.deps.clock.now())).not.toBeNull()
    expect(await app.deps.stops.get('taro@example.net', app.deps.clock.now())).toBeNull()
    expect((await ofRole(app, submission, 'confirmation')).map(({ state }) => state.name)).toEqual([
      'bounced_soft',
      'queued',
    ])
  })

  test('after it, the submitter can’t ask for further mails', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const status = new URL((await app.post(good)).headers.get('location') ?? '').pathname
    const [confirmation] = await ofRole(app, submission, 'confirmation')
    const bounce = { id: 'b', at: 1, kind: 'bounced', hard: false, class: 'mailbox-full', evidence: { transport: 't' } }
    await app.deps.messages.write(sampleWrite(confirmation as Message, bounce as MessageEvent))
    await press(app, await linkOf(app, submission))
    for (const action of ['correct', 'resend']) {
      const body = new URLSearchParams({ email: 'other@example.net' })
      expect((await app.request(`${status}/${action}`, { method: 'POST', body })).status).toBe(409)
    }
    expect(await (await app.request(`${status}.json`)).json()).toMatchObject({
      actions: { correct: false, resend: false },
    })
  })

  test('the page speaks the language of the mail', async () => {
    const app = await testApp()
    const submission = await posted(app, { ...good, _language: 'ja' })
    const path = await linkOf(app, submission)
    expect(await text(app, path)).toContain('お心当たりがありませんか')
    await press(app, path)
    expect(await text(app, path)).toContain('お知らせありがとうございます')
  })

  test('the story tells it, and a fault of the store in between is mended by pressing again', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    const { disown } = app.deps.submissions
    app.deps.submissions.disown = () => Promise.reject(new Error('disk'))
    expect((await press(app, path)).status).toBe(500)
    // What protects the address came first.
    expect(await app.deps.stops.get(good.email, app.deps.clock.now())).not.toBeNull()
    app.deps.submissions.disown = disown
    expect((await press(app, path)).status).toBe(303)
    const story = await app.request(`/api/v1/submissions/${submission.reference}/story`, {
      headers: { authorization: 'Bearer operator-token' },
    })
    expect(await story.text()).toContain('The owner of the address says that it was not them.')
  })

  test('what was said and taken back stays in the story, in order; the submission shows how it stands', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const path = await linkOf(app, submission)
    const seen = async (part: string) => {
      const headers = { authorization: 'Bearer operator-token' }
      return await (await app.request(`/api/v1/submissions/${submission.reference}${part}`, { headers })).json()
    }
    app.deps.clock.advance(60_000)
    const at = new Date(app.deps.clock.now()).toISOString()
    await press(app, path)
    expect(await seen('')).toMatchObject({ disownedAt: at })
    app.deps.clock.advance(60_000)
    await press(app, `${path}/undo`)
    expect(await seen('')).toMatchObject({ disownedAt: null })
    const told = async () =>
      ((await seen('/story')) as { lines: { text: string }[] }).lines.flatMap(
        ({ text }) => /^The owner of the address (says|took)/.exec(text)?.[1] ?? [],
      )
    expect(await told()).toEqual(['says', 'took'])
    app.deps.clock.advance(60_000)
    await press(app, path)
    expect(await told()).toEqual(['says', 'took', 'says'])
  })
})

describe('double opt-in', () => {
  /** A post of a form that asks the submitter first. */
  async function unconfirmed() {
    const app = await testApp({ settings: { managers: ['a@example.jp', 'b@example.jp'] } })
    const { accept } = app.deps.submissions
    app.deps.submissions.accept = (command) =>
      accept({
        ...command,
        submission: { ...command.submission, review: 'unconfirmed' satisfies Review },
        messages: command.messages.filter(({ role }) => role === 'confirmation'),
      })
    const submission = await posted(app)
    app.deps.submissions.accept = accept
    return { app, submission, path: await linkOf(app, submission, 'confirm') }
  }

  test('only the button confirms; then the notifications go out, and no second confirmation', async () => {
    const { app, submission, path } = await unconfirmed()
    expect(await text(app, path)).toContain('Step 2 of 2')
    await app.request(path, { method: 'HEAD' })
    expect(await fresh(app, submission)).toMatchObject({ review: 'unconfirmed' })
    const announced = app.deps.announced
    const answer = await press(app, path)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toBe(path)
    expect(await fresh(app, submission)).toMatchObject({ review: 'accepted', reviewedAt: app.deps.clock.now() })
    const mails = await app.deps.messages.ofSubmission(submission.id)
    expect(mails.map(({ role, recipient }) => `${role} ${recipient}`)).toEqual([
      'confirmation hanako@example.net',
      'notification a@example.jp',
      'notification b@example.jp',
    ])
    expect(app.deps.announced).toBe(announced + 1)
    const page = await text(app, path)
    expect(page).toContain('Confirmed. Thank you')
    expect(page).toContain(`href="/s/${submission.reference}/`)
  })

  test('pressed several times, also at once, it is confirmed once', async () => {
    const { app, submission, path } = await unconfirmed()
    const answers = await Promise.all([1, 2, 3].map(() => press(app, path)))
    expect(answers.map(({ status }) => status)).toEqual([303, 303, 303])
    await press(app, path)
    expect(await ofRole(app, submission, 'notification')).toHaveLength(2)
  })

  test('the link is in the mail alone: the status page, which the poster sees, does not lead to it', async () => {
    const { app, path } = await unconfirmed()
    const status = new URL((await app.post(good)).headers.get('location') ?? '').pathname
    const seen = (await text(app, status)) + (await (await app.request(`${status}.json`)).text())
    expect(seen).not.toContain('/confirm/')
    expect(seen).not.toContain(path.split('/').at(-1))
    expect(seen).not.toContain('/stop/')
    expect(seen).toContain('One more step')
    expect(await (await app.request(`${status}.json`)).json()).toMatchObject({ review: 'unconfirmed' })
  })

  test('who said that it wasn’t them can’t confirm by mistake, but can take that back first', async () => {
    const { app, submission, path } = await unconfirmed()
    const stop = await linkOf(app, submission)
    await press(app, stop)
    // The managers were never told of it, and are not told now; nor does the page claim it.
    expect(await text(app, stop)).not.toContain('people')
    expect(await ofRole(app, submission, 'update')).toEqual([])
    await press(app, path)
    expect(await fresh(app, submission)).toMatchObject({ review: 'unconfirmed' })
    expect(await text(app, path)).toContain(`href="${stop}"`)
    await press(app, `${stop}/undo`)
    await press(app, path)
    expect(await fresh(app, submission)).toMatchObject({ review: 'accepted' })
  })

  test('a mail to an address that was corrected since confirms nothing', async () => {
    const { app, submission, path } = await unconfirmed()
    const [confirmation] = await ofRole(app, submission, 'confirmation')
    const bounce = { id: 'b', at: 1, kind: 'bounced', hard: false, class: 'mailbox-full', evidence: { transport: 't' } }
    await app.deps.messages.write(sampleWrite(confirmation as Message, bounce as MessageEvent))
    const status = new URL((await app.post(good)).headers.get('location') ?? '').pathname
    await app.request(`${status}/correct`, {
      method: 'POST',
      body: new URLSearchParams({ email: 'victim@example.net' }),
    })
    expect((await app.request(path)).status).toBe(404)
    expect((await press(app, path)).status).toBe(404)
    expect(await fresh(app, submission)).toMatchObject({ review: 'unconfirmed', email: 'victim@example.net' })
  })

  test('the link of an ordinary confirmation has nothing to confirm', async () => {
    const app = await testApp()
    const submission = await posted(app)
    const before = await snapshot(app, submission)
    const path = await linkOf(app, submission, 'confirm')
    expect(await text(app, path)).toContain('Confirmed.')
    await press(app, path)
    expect(await snapshot(app, submission)).toEqual(before)
  })
})

test('invariant 13: the tokens of stop and confirm links are in no log', async () => {
  const app = await testApp()
  const submission = await posted(app)
  const stop = await linkOf(app, submission)
  const confirm = await linkOf(app, submission, 'confirm')
  await app.request(stop)
  await press(app, stop)
  await press(app, `${stop}/undo`)
  await app.request(confirm)
  await press(app, confirm)
  const log = JSON.stringify(app.deps.lines)
  expect(log).toContain('/stop/:token')
  expect(log).toContain('/confirm/:token')
  // The id alone may be there; the code that makes it a key may not.
  for (const path of [stop, confirm]) expect(log).not.toContain(path.slice(-26))
  expect(log).not.toContain('hanako')
})
