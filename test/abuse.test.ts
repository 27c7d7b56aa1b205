import PostalMime from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { formatTime } from '../src/core/format-time.ts'
import { formFigures } from '../src/core/forms/figures.ts'
import type { FormRecord, FormSettings } from '../src/core/forms/form.ts'
import { confirmationCaps } from '../src/core/messages/caps.ts'
import { composeMessage } from '../src/core/messages/compose.ts'
import { retryMessage } from '../src/core/messages/operate.ts'
import { planMessages } from '../src/core/messages/plan.ts'
import { acceptSubmission, type Post } from '../src/core/submissions/accept-submission.ts'
import { conventions } from '../src/core/submissions/control-names.ts'
import { explain } from '../src/core/submissions/explain.ts'
import { releaseSubmission } from '../src/core/submissions/release.ts'
import { correctAddress, resendConfirmation } from '../src/core/submissions/resend-confirmation.ts'
import { submissionStatus } from '../src/core/submissions/status.ts'
import type { Submission } from '../src/core/submissions/submission.ts'
import { linkToken } from '../src/core/suppressions/links.ts'
import { stopConfirmations } from '../src/core/suppressions/stop.ts'
import { sampleForm } from './contracts/samples.ts'
import { type EngineRig, engineRig } from './fakes/engine-rig.ts'
import { solved } from './fakes/solved-puzzle.ts'
import { good, testApp, testToken } from './fakes/test-app.ts'
import { scriptedTransport, testDeps } from './fakes/test-deps.ts'

const json = { accept: 'application/json' }
const operator = { authorization: `Bearer ${testToken}` }

type App = Awaited<ReturnType<typeof testApp>>

async function mailsOf({ deps }: App, submission: Submission | undefined) {
  const messages = await deps.messages.ofSubmission(submission?.id ?? '')
  return messages.map(({ role, state }) => `${role} ${state.name}${state.heldReason ? ` ${state.heldReason}` : ''}`)
}

/** A solved puzzle of the server, as the widget sends it. */
describe('invariant 6: what waits for review causes no mail', () => {
  const trapped = (changes: Partial<Post> = {}): Post => ({
    entries: [
      { kind: 'text', name: 'email', value: 'hanako@example.net' },
      { kind: 'text', name: 'message', value: 'Hello' },
      { kind: 'text', name: '_gotcha', value: 'x' },
    ],
    idempotencyKey: null,
    client: { address: '192.0.2.1', agent: '' },
    pageOrigin: null,
    pagePath: null,
    acceptLanguage: 'en',
    crowded: false,
    ...changes,
  })

  async function quarantined(settings: FormSettings = {}) {
    const transport = scriptedTransport(() => ({
      outcome: { kind: 'delivered', by: 'recipient' },
      evidence: { transport: 'test', stage: 'final-dot' },
    }))
    const rig: EngineRig = await engineRig({ transport })
    await rig.deps.forms.put(sampleForm({ version: 2, settings }))
    const form = (await rig.deps.forms.get('contact')) ?? sampleForm()
    const outcome = await acceptSubmission(rig.deps, form, trapped())
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind)
    const fresh = async () => (await rig.deps.submissions.get(outcome.submission.reference)) as Submission
    const settle = async (ms = 1) => {
      await rig.clock.advanceAsync(ms)
      await rig.recover()
      await rig.clock.advanceAsync(1)
    }
    return { ...rig, form, outcome, fresh, settle, sent: transport.deliveries }
  }

  test('through any path: correcting, asking again, retrying, recovering, disowning, posting again', async () => {
    const { deps, fresh, settle, sent, form, outcome } = await quarantined({ notification: { bounces: 'mail' } })
    await settle()
    expect(outcome).toMatchObject({ confirmation: 'held', repeated: false })
    expect(await correctAddress(deps, await fresh(), 'victim@example.net')).toMatchObject({ kind: 'refused' })
    expect(await resendConfirmation(deps, await fresh())).toMatchObject({ kind: 'refused' })
    expect(await deps.messages.ofSubmission((await fresh()).id)).toEqual([])
    expect(await retryMessage(deps, (await fresh()).id)).toEqual({ kind: 'message-not-found' })
    const message = { id: 'none', recipient: 'hanako@example.net' } as Parameters<typeof linkToken>[2]
    expect(await stopConfirmations(deps, linkToken(deps, 'stop', message, await fresh()))).toBeNull()
    expect(await acceptSubmission(deps, form, trapped())).toMatchObject({ repeated: true, confirmation: 'held' })
    await settle(6 * 24 * 3_600_000)
    expect(sent).toEqual([])
    expect((await deps.messages.list({ limit: 10 })).items).toEqual([])
  })

  test('not even when a mail of it got into the queue by somebody’s mistake', async () => {
    const { deps, form, settle, sent, outcome } = await quarantined()
    const { submission } = outcome
    await deps.messages.add(planMessages(deps, form, { ...submission, review: 'accepted' }).messages)
    deps.queue.announce()
    await settle()
    expect(sent).toEqual([])
    const messages = await deps.messages.ofSubmission(submission.id)
    expect(messages.map(({ state }) => state.name)).toEqual(['cancelled', 'cancelled'])
  })

  test('released it sends the original mails, with the time it was received, once', async () => {
    const { deps, fresh, settle, sent, outcome } = await quarantined()
    const { reference, receivedAt } = outcome.submission
    await settle(30 * 24 * 3_600_000)
    expect(await releaseSubmission(deps, ` ${reference.toLowerCase()} `)).toMatchObject({
      kind: 'done',
      submission: { review: 'released', reviewedAt: deps.clock.now() },
    })
    const at = (await fresh()).reviewedAt
    await settle()
    expect(sent.map(({ to }) => to)).toEqual(['hanako@example.net', 'office@example.jp'])
    const mails = await Promise.all(sent.map(({ mail }) => PostalMime.parse(mail)))
    for (const mail of mails) expect(mail.text).toContain(formatTime(receivedAt, 'en', deps.settings.timeZone))
    expect(mails[1]?.text).toContain('Hello')
    const again = await Promise.all([releaseSubmission(deps, reference), releaseSubmission(deps, reference)])
    expect(again.map(({ kind }) => kind)).toEqual(['done', 'done'])
    await settle()
    expect(sent).toHaveLength(2)
    expect((await fresh()).reviewedAt).toBe(at)
    const story = (await explain(deps, await fresh(), 'en')).lines.map(({ text }) => text)
    expect(story.join('\n')).toMatch(
      /It was put aside for review: a field that visitors don’t see[\s\S]*A person released it/,
    )
  })

  test('two who release at once release once', async () => {
    const { deps, outcome, settle, sent } = await quarantined()
    await Promise.all([1, 2, 3].map(() => releaseSubmission(deps, outcome.submission.reference)))
    await settle()
    expect(sent).toHaveLength(2)
  })

  test('a release does not go around the caps', async () => {
    const { deps, form, settle, sent } = await quarantined()
    for (let n = 0; n < 8; n += 1) {
      const outcome = await acceptSubmission(deps, form, trapped({ idempotencyKey: `k${n}` }))
      if (outcome.kind === 'accepted') await releaseSubmission(deps, outcome.submission.reference)
    }
    await settle()
    expect(sent.filter(({ to }) => to === 'hanako@example.net')).toHaveLength(5)
    expect(sent.filter(({ to }) => to === 'office@example.jp')).toHaveLength(8)
    const { quarantined: waiting, released, held, saved } = await formFigures(deps, 'contact')
    expect([waiting, released, held, saved]).toEqual([1, 8, 3, 4])
  })

  test('what waits for its submitter goes to the managers when one of them releases it', async () => {
    const { deps, form, settle, sent } = await quarantined({ doubleOptIn: true })
    const outcome = await acceptSubmission(
      deps,
      form,
      trapped({ idempotencyKey: 'other', entries: trapped().entries.slice(0, 2) }),
    )
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind)
    expect(outcome.submission.review).toBe('unconfirmed')
    await settle()
    expect(sent.map(({ to }) => to)).toEqual(['hanako@example.net'])
    await releaseSubmission(deps, outcome.submission.reference)
    await settle()
    expect(sent.map(({ to }) => to)).toEqual(['hanako@example.net', 'office@example.jp'])
  })

  test('a reference that never was is told', async () => {
    const { deps } = await quarantined()
    for (const typed of ['', 'AAA-AAA-AAA', '../../etc'])
      expect(await releaseSubmission(deps, typed)).toEqual({ kind: 'submission-not-found' })
  })
})

describe('abuse, by name', () => {
  test('autofilled honeypot of a real person: success, quarantined, listed, released by API', async () => {
    const app = await testApp()
    const answer = await app.post({ ...good, _gotcha: 'Hanako Inc.' })
    expect(answer.status).toBe(303)
    const [submission] = await app.stored()
    expect(answer.headers.get('location')).toContain(`/s/${submission?.reference}/`)
    const page = await (await app.request(new URL(answer.headers.get('location') ?? '').pathname)).text()
    expect(page).toContain('Received, waiting for review')
    expect(page).not.toContain('No address was given')

    const list = await app.request('/api/v1/submissions?review=quarantined', { headers: operator })
    expect(await list.json()).toMatchObject({
      items: [{ reference: submission?.reference, verdict: { reasons: [{ rule: 'honeypot', detail: '1' }] } }],
    })
    const path = `/api/v1/submissions/${submission?.reference}/release`
    expect((await app.request(path, { method: 'POST' })).status).toBe(401)
    const released = await app.request(path, { method: 'POST', headers: operator })
    expect(await released.json()).toMatchObject({ review: 'released' })
    expect(await mailsOf(app, submission)).toEqual(['confirmation queued', 'notification queued'])
    const nothing = await app.request('/api/v1/submissions/AAA-AAA-AAA/release', { method: 'POST', headers: operator })
    expect(nothing.status).toBe(404)
  })

  test('status oracle: a quarantined post is answered like an accepted one, but for its review', async () => {
    const shapes = []
    for (const extra of [{}, { _gotcha: 'x' }]) {
      const app = await testApp()
      const answer = await app.post({ ...good, ...extra }, json)
      const body = (await answer.json()) as Record<string, unknown> & { receipt: { url: string } }
      const status = await app.request(`${new URL(body.receipt.url).pathname}.json`)
      const shown = (await status.json()) as Record<string, unknown>
      shapes.push({
        status: answer.status,
        headers: [...answer.headers.keys()],
        keys: Object.keys(body),
        ok: [body.ok, body.success, body.status, body.code],
        shown: Object.keys(shown),
        says: [shown.review, body.mail, /review/.test(String(body.message))],
      })
      expect(JSON.stringify([body, shown])).not.toMatch(/honeypot|gotcha|verdict|reason":"(?!null)/)
    }
    const [accepted, quarantined] = shapes
    expect({ ...quarantined, says: null }).toEqual({ ...accepted, says: null })
    expect(accepted?.says).toEqual(['accepted', { confirmation: 'queued' }, false])
    expect(quarantined?.says).toEqual(['quarantined', { confirmation: 'held' }, true])
  })

  test('timing: every rule is asked whatever the others say', async () => {
    const asked: string[][] = []
    for (const extra of [{}, { _gotcha: 'x', _loaded: '1', _webdriver: '1' }]) {
      const deps = testDeps()
      const { hit } = deps.rates
      const keys: string[] = []
      deps.rates.hit = (key, windowMs) => {
        keys.push(key.replace(/:.*/, ''))
        return hit(key, windowMs)
      }
      await (await testApp({ deps })).post({ ...good, message: 'x'.repeat(50), ...extra })
      asked.push(keys)
    }
    expect(asked[1]).toEqual(asked[0])
    expect(asked[0]).toEqual(['post', 'client', 'clients', 'text'])
  })

  test('forged Origin: it gets a bot nowhere but past that one rule', async () => {
    const app = await testApp({ settings: { origins: ['https://www.example.jp'] } })
    const forged = { origin: 'https://www.example.jp', referer: 'https://www.example.jp/' }
    await app.post({ ...good, _gotcha: 'x' }, forged)
    const away = await app.post({ ...good, name: 'b', _next: 'https://evil.example/' }, forged)
    const other = await app.post({ ...good, name: 'c', _next: '/phish' }, { origin: 'https://evil.example' })
    const nonsense = await app.post({ ...good, name: 'd', _next: '/x' }, { origin: 'javascript:alert(1)' })
    for (const answer of [away, other, nonsense])
      expect(answer.headers.get('location')).toMatch(/^https:\/\/forms\.example\.jp\/s\//)
    expect((await app.stored()).map(({ review }) => review)).toEqual([
      'quarantined',
      'quarantined',
      'accepted',
      'quarantined',
    ])
  })

  test('forged Referer: alone it counts as the origin it names, and leads nobody elsewhere', async () => {
    const app = await testApp({ settings: { origins: ['https://www.example.jp'] } })
    const referers = [
      'https://evil.example/',
      'https://www.example.jp@evil.example/',
      'https://www.example.jp.evil.example/',
      'javascript:https://www.example.jp/',
      'https://www.example.jp/contact',
      'no address at all',
    ]
    for (const [number, referer] of referers.entries()) {
      const answer = await app.post({ ...good, name: `${number}`, _next: 'https://evil.example/' }, { referer })
      expect(answer.headers.get('location')).toMatch(/^https:\/\/forms\.example\.jp\/s\//)
    }
    expect((await app.stored()).map(({ review }) => review).reverse()).toEqual([
      'quarantined',
      'quarantined',
      'quarantined',
      // Browsers name no such page, and a text that is none names nothing: then nothing is held against it.
      'accepted',
      'accepted',
      'accepted',
    ])
  })

  test('answer oracle: it says the same, from the same questions, whether the address is free, capped or stopped', async () => {
    const seen: unknown[] = []
    for (const kind of ['free', 'capped', 'stopped']) {
      const deps = testDeps()
      const app = await testApp({ deps })
      for (let n = 0; n < (kind === 'capped' ? 5 : 0); n += 1) await app.post({ ...good, name: `${n}` })
      const until = deps.clock.now() + 1e9
      if (kind === 'stopped') await deps.stops.add({ address: good.email, since: 0, until, messageId: 'm' })
      const asked: string[] = []
      const { get } = deps.stops
      deps.stops.get = (...command) => {
        asked.push('stops')
        return get(...command)
      }
      const body = (await (await app.post(good, json)).json()) as Record<string, unknown>
      const { mail, review, message, reference } = body
      seen.push({
        mail,
        review,
        message: String(message).replace(String(reference), ''),
        keys: Object.keys(body),
        asked,
      })
    }
    expect(seen[0]).toMatchObject({ mail: { confirmation: 'queued' }, asked: [] })
    expect(seen[1]).toEqual(seen[0])
    expect(seen[2]).toEqual(seen[0])
  })

  test('1,000 posts a second from one address: 429 with Retry-After, while others pass', async () => {
    const app = await testApp()
    const bot = { 'x-test-client': '198.51.100.7', origin: 'https://site.example', 'content-length': '60' }
    const statuses = new Map<number, number>()
    for (let n = 0; n < 1000; n += 1) {
      const answer = await app.post({ ...good, name: `${n}` }, { ...bot, ...json })
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      if (answer.status !== 429) continue
      expect(answer.headers.get('retry-after')).toBe('10')
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://site.example')
    }
    expect(Object.fromEntries(statuses)).toEqual({ 200: 60, 429: 940 })
    const other = await app.post({ ...good, name: 'other' }, { 'x-test-client': '203.0.113.9' })
    expect(other.status).toBe(303)
    expect((await app.stored())[0]?.review).toBe('accepted')
  })

  test('a person behind the bot’s address gets the form back filled in, and passes with the second press', async () => {
    const app = await testApp()
    const bot = { 'x-test-client': '198.51.100.7' }
    const flood = async () => {
      for (let n = 0; n < 1000; n += 1) await app.post({ ...good, name: `${n}` }, { ...bot, ...json })
    }
    await flood()
    const fields = { ...good, message: 'Please call me', _next: '/thanks' }
    const length = { 'content-length': String(new URLSearchParams(fields).toString().length) }
    const refused = await app.post(fields, { ...bot, ...length })
    expect(refused.status).toBe(429)
    const page = await refused.text()
    expect(page).toContain('value="花子"')
    const action = /action="([^"]+)"/.exec(page)?.[1] ?? ''
    expect(action).toMatch(/^\/f\/contact\?turn=/)
    app.deps.clock.advance(9_000)
    await flood()
    expect((await app.post(fields, { ...bot, ...length }, action)).status).toBe(303)
    // So much came from there that somebody has to look at it; it is not lost.
    expect((await app.stored())[0]).toMatchObject({ review: 'quarantined', email: good.email })
  })

  test('a script behind the bot’s address learns how to get through: a turn, and where a proof is to be had', async () => {
    const app = await testApp()
    const bot = { 'x-test-client': '198.51.100.7', ...json }
    const flood = async () => {
      for (let n = 0; n < 70; n += 1) await app.post({ ...good, name: `${n}` }, { ...bot, 'content-length': '60' })
    }
    await flood()
    // Also where the post is not even read.
    for (const length of [{ 'content-length': '60' }, { 'content-length': '65000' }]) {
      const refused = await app.post(good, { ...bot, ...length }, '/ajax/contact?x=1')
      expect(refused.status).toBe(429)
      const problem = (await refused.json()) as Record<string, string>
      expect(problem).toMatchObject({
        code: 'too-many-posts',
        turn: expect.stringMatching(/^[\w-]+$/),
        retryUrl: `https://forms.example.jp/ajax/contact?x=1&turn=${problem.turn}`,
        challengeUrl: 'https://forms.example.jp/f/contact/challenge',
      })
      app.deps.clock.advance(9_000)
      await flood()
      const again = { ...good, message: length['content-length'] }
      const taken = await app.post(again, { ...bot, 'content-length': '60' }, problem.retryUrl)
      expect(await taken.json()).toMatchObject({ ok: true })
    }
    // Another refusal gives no turn away.
    const invalid = await app.post({ ...good, email: 'x' }, json)
    expect(Object.keys((await invalid.json()) as object)).not.toContain('turn')
  })

  test('in a flood a proof of work lets a post through, once', async () => {
    const app = await testApp()
    const altcha = await solved(app)
    const bot = { 'x-test-client': '198.51.100.7', ...json, 'content-length': '2000' }
    for (let n = 0; n < 70; n += 1) await app.post({ ...good, name: `${n}` }, bot)
    expect((await app.post({ ...good, altcha: 'made-up' }, bot)).status).toBe(429)
    expect((await app.post({ ...good, altcha }, bot)).status).toBe(200)
    expect((await app.post({ ...good, name: 'another', altcha }, bot)).status).toBe(429)
  })

  test('too large, of no stated length, or with files: a crowd’s posts are not read', async () => {
    const app = await testApp()
    const bot = { 'x-test-client': '198.51.100.7' }
    for (let n = 0; n < 700; n += 1) await app.post({}, { ...bot, ...json })
    for (const headers of [{}, { 'content-length': '65000' }, { 'content-length': '-1' }, { 'content-length': 'x' }]) {
      const answer = await app.post(good, { ...bot, ...headers })
      expect(answer.status).toBe(429)
      expect(await answer.text()).not.toContain('花子')
    }
    const form = new FormData()
    form.append('doc', new File(['%PDF-1.7'], 'a.pdf'))
    expect((await app.postForm(form, { ...bot, 'content-length': '300' })).status).toBe(429)
    const blobs: string[] = []
    for await (const key of app.deps.blobs.olderThan(Number.MAX_SAFE_INTEGER)) blobs.push(key)
    expect(blobs).toEqual([])
  })

  const reserved = conventions.flatMap(({ names }) => names.map((name) => name.replace('*', 'x')))
  test.each(reserved)(
    'CRLF and Unicode tricks in %s reach no header, no redirect and no other recipient',
    async (name) => {
      const tricks = [
        '\r\nBcc: evil@example.net\r\n\r\n<b>',
        '\n',
        '\r',
        '%0d%0aBcc:',
        '\u2028',
        '\u0085',
        '\u202E',
        '\0',
        '\u{E000A}',
      ]
      for (const [number, trick] of tricks.entries()) {
        const deps = testDeps()
        const app = await testApp({ deps, settings: { cc: ['team@example.jp'] } })
        for (const value of [
          `x${trick}Bcc: evil@example.net`,
          `/x${trick}`,
          `a@example.jp${trick}`,
          `=?utf-8?q?x=0d=0aBcc?=${trick}`,
        ]) {
          const answer = await app.post({ ...good, message: `${number}`, [name]: value })
          expect([303, 422]).toContain(answer.status)
          for (const [, header] of answer.headers) expect(header).not.toMatch(/[\r\n\0\u0085\u2028]|evil@/)
          const location = answer.headers.get('location')
          if (location !== null) expect(new URL(location).origin).toBe('https://forms.example.jp')
        }
        for (const submission of await app.stored()) {
          for (const message of await deps.messages.ofSubmission(submission.id)) {
            expect([good.email, 'office@example.jp']).toContain(message.recipient)
            const form = (await deps.forms.getVersion(submission.form, submission.formVersion)) as FormRecord
            const { mail } = await composeMessage(deps, { ...message, attempts: 1 }, form, submission)
            const { headers } = await PostalMime.parse(mail)
            expect(headers.map(({ key }) => key)).not.toContain('bcc')
            expect(
              headers.filter(({ key, value }) => key !== 'subject' && key !== 'from' && /evil@/.test(value)),
            ).toEqual([])
          }
        }
      }
    },
  )

  test('CRLF and Unicode tricks in control fields reach no header and no verdict', async () => {
    const app = await testApp({ settings: { cc: ['team@example.jp'] } })
    const trick = 'x\r\nBcc: evil@example.net\u2028\u202E'
    await app.post({ ...good, _subject: trick, '_email.from': trick, _cc: `evil@example.net, TEAM@example.jp` })
    const [submission] = await app.stored()
    expect(JSON.stringify(submission?.wishes)).not.toMatch(/\\r|\\n|\u2028|\u202E/)
    const messages = await app.deps.messages.ofSubmission(submission?.id ?? '')
    expect(messages.map(({ recipient }) => recipient)).toEqual([good.email, 'office@example.jp', 'team@example.jp'])
  })

  test('what is logged of a verdict are the names of its rules', async () => {
    const app = await testApp()
    await app.post({ ...good, _gotcha: 'secret words', _webdriver: '1' })
    const line = app.deps.lines.find(({ message }) => message === 'post accepted')
    expect(line?.fields).toMatchObject({ state: 'quarantined', code: 'honeypot (automated-browser)' })
    expect(JSON.stringify(app.deps.lines)).not.toContain('secret words')
  })
})

describe('proof of work, where the form asks for one', () => {
  const settings = { confirmation: { proof: 'required' } } as const

  test('without script: stored, the manager notified, only the confirmation withheld, and the page says so', async () => {
    const app = await testApp({ settings })
    const answer = await app.post(good, json)
    expect(await answer.json()).toMatchObject({ ok: true, mail: { confirmation: 'held' } })
    const [submission] = await app.stored()
    expect(await mailsOf(app, submission)).toEqual(['confirmation held no-proof', 'notification queued'])
    const status = await submissionStatus(app.deps, submission as Submission)
    expect(status.messages[0]).toMatchObject({ state: 'held', heldReason: 'no-proof' })
  })

  test('a manager lets the withheld confirmation go', async () => {
    const app = await testApp({ settings })
    await app.post(good)
    const [submission] = await app.stored()
    const [confirmation] = await app.deps.messages.ofSubmission(submission?.id ?? '')
    const path = `/api/v1/messages/${confirmation?.id}/retry`
    const answer = await app.request(path, { method: 'POST', headers: operator })
    expect(await answer.json()).toMatchObject({ state: 'queued' })
  })

  test('with one it goes out; replayed proof of work: the second post is stored, its confirmation withheld', async () => {
    const app = await testApp({ settings })
    const altcha = await solved(app)
    await app.post({ ...good, altcha }, json)
    expect(await mailsOf(app, (await app.stored())[0])).toEqual(['confirmation queued', 'notification queued'])
    const again = await app.post({ ...good, altcha }, json)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(await again.json()).toMatchObject({ mail: { confirmation: 'queued' } })
    const replayed = await app.post({ ...good, email: 'victim@example.net', altcha }, json)
    expect(await replayed.json()).toMatchObject({ ok: true, mail: { confirmation: 'held' } })
    expect(await mailsOf(app, (await app.stored())[0])).toEqual(['confirmation held no-proof', 'notification queued'])
    expect((await app.stored())[0]?.entries.map(({ name }) => name)).not.toContain('altcha')
  })

  test('of ten posts at once with the same proof one confirmation goes out', async () => {
    const app = await testApp({ settings })
    const altcha = await solved(app)
    const posts = Array.from({ length: 10 }, (_, n) => app.post({ ...good, email: `v${n}@example.net`, altcha }))
    await Promise.all(posts)
    const all = await Promise.all((await app.stored()).map((submission) => mailsOf(app, submission)))
    expect(all.flat().filter((mail) => mail === 'confirmation queued')).toHaveLength(1)
    expect(all.flat().filter((mail) => mail === 'notification queued')).toHaveLength(10)
  })

  test('a made-up or outdated one is as none', async () => {
    const app = await testApp({ settings })
    const outdated = await solved(app)
    app.deps.clock.advance(31 * 60_000)
    for (const altcha of [outdated, 'x', btoa('{}'), 'A'.repeat(10_000)]) {
      await app.post({ ...good, name: altcha.slice(0, 20), altcha })
      expect(await mailsOf(app, (await app.stored())[0])).toEqual(['confirmation held no-proof', 'notification queued'])
    }
  })

  test('a form that asks for none looks at none', async () => {
    const deps = testDeps()
    deps.proofs.verify = () => Promise.reject(new Error('asked'))
    const app = await testApp({ deps })
    expect((await app.post({ ...good, altcha: 'x' })).status).toBe(303)
  })
})

describe('one proof of work pays for one mail to a stranger', () => {
  async function posted(email: string, proven: boolean) {
    const transport = scriptedTransport(({ to }) => ({
      outcome: /^(?:victim|nobody)/.test(to)
        ? { kind: 'refused', class: to.startsWith('nobody') ? 'unknown-user' : 'mailbox-full', scope: 'message' }
        : { kind: 'delivered', by: 'recipient' },
      evidence: { transport: 'test', stage: 'rcpt' },
    }))
    const rig = await engineRig({ transport })
    await rig.deps.forms.put(sampleForm({ version: 2, settings: { confirmation: { proof: 'required' } } }))
    const form = (await rig.deps.forms.get('contact')) ?? sampleForm()
    const proof = proven ? await solved(rig) : ''
    const altcha = proven ? [{ kind: 'text', name: 'altcha', value: proof } as const] : []
    const outcome = await acceptSubmission(rig.deps, form, {
      entries: [{ kind: 'text', name: 'email', value: email }, ...altcha],
      idempotencyKey: null,
      client: { address: '192.0.2.1', agent: '' },
      pageOrigin: null,
      pagePath: null,
      acceptLanguage: 'en',
      crowded: false,
    })
    if (outcome.kind !== 'accepted') throw new Error(outcome.kind)
    const fresh = async () => (await rig.deps.submissions.get(outcome.submission.reference)) as Submission
    await rig.clock.advanceAsync(1)
    return {
      ...rig,
      proof,
      fresh,
      correct: async (typed: string, altcha: string | null = null) => {
        const result = await correctAddress(rig.deps, await fresh(), typed, altcha)
        await rig.clock.advanceAsync(1)
        return result
      },
      state: async () => (await rig.message(outcome.submission, 'confirmation')).state,
      told: () => transport.deliveries.findLast(({ to }) => to === 'office@example.jp')?.mail ?? '',
      strangers: () => transport.deliveries.map(({ to }) => to).filter((to) => to !== 'office@example.jp'),
    }
  }

  test('once it was used, a corrected address waits for a person, and the managers learn of it', async () => {
    const { correct, state, strangers, told, clock, recover, deps, fresh } = await posted('nobody@example.net', true)
    expect(await correct('victim@example.net')).toEqual({ kind: 'done' })
    expect(await state()).toMatchObject({ name: 'held', heldReason: 'no-proof' })
    for (const typed of ['victim2@example.net', 'victim3@example.net']) await correct(typed)
    expect(strangers()).toEqual(['nobody@example.net'])
    const messages = await deps.messages.ofSubmission((await fresh()).id)
    expect(messages.map(({ role }) => role)).toEqual(['confirmation', 'notification', 'confirmation', 'update'])
    expect((await PostalMime.parse(told())).text).toContain('The confirmation to the sender is held back')
    // Nor does it go out when it has waited for so long that it can be asked for again.
    await clock.advanceAsync(6 * 24 * 3_600_000)
    await recover()
    expect(await state()).toMatchObject({ name: 'expired' })
    expect(await resendConfirmation(deps, await fresh())).toEqual({ kind: 'done' })
    await clock.advanceAsync(1)
    expect(await state()).toMatchObject({ name: 'held', heldReason: 'no-proof' })
    expect(strangers()).toEqual(['nobody@example.net'])
  })

  test('with a proof of its own the corrected address gets its mail, once for each proof', async () => {
    const { correct, state, strangers, deps, clock, recover, fresh } = await posted('nobody@example.net', true)
    const altcha = await solved({ deps })
    const results = await Promise.all([1, 2, 3].map(() => correct('victim@example.net', altcha)))
    expect(results.map(({ kind }) => kind).sort()).toEqual(['done', 'repeated', 'repeated'])
    expect(strangers()).toEqual(['nobody@example.net', 'victim@example.net'])
    await clock.advanceAsync(6 * 24 * 3_600_000)
    await recover()
    const tried = strangers().length
    // The proof is used up, and another one pays for another mail.
    expect(await correct('hanako@example.net', altcha)).toEqual({ kind: 'done' })
    expect(await state()).toMatchObject({ name: 'held', heldReason: 'no-proof' })
    expect(strangers()).toHaveLength(tried)
    await clock.advanceAsync(6 * 24 * 3_600_000)
    await recover()
    expect(await correct('taro@example.net', await solved({ deps }))).toEqual({ kind: 'done' })
    expect(strangers().slice(tried)).toEqual(['taro@example.net'])
    expect((await fresh()).resends).toHaveLength(3)
  })

  test.each([
    ['the one of the post', (own: string) => own],
    ['a made-up one', () => btoa('{}')],
    ['a huge one', () => 'A'.repeat(9_000)],
  ])('%s counts for nothing, and the corrected address waits', async (_what, made) => {
    const { correct, state, strangers, proof } = await posted('nobody@example.net', true)
    expect(await correct('victim@example.net', made(proof))).toEqual({ kind: 'done' })
    expect(await state()).toMatchObject({ name: 'held', heldReason: 'no-proof' })
    expect(strangers()).toEqual(['nobody@example.net'])
  })

  test('a proof lifts nothing but its own question: caps and stops hold as before', async () => {
    const capped = await posted('nobody@example.net', true)
    for (let n = 0; n < 6; n += 1) {
      const caps = confirmationCaps(capped.deps, 'victim@example.net')
      await capped.deps.messages.countLate({ messageId: `other${n}`, caps, now: capped.clock.now() })
    }
    await capped.correct('victim@example.net', await solved(capped))
    expect(await capped.state()).toMatchObject({ name: 'held', heldReason: 'cap' })

    const stopped = await posted('nobody@example.net', true)
    const since = stopped.clock.now()
    await stopped.deps.stops.add({ address: 'victim@example.net', since, until: since + 1e9, messageId: 'other' })
    await stopped.correct('victim@example.net', await solved(stopped))
    expect(await stopped.state()).toMatchObject({ name: 'suppressed' })
    expect([...capped.strangers(), ...stopped.strangers()]).not.toContain('victim@example.net')
  })

  test('a correction that is refused leaves the proof unused, and one that needs none does not look at it', async () => {
    const { correct, strangers, deps } = await posted('hanako@gmial.com', true)
    const altcha = await solved({ deps })
    expect(await correct('not an address', altcha)).toMatchObject({ kind: 'refused' })
    const { verify } = deps.proofs
    deps.proofs.verify = () => Promise.reject(new Error('asked'))
    expect(await correct('nobody@example.net', altcha)).toEqual({ kind: 'done' })
    expect(await correct('nobody@example.net', altcha)).toMatchObject({ kind: 'refused', code: 'address-unchanged' })
    deps.proofs.verify = verify
    expect(await correct('hanako@example.net', altcha)).toEqual({ kind: 'done' })
    expect(strangers()).toEqual(['nobody@example.net', 'hanako@example.net'])
  })

  test('a post without one causes no mail by being asked for again', async () => {
    const { state, strangers, clock, recover, deps, fresh } = await posted('victim@example.net', false)
    await clock.advanceAsync(6 * 24 * 3_600_000)
    await recover()
    expect(await state()).toMatchObject({ name: 'expired' })
    await resendConfirmation(deps, await fresh())
    await clock.advanceAsync(1)
    expect(await state()).toMatchObject({ name: 'held', heldReason: 'no-proof' })
    expect(strangers()).toEqual([])
  })

  test('it is not used up by an address in doubt, to which nothing went', async () => {
    const { correct, strangers } = await posted('hanako@gmial.com', true)
    expect(await correct('hanako@gmail.com')).toEqual({ kind: 'done' })
    expect(strangers()).toEqual(['hanako@gmail.com'])
  })

  test('the same address may be tried again', async () => {
    const { strangers, clock, deps, fresh } = await posted('victim@example.net', true)
    await clock.advanceAsync(6 * 24 * 3_600_000)
    const before = strangers().length
    expect(await resendConfirmation(deps, await fresh())).toEqual({ kind: 'done' })
    await clock.advanceAsync(1)
    expect(strangers()).toHaveLength(before + 1)
  })
})

describe('GET /f/{form}/challenge', () => {
  test('gives a new puzzle each time, to pages of any origin, kept by no cache', async () => {
    const app = await testApp()
    const headers = { origin: 'https://site.example' }
    const answer = await app.request('/f/contact/challenge', { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://site.example')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const first = await answer.json()
    expect(first).toMatchObject({ parameters: { algorithm: 'PBKDF2/SHA-256' } })
    expect(await (await app.request('/f/contact/challenge', { headers })).json()).not.toEqual(first)
    const preflight = await app.request('/f/contact/challenge', { method: 'OPTIONS', headers })
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, OPTIONS')
  })

  test('of no form there is none, nothing is posted there, and who asks for too many waits', async () => {
    const app = await testApp()
    expect((await app.request('/f/nothing/challenge')).status).toBe(404)
    expect((await app.request('/f/contact/challenge', { method: 'POST' })).status).toBe(405)
    const statuses = new Set<number>()
    for (let n = 0; n < 80; n += 1) statuses.add((await app.request('/f/contact/challenge')).status)
    expect([...statuses]).toEqual([200, 429])
  })
})

test('the evidence of Formspree’s packages counts as that of our own script', async () => {
  const app = await testApp({ settings: { spam: { shadow: [] } } })
  const now = app.deps.clock.now()
  const verdict = async (said: unknown, raw = btoa(JSON.stringify(said))) => {
    await app.post({ ...good, name: `${Math.random()}` }, { 'formspree-session-data': raw })
    return (await app.stored())[0]?.verdict.reasons.map(({ rule }) => rule)
  }
  // Its time is that of the visitor's clock, which may be wrong; ours says nothing of it.
  expect(await verdict({ loadedAt: now - 500, webdriver: true })).toEqual(['automated-browser'])
  expect(await verdict({ loadedAt: now - 5000, webdriver: false })).toEqual([])
  for (const nonsense of [null, 7, {}, { loadedAt: 'x' }, { loadedAt: now + 5000 }, { loadedAt: 0 }])
    expect(await verdict(nonsense)).toEqual([])
  expect(await verdict(null, '%%%')).toEqual([])
  expect(await verdict(null, btoa('{"loadedAt":1e999}'))).toEqual([])
})
