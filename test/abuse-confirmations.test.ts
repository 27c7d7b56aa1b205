import PostalMime from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { retryMessage } from '../src/core/messages/operate.ts'
import { planMessages, submitterAddress } from '../src/core/messages/plan.ts'
import type { AttemptReport, Delivery } from '../src/core/messages/transport.ts'
import { confirmSubmission, confirmView } from '../src/core/submissions/confirm.ts'
import { explain } from '../src/core/submissions/explain.ts'
import { newReference } from '../src/core/submissions/reference.ts'
import { releaseSubmission } from '../src/core/submissions/release.ts'
import { correctAddress, resendConfirmation } from '../src/core/submissions/resend-confirmation.ts'
import { submissionStatus } from '../src/core/submissions/status.ts'
import type { Submission } from '../src/core/submissions/submission.ts'
import { createUnaskedWatch } from '../src/core/submissions/unasked.ts'
import { linkToken } from '../src/core/suppressions/links.ts'
import { type StopView, stopConfirmations, stopView, takeBackStop } from '../src/core/suppressions/stop.ts'
import { renderStop } from '../src/pages/stop.tsx'
import { sampleForm, sampleId, sampleSubmission } from './contracts/samples.ts'
import { type EngineOptions, type EngineRig, engineRig } from './fakes/engine-rig.ts'
import { testApp, testToken } from './fakes/test-app.ts'
import { dnsWhere, scriptedTransport } from './fakes/test-deps.ts'

const minute = 60_000
const hour = 60 * minute

const taken: AttemptReport = {
  outcome: { kind: 'delivered', by: 'recipient' },
  evidence: { transport: 'test', stage: 'final-dot' },
}
const unknownUser: AttemptReport = {
  outcome: { kind: 'refused', class: 'unknown-user', scope: 'message' },
  evidence: { transport: 'test', stage: 'rcpt', replyCode: 550 },
}

type Rig = EngineRig & { sent: Delivery[] }

/** Besides `contact`; `asking` asks the submitter first. */
const forms = [
  sampleForm({ name: 'other' }),
  sampleForm({ name: 'third' }),
  sampleForm({ name: 'asking', settings: { doubleOptIn: true } }),
]

/** The engine before a recipient's side that takes everything, or does what the script says. */
async function rigWith(
  script: (delivery: Delivery) => AttemptReport = () => taken,
  options: EngineOptions = {},
): Promise<Rig> {
  const transport = scriptedTransport(script)
  const rig = await engineRig({ transport, ...options })
  for (const form of forms) await rig.deps.forms.put(form)
  return { ...rig, sent: transport.deliveries }
}

/** A submission as it is stored when nothing is found against it; what is judged before has tests of its own. */
async function submitted(
  rig: Rig,
  typed: string,
  form = 'contact',
  review: Submission['review'] = 'accepted',
): Promise<Submission> {
  const { deps } = rig
  const record = forms.find(({ name }) => name === form) ?? sampleForm({ name: form })
  const entries = [{ kind: 'text', name: 'email', value: typed }] as const
  const receivedAt = deps.clock.now()
  const email = submitterAddress(record, entries)
  const reference = newReference(deps.ids)
  const known = { form, reference, entries, email, receivedAt, review, clientKey: sampleId(), language: 'en' } as const
  const submission = sampleSubmission(known)
  await deps.submissions.accept({
    submission,
    ...planMessages(deps, record, submission),
    proof: null,
    idempotency: null,
    repetition: null,
  })
  deps.queue.announce()
  return submission
}

/** Lets everything that is due happen. */
const settle = (rig: Rig) => rig.clock.advanceAsync(1)
const mailsTo = (rig: Rig, recipient: string) => rig.sent.filter(({ to }) => to === recipient)
const strangersMails = (rig: Rig) => rig.sent.filter(({ to }) => to !== 'office@example.jp')
const fresh = async (rig: Rig, { reference }: Submission) => (await rig.deps.submissions.get(reference)) as Submission

describe('invariant 9: confirmations are capped', () => {
  test('per recipient, however the address is written, over all forms', async () => {
    const rig = await rigWith()
    const ways = [
      'hanako.yamada@gmail.com',
      'hanakoyamada@gmail.com',
      'h.a.n.a.k.o.yamada@gmail.com',
      'HanakoYamada@Gmail.com',
      'hanakoyamada+news@gmail.com',
      'hanako.yamada+1@googlemail.com',
      '"hanako.yamada"@gmail.com',
      'ｈａｎａｋｏyamada@gmail.com',
    ]
    const forms = ['contact', 'other', 'third']
    for (let n = 0; n < 40; n += 1) await submitted(rig, ways[n % ways.length] ?? '', forms[n % 3])
    await settle(rig)
    expect(strangersMails(rig)).toHaveLength(5)
    // The next day they get some more.
    await rig.clock.advanceAsync(25 * hour)
    await submitted(rig, ways[0] ?? '')
    await rig.clock.advanceAsync(2 * hour)
    // What had to wait takes its turn then, and no more than the cap.
    expect(strangersMails(rig).length).toBeGreaterThan(5)
    expect(strangersMails(rig).length).toBeLessThanOrEqual(10)
  })

  test('an international domain counts the same in its own letters and as an A-label', async () => {
    const rig = await rigWith()
    for (let n = 0; n < 6; n += 1) await submitted(rig, n % 2 === 0 ? 'info@日本語.jp' : 'info@XN--WGV71A119E.JP')
    await settle(rig)
    expect(strangersMails(rig)).toHaveLength(5)
  })

  test('per domain, whoever is meant there', async () => {
    const rig = await rigWith()
    for (let n = 0; n < 130; n += 1)
      await submitted(rig, `person${n}@company.example.jp`, n % 2 === 0 ? 'contact' : 'other')
    for (let n = 0; n < 3; n += 1) await submitted(rig, `person${n}@elsewhere.example.jp`)
    await settle(rig)
    const at = (domain: string) => rig.sent.filter(({ to }) => to.endsWith(`@${domain}`)).length
    expect(at('company.example.jp')).toBe(100)
    expect(at('elsewhere.example.jp')).toBe(3)
  })

  test('notifications are not: the managers learn of every post', async () => {
    const rig = await rigWith()
    for (let n = 0; n < 40; n += 1) await submitted(rig, 'hanako@example.net')
    await settle(rig)
    expect(mailsTo(rig, 'hanako@example.net')).toHaveLength(5)
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(40)
  })

  test('also by correcting addresses and by asking again', async () => {
    const full = {
      outcome: { kind: 'refused', class: 'mailbox-full', scope: 'message' },
      evidence: unknownUser.evidence,
    } as const
    const rig = await rigWith(({ to }) => (to === 'office@example.jp' ? taken : full))
    for (let n = 0; n < 10; n += 1) {
      const submission = await submitted(rig, `wrong${n}@host${n}.example.jp`)
      await settle(rig)
      for (const typed of ['victim@example.net', 'Victim+x@example.net']) {
        await correctAddress(rig.deps, await fresh(rig, submission), typed)
        await settle(rig)
      }
      await resendConfirmation(rig.deps, await fresh(rig, submission))
      await settle(rig)
    }
    expect(rig.sent.filter(({ to }) => to.toLowerCase().startsWith('victim'))).toHaveLength(5)
  })

  test('also when they go out: what had to wait for hours does not come all at once', async () => {
    const busy = {
      outcome: { kind: 'deferred', class: 'rate-limited', scope: 'message' },
      evidence: unknownUser.evidence,
    } as const
    const arrived: { to: string; at: number }[] = []
    let now: (() => number) | null = null
    const rig = await rigWith(({ to }) => {
      if (now === null) return to === 'office@example.jp' ? taken : busy
      arrived.push({ to, at: now() })
      return taken
    })
    const pass = async (minutes: number) => {
      for (let passed = 0; passed < minutes; passed += 5) await rig.clock.advanceAsync(5 * minute)
    }
    for (let n = 0; n < 5; n += 1) await submitted(rig, 'hanako@gmail.com', n % 2 === 0 ? 'contact' : 'other')
    for (let n = 0; n < 60; n += 1) await submitted(rig, `early${n}@company.example.jp`)
    await pass(26 * 60)
    // A day later there is room for others, while none of the first has arrived; then the other side takes everything.
    now = rig.clock.now
    for (let n = 0; n < 5; n += 1) await submitted(rig, 'hanako@gmail.com', n % 2 === 0 ? 'contact' : 'other')
    for (let n = 0; n < 60; n += 1) await submitted(rig, `late${n}@company.example.jp`)
    await pass(6 * 60)

    expect(arrived.filter(({ to }) => to === 'hanako@gmail.com')).toHaveLength(5)
    const company = arrived.filter(({ to }) => to.endsWith('@company.example.jp')).map(({ at }) => at)
    for (const at of company) {
      expect(company.filter((other) => other > at - hour && other <= at).length).toBeLessThanOrEqual(100)
    }
    // What had no room when it was due went out when there was some; what had none from the beginning says why.
    expect(company).toHaveLength(120)
    const waiting = (await rig.deps.messages.list({ state: 'held', limit: 200 })).items
    expect(waiting).toHaveLength(5)
    expect(waiting.every(({ state }) => state.heldReason === 'cap')).toBe(true)
  })

  test('a hit is held: the submitter sees that, the manager and the operator also why; an operator can let it go', async () => {
    const rig = await rigWith()
    for (let n = 0; n < 5; n += 1) await submitted(rig, 'hanako@example.net')
    await settle(rig)
    const submission = await submitted(rig, 'hanako@example.net')
    await settle(rig)

    const status = await submissionStatus(rig.deps, submission)
    // The reason is the managers': whoever typed the address must not learn that others did.
    expect(status.messages[0]).toMatchObject({ role: 'confirmation', state: 'queued', heldReason: null })
    await rig.clock.advanceAsync(6_000)
    expect((await submissionStatus(rig.deps, submission)).messages[0]).toMatchObject({
      state: 'held',
      heldReason: null,
    })
    const app = await testApp({ deps: rig.deps, page: null })
    const authorization = `Bearer ${testToken}`
    const listed = await app.request('/api/v1/messages?state=held', { headers: { authorization } })
    expect(await listed.json()).toMatchObject({ items: [{ reference: submission.reference, heldReason: 'cap' }] })
    const story = await explain(rig.deps, submission, 'en')
    expect(story.now.join(' ')).toContain('is held back: the address or its domain got many confirmations lately.')
    const notification = mailsTo(rig, 'office@example.jp').at(-1)
    const { text } = await PostalMime.parse(notification?.mail ?? '')
    expect(text?.replace(/\s+/g, ' ')).toContain(
      'The confirmation to the sender is held back: the address or its domain',
    )

    const held = await rig.message(submission, 'confirmation')
    expect(await retryMessage(rig.deps, held.id)).toMatchObject({ kind: 'done' })
    await settle(rig)
    expect((await rig.message(submission, 'confirmation')).state.name).toBe('delivered')
  })
})

describe('somebody feeds the form with addresses that do not exist', () => {
  test('after some bounces confirmations wait, notifications do not, and nobody’s confirmation is lost', async () => {
    const rig = await rigWith(({ to }) => (to.startsWith('nobody') ? unknownUser : taken))
    for (let n = 0; n < 60; n += 1) {
      await submitted(rig, `nobody${n}@host${n}.example.jp`)
      // As fast as a program posts, with time for the breaker's counts to be read anew.
      await rig.clock.advanceAsync(1_000)
    }
    expect(strangersMails(rig).length).toBeLessThan(30)
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(60)
    const real = await submitted(rig, 'hanako@example.net')
    await settle(rig)
    expect(await rig.message(real, 'confirmation')).toMatchObject({
      state: { name: 'held', heldReason: 'breaker' },
      attempts: 0,
      lease: null,
    })
    // When the bounces are a day old, what waited goes out by itself.
    for (let passed = 0; passed < 26; passed += 1) await rig.clock.advanceAsync(hour)
    expect((await rig.message(real, 'confirmation')).state.name).toBe('delivered')
  })
})

describe('a doubtful address', () => {
  test('waits for ten minutes and goes out unchanged when nobody answers', async () => {
    const rig = await rigWith()
    const submission = await submitted(rig, 'hanako@gmial.com')
    await settle(rig)
    expect(await rig.message(submission, 'confirmation')).toMatchObject({
      state: { name: 'held', heldReason: 'doubtful-address' },
      attempts: 0,
      lease: null,
    })
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(1)
    await rig.clock.advanceAsync(10 * minute)
    expect(mailsTo(rig, 'hanako@gmial.com')).toHaveLength(1)
    expect(await rig.message(submission, 'confirmation')).toMatchObject({ state: { name: 'delivered' }, attempts: 1 })
  })

  test('goes out at once when its submitter says that it is right, and once', async () => {
    const rig = await rigWith()
    const submission = await submitted(rig, 'hanako@gmial.com')
    await settle(rig)
    await Promise.all([1, 2].map(() => resendConfirmation(rig.deps, submission)))
    await rig.clock.advanceAsync(30 * minute)
    expect(mailsTo(rig, 'hanako@gmial.com')).toHaveLength(1)
    expect((await fresh(rig, submission)).resends).toEqual([])
  })

  test('goes to the other address when its submitter says so, and never to this one', async () => {
    const rig = await rigWith()
    const submission = await submitted(rig, 'hanako@gmial.com')
    await settle(rig)
    expect(await correctAddress(rig.deps, submission, 'hanako@gmail.com')).toEqual({ kind: 'done' })
    await rig.clock.advanceAsync(30 * minute)
    expect(strangersMails(rig).map(({ to }) => to)).toEqual(['hanako@gmail.com'])
  })

  test('DNS trouble holds nothing back', async () => {
    const rig = await rigWith(undefined, { wrap: () => ({ dns: dnsWhere({ 'example.net': 'unknown' }) }) })
    await submitted(rig, 'hanako@example.net')
    await settle(rig)
    expect(mailsTo(rig, 'hanako@example.net')).toHaveLength(1)
  })
})

describe('double opt-in: a submitter who can’t be asked is not lost', () => {
  /** Posts to a form that asks first, and lets the time pass in which managers are to see it. */
  async function asked(rig: Rig, typed: string) {
    const submission = await submitted(rig, typed, 'asking', 'unconfirmed')
    await settle(rig)
    await createUnaskedWatch(rig.deps).look()
    return await fresh(rig, submission)
  }
  /** What the confirm link of a mail leads to, as its reader has it; empty where the mail has none. */
  async function confirmTokenIn(mail: Delivery | undefined): Promise<string> {
    const { text, subject } = await PostalMime.parse(mail?.mail ?? '')
    expect(subject).toContain('Please confirm')
    return /\/confirm\/([a-z0-9]+)/.exec(text ?? '')?.[1] ?? ''
  }
  const waiting = async (rig: Rig) =>
    (await rig.deps.submissions.list({ review: 'quarantined', limit: 10 })).items.map(({ reference }) => reference)

  test('whose address does not exist: it waits for review, mails nobody, and is released to the managers', async () => {
    const rig = await rigWith(({ to }) => (to.startsWith('nobody') ? unknownUser : taken))
    const submission = await asked(rig, 'nobody@example.net')
    expect(submission).toMatchObject({ review: 'quarantined', reviewedAt: rig.clock.now() })
    expect(await waiting(rig)).toEqual([submission.reference])
    // An address that does not work is no way around the question.
    await rig.clock.advanceAsync(3 * 24 * hour)
    expect(mailsTo(rig, 'office@example.jp')).toEqual([])
    const story = await explain(rig.deps, submission, 'en')
    expect(story.lines.map(({ text }) => text).join(' ')).toContain('could not be asked by mail whether it was them')
    expect(await releaseSubmission(rig.deps, submission.reference)).toMatchObject({ kind: 'done' })
    await settle(rig)
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(1)
    expect(mailsTo(rig, 'nobody@example.net')).toHaveLength(1)
  })

  test('who mistyped the address still corrects it on the status page, and confirms', async () => {
    const rig = await rigWith(({ to }) => (to.startsWith('nobody') ? unknownUser : taken))
    const submission = await asked(rig, 'nobody@example.net')
    expect(await submissionStatus(rig.deps, submission)).toMatchObject({
      review: 'quarantined',
      toConfirm: true,
      actions: { correct: true },
    })
    expect(await correctAddress(rig.deps, submission, 'hanako@example.net')).toEqual({ kind: 'done' })
    await settle(rig)
    expect(mailsTo(rig, 'hanako@example.net')).toHaveLength(1)
    const token = await confirmTokenIn(mailsTo(rig, 'hanako@example.net')[0])
    expect(await confirmView(rig.deps, token)).toMatchObject({ standing: 'open' })
    expect(await confirmSubmission(rig.deps, token)).toMatchObject({ standing: 'confirmed' })
    await settle(rig)
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(1)
    expect(await waiting(rig)).toEqual([])
    expect(await releaseSubmission(rig.deps, submission.reference)).toMatchObject({ kind: 'done' })
    await settle(rig)
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(1)
  })

  test('whose mail is over a cap: it waits for review at once, and the question still goes out when there is room', async () => {
    const rig = await rigWith()
    for (let n = 0; n < 5; n += 1) await submitted(rig, 'hanako@example.net', 'other')
    const submission = await asked(rig, 'hanako@example.net')
    expect(submission.review).toBe('quarantined')
    for (let passed = 0; passed < 26; passed += 1) await rig.clock.advanceAsync(hour)
    expect(mailsTo(rig, 'hanako@example.net')).toHaveLength(6)
    await confirmSubmission(rig.deps, await confirmTokenIn(mailsTo(rig, 'hanako@example.net').at(-1)))
    expect(await fresh(rig, submission)).toMatchObject({ review: 'accepted' })
  })

  test('whose answer comes at the moment at which it is put aside: it counts', async () => {
    let meanwhile = async () => {}
    const rig = await rigWith(undefined, {
      wrap: ({ submissions }) => ({
        submissions: {
          ...submissions,
          async review(command) {
            const act = meanwhile
            meanwhile = async () => {}
            await act()
            return await submissions.review(command)
          },
        },
      }),
    })
    const submission = await asked(rig, 'hanako@example.net')
    const token = await confirmTokenIn(mailsTo(rig, 'hanako@example.net')[0])
    meanwhile = async () => {
      const aside = { from: 'unconfirmed', to: 'quarantined', at: rig.clock.now(), messages: [], capped: [] } as const
      await rig.deps.submissions.review({ submissionId: submission.id, ...aside })
    }
    expect(await confirmSubmission(rig.deps, token)).toMatchObject({ standing: 'confirmed' })
    await settle(rig)
    expect(await fresh(rig, submission)).toMatchObject({ review: 'accepted' })
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(1)
  })

  test('whose address is stopped, or whose answer was lost', async () => {
    const lost: AttemptReport = { outcome: { kind: 'unknown' }, evidence: { transport: 'test', stage: 'final-dot' } }
    const rig = await rigWith(({ to }) => (to.startsWith('lost') ? lost : taken))
    const far = rig.clock.now() + 24 * hour
    await rig.deps.stops.add({ address: 'victim@example.net', since: 0, until: far, messageId: 'm' })
    expect(await asked(rig, 'victim@example.net')).toMatchObject({ review: 'quarantined' })
    expect(await asked(rig, 'lost@example.net')).toMatchObject({ review: 'quarantined' })
    expect(mailsTo(rig, 'office@example.jp')).toEqual([])
  })

  test('who can be asked, is in doubt for minutes, or said that it wasn’t them, waits for nobody else', async () => {
    const rig = await rigWith()
    expect(await asked(rig, 'hanako@example.net')).toMatchObject({ review: 'unconfirmed' })
    expect(await asked(rig, 'hanako@gmial.com')).toMatchObject({ review: 'unconfirmed' })
    const submission = await asked(rig, 'victim@example.net')
    const question = await rig.message(submission, 'confirmation')
    await stopConfirmations(rig.deps, linkToken(rig.deps, 'stop', question, submission))
    await createUnaskedWatch(rig.deps).look()
    expect(await fresh(rig, submission)).toMatchObject({ review: 'unconfirmed' })
    expect(await waiting(rig)).toEqual([])
  })

  test('who said that it wasn’t them has answered, although nobody knew that the question had arrived', async () => {
    const lost: AttemptReport = { outcome: { kind: 'unknown' }, evidence: { transport: 'test', stage: 'final-dot' } }
    const rig = await rigWith(({ to }) => (to.startsWith('victim') ? lost : taken))
    const submission = await submitted(rig, 'victim@example.net', 'asking', 'unconfirmed')
    await settle(rig)
    const question = await rig.message(submission, 'confirmation')
    expect(question.state.name).toBe('unknown')
    await stopConfirmations(rig.deps, linkToken(rig.deps, 'stop', question, submission))
    await createUnaskedWatch(rig.deps).look()
    expect(await fresh(rig, submission)).toMatchObject({ review: 'unconfirmed' })
  })

  test('a bounce of an address that was corrected since changes nothing, and every look says the same', async () => {
    const rig = await rigWith(({ to }) => (to.startsWith('nobody') ? unknownUser : taken))
    const submission = await submitted(rig, 'nobody@example.net', 'asking', 'unconfirmed')
    await settle(rig)
    await correctAddress(rig.deps, await fresh(rig, submission), 'hanako@example.net')
    await settle(rig)
    const watch = createUnaskedWatch(rig.deps)
    for (let n = 0; n < 3; n += 1) await watch.look()
    expect(await fresh(rig, submission)).toMatchObject({ review: 'unconfirmed' })
  })
})

describe('the owner of an address says that it wasn’t them', () => {
  /** The link in the newest confirmation of a submission. */
  async function linkOf(rig: Rig, submission: Submission): Promise<string> {
    await settle(rig)
    return linkToken(rig.deps, 'stop', await rig.message(submission, 'confirmation'), submission)
  }

  /** Which buttons the page of a link has. */
  function pageOf(view: StopView | null): { asks: boolean; takesBack: boolean } {
    if (view === null) throw new Error('there is no such link')
    const html = renderStop({
      ...view,
      receivedAt: '',
      path: '/stop/x',
      undone: false,
      stoppedUntil: view.stoppedUntil === null ? null : 'then',
    })
    return { asks: html.includes('action="/stop/x"'), takesBack: html.includes('action="/stop/x/undo"') }
  }

  async function stopped() {
    const rig = await rigWith()
    const submission = await submitted(rig, 'Victim@example.net')
    await settle(rig)
    const confirmation = await rig.message(submission, 'confirmation')
    const token = linkToken(rig.deps, 'stop', confirmation, submission)
    expect(await stopConfirmations(rig.deps, token)).not.toBeNull()
    await settle(rig)
    return { rig, submission, token }
  }

  test('no form sends them confirmations any more, its managers go on to get their mails', async () => {
    const { rig } = await stopped()
    const later = await submitted(rig, 'victim+again@example.net', 'other')
    await settle(rig)
    expect(strangersMails(rig)).toHaveLength(1)
    expect(await rig.message(later, 'confirmation')).toMatchObject({
      state: { name: 'suppressed', by: 'us' },
      attempts: 0,
    })
    // Two notifications, and the word that the first was disowned.
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(3)
    const told = await PostalMime.parse(mailsTo(rig, 'office@example.jp')[1]?.mail ?? '')
    expect(told.subject).toContain('“this wasn’t me”')
    expect(told.text).toContain('The owner of Victim@example.net says')
  })

  test('after 90 days, or when they take it back, confirmations come again', async () => {
    const { rig, token } = await stopped()
    await takeBackStop(rig.deps, token)
    await submitted(rig, 'victim@example.net')
    await settle(rig)
    expect(mailsTo(rig, 'victim@example.net')).toHaveLength(1)
    await stopConfirmations(rig.deps, token)
    await submitted(rig, 'victim@example.net')
    await settle(rig)
    expect(mailsTo(rig, 'victim@example.net')).toHaveLength(1)
    rig.clock.setNow(rig.clock.now() + 91 * 24 * hour)
    await submitted(rig, 'victim@example.net')
    await settle(rig)
    expect(mailsTo(rig, 'victim@example.net')).toHaveLength(2)
  })

  test('each submission asks for itself: a second one, of an address that is stopped already, can be disowned too', async () => {
    const rig = await rigWith()
    const first = await linkOf(rig, await submitted(rig, 'victim@example.net'))
    const second = await linkOf(rig, await submitted(rig, 'victim@example.net', 'other'))
    await stopConfirmations(rig.deps, first)
    const page = async (token: string) => pageOf(await stopView(rig.deps, token))
    expect(await page(second)).toEqual({ asks: true, takesBack: false })
    await stopConfirmations(rig.deps, second)
    await settle(rig)
    expect(await page(second)).toEqual({ asks: false, takesBack: true })
    const told = await Promise.all(mailsTo(rig, 'office@example.jp').map(({ mail }) => PostalMime.parse(mail)))
    expect(told.filter(({ subject }) => subject?.includes('“this wasn’t me”'))).toHaveLength(2)
  })

  test('when the 90 days are over, what was said of the submission still stands and can be taken back', async () => {
    const { rig, submission, token } = await stopped()
    rig.clock.setNow(rig.clock.now() + 91 * 24 * hour)
    expect(pageOf(await stopView(rig.deps, token))).toEqual({ asks: true, takesBack: true })
    await takeBackStop(rig.deps, token)
    expect(await fresh(rig, submission)).toMatchObject({ disownedAt: null })
    expect(pageOf(await stopView(rig.deps, token))).toEqual({ asks: true, takesBack: false })
  })

  test('whoever had it before the address was corrected can neither take that back nor learn of it', async () => {
    const rig = await rigWith(({ to }) => (to.startsWith('bot') ? unknownUser : taken))
    const submission = await submitted(rig, 'bot@example.net')
    await settle(rig)
    const bots = linkToken(rig.deps, 'stop', await rig.message(submission, 'confirmation'), submission)
    await correctAddress(rig.deps, await fresh(rig, submission), 'victim@example.net')
    await settle(rig)
    await stopConfirmations(rig.deps, await linkOf(rig, submission))
    const { disownedAt } = await fresh(rig, submission)
    expect(disownedAt).not.toBeNull()
    expect(await stopView(rig.deps, bots)).toMatchObject({ disowned: false, managersKnow: false })
    await takeBackStop(rig.deps, bots)
    expect(await fresh(rig, submission)).toMatchObject({ disownedAt })
    await settle(rig)
    const subjects = await Promise.all(mailsTo(rig, 'office@example.jp').map(({ mail }) => PostalMime.parse(mail)))
    expect(subjects.filter(({ subject }) => subject?.includes('after all'))).toEqual([])
  })

  test('while it can’t be known whether an address is stopped, nothing is sent to it; then it goes on', async () => {
    let broken = true
    const rig = await rigWith(undefined, {
      wrap: ({ stops }) => ({
        stops: {
          ...stops,
          get: async (address, now) => {
            if (broken) throw new Error('disk')
            return await stops.get(address, now)
          },
        },
      }),
    })
    const submission = await submitted(rig, 'hanako@example.net')
    await settle(rig)
    expect(strangersMails(rig)).toEqual([])
    expect(await rig.message(submission, 'confirmation')).toMatchObject({ state: { name: 'deferred' }, lease: null })
    expect(mailsTo(rig, 'office@example.jp')).toHaveLength(1)
    broken = false
    await rig.clock.advanceAsync(10 * minute)
    expect(mailsTo(rig, 'hanako@example.net')).toHaveLength(1)
  })
})
