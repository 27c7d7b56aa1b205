import PostalMime from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { alarmText } from '../src/core/alarms/alarm-text.ts'
import { createWatch } from '../src/core/alarms/watch.ts'
import { digestOf } from '../src/core/messages/carrier.ts'
import { tellFloods } from '../src/core/messages/flood.ts'
import { fold } from '../src/core/messages/fold.ts'
import type { Message } from '../src/core/messages/message.ts'
import { retryMessage } from '../src/core/messages/operate.ts'
import { planMessages } from '../src/core/messages/plan.ts'
import type { AttemptReport, Delivery } from '../src/core/messages/transport.ts'
import { acceptSubmission } from '../src/core/submissions/accept-submission.ts'
import { confirmSubmission } from '../src/core/submissions/confirm.ts'
import { explain } from '../src/core/submissions/explain.ts'
import { submissionStatus } from '../src/core/submissions/status.ts'
import type { Submission } from '../src/core/submissions/submission.ts'
import { linkToken } from '../src/core/suppressions/links.ts'
import { sampleForm, sampleId, sampleSubmission } from './contracts/samples.ts'
import { type EngineOptions, type EngineRig, engineRig } from './fakes/engine-rig.ts'
import { testApp } from './fakes/test-app.ts'
import { scriptedTransport, testSettings } from './fakes/test-deps.ts'

const minute = 60_000
const hour = 60 * minute

const taken: AttemptReport = {
  outcome: { kind: 'delivered', by: 'recipient' },
  evidence: { transport: 'test', stage: 'final-dot' },
}
const refused: AttemptReport = {
  outcome: { kind: 'refused', class: 'unknown-user', scope: 'message' },
  evidence: { transport: 'test', stage: 'rcpt', replyCode: 550 },
}

const brokenOff: AttemptReport = {
  outcome: { kind: 'unknown' },
  evidence: { transport: 'test', stage: 'final-dot', fault: 'timeout' },
}

const managers = ['office@example.jp', 'boss@example.jp']
const form = sampleForm({ version: 2, settings: { managers, confirmation: { enabled: false } } })

type Mail = { to: string; subject: string; text: string }
type Rig = EngineRig & {
  /** What arrived, in order. */
  mails(): Promise<Mail[]>
}

/** The engine before servers that take everything, or do what the script says; `max` notifications an hour go out singly. */
async function rigWith(
  max: number,
  options: { script?: (delivery: Delivery) => AttemptReport; wrap?: EngineOptions['wrap'] } = {},
): Promise<Rig> {
  const transport = scriptedTransport(options.script ?? (() => taken))
  const caps = { ...testSettings.caps, notifications: { max, windowMs: hour } }
  const wrap = options.wrap === undefined ? {} : { wrap: options.wrap }
  const rig = await engineRig({ transport, settings: { caps }, ...wrap })
  await rig.deps.forms.put(form)
  return {
    ...rig,
    mails: () =>
      Promise.all(
        transport.deliveries.map(async ({ to, mail }) => {
          const { subject = '', text = '' } = await PostalMime.parse(mail)
          return { to, subject, text }
        }),
      ),
  }
}

/** A submission as it is stored when nothing is found against it. */
async function submitted({ deps }: Rig, changes: Partial<Submission> = {}): Promise<Submission> {
  const receivedAt = deps.clock.now()
  const submission = sampleSubmission({ receivedAt, clientKey: sampleId(), formVersion: 2, ...changes })
  const plan = planMessages(deps, form, submission)
  await deps.submissions.accept({ submission, ...plan, proof: null, idempotency: null, repetition: null })
  deps.queue.announce()
  return submission
}

async function many(rig: Rig, count: number): Promise<Submission[]> {
  const posts: Submission[] = []
  for (let n = 0; n < count; n += 1) posts.push(await submitted(rig, { email: `person${n}@example.net` }))
  await rig.clock.advanceAsync(1)
  return posts
}

const isDigest = ({ subject }: Mail) => subject.includes('in one mail')
const pause = 15 * minute

/** A quarter of an hour later, what the job does. */
async function later(rig: Rig): Promise<void> {
  await rig.clock.advanceAsync(pause)
  await tellFloods(rig.deps)
  await rig.clock.advanceAsync(1)
}

const notificationsOf = async ({ deps }: Rig, { id }: Submission): Promise<Message[]> =>
  (await deps.messages.ofSubmission(id)).filter(({ role }) => role === 'notification')

describe('invariant 9: notifications are never capped away, a flood becomes a digest', () => {
  test('of 500 posts in a minute each manager gets 60 by themselves and every other one in a digest, once', async () => {
    const rig = await rigWith(60)
    const posts: Submission[] = []
    for (let second = 0; second < 50; second += 1) {
      posts.push(...(await many(rig, 10)))
      await rig.clock.advanceAsync(1_000)
      await tellFloods(rig.deps)
    }
    expect((await rig.mails()).filter(isDigest)).toEqual([])
    await later(rig)
    // Nothing is left for a second one.
    await later(rig)

    const mails = await rig.mails()
    for (const manager of managers) {
      const own = mails.filter(({ to }) => to === manager)
      const [digest, ...others] = own.filter(isDigest)
      expect(others).toEqual([])
      expect(own).toHaveLength(61)
      expect(digest?.subject).toBe('contact: 440 more messages in one mail')
      const texts = own.map(({ text }) => text).join('\n')
      for (const { reference } of posts) expect(texts.split(reference)).toHaveLength(2)
      expect(digest?.text).toContain('person9@example.net')
    }
    expect((await rig.deps.messages.list({ state: 'held', limit: 10 })).items).toEqual([])
  })

  test('a flood that goes on gives one digest in a quarter of an hour', async () => {
    const rig = await rigWith(5)
    for (let minutes = 0; minutes < 60; minutes += 1) {
      await submitted(rig)
      await rig.clock.advanceAsync(minute)
      await tellFloods(rig.deps)
    }
    await later(rig)
    const digests = (await rig.mails()).filter((mail) => mail.to === managers[0] && isDigest(mail))
    expect(digests.length).toBeGreaterThanOrEqual(3)
    expect(digests.length).toBeLessThanOrEqual(4)
  })

  test('a form with few posts never gives one', async () => {
    const rig = await rigWith(60)
    const posts = await many(rig, 60)
    for (let quarter = 0; quarter < 8; quarter += 1) await later(rig)
    const mails = await rig.mails()
    expect(mails).toHaveLength(120)
    expect(mails.filter(isDigest)).toEqual([])
    expect((await notificationsOf(rig, posts[59] as Submission)).map(({ state }) => state.name)).toEqual([
      'delivered',
      'delivered',
    ])
  })

  test('where no digest ever comes, each goes out by itself, long before it expires', async () => {
    const rig = await rigWith(1)
    const [, second] = await many(rig, 2)
    await rig.clock.advanceAsync(2 * hour)
    expect((await rig.mails()).filter(({ text }) => text.includes(second?.reference ?? '-'))).toHaveLength(2)
    await later(rig)
    expect((await rig.mails()).filter(isDigest)).toEqual([])
  })

  test('a list that would be too long is cut, says how many there are, and all of them are told', async () => {
    const rig = await rigWith(1)
    const hostile = `${'a{{'.repeat(20)}@${'{%'.repeat(60)}.example.jp`
    for (let n = 0; n < 701; n += 1) await submitted(rig, { email: n % 2 === 0 ? hostile : null })
    await later(rig)
    const digest = (await rig.mails()).find((mail) => isDigest(mail) && mail.to === managers[0])
    expect(digest?.subject).toBe('contact: 700 more messages in one mail')
    const listed = digest?.text.match(/REF-/g)?.length ?? 0
    expect(listed).toBeGreaterThan(200)
    expect(listed).toBeLessThan(500)
    expect(digest?.text).toContain(`and ${700 - listed} more`)
    expect(digest?.text).toContain('a{{a{{')
    expect((await rig.deps.messages.list({ state: 'held', limit: 10 })).items).toEqual([])
  })

  test('what is beyond what one digest stands for is in the next, and each post in one of them', async () => {
    const rig = await rigWith(1)
    const [, ...posts] = await many(rig, 11)
    await rig.clock.advanceAsync(pause)
    await tellFloods(rig.deps, 4)
    await rig.clock.advanceAsync(1)
    const digests = (await rig.mails()).filter((mail) => isDigest(mail) && mail.to === managers[0])
    expect(digests.map(({ subject }) => subject.match(/\d+/)?.[0])).toEqual(['4', '4', '2'])
    const texts = digests.map(({ text }) => text).join('\n')
    for (const { reference } of posts) expect(texts.split(reference)).toHaveLength(2)
    expect((await rig.deps.messages.list({ state: 'held', limit: 10 })).items).toEqual([])
  })

  test('a form that is gone does not keep the others from theirs', async () => {
    const rig = await rigWith(1)
    await many(rig, 3)
    const lost = sampleSubmission({ form: 'a-lost-one' })
    const { messages } = planMessages(rig.deps, { ...form, name: 'a-lost-one' }, lost)
    const capped = messages.map(({ id: messageId, createdAt: at }) => {
      const event = { id: `${messageId}.held`, at, kind: 'held', turn: 0, reason: 'flood', until: null } as const
      return {
        messageId,
        caps: [{ key: 'full', max: 0, windowMs: hour }],
        capped: { events: [event], state: fold([event]), dueAt: null },
      }
    })
    const command = { submission: lost, messages, capped, proof: null, idempotency: null, repetition: null }
    await rig.deps.submissions.accept(command)
    await later(rig)
    expect(
      (await rig.mails())
        .filter(isDigest)
        .map(({ to }) => to)
        .sort(),
    ).toEqual([...managers].sort())
    expect(rig.deps.lines.filter(({ level }) => level === 'error').map(({ fields }) => fields.form)).toContain(
      'a-lost-one',
    )
    expect((await rig.deps.messages.list({ state: 'held', limit: 10 })).items).toHaveLength(2)
  })

  test('a test post is not held back by a flood of others, but a flood of test posts is one too', async () => {
    const rig = await rigWith(3)
    await many(rig, 10)
    for (let n = 0; n < 4; n += 1) await submitted(rig, { test: true })
    await rig.clock.advanceAsync(1)
    const office = async () => (await rig.mails()).filter(({ to }) => to === managers[0])
    expect((await office()).filter(({ subject }) => subject.startsWith('[Test]'))).toHaveLength(3)
    await later(rig)
    const digest = (await office()).find(isDigest)
    expect(digest?.subject).toContain('8 more messages')
    expect(digest?.text.match(/\[Test\]/g)).toHaveLength(1)
  })

  test('what its submitters confirm (double opt-in) counts when they do', async () => {
    const rig = await rigWith(2)
    for (let n = 0; n < 5; n += 1) {
      const asked = { ...form, settings: { managers, doubleOptIn: true } }
      const submission = sampleSubmission({ review: 'unconfirmed', email: `p${n}@example.net`, formVersion: 2 })
      const plan = planMessages(rig.deps, asked, submission)
      await rig.deps.submissions.accept({ submission, ...plan, proof: null, idempotency: null, repetition: null })
      const [question] = await rig.deps.messages.ofSubmission(submission.id)
      await confirmSubmission(rig.deps, linkToken(rig.deps, 'confirm', question as Message, submission))
    }
    const { items } = await rig.deps.messages.list({ role: 'notification', limit: 50 })
    expect(items.filter(({ state }) => state.heldReason === 'flood')).toHaveLength(6)
    expect(items).toHaveLength(10)
  })

  test('an answer that speaks of the confirmation does not change with it', async () => {
    const { deps } = await rigWith(1)
    const answers = []
    for (let n = 0; n < 3; n += 1) {
      const outcome = await acceptSubmission(deps, sampleForm(), {
        entries: [{ kind: 'text', name: 'email', value: `person${n}@example.net` }],
        idempotencyKey: `key${n}`,
        client: { address: '192.0.2.1', agent: '' },
        pageOrigin: null,
        pagePath: null,
        acceptLanguage: null,
        crowded: false,
      })
      answers.push(outcome.kind === 'accepted' ? outcome.confirmation : outcome.kind)
    }
    expect(answers).toEqual(['queued', 'queued', 'queued'])
    expect((await deps.messages.list({ state: 'held', limit: 9 })).items).toHaveLength(2)
  })

  test('what a person releases goes out as itself', async () => {
    const rig = await rigWith(1)
    await many(rig, 2)
    const released = await submitted(rig, { review: 'released' })
    await rig.clock.advanceAsync(1)
    expect((await notificationsOf(rig, released)).map(({ state }) => state.name)).toEqual(['delivered', 'delivered'])
  })
})

describe('a digest', () => {
  /** What the managers' digest says of the second of two posts, in its line. */
  async function lineOf(changes: Partial<Submission>, rigged?: Rig): Promise<string> {
    const rig = rigged ?? (await rigWith(1))
    await submitted(rig)
    const { reference } = await submitted(rig, changes)
    await later(rig)
    const digest = (await rig.mails()).find(isDigest)
    return digest?.text.split('\n').find((line) => line.includes(reference)) ?? ''
  }

  test('leads from each line to a page that shows the post and how its mails stand, and asks for nothing', async () => {
    const rig = await rigWith(1)
    const line = await lineOf({ reference: 'ABC-DEF-GHJ' }, rig)
    const path = /https:\/\/forms\.example\.jp(\/review\/[\w-]+)/.exec(line)?.[1] ?? ''
    const app = await testApp({ deps: rig.deps, page: null })
    const page = await (await app.request(path)).text()
    for (const part of ['Message received', 'ABC-DEF-GHJ', '花子', 'is told in a summary, which was delivered'])
      expect(page).toContain(part)
    expect(page).not.toContain('<button')
    expect((await app.request(path, { method: 'POST' })).status).toBe(303)
    expect(await rig.deps.submissions.get('ABC-DEF-GHJ')).toMatchObject({ review: 'accepted', reviewedAt: null })
  })

  test.each([
    ['held', 'person@example.net', ' · confirmation held back:'],
    ['suppressed', 'person@example.net', ' · no confirmation:'],
    ['delivered', 'person@example.net', ' · person@example.net:'],
  ] as const)('says in its line that the sender gets no confirmation: %s', async (name, email, mark) => {
    const rig = await rigWith(1)
    await submitted(rig)
    const asked = { ...form, settings: { managers } }
    const submission = sampleSubmission({ email, formVersion: 2, receivedAt: rig.clock.now() })
    const plan = planMessages(rig.deps, asked, submission, name === 'held' ? 'no-proof' : null)
    if (name === 'suppressed') {
      const until = rig.clock.now() + 24 * hour
      await rig.deps.stops.add({ address: email, since: rig.clock.now(), until, messageId: 'm' })
    }
    await rig.deps.submissions.accept({ submission, ...plan, proof: null, idempotency: null, repetition: null })
    rig.deps.queue.announce()
    await rig.clock.advanceAsync(1)
    await later(rig)
    const digest = (await rig.mails()).find(isDigest)
    expect(digest?.text.split('\n').find((line) => line.includes(submission.reference))).toContain(mark)
  })

  test('keeps what turns the direction of text to the address that has it, and cuts a long one', async () => {
    const arabic = await lineOf({ email: `${'\u05d0'.repeat(3)}\u202e@example.net` })
    expect(arabic).toMatch(/\u2068[^\u2069]*\u202e@example\.net\u202c\u2069/)
    const long = await lineOf({ email: `${'a'.repeat(64)}@${'b.'.repeat(80)}example.net` })
    expect(long).toContain(`${'a'.repeat(64)}@b.b.b`)
    expect(long).toContain('…')
    expect(long).not.toContain('example.net')
  })

  test('says after how many mails in which time it comes, also where the clock is fast', async () => {
    for (const [windowMs, words] of [
      [hour, 'After 1 mails in an hour'],
      [12_000, 'After 1 mails in 12 seconds'],
    ] as const) {
      const rig = await rigWith(1)
      rig.deps.settings = {
        ...rig.deps.settings,
        caps: { ...rig.deps.settings.caps, notifications: { max: 1, windowMs } },
      }
      await many(rig, 2)
      await later(rig)
      expect((await rig.mails()).find(isDigest)?.text).toContain(words)
    }
  })

  /** Stops at the first write that ends a notification, as a process does that dies. */
  const dying: EngineOptions['wrap'] = ({ messages }) => {
    let alive = false
    return {
      messages: {
        ...messages,
        async write(command) {
          if (!alive && command.events.some(({ kind }) => kind === 'cancelled')) {
            alive = true
            throw new Error('dead')
          }
          return await messages.write(command)
        },
      },
    }
  }

  test('of a process that died before it ended what it tells is the same mail the next time', async () => {
    const rig = await rigWith(1, { wrap: dying })
    await many(rig, 4)
    await rig.clock.advanceAsync(pause)
    await expect(tellFloods(rig.deps)).rejects.toThrow('dead')
    await tellFloods(rig.deps)
    await rig.clock.advanceAsync(1)
    const office = (await rig.mails()).filter(({ to }) => to === managers[0])
    expect(office.filter(isDigest)).toHaveLength(1)
    expect((await rig.deps.messages.list({ state: 'held', limit: 10 })).items).toEqual([])
  })

  test('of such a process may come twice when others were posted meanwhile, and misses none', async () => {
    const rig = await rigWith(1, { wrap: dying })
    const posts = await many(rig, 4)
    await rig.clock.advanceAsync(pause)
    await expect(tellFloods(rig.deps)).rejects.toThrow('dead')
    posts.push(...(await many(rig, 2)))
    await tellFloods(rig.deps)
    await rig.clock.advanceAsync(1)
    for (const manager of managers) {
      const texts = (await rig.mails()).filter(({ to }) => to === manager).map(({ text }) => text)
      for (const { reference } of posts) expect(texts.join('\n')).toContain(reference)
    }
    expect((await rig.deps.messages.list({ state: 'held', limit: 10 })).items).toEqual([])
  })

  test('leaves alone what a person lets go, before and while it is made', async () => {
    const held: string[] = []
    const rig = await rigWith(1, {
      wrap: ({ messages, queue, clock }) => ({
        messages: {
          ...messages,
          async add(planned) {
            await messages.add(planned)
            for (const id of held.splice(0)) await retryMessage({ messages, queue, clock }, id)
          },
        },
      }),
    })
    const [, early, late, other] = await many(rig, 4)
    if (early === undefined || late === undefined || other === undefined) throw new Error('too few')
    for (const { id } of await notificationsOf(rig, early)) await retryMessage(rig.deps, id)
    held.push(...(await notificationsOf(rig, late)).map(({ id }) => id))
    await later(rig)
    const digests = (await rig.mails()).filter(isDigest)
    expect(digests).toHaveLength(2)
    for (const { text } of digests) expect(text).not.toContain(early.reference)
    for (const post of [early, late]) {
      expect((await notificationsOf(rig, post)).map(({ state }) => state.name)).toEqual(['delivered', 'delivered'])
    }
    expect((await notificationsOf(rig, other)).map(({ state }) => state.name)).toEqual(['cancelled', 'cancelled'])
  })

  test('is what status page and story tell of, before and after', async () => {
    const rig = await rigWith(1)
    const [first, second] = await many(rig, 2)
    if (first === undefined || second === undefined) throw new Error('too few')
    const status = async () => (await submissionStatus(rig.deps, second)).messages
    expect(await status()).toMatchObject([
      { role: 'notification', state: 'held', heldReason: 'flood', inDigest: false },
    ])
    expect((await explain(rig.deps, second, 'en')).now.join()).toContain('one mail will tell of them together')
    await later(rig)
    expect(await status()).toMatchObject([
      { role: 'notification', state: 'delivered', heldReason: null, inDigest: true, settled: true },
    ])
    expect((await submissionStatus(rig.deps, first)).messages).toMatchObject([{ state: 'delivered', inDigest: false }])
    const story = await explain(rig.deps, second, 'en')
    expect(story.now).toContain(
      'The notification to office@example.jp is told in a summary, which was delivered to the recipient’s server.',
    )
    const told = story.lines.map(({ text }) => text)
    expect(told).toContain(
      'The notification goes out in no mail of its own: it is told in a summary, together with other posts.',
    )
    expect(told.filter((text) => text.startsWith('The summary was delivered'))).toHaveLength(2)
    const digests = (await notificationsOf(rig, second)).map(digestOf)
    expect(new Set(digests).size).toBe(2)
  })

  test('that is lost raises the alarm of a lost notification; waiting for it, and being told by it, do not', async () => {
    let mailbox = taken
    const rig = await rigWith(1, { script: () => mailbox })
    const watch = createWatch(rig.deps)
    const look = async () => {
      await watch.look()
      return (await rig.deps.alarms.list({ limit: 10 })).filter(({ overAt }) => overAt === null)
    }
    await many(rig, 3)
    expect(await look()).toEqual([])
    await later(rig)
    expect(await look()).toEqual([])

    await many(rig, 3)
    mailbox = refused
    await later(rig)
    const alarms = await look()
    expect(alarms.map(({ key }) => key).sort()).toEqual(
      managers.map((manager) => `notification-failed:contact:${manager}`).sort(),
    )
    const [alarm] = alarms
    if (alarm === undefined) throw new Error('no alarm')
    expect(alarmText(alarm, 'en').sentence).toContain('which tells of several posts, did not arrive')
    expect(alarmText(alarm, 'en').next).toContain('submissions list --form contact')

    mailbox = taken
    await rig.clock.advanceAsync(2 * hour)
    await many(rig, 1)
    expect(await look()).toEqual([])
  })

  test('that may have arrived, or not, is told by the same alarm, since no other mail would; a notification is not', async () => {
    let mailbox = taken
    const rig = await rigWith(1, { script: () => mailbox })
    const watch = createWatch(rig.deps)
    mailbox = brokenOff
    const [single] = await many(rig, 3)
    await later(rig)
    await rig.clock.advanceAsync(2 * hour)
    await watch.look()
    expect((await notificationsOf(rig, single as Submission)).map(({ state }) => state.name)).toEqual([
      'unknown',
      'unknown',
    ])
    const alarms = await rig.deps.alarms.list({ limit: 10 })
    expect(alarms.map(({ key, facts }) => [key, facts.reference]).sort()).toEqual(
      managers.map((manager) => [`notification-failed:contact:${manager}`, '']).sort(),
    )
    const [alarm] = alarms
    if (alarm === undefined) throw new Error('no alarm')
    expect(alarmText(alarm, 'en').sentence).toContain('may have arrived, or not')
    expect(alarmText(alarm, 'ja').sentence).toContain('届いたかどうか分かりません')
  })
})
