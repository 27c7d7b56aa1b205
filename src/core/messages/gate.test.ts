import { describe, expect, test } from 'vitest'
import { sampleForm, sampleId, sampleMessage, sampleSubmission } from '../../../test/contracts/samples.ts'
import { dnsWhere, type TestDeps, testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import type { Submission } from '../submissions/submission.ts'
import { fold } from './fold.ts'
import { concludeGate, createGate, type GateVerdict } from './gate.ts'
import type { Message, MessageEvent } from './message.ts'

const minute = 60_000

/** A message as the delivery leased it. */
function leased(submission: Submission, changes: Partial<Message> = {}): Message {
  const planned = sampleMessage(submission, {
    role: 'confirmation',
    recipient: submission.email ?? '',
    id: sampleId(),
  })
  return { ...planned, attempts: 1, lease: { number: 1, until: 1, phase: 'claimed' }, version: 2, ...changes }
}

async function ask(
  options: { deps?: TestDeps; submission?: Partial<Submission>; message?: Partial<Message>; email?: string } = {},
): Promise<GateVerdict> {
  const deps = options.deps ?? testDeps()
  const submission = sampleSubmission({ email: options.email ?? 'hanako@example.net', ...options.submission })
  return await createGate(deps)(leased(submission, options.message), sampleForm(), submission)
}

/** Confirmations of a form that ended so. */
async function ended(
  deps: TestDeps,
  counts: Partial<Record<'delivered' | 'bounced' | 'complained', number>>,
  form = 'contact',
) {
  for (const [kind, count] of Object.entries(counts)) {
    for (let n = 0; n < count; n += 1) {
      const submission = sampleSubmission({ form })
      const id = sampleId()
      const at = deps.clock.now()
      const evidence = { transport: 'test' }
      const shapes = {
        delivered: { kind: 'delivered', by: 'recipient' },
        bounced: { kind: 'bounced', hard: true, class: 'unknown-user' },
        complained: { kind: 'complained' },
      }
      const events = [
        { id: `${id}.queued`, at, kind: 'queued', turn: 0, dueAt: at },
        { id: `${id}.a1`, at, evidence, ...shapes[kind as keyof typeof shapes] },
      ] as MessageEvent[]
      const state = fold(events)
      await deps.messages.add([
        sampleMessage(submission, { id, role: 'confirmation', events, state, dueAt: null, createdAt: at, form }),
      ])
    }
  }
}

describe('the gate', () => {
  test('lets an ordinary confirmation pass', async () => {
    expect(await ask()).toEqual({ kind: 'pass' })
  })

  test.each(['confirmation', 'notification', 'update'] as const)(
    'lets a quarantined submission cause no %s',
    async (role) => {
      expect(await ask({ submission: { review: 'quarantined' }, message: { role } })).toEqual({
        kind: 'cancel',
        reason: 'review',
      })
    },
  )

  test('lets an unconfirmed submission cause the question whether it was them, and nothing else', async () => {
    expect(await ask({ submission: { review: 'unconfirmed' } })).toEqual({ kind: 'pass' })
    expect(await ask({ submission: { review: 'unconfirmed' }, message: { role: 'notification' } })).toMatchObject({
      kind: 'cancel',
    })
  })

  test('cancels what a disowned submission would send to the address, not what its managers get', async () => {
    expect(await ask({ submission: { disownedAt: 5 } })).toEqual({ kind: 'cancel', reason: 'disowned' })
    for (const role of ['notification', 'update'] as const) {
      expect(await ask({ submission: { disownedAt: 5 }, message: { role } })).toEqual({ kind: 'pass' })
    }
  })

  test.each(['hanako@example.net', 'Hanako+other@EXAMPLE.net', '"hanako"@example.net'])(
    'a stop holds for every way to write the mailbox: %s',
    async (recipient) => {
      const deps = testDeps()
      const now = deps.clock.now()
      await deps.stops.add({ address: 'hanako@example.net', since: now, until: now + minute, messageId: 'x' })
      expect(await ask({ deps, message: { recipient } })).toMatchObject({
        kind: 'suppress',
        evidence: { rule: 'stop' },
      })
      expect(await ask({ deps, message: { recipient, role: 'notification' } })).toEqual({ kind: 'pass' })
      deps.clock.advance(minute)
      expect(await ask({ deps, message: { recipient } })).toEqual({ kind: 'pass' })
    },
  )

  test('a person who releases a mail does not overrule the owner of the address', async () => {
    const deps = testDeps()
    const now = deps.clock.now()
    await deps.stops.add({ address: 'hanako@example.net', since: now, until: now + minute, messageId: 'x' })
    const events: MessageEvent[] = [{ id: 'r', at: now, kind: 'queued', turn: 1, dueAt: now, by: 'operator' }]
    expect(await ask({ deps, message: { events } })).toMatchObject({ kind: 'suppress' })
  })

  test('rejects when it can’t be known whether an address is stopped', async () => {
    const deps = testDeps()
    deps.stops = { ...deps.stops, get: () => Promise.reject(new Error('disk')) }
    await expect(ask({ deps })).rejects.toThrow('disk')
  })
})

describe('the circuit breaker', () => {
  test.each([
    [{ delivered: 16, bounced: 4 }, true],
    [{ delivered: 17, bounced: 3 }, false],
    [{ delivered: 16, bounced: 2, complained: 2 }, true],
    // Too few to say anything.
    [{ bounced: 19 }, false],
    [{ bounced: 20 }, true],
  ] as const)('%j of one form: open %s', async (counts, open) => {
    const deps = testDeps()
    await ended(deps, counts)
    expect((await ask({ deps })).kind).toBe(open ? 'hold' : 'pass')
  })

  test.each([
    // Two may be one person's.
    [{ delivered: 1, complained: 2 }, false],
    [{ complained: 3 }, true],
    [{ delivered: 146, complained: 3 }, true],
    [{ delivered: 147, complained: 3 }, false],
  ] as const)('%j of one form, by complaints alone: open %s', async (counts, open) => {
    const deps = testDeps()
    await ended(deps, counts)
    expect((await ask({ deps })).kind).toBe(open ? 'hold' : 'pass')
  })

  test.each([
    [994, 1, true],
    [995, 1, false],
    // Four of all forms are too few.
    [100, 0, false],
  ])(
    'complaints about many forms, one each, hold all of them: %i delivered, %i more than four',
    async (delivered, more, open) => {
      const deps = testDeps()
      await ended(deps, { delivered }, 'calm')
      for (let n = 0; n < 4 + more; n += 1) await ended(deps, { complained: 1 }, `form${n}`)
      expect((await ask({ deps })).kind).toBe(open ? 'hold' : 'pass')
    },
  )

  test('holds confirmations of that form only, and no notifications', async () => {
    const deps = testDeps()
    await ended(deps, { bounced: 20 }, 'contact')
    const held = await ask({ deps })
    expect(held).toMatchObject({ kind: 'hold', reason: 'breaker', until: deps.clock.now() + 15 * minute })
    expect(await ask({ deps, message: { role: 'notification' } })).toEqual({ kind: 'pass' })
    const submission = sampleSubmission({ form: 'other', email: 'taro@example.net' })
    const other = await createGate(deps)(leased(submission), sampleForm({ name: 'other' }), submission)
    expect(other).toEqual({ kind: 'pass' })
  })

  test('many forms that fail a little each hold all of them', async () => {
    const deps = testDeps()
    for (let n = 0; n < 10; n += 1) await ended(deps, { delivered: 13, bounced: 2 }, `form${n}`)
    expect(await ask({ deps })).toMatchObject({ kind: 'hold', reason: 'breaker' })
  })

  test('closes when what failed is long ago', async () => {
    const deps = testDeps()
    await ended(deps, { bounced: 20 })
    const gate = createGate(deps)
    const submission = sampleSubmission({ email: 'hanako@example.net' })
    expect((await gate(leased(submission), sampleForm(), submission)).kind).toBe('hold')
    deps.clock.advance(24 * 60 * minute + 1)
    expect((await gate(leased(submission), sampleForm(), submission)).kind).toBe('pass')
  })

  test('a mail that an operator released passes, one that its submitter vouched for does not', async () => {
    const deps = testDeps()
    await ended(deps, { bounced: 20 })
    const by = (who: 'operator' | 'submitter'): MessageEvent[] => [
      { id: 'r', at: 1, kind: 'queued', turn: 1, dueAt: 1, by: who },
    ]
    expect(await ask({ deps, message: { events: by('operator') } })).toEqual({ kind: 'pass' })
    expect(await ask({ deps, message: { events: by('submitter') } })).toMatchObject({ kind: 'hold' })
  })

  test('the counts are asked once in some seconds, however many mails pass', async () => {
    const deps = testDeps()
    let asked = 0
    const { countConfirmations } = deps.messages
    deps.messages = {
      ...deps.messages,
      countConfirmations: async (query) => {
        asked += 1
        return await countConfirmations(query)
      },
    }
    const gate = createGate(deps)
    const submission = sampleSubmission({ email: 'hanako@example.net' })
    const many = () => Promise.all(Array.from({ length: 50 }, () => gate(leased(submission), sampleForm(), submission)))
    await many()
    expect(asked).toBe(2)
    deps.clock.advance(5_000)
    await many()
    expect(asked).toBe(3)
  })

  test('a fault while counting is not remembered', async () => {
    const deps = testDeps()
    const { countConfirmations } = deps.messages
    deps.messages = { ...deps.messages, countConfirmations: () => Promise.reject(new Error('disk')) }
    const gate = createGate(deps)
    const submission = sampleSubmission({ email: 'hanako@example.net' })
    await expect(gate(leased(submission), sampleForm(), submission)).rejects.toThrow('disk')
    deps.messages.countConfirmations = countConfirmations
    expect(await gate(leased(submission), sampleForm(), submission)).toEqual({ kind: 'pass' })
  })
})

describe('a doubtful address', () => {
  test.each([
    ['hanako@gmial.com', {}, 'typo'],
    ['hanako@gone-company.jp', { 'gone-company.jp': 'no-domain' }, 'no-domain'],
    ['hanako@quiet-company.jp', { 'quiet-company.jp': 'null-mx' }, 'no-mail'],
  ] as const)('%s waits ten minutes, with the reason', async (email, answers, rule) => {
    const deps = testDeps({ dns: dnsWhere(answers) })
    expect(await ask({ deps, email })).toEqual({
      kind: 'hold',
      reason: 'doubtful-address',
      until: deps.clock.now() + 10 * minute,
      evidence: { transport: 'none', stage: 'gate', rule },
    })
  })

  test('DNS trouble counts for nothing', async () => {
    const deps = testDeps({ dns: dnsWhere({ 'example.net': 'unknown' }) })
    expect(await ask({ deps })).toEqual({ kind: 'pass' })
  })

  test.each([
    ['hanako@tarpit.example.jp', 'pass'],
    ['hanako@gmial.com', 'hold'],
  ])('a DNS that never answers keeps nobody waiting for more than a second: %s', async (email, kind) => {
    const deps = testDeps({ dns: { ...dnsWhere({}), mailServers: () => new Promise(() => {}) } })
    const asked = ask({ deps, email })
    await deps.clock.due(1_000)
    deps.clock.advance(1_000)
    expect((await asked).kind).toBe(kind)
    expect(deps.clock.timers).toBe(0)
  })

  test('is asked about once: not after it was held, nor at a later attempt, nor when its submitter asked again', async () => {
    const email = 'hanako@gmial.com'
    const held: MessageEvent = { id: 'h', at: 1, kind: 'held', turn: 1, reason: 'doubtful-address', until: 2 }
    expect(await ask({ email, message: { events: [held] } })).toEqual({ kind: 'pass' })
    expect(await ask({ email, message: { attempts: 2 } })).toEqual({ kind: 'pass' })
    const resend = {
      kind: 'resent',
      at: 1,
      oldMessage: 'old',
      newMessage: 'new',
      oldEmail: email,
      newEmail: email,
    } as const
    expect(await ask({ email, message: { id: 'new' }, submission: { resends: [resend] } })).toEqual({ kind: 'pass' })
    expect(
      await ask({ email, message: { id: 'new' }, submission: { resends: [{ ...resend, kind: 'corrected' }] } }),
    ).toMatchObject({ kind: 'hold' })
  })

  test('on capture the simulator’s addresses pass, whatever the breaker and the DNS say', async () => {
    const settings = { ...testSettings, transport: 'capture' as const }
    const deps = testDeps({ settings, dns: dnsWhere({ 'simulator.test': 'no-domain' }) })
    await ended(deps, { bounced: 50 })
    expect(await ask({ deps, email: 'unknown-user@simulator.test' })).toEqual({ kind: 'pass' })
    expect(await ask({ deps, email: 'hanako@example.net' })).toMatchObject({ kind: 'hold', reason: 'breaker' })
  })
})

describe('what the gate decided', () => {
  const submission = sampleSubmission()
  const hold = (until: number) =>
    ({ kind: 'hold', reason: 'breaker', until, evidence: { transport: 'none', stage: 'gate' } }) as const

  test('a held mail has its attempt back and is due again by itself', () => {
    const message = leased(submission, { attempts: 3 })
    expect(concludeGate(message, hold(900), 100)).toMatchObject({
      events: [{ id: `${message.id}.held-1`, kind: 'held', turn: 1, until: 900 }],
      state: { name: 'held', heldReason: 'breaker', nextTryAt: 900 },
      dueAt: 900,
      attempts: 2,
    })
  })

  test('an event’s id says which time it is: computed twice it is the same, and the next hold has another', () => {
    const message = leased(submission)
    const first = concludeGate(message, hold(900), 100)
    expect(concludeGate(message, hold(900), 100)).toEqual(first)
    const again = concludeGate({ ...message, events: [...message.events, ...first.events] }, hold(1800), 1000)
    expect(again.events[0]?.id).toBe(`${message.id}.held-2`)
  })

  test('news that came meanwhile wins: what was delivered is not due again', () => {
    const message = leased(submission)
    const news: MessageEvent = { id: 'n', at: 50, kind: 'delivered', by: 'provider', evidence: { transport: 'x' } }
    const conclusion = concludeGate({ ...message, events: [...message.events, news] }, hold(900), 100)
    expect(conclusion).toMatchObject({ state: { name: 'delivered' }, dueAt: null })
  })

  test('a breaker that stays open is asked less often, up to an hour', async () => {
    const deps = testDeps()
    await ended(deps, { bounced: 20 })
    const gate = createGate(deps)
    const own = sampleSubmission({ email: 'hanako@example.net' })
    let message = leased(own)
    const pauses: number[] = []
    for (let n = 0; n < 5; n += 1) {
      const verdict = await gate(message, sampleForm(), own)
      if (verdict.kind !== 'hold') throw new Error(verdict.kind)
      pauses.push((verdict.until - deps.clock.now()) / minute)
      message = { ...message, events: [...message.events, ...concludeGate(message, verdict, 1).events] }
    }
    expect(pauses).toEqual([15, 30, 60, 60, 60])
  })
})
