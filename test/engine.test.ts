import PostalMime from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { TodokuError } from '../src/core/errors.ts'
import { fold } from '../src/core/messages/fold.ts'
import type { StateName } from '../src/core/messages/message.ts'
import { cancelMessage, retryMessage } from '../src/core/messages/operate.ts'
import { planMessages } from '../src/core/messages/plan.ts'
import type { AttemptReport } from '../src/core/messages/transport.ts'
import { readMail } from '../src/mail/read-mail.ts'
import { sampleAccept, sampleForm, sampleSubmission, sampleWrite } from './contracts/samples.ts'
import { engineRig, smtpEngineRig, temporaryStores } from './fakes/engine-rig.ts'
import type { Script } from './fakes/scripted-smtp-server.ts'
import { scriptedTransport } from './fakes/test-deps.ts'

const minute = 60_000
const taken: AttemptReport = {
  outcome: { kind: 'accepted', by: 'relay' },
  evidence: { transport: 'test', stage: 'final-dot' },
}

describe('what a server does, and what becomes of both mails', () => {
  const table: [name: string, script: Script, confirmation: StateName, notification: StateName][] = [
    ['takes the mail', {}, 'accepted', 'accepted'],
    ['takes it with another 2yz', { dot: '250 2.6.0 Queued mail for delivery' }, 'accepted', 'accepted'],
    ['takes a forwarded recipient', { rcpt: '251 will forward' }, 'accepted', 'accepted'],
    ['knows no such user', { rcpt: '550 5.1.1 User unknown' }, 'bounced_hard', 'bounced_hard'],
    ['has a full mailbox', { rcpt: '552 5.2.2 Mailbox full' }, 'bounced_soft', 'bounced_soft'],
    ['greylists', { rcpt: '450 4.2.0 Greylisted' }, 'deferred', 'deferred'],
    ['refuses the content', { dot: '554 5.6.0 Message content rejected' }, 'bounced_soft', 'bounced_soft'],
    ['is too busy at the end of the mail', { dot: '451 4.3.0 Try again later' }, 'deferred', 'deferred'],
    ['denies relaying', { rcpt: '554 5.7.1 <x@y>: Relay access denied' }, 'deferred', 'deferred'],
    ['blocks us in its greeting', { greeting: '554 5.7.1 Blocked' }, 'deferred', 'deferred'],
    ['closes at once', { greeting: { end: 'close' } }, 'deferred', 'deferred'],
    ['resets when the mail shall come', { data: { end: 'reset' } }, 'deferred', 'deferred'],
    ['says 421 at RCPT', { rcpt: ['421 4.7.0 too many', { end: 'close' }] }, 'deferred', 'deferred'],
    ['closes after the final dot', { dot: { end: 'close' } }, 'unknown', 'deferred'],
    ['resets after the final dot', { dot: { end: 'reset' } }, 'unknown', 'deferred'],
    ['answers the dot with garbage', { dot: { bytes: '\u0000\u0001nonsense\r\n' } }, 'unknown', 'deferred'],
  ]

  test.each(table)('%s', async (_name, script, confirmation, notification) => {
    const rig = await smtpEngineRig(script)
    const submission = await rig.post()
    expect((await rig.ended(submission, 'confirmation')).state.name).toBe(confirmation)
    const { state, dueAt } = await rig.ended(submission, 'notification')
    expect(state.name).toBe(notification)
    // Invariant 4: working with a due time, or an outcome.
    expect(dueAt === null).toBe(state.name !== 'deferred')
  })

  test.each([
    ['announces a SIZE that the mail with its files does not fit in', { extensions: ['SIZE 9000', 'PIPELINING'] }],
    ['finds the mail too large after the final dot', [{ mails: [{ dot: '552 5.3.4 too big' }] }, {}]],
  ] as [string, Script | Script[]][])('a server that %s: it goes out with links instead', async (_name, scripts) => {
    const rig = await smtpEngineRig(scripts, { smtp: { maxConnections: 1 } })
    const blob = rig.deps.ids.next()
    const writer = await rig.deps.blobs.create(blob)
    await writer.write(new Uint8Array(9_000))
    await writer.commit()
    const file = { blob, fileName: 'plan.pdf', type: 'application/pdf', size: 9_000, hash: 'h' }
    const submission = sampleSubmission({ email: null, entries: [{ kind: 'file', name: 'doc', file }] })
    const plan = planMessages(rig.deps, sampleForm(), submission)
    await rig.deps.submissions.accept({ ...plan, submission, proof: null, idempotency: null, repetition: null })
    rig.deps.queue.announce()
    expect((await rig.ended(submission, 'notification')).state).toMatchObject({ name: 'deferred', class: 'too-large' })
    await rig.clock.advanceAsync(10 * 60_000)
    expect((await rig.ended(submission, 'notification', 2)).state.name).toBe('accepted')
    const mail = await PostalMime.parse(rig.server.mails.at(-1)?.content ?? '')
    expect(mail.attachments).toEqual([])
    expect(mail.text).toContain('https://forms.example.jp/files/')
  })

  test('silence after the final dot becomes unknown after ten minutes, and not before', async () => {
    const rig = await smtpEngineRig({ dot: { hang: true } })
    const submission = await rig.post()
    await rig.server.reached('dot', 2)
    // Whoever looks for dead leases meanwhile finds none.
    for (let seconds = 0; seconds < 590; seconds += 10) {
      await rig.clock.advanceAsync(10_000)
      await rig.recover()
    }
    expect((await rig.message(submission, 'confirmation')).state.name).toBe('queued')
    expect(rig.server.dots('hanako@example.net')).toBe(1)
    await rig.clock.advanceAsync(10_000)
    expect((await rig.ended(submission, 'confirmation')).state.name).toBe('unknown')
    expect((await rig.ended(submission, 'notification')).state).toMatchObject({ name: 'deferred', class: 'network' })
  })
})

describe('over time', () => {
  test('a greylisted mail goes out at the second attempt, once', async () => {
    const scripts: Script[] = [{ rcpt: '450 4.2.0 Greylisted' }, {}]
    const rig = await smtpEngineRig(scripts, { smtp: { maxConnections: 1 } })
    const submission = await rig.post()
    const first = await rig.ended(submission, 'confirmation')
    await rig.ended(submission, 'notification')
    expect(first.state.name).toBe('deferred')
    expect(Number(first.state.nextTryAt) - rig.clock.now()).toBeGreaterThanOrEqual(4 * minute)
    await rig.clock.advanceAsync(10 * minute)
    expect((await rig.ended(submission, 'confirmation', 2)).state.name).toBe('accepted')
    expect((await rig.ended(submission, 'notification', 2)).state.name).toBe('accepted')
    await rig.clock.advanceAsync(48 * 60 * minute)
    expect(rig.server.dots('hanako@example.net')).toBe(1)
    expect(rig.server.dots('office@example.jp')).toBe(1)
  })

  test('invariant 3: a lost answer costs a notification at most one more copy, and a confirmation none', async () => {
    const rig = await smtpEngineRig({ dot: { end: 'close' } })
    const submission = await rig.post()
    await rig.ended(submission, 'confirmation')
    await rig.ended(submission, 'notification')
    await rig.clock.advanceAsync(15 * minute)
    const last = await rig.ended(submission, 'notification', 2)
    expect(last.state.name).toBe('unknown')
    await rig.clock.advanceAsync(48 * 60 * minute)
    const unknowns = last.events.filter(({ kind }) => kind === 'unknown' || kind === 'unknown-retry').length
    expect(rig.server.dots('office@example.jp')).toBe(2)
    expect(rig.server.dots('office@example.jp')).toBeLessThanOrEqual(1 + unknowns)
    expect(rig.server.dots('hanako@example.net')).toBe(1)
    const copies = rig.server.mails
      .filter(({ to }) => to === 'office@example.jp')
      .map(({ content }) => content.toString())
    const id = /^Message-ID: .*$/m
    expect(copies[1]?.match(id)?.[0]).toBe(copies[0]?.match(id)?.[0])
    expect(copies[0]).not.toContain('X-Todoku-Possible-Duplicate')
    expect(copies[1]).toContain('X-Todoku-Possible-Duplicate: yes')
  })

  test('a relay that is away for an hour costs no mail, and few attempts', async () => {
    let away = true
    const transport = scriptedTransport(() =>
      away
        ? {
            outcome: { kind: 'deferred', class: 'network', scope: 'lane' },
            evidence: { transport: 'test', stage: 'connect' },
          }
        : taken,
    )
    const rig = await engineRig({ transport })
    const submissions = await Promise.all(Array.from({ length: 10 }, (_, n) => rig.post(`person${n}@example.net`)))
    for (let passed = 0; passed < 60; passed += 1) await rig.clock.advanceAsync(minute)
    // Twenty mails, each of which would have been tried five times alone.
    expect(transport.deliveries.length).toBeLessThan(75)
    away = false
    for (let passed = 0; passed < 300; passed += 1) await rig.clock.advanceAsync(minute)
    for (const submission of submissions) {
      expect((await rig.message(submission, 'confirmation')).state.name).toBe('accepted')
      expect((await rig.message(submission, 'notification')).state.name).toBe('accepted')
    }
  })

  test('a message whose lane stays closed ends when its time is over, with what the relay said', async () => {
    const transport = scriptedTransport(() => ({
      outcome: { kind: 'deferred', class: 'authentication', scope: 'lane' },
      evidence: { transport: 'test', stage: 'auth', replyCode: 535 },
    }))
    const rig = await engineRig({ transport })
    const submission = await rig.post()
    for (let hours = 0; hours < 49; hours += 1) {
      await rig.clock.advanceAsync(60 * minute)
      await rig.recover()
    }
    for (const role of ['confirmation', 'notification'] as const) {
      const { state, dueAt } = await rig.message(submission, role)
      expect(state).toMatchObject({ name: 'failed', class: 'authentication' })
      expect(dueAt).toBeNull()
    }
  })

  test('what was never tried does not expire: after a weekend without the server each mail is tried', async () => {
    const stores = temporaryStores()
    const down = await engineRig({ stores })
    await down.delivery.stop()
    const submission = await down.post()
    const recipients: string[] = []
    const transport = scriptedTransport(({ to }) => {
      recipients.push(to)
      return to.startsWith('hanako')
        ? taken
        : { outcome: { kind: 'deferred', class: 'network', scope: 'message' }, evidence: { transport: 'test' } }
    })
    const up = await engineRig({
      stores,
      transport,
      wrap: ({ clock }) => {
        clock.setNow(clock.now() + 60 * 60 * minute)
        return {}
      },
    })
    await up.recover()
    expect((await up.ended(submission, 'confirmation')).state.name).toBe('accepted')
    // The one attempt that it gets says why it ended.
    const { state, events } = await up.ended(submission, 'notification')
    expect(state).toMatchObject({ name: 'expired', class: 'network' })
    expect(events.at(-1)).toMatchObject({ evidence: { transport: 'test' } })
    expect(recipients.sort()).toEqual(['hanako@example.net', 'office@example.jp'])
  })

  test('news that comes while an expired message is closed is not overwritten', async () => {
    const deferred: AttemptReport = {
      outcome: { kind: 'deferred', class: 'network', scope: 'message' },
      evidence: { transport: 'test' },
    }
    const stores = temporaryStores()
    const first = await engineRig({ stores, transport: scriptedTransport(() => deferred) })
    const submission = await first.post()
    await first.ended(submission, 'notification')
    await first.delivery.stop()
    let told = false
    const second = await engineRig({
      stores,
      transport: scriptedTransport(() => deferred),
      wrap: ({ clock, messages }) => {
        clock.setNow(clock.now() + 60 * 60 * minute)
        return {
          messages: {
            ...messages,
            async write(command) {
              const now = await stores.messages.get(command.id)
              if (!told && now?.role === 'notification') {
                told = true
                const news = {
                  id: 'late',
                  at: 1,
                  kind: 'accepted',
                  by: 'relay',
                  settleAt: 5,
                  evidence: { transport: 'test' },
                } as const
                await stores.messages.write(sampleWrite(now, news, 'keep'))
              }
              return await messages.write(command)
            },
          },
        }
      },
    })
    await second.clock.advanceAsync(minute)
    const message = await second.ended(submission, 'notification')
    expect(told).toBe(true)
    expect(message.state).toEqual(fold(message.events))
    expect(message.state.name).toBe('accepted')
  })

  test('an upload that is gone costs itself, not the mail, and is told', async () => {
    const transport = scriptedTransport(() => taken)
    const rig = await engineRig({ transport, wrap: ({ blobs }) => ({ blobs: { ...blobs, read: async () => null } }) })
    const file = { blob: 'b', fileName: 'plan.pdf', type: 'application/pdf', size: 3, hash: 'h' }
    const now = rig.clock.now()
    const command = sampleAccept({ entries: [{ kind: 'file', name: 'doc', file }] }, [
      { createdAt: now, dueAt: now, expiresAt: now + 60 * minute },
    ])
    await rig.deps.submissions.accept(command)
    rig.deps.queue.announce()
    const message = await rig.ended(command.submission, 'notification')
    expect(message.state.name).toBe('accepted')
    expect(message.events).toContainEqual(expect.objectContaining({ kind: 'upload-missing', fileName: 'plan.pdf' }))
    const mail = await readMail(transport.deliveries[0]?.mail ?? new Uint8Array())
    expect(mail.text).toContain('plan.pdf (3 B) — this file is not available any more')
  })

  test('a template that can’t be used is told as an event of its mail', async () => {
    const rig = await engineRig({
      wrap: ({ forms }) => ({
        forms: {
          ...forms,
          getVersion: async () => sampleForm({ settings: { notification: { subject: '{% nonsense' } } }),
        },
      }),
    })
    const submission = await rig.post()
    const { events } = await rig.ended(submission, 'notification')
    expect(events).toContainEqual(expect.objectContaining({ kind: 'template-fault' }))
  })

  test('a mail that can’t be composed fails as our fault, and its lane is as good as before', async () => {
    const rig = await engineRig({
      transport: scriptedTransport(({ to }) => {
        expect(to).toBe('nobody')
        return taken
      }),
      wrap: ({ submissions }) => ({ submissions: { ...submissions, get: async () => null } }),
    })
    const submission = await rig.post()
    for (let hours = 0; hours < 49; hours += 1) await rig.clock.advanceAsync(60 * minute)
    expect((await rig.ended(submission, 'confirmation')).state).toMatchObject({ name: 'failed', class: 'unclassified' })
  })

  test('a clock that goes back by days does not leave a message waiting for days', async () => {
    const rig = await engineRig({
      transport: scriptedTransport(({ attempt }) =>
        attempt === 1
          ? { outcome: { kind: 'deferred', class: 'network', scope: 'message' }, evidence: { transport: 'test' } }
          : taken,
      ),
    })
    const submission = await rig.post()
    await rig.ended(submission, 'confirmation')
    rig.clock.setNow(rig.clock.now() - 5 * 24 * 60 * minute)
    await rig.recover()
    expect((await rig.ended(submission, 'confirmation', 2)).state.name).toBe('accepted')
  })
})

test('what becomes due between two looks at the queue does not wait for the next round', async () => {
  const recipients: string[] = []
  let looks = 0
  const rig = await engineRig({
    transport: scriptedTransport(({ to }) => {
      recipients.push(to)
      return taken
    }),
    wrap: ({ messages }) => ({
      messages: {
        ...messages,
        async leaseDue(query) {
          looks += 1
          // As if it had been a moment too early for both mails.
          return looks === 2 ? [] : await messages.leaseDue(query)
        },
      },
    }),
  })
  await rig.clock.advanceAsync(0)
  expect(looks).toBe(1)
  await rig.post()
  await rig.clock.advanceAsync(1_000)
  expect(recipients).toHaveLength(2)
})

describe('two workers on one store', () => {
  test('many loops on one queue send each mail once', async () => {
    const stores = temporaryStores()
    const transports = [1, 2, 3, 4].map(() => scriptedTransport(() => taken))
    const rigs = await Promise.all(transports.map((transport) => engineRig({ stores, transport })))
    const submissions = await Promise.all(rigs.flatMap((rig) => [rig.post(), rig.post(), rig.post()]))
    for (const submission of submissions) {
      await rigs[0]?.clock.advanceAsync(0)
      for (const rig of rigs) rig.delivery.wake()
      for (let turns = 0; turns < 50; turns += 1) await rigs[0]?.clock.advanceAsync(0)
      expect((await rigs[0]?.message(submission, 'notification'))?.state.name).toBe('accepted')
    }
    const sent = transports.flatMap(({ deliveries }) => deliveries.map(({ messageId }) => messageId))
    expect(new Set(sent).size).toBe(sent.length)
    expect(sent).toHaveLength(submissions.length * 2)
  })

  test('a frozen holder that wakes late does not send behind its successor', async () => {
    const stores = temporaryStores()
    const frozen = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const sent: string[] = []
    const slow = scriptedTransport(async (delivery, watch) => {
      watch.rcptAccepted()
      begun.resolve()
      await frozen.promise
      if ((await watch.beforeFinalDot()).kind === 'lost')
        return { outcome: { kind: 'interrupted' }, evidence: { transport: 'slow' } }
      sent.push(`slow ${delivery.to}`)
      return taken
    })
    const first = await engineRig({ stores, transport: slow })
    const submission = await first.post()
    await begun.promise

    // The first worker's clock stands still: it renews nothing. The second one's goes on.
    const quick = scriptedTransport(({ to }) => {
      sent.push(`second ${to}`)
      return taken
    })
    const second = await engineRig({ stores, transport: quick })
    await second.clock.advanceAsync(2 * minute)
    await second.recover()
    const done = await second.ended(submission, 'confirmation', 2)
    expect(done.state.name).toBe('accepted')
    expect(done.events.map(({ kind }) => kind)).toEqual(['queued', 'lease-lost', 'accepted'])

    frozen.resolve()
    await first.clock.advanceAsync(0)
    await first.delivery.stop()
    expect(sent.filter((line) => line.startsWith('slow'))).toEqual([])
    expect(await first.message(submission, 'confirmation')).toEqual(done)
  })

  test('what a holder learns after its lease was given up still counts: the mail was accepted', async () => {
    const stores = temporaryStores()
    const frozen = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const slow = scriptedTransport(async (_delivery, watch) => {
      await watch.beforeFinalDot()
      asked.resolve()
      await frozen.promise
      return taken
    })
    const first = await engineRig({ stores, transport: slow })
    const submission = await first.post()
    await asked.promise
    const second = await engineRig({ stores, transport: scriptedTransport(() => taken) })
    await second.clock.advanceAsync(12 * minute)
    await second.recover()
    expect((await second.message(submission, 'confirmation')).state.name).toBe('unknown')

    frozen.resolve()
    await first.clock.advanceAsync(0)
    await first.delivery.stop()
    const told = await first.message(submission, 'confirmation')
    expect(told.state.name).toBe('accepted')
    expect(told.events.map(({ kind }) => kind)).toEqual(['queued', 'unknown', 'accepted'])
  })
})

describe('stopping', () => {
  test('what is being leased at that moment is handed back too', async () => {
    const leased = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    const rig = await engineRig({
      transport: scriptedTransport((_delivery, { signal }) =>
        signal.aborted ? { outcome: { kind: 'interrupted' }, evidence: { transport: 'test' } } : taken,
      ),
      wrap: ({ messages }) => ({
        messages: {
          ...messages,
          async leaseDue(query) {
            const found = await messages.leaseDue(query)
            if (found.length > 0) {
              leased.resolve()
              await held.promise
            }
            return found
          },
        },
      }),
    })
    const submission = await rig.post()
    await leased.promise
    const stopped = rig.delivery.stop()
    held.resolve()
    await stopped
    for (const role of ['confirmation', 'notification'] as const) {
      expect(await rig.message(submission, role)).toMatchObject({ lease: null, attempts: 0, state: { name: 'queued' } })
    }
  })

  test('what has not reached the final dot goes back to the queue, and was not an attempt', async () => {
    const rig = await smtpEngineRig({ rcpt: { hang: true } })
    const submission = await rig.post()
    await rig.server.reached('rcpt')
    await rig.delivery.stop()
    for (const role of ['confirmation', 'notification'] as const) {
      const message = await rig.message(submission, role)
      expect(message).toMatchObject({ state: { name: 'queued' }, lease: null, attempts: 0 })
      expect(message.dueAt).toBeLessThanOrEqual(rig.clock.now())
    }
    expect(rig.server.mails).toEqual([])
  })

  test('what has is waited for', async () => {
    const rig = await smtpEngineRig({ dot: [{ until: 'later' }, '250 2.0.0 ok'] })
    const submission = await rig.post()
    await rig.server.reached('dot')
    const stopped = rig.delivery.stop()
    rig.server.release('later')
    await stopped
    const confirmation = await rig.message(submission, 'confirmation')
    const notification = await rig.message(submission, 'notification')
    const states = [confirmation.state.name, notification.state.name]
    expect(states).toContain('accepted')
    // The other one either came through too, or was not begun.
    for (const state of states) expect(['accepted', 'queued']).toContain(state)
    expect(rig.server.mails).toHaveLength(states.filter((state) => state === 'accepted').length)
  })

  test('nothing is leased any more', async () => {
    const transport = scriptedTransport(() => taken)
    const rig = await engineRig({ transport })
    await rig.delivery.stop()
    await rig.post()
    await rig.clock.advanceAsync(60 * minute)
    expect(transport.deliveries).toEqual([])
  })
})

describe('a store that fails', () => {
  const away = () => Promise.reject(new TodokuError('store-unavailable'))

  test('before the final dot: no dot is sent, the mail goes out later', async () => {
    let broken = true
    const rig = await smtpEngineRig(
      {},
      {
        wrap: ({ messages }) => ({
          messages: {
            ...messages,
            setPhase: (command) => (broken && command.phase === 'data_final' ? away() : messages.setPhase(command)),
          },
        }),
      },
    )
    const submission = await rig.post()
    await rig.server.reached('ended')
    expect(rig.server.mails).toEqual([])
    const waiting = await rig.ended(submission, 'confirmation')
    expect(waiting.state).toMatchObject({ name: 'deferred', class: 'network' })
    broken = false
    await rig.clock.advanceAsync(6 * minute)
    expect((await rig.ended(submission, 'confirmation', 2)).state.name).toBe('accepted')
    expect(rig.server.dots('hanako@example.net')).toBe(1)
  })

  test('after it: the outcome is kept in hand until it can be stored, and the mail is not sent again', async () => {
    let failures = 3
    const rig = await smtpEngineRig(
      {},
      {
        wrap: ({ messages }) => ({
          messages: { ...messages, write: (command) => (failures-- > 0 ? away() : messages.write(command)) },
        }),
      },
    )
    const submission = await rig.post()
    await rig.server.reached('dot', 2)
    for (let seconds = 0; seconds < 5; seconds += 1) await rig.clock.advanceAsync(1000)
    expect((await rig.ended(submission, 'confirmation')).state.name).toBe('accepted')
    expect((await rig.ended(submission, 'notification')).state.name).toBe('accepted')
    expect(rig.server.mails).toHaveLength(2)
  })

  test('while the queue is read: the loop goes on when it is back', async () => {
    let failures = 3
    const transport = scriptedTransport(() => taken)
    const rig = await engineRig({
      transport,
      wrap: ({ messages }) => ({
        messages: { ...messages, leaseDue: (query) => (failures-- > 0 ? away() : messages.leaseDue(query)) },
      }),
    })
    const submission = await rig.post()
    for (let seconds = 0; seconds < 5; seconds += 1) await rig.clock.advanceAsync(1000)
    expect((await rig.ended(submission, 'confirmation')).state.name).toBe('accepted')
  })
})

test('a transport that throws is a fault of ours: before the dot the mail is tried again, after it the outcome is unknown', async () => {
  const transport = scriptedTransport(async ({ to }, watch) => {
    if (to === 'hanako@example.net') await watch.beforeFinalDot()
    throw new Error('a mistake')
  })
  const rig = await engineRig({ transport })
  const submission = await rig.post()
  expect((await rig.ended(submission, 'confirmation')).state.name).toBe('unknown')
  expect((await rig.ended(submission, 'notification')).state.name).toBe('deferred')
  expect(rig.deps.lines.some(({ level, message }) => level === 'error' && message === 'the transport threw')).toBe(true)
})

test('a lease is renewed for as long as an attempt goes on', async () => {
  const go = Promise.withResolvers<void>()
  const transport = scriptedTransport(async (_delivery, watch) => {
    await go.promise
    return (await watch.beforeFinalDot()).kind === 'go'
      ? taken
      : { outcome: { kind: 'interrupted' }, evidence: { transport: 'test' } }
  })
  const rig = await engineRig({ transport })
  const submission = await rig.post()
  for (let seconds = 0; seconds < 300; seconds += 10) {
    await rig.clock.advanceAsync(10_000)
    await rig.recover()
  }
  go.resolve()
  const { state, attempts } = await rig.ended(submission, 'confirmation')
  expect({ state: state.name, attempts }).toEqual({ state: 'accepted', attempts: 1 })
})

test('an operator can’t move a message while it is being sent', async () => {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const transport = scriptedTransport(async (_delivery, watch) => {
    await watch.beforeFinalDot()
    asked.resolve()
    await answered.promise
    return taken
  })
  const rig = await engineRig({ transport })
  const submission = await rig.post()
  await asked.promise
  const { id } = await rig.message(submission, 'confirmation')
  expect(await cancelMessage(rig.deps, id)).toEqual({ kind: 'message-busy' })
  expect(await retryMessage(rig.deps, id)).toEqual({ kind: 'message-busy' })
  answered.resolve()
  expect((await rig.ended(submission, 'confirmation')).state.name).toBe('accepted')
})
