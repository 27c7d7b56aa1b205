import { describe, expect, test } from 'vitest'
import { smtpRig } from '../../../test/fakes/smtp-rig.ts'
import type { AttemptOutcome } from '../../core/messages/transport.ts'

const accepted: AttemptOutcome = { kind: 'accepted', by: 'relay' }

/** The verbs of a connection, without EHLO. */
function verbs(commands: readonly string[] | undefined): string[] {
  return (commands ?? []).slice(1).map((line) => line.split(' ')[0] ?? '')
}

describe('a kept connection', () => {
  test('carries the next mail', async () => {
    const rig = await smtpRig()
    for (const to of ['a@example.jp', 'b@example.jp', 'c@example.jp']) {
      expect((await rig.attempt({ to })).outcome).toEqual(accepted)
    }
    expect(rig.server.connections).toHaveLength(1)
    expect(verbs(rig.server.connections[0]?.commands)).toEqual([
      'MAIL',
      'RCPT',
      'DATA',
      'MAIL',
      'RCPT',
      'DATA',
      'MAIL',
      'RCPT',
      'DATA',
    ])
    expect(rig.server.mails.map((mail) => mail.to)).toEqual(['a@example.jp', 'b@example.jp', 'c@example.jp'])
  })

  test('is ended politely after so many mails', async () => {
    const rig = await smtpRig({}, { mailsPerConnection: 2 })
    for (let count = 0; count < 3; count += 1) await rig.attempt()
    expect(rig.server.connections).toHaveLength(2)
    await rig.server.reached('ended')
    expect(verbs(rig.server.connections[0]?.commands)).toEqual(['MAIL', 'RCPT', 'DATA', 'MAIL', 'RCPT', 'DATA', 'QUIT'])
  })

  test('is ended politely when no mail comes for a while', async () => {
    const rig = await smtpRig({}, { idleMs: 3_000 })
    await rig.attempt()
    rig.clock.advance(2_999)
    await rig.attempt()
    expect(rig.server.connections).toHaveLength(1)
    rig.clock.advance(3_000)
    await rig.server.reached('quit')
    await rig.server.reached('ended')
    await rig.attempt()
    expect(rig.server.connections).toHaveLength(2)
  })

  test('is cleared with RSET after a refused recipient, and used again', async () => {
    for (const extensions of [['PIPELINING'], []]) {
      const rig = await smtpRig({ extensions, mails: [{ rcpt: '550 5.1.1 no' }] })
      expect((await rig.attempt()).outcome).toMatchObject({ kind: 'refused', class: 'unknown-user' })
      expect((await rig.attempt()).outcome).toEqual(accepted)
      expect(rig.server.connections).toHaveLength(1)
      const data = extensions.length > 0 ? ['DATA'] : []
      expect(verbs(rig.server.connections[0]?.commands)).toEqual([
        'MAIL',
        'RCPT',
        ...data,
        'RSET',
        'MAIL',
        'RCPT',
        'DATA',
      ])
    }
  })

  test('is used again after a mail that was refused whole', async () => {
    const rig = await smtpRig({ mails: [{ dot: '550 5.7.1 spam message' }] })
    expect((await rig.attempt()).outcome).toMatchObject({ kind: 'refused' })
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.connections).toHaveLength(1)
  })

  test.each([
    ['was closed with 421 in between', { quit: [], mails: [{ dot: '250 ok\n421 4.4.2 idle too long' }] }],
    ['was closed in between', { mails: [{ dot: ['250 ok', { end: 'close' as const }] }] }],
    ['was reset in between', { mails: [{ dot: ['250 ok', { until: 'reset' }, { end: 'reset' as const }] }] }],
    ['answers 421 to MAIL', { mails: [{}, { mail: ['421 4.7.0 enough', { end: 'close' as const }] }] }],
    ['closes at MAIL', { mails: [{}, { mail: { end: 'close' as const } }] }],
    ['resets at MAIL', { mails: [{}, { mail: { end: 'reset' as const } }] }],
    ['talks nonsense at MAIL', { mails: [{}, { mail: { bytes: 'what\r\n' } }] }],
    ['refuses RSET', { rset: '502 5.5.1 no such command', mails: [{ rcpt: '550 5.1.1 no' }] }],
  ])('that %s makes no difference: the mail goes over a fresh one', async (_, script) => {
    const rig = await smtpRig([script, {}])
    await rig.attempt({ to: 'first@example.jp' })
    rig.server.release('reset')
    const { report, seen } = rig.begin({ to: 'second@example.jp' })
    expect((await report).outcome).toEqual(accepted)
    expect(seen).toEqual({ taken: 1, asked: 1 })
    expect(rig.server.connections).toHaveLength(2)
    expect(rig.server.dots('second@example.jp')).toBe(1)
  })

  test('that fails makes one fresh connection, not more', async () => {
    const rig = await smtpRig([{ mails: [{}, { mail: { end: 'close' } }] }, { mail: { end: 'close' } }, {}])
    await rig.attempt()
    expect((await rig.attempt()).outcome).toEqual({ kind: 'deferred', class: 'network', scope: 'message' })
    expect(rig.server.connections).toHaveLength(2)
  })

  test('that took the sender is not left for another', async () => {
    const rig = await smtpRig([{ mails: [{}, { rcpt: { end: 'close' } }] }, {}])
    await rig.attempt()
    expect(await rig.attempt()).toMatchObject({
      outcome: { kind: 'deferred', class: 'network' },
      evidence: { stage: 'rcpt', fault: 'closed' },
    })
    expect(rig.server.connections).toHaveLength(1)
  })

  test('that says nothing at MAIL is waited for, and the mail deferred', async () => {
    const rig = await smtpRig({ mails: [{}, { mail: { hang: true } }] })
    await rig.attempt()
    const { report } = rig.begin()
    await rig.clock.due(300_000)
    await rig.clock.advanceAsync(300_000)
    expect(await report).toMatchObject({
      outcome: { kind: 'deferred', class: 'network' },
      evidence: { fault: 'timeout' },
    })
    expect(rig.server.connections).toHaveLength(1)
  })

  test('whose replies to what was written ahead do not come soon is given up; the refusal stands', async () => {
    const rig = await smtpRig([{ rcpt: '550 5.1.1 no', data: { hang: true } }, {}], { timeouts: { quit: 4_999 } })
    const { report } = rig.begin()
    await rig.clock.due(4_999)
    await rig.clock.advanceAsync(4_999)
    expect(await report).toMatchObject({
      outcome: { kind: 'refused', class: 'unknown-user', scope: 'message' },
      evidence: { stage: 'rcpt', replyCode: 550 },
    })
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.connections).toHaveLength(2)
  })

  test('with a reply that nobody asked for is not used: it would be taken for the next answer', async () => {
    const rig = await smtpRig([{ mails: [{ dot: '250 ok\n250 ok' }] }, { mail: '550 5.1.8 no' }])
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect((await rig.attempt()).outcome).toMatchObject({ kind: 'refused' })
    expect(rig.server.connections).toHaveLength(2)
  })
})

describe('connections at once', () => {
  test('are never more than allowed; who comes later waits for a place', async () => {
    const rig = await smtpRig({ dot: [{ until: 'done' }, '250 ok'] }, { maxConnections: 2 })
    const attempts = Array.from({ length: 5 }, (_, at) => rig.begin({ to: `r${at}@example.jp` }))
    await rig.server.reached('dot', 2)
    expect(rig.server.connections).toHaveLength(2)
    rig.server.release('done')
    for (const { report } of attempts) expect((await report).outcome).toEqual(accepted)
    expect(rig.server.connections).toHaveLength(2)
    expect(rig.server.mails).toHaveLength(5)
  })

  test('an aborted wait ends at once, and leaves its place to others', async () => {
    const rig = await smtpRig({ dot: [{ until: 'done' }, '250 ok'] }, { maxConnections: 1 })
    const first = rig.begin()
    const second = rig.begin()
    const third = rig.begin()
    await rig.server.reached('dot')
    second.abort()
    expect(await second.report).toMatchObject({
      outcome: { kind: 'interrupted' },
      evidence: { stage: 'connect', fault: 'aborted' },
    })
    rig.server.release('done')
    expect((await first.report).outcome).toEqual(accepted)
    expect((await third.report).outcome).toEqual(accepted)
    expect(rig.server.mails).toHaveLength(2)
  })

  test('a place is free again after every ending', async () => {
    const rig = await smtpRig([{ greeting: '554 no' }, { mail: { end: 'reset' } }, { dot: { end: 'close' } }, {}], {
      maxConnections: 1,
    })
    await rig.attempt()
    await rig.attempt()
    await rig.attempt({}, () => Promise.reject(new Error('store')))
    expect((await rig.attempt()).outcome).toEqual(accepted)
  })
})

describe('closing', () => {
  test('ends idle connections and waits for the busy ones', async () => {
    const rig = await smtpRig({ mails: [{}, { dot: [{ until: 'done' }, '250 ok'] }] })
    await rig.attempt()
    const busy = rig.begin()
    await rig.server.reached('dot', 2)
    let closed = false
    const closing = rig.transport.close().then(() => {
      closed = true
    })
    await rig.clock.advanceAsync(0)
    expect(closed).toBe(false)
    rig.server.release('done')
    expect((await busy.report).outcome).toEqual(accepted)
    await closing
    await rig.server.reached('ended')
    expect(rig.server.connections[0]?.commands.at(-1)).toBe('QUIT')
  })

  test('interrupts who waits, and who comes later', async () => {
    const rig = await smtpRig({ dot: [{ until: 'done' }, '250 ok'] }, { maxConnections: 1 })
    const busy = rig.begin()
    const waiting = rig.begin()
    await rig.server.reached('dot')
    const closing = rig.transport.close()
    expect(await waiting.report).toMatchObject({ outcome: { kind: 'interrupted' }, evidence: { fault: 'closing' } })
    expect(await rig.attempt()).toMatchObject({ outcome: { kind: 'interrupted' }, evidence: { fault: 'closing' } })
    rig.server.release('done')
    expect((await busy.report).outcome).toEqual(accepted)
    await closing
    expect(rig.server.mails).toHaveLength(1)
  })

  test('does not wait for a server that does not let go', async () => {
    const rig = await smtpRig({ quit: { hang: 'deaf' } }, { timeouts: { quit: 5_000 } })
    await rig.attempt()
    let closed = false
    const closing = rig.transport.close().then(() => {
      closed = true
    })
    await rig.server.reached('quit')
    await rig.clock.advanceAsync(4_999)
    expect(closed).toBe(false)
    await rig.clock.advanceAsync(1)
    await closing
  })

  test('without any connection is done at once, also twice', async () => {
    const rig = await smtpRig()
    await rig.transport.close()
    await rig.transport.close()
    expect(rig.server.connections).toEqual([])
  })
})
