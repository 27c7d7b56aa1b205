import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Act, Script, ServerStage } from '../../../test/fakes/scripted-smtp-server.ts'
import { smtpRig, testMail } from '../../../test/fakes/smtp-rig.ts'
import type { Evidence } from '../../core/messages/message.ts'
import type { AttemptOutcome } from '../../core/messages/transport.ts'
import { createSmtpTransport, type SmtpSettings } from './transport.ts'

const hanako = 'hanako@example.jp'
const accepted: AttemptOutcome = { kind: 'accepted', by: 'relay' }
/** One wait per stage, so that a test can tell them apart. */
const timeouts = { greeting: 301_000, hello: 302_000, mail: 303_000, rcpt: 304_000, data: 120_000 }
const waits: Record<string, number> = { ...timeouts, ehlo: timeouts.hello }

const networkFault = (scope: 'lane' | 'message'): AttemptOutcome => ({ kind: 'deferred', class: 'network', scope })

describe('a mail', () => {
  test('goes out byte for byte, and its whole way stands in the evidence', async () => {
    const rig = await smtpRig()
    const { report, seen } = rig.begin({ messageId: 'id-1' })
    expect(await report).toEqual({
      outcome: accepted,
      evidence: {
        transport: 'smtp',
        stage: 'final-dot',
        command: '.',
        replyCode: 250,
        enhancedCode: '2.0.0',
        text: '2.0.0 queued',
        peer: `127.0.0.1:${rig.server.port}`,
        tls: 'none',
        dsn: true,
        durationMs: 0,
      },
    })
    expect(seen).toEqual({ taken: 1, asked: 1 })
    expect(rig.server.mails).toMatchObject([
      {
        mail: `MAIL FROM:<office@example.jp> SIZE=${testMail.length} RET=HDRS ENVID=id-1`,
        rcpt: `RCPT TO:<${hanako}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;${hanako}`,
        content: testMail,
      },
    ])
    // CHUNKING is offered, and left alone.
    expect(rig.server.connections[0]?.commands.map((line) => line.split(' ')[0])).toEqual([
      'EHLO',
      'MAIL',
      'RCPT',
      'DATA',
    ])
  })

  test('of a megabyte with dots arrives whole', async () => {
    const rig = await smtpRig()
    const mail = Buffer.from('.leading\r\nmiddle . \r\n..\r\n'.repeat(40_000))
    expect((await rig.attempt({ mail })).outcome).toEqual(accepted)
    const lines = rig.server.mails[0]?.content.toString().split('\r\n') ?? []
    expect(lines.map((line) => line.replace(/^\./, '')).join('\r\n')).toBe(mail.toString())
  })

  test('with the null sender goes out', async () => {
    const rig = await smtpRig({ extensions: [] })
    expect((await rig.attempt({ from: '' })).outcome).toEqual(accepted)
    expect(rig.server.mails[0]?.mail).toBe('MAIL FROM:<>')
  })

  test('to an old address of a carrier is quoted', async () => {
    const rig = await smtpRig()
    expect((await rig.attempt({ to: 'a..b.@docomo.ne.jp' })).outcome).toEqual(accepted)
    expect(rig.server.mails[0]?.rcpt).toBe(
      'RCPT TO:<"a..b."@docomo.ne.jp> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;"a..b."@docomo.ne.jp',
    )
  })

  test.each(['a@b.example>\r\nRCPT TO:<c@d.example', 'a@b.example, c@d.example', 'nobody', ''])(
    'to %j is refused without a connection',
    async (to) => {
      const rig = await smtpRig()
      const report = await rig.attempt({ to })
      expect(report).toMatchObject({
        outcome: { kind: 'refused', class: 'unclassified', scope: 'message' },
        evidence: { stage: 'rcpt', fault: 'bad-path', rule: 'own-path' },
      })
      expect(rig.server.connections).toEqual([])
    },
  )

  test('is accepted without any extension, one command after the other', async () => {
    const rig = await smtpRig({ extensions: [] })
    expect(await rig.attempt()).toMatchObject({ outcome: accepted, evidence: { dsn: false } })
    expect(rig.server.connections[0]?.commands).toEqual([
      'EHLO client.test',
      'MAIL FROM:<office@example.jp>',
      `RCPT TO:<${hanako}>`,
      'DATA',
    ])
  })

  test('is accepted by a server that knows no EHLO', async () => {
    const rig = await smtpRig({ ehlo: '502 5.5.1 no such command' })
    expect(await rig.attempt()).toMatchObject({ outcome: accepted, evidence: { dsn: false } })
    expect(rig.server.connections[0]?.commands.slice(0, 3)).toEqual([
      'EHLO client.test',
      'HELO client.test',
      'MAIL FROM:<office@example.jp>',
    ])
  })

  test.each<[string, Script]>([
    ['250 2.6.0 at the dot, as Outlook says', { dot: '250 2.6.0 <id@x> [InternalId=1] Queued mail for delivery' }],
    ['any 2yz at the dot', { dot: '299 fine' }],
    ['251 at RCPT', { rcpt: '251 2.1.5 will forward' }],
    ['252 at RCPT', { rcpt: '252 2.1.5 cannot verify' }],
    [
      'replies of several lines',
      { greeting: '220-hello\n220-there\n220 relay', mail: '250-a\n250 b', dot: '250-a\n250 b' },
    ],
    [
      'replies byte by byte',
      { greeting: { drip: '220 hello' }, rcpt: { drip: '250 ok' }, dot: { drip: '250 queued' } },
    ],
    [
      'replies in other letters',
      { greeting: '220 ようこそ', dot: { bytes: Buffer.from('250 accept\xe9\r\n', 'latin1') } },
    ],
    ['replies of 5,000 bytes', { greeting: `220 ${'x'.repeat(5000)}`, dot: `250 ${'y'.repeat(5000)}` }],
    ['replies that end in a bare LF', { mail: { bytes: '250 ok\n' }, dot: { bytes: '250 ok\n' } }],
    ['replies without text', { mail: '250', rcpt: '250', data: '354', dot: '250' }],
    ['replies without a space', { dot: '250Ok' }],
    ['a 221 after the mail, and the end', { dot: ['250 ok\n221 bye', { end: 'close' }] }],
    ['a reset after the mail', { dot: ['250 ok', { end: 'reset' }] }],
  ])('is accepted with %s', async (_, script) => {
    const rig = await smtpRig(script)
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.dots(hanako)).toBe(1)
  })

  test('keeps at most 2,000 characters of a reply as evidence', async () => {
    const rig = await smtpRig({
      dot: Array.from({ length: 20 }, (_, at) => `250${at < 19 ? '-' : ' '}${'y'.repeat(500)}`).join('\n'),
    })
    expect((await rig.attempt()).evidence.text).toHaveLength(2000)
  })

  test('larger than the server takes is refused without a word', async () => {
    const rig = await smtpRig({ extensions: ['SIZE 40', 'PIPELINING'] })
    expect(await rig.attempt()).toMatchObject({
      outcome: { kind: 'refused', class: 'too-large', scope: 'message' },
      evidence: { stage: 'mail', fault: 'the mail has 41 bytes, this server takes 40', rule: 'own-size' },
    })
    expect(rig.server.connections[0]?.commands).toEqual(['EHLO client.test'])
  })

  test.each(['SIZE', 'SIZE 0', 'SIZE 41', 'SIZE x'])('goes to a server that says %s', async (size) => {
    const rig = await smtpRig({ extensions: [size] })
    expect((await rig.attempt()).outcome).toEqual(accepted)
  })
})

describe('an address with other letters', () => {
  test('goes to a server with SMTPUTF8, and says so', async () => {
    const rig = await smtpRig()
    expect((await rig.attempt({ to: '花子@example.jp', utf8: true })).outcome).toEqual(accepted)
    expect(rig.server.mails[0]?.mail).toContain(' SMTPUTF8 BODY=8BITMIME')
    expect(rig.server.mails[0]?.rcpt).toContain('RCPT TO:<花子@example.jp> ')
  })

  test.each([true, false])('never goes to a server without it (marked: %s)', async (utf8) => {
    const rig = await smtpRig({ extensions: ['PIPELINING', 'DSN', '8BITMIME'] })
    const report = await rig.attempt({ to: '花子@example.jp', utf8 })
    expect(report).toMatchObject({
      outcome: { kind: 'refused', class: 'unclassified', scope: 'message' },
      evidence: { stage: 'mail', rule: 'own-smtputf8' },
    })
    expect(report.evidence.fault).toContain('takes no addresses with such characters')
    expect(rig.server.connections[0]?.commands).toEqual(['EHLO client.test'])
  })
})

describe('a server that refuses', () => {
  type Case = [string, Script, AttemptOutcome, Partial<Evidence>]

  const cases: Case[] = [
    [
      'the connection',
      { greeting: '554 5.7.1 no service for you' },
      { kind: 'refused', class: 'blocked-reputation', scope: 'lane' },
      { stage: 'greeting', replyCode: 554, enhancedCode: '5.7.1', rule: 'x.7.1-sender' },
    ],
    [
      'the connection for now',
      { greeting: '421 4.3.2 too many connections' },
      { kind: 'deferred', class: 'rate-limited', scope: 'lane' },
      { stage: 'greeting', replyCode: 421 },
    ],
    [
      'EHLO for now',
      { ehlo: '421 4.3.2 not now' },
      { kind: 'deferred', class: 'network', scope: 'lane' },
      { stage: 'ehlo', command: 'EHLO', replyCode: 421 },
    ],
    [
      'EHLO and HELO',
      { ehlo: '550 go away', helo: '550 go away' },
      { kind: 'refused', class: 'unclassified', scope: 'lane' },
      { stage: 'ehlo', command: 'HELO', replyCode: 550 },
    ],
    [
      'MAIL for now',
      { mail: '451 4.3.0 trouble' },
      { kind: 'deferred', class: 'network', scope: 'message' },
      { stage: 'mail', command: 'MAIL FROM', replyCode: 451 },
    ],
    [
      'MAIL',
      { mail: '553 5.1.8 sender address rejected' },
      { kind: 'refused', class: 'authentication', scope: 'lane' },
      { stage: 'mail', replyCode: 553 },
    ],
    [
      'MAIL with 421',
      { mail: ['421 4.7.0 slow down', { end: 'close' }] },
      { kind: 'deferred', class: 'blocked-reputation', scope: 'lane' },
      { stage: 'mail', replyCode: 421 },
    ],
    [
      'us without a login',
      { mail: '530 5.7.0 Authentication required' },
      { kind: 'refused', class: 'authentication', scope: 'lane' },
      { stage: 'mail', replyCode: 530 },
    ],
    [
      'an unknown recipient',
      { rcpt: '550-5.1.1 no such\n550 5.1.1 user' },
      { kind: 'refused', class: 'unknown-user', scope: 'message' },
      { stage: 'rcpt', command: 'RCPT TO', replyCode: 550, enhancedCode: '5.1.1', text: '5.1.1 no such\n5.1.1 user' },
    ],
    [
      'a full mailbox',
      { rcpt: '452 4.2.2 mailbox full' },
      { kind: 'deferred', class: 'mailbox-full', scope: 'message' },
      { stage: 'rcpt', replyCode: 452 },
    ],
    [
      'a mailbox that is full with 552',
      { rcpt: '552 5.2.2 over quota' },
      { kind: 'refused', class: 'mailbox-full', scope: 'message' },
      { stage: 'rcpt', replyCode: 552 },
    ],
    [
      'too many recipients with 552: that is temporary',
      { rcpt: '552 Too many recipients' },
      { kind: 'deferred', class: 'rate-limited', scope: 'lane' },
      { stage: 'rcpt', replyCode: 552 },
    ],
    [
      'relaying',
      { rcpt: '554 5.7.1 Relay access denied' },
      { kind: 'refused', class: 'relaying-denied', scope: 'lane' },
      { stage: 'rcpt', replyCode: 554 },
    ],
    [
      'RCPT with 421',
      { rcpt: ['421 4.2.0 closing', { end: 'close' }] },
      { kind: 'deferred', class: 'unclassified', scope: 'lane' },
      { stage: 'rcpt', replyCode: 421 },
    ],
    [
      'DATA',
      { data: '554 5.3.0 no' },
      { kind: 'refused', class: 'network', scope: 'message' },
      { stage: 'data', command: 'DATA', replyCode: 554 },
    ],
    [
      'DATA for now',
      { data: '451 4.3.0 no' },
      { kind: 'deferred', class: 'network', scope: 'message' },
      { stage: 'data', replyCode: 451 },
    ],
    [
      'the quota of the day, although with 5yz',
      { data: '554 5.2.0 SubmissionQuotaExceededException' },
      { kind: 'deferred', class: 'rate-limited', scope: 'lane' },
      { stage: 'data', replyCode: 554 },
    ],
    [
      'the mail while it comes',
      { body: ['552 5.3.4 message too big', { end: 'close' }], dot: { hang: true } },
      { kind: 'refused', class: 'too-large', scope: 'message' },
      { stage: 'data', replyCode: 552 },
    ],
    [
      'the mail',
      { dot: '550 5.7.1 spam message' },
      { kind: 'refused', class: 'content-policy', scope: 'message' },
      { stage: 'final-dot', command: '.', replyCode: 550 },
    ],
    [
      'the mail as the receiver wants it',
      { dot: '550 Unknown user hanako@docomo.ne.jp' },
      { kind: 'refused', class: 'filtered-by-recipient', scope: 'message' },
      { stage: 'final-dot', replyCode: 550 },
    ],
    [
      'the mail for now',
      { dot: '451 4.3.0 try again' },
      { kind: 'deferred', class: 'network', scope: 'message' },
      { stage: 'final-dot', replyCode: 451 },
    ],
    [
      'the mail with 421',
      { dot: ['421 4.3.0 closing', { end: 'close' }] },
      { kind: 'deferred', class: 'network', scope: 'lane' },
      { stage: 'final-dot', replyCode: 421 },
    ],
  ]

  // Large enough that the server has a part of it before the end is allowed.
  const mail = Buffer.from('a line of text\r\n'.repeat(20_000))

  describe.each([true, false])('with pipelining: %s', (pipelining) => {
    test.each(cases)('%s', async (_, script, outcome, evidence) => {
      const rig = await smtpRig({ extensions: pipelining ? ['PIPELINING', 'DSN'] : ['DSN'], ...script })
      const { report, seen } = rig.begin({ mail }, async () => {
        if (script.body !== undefined) await rig.server.reached('ended')
        return { kind: 'go', askedAt: { monotonic: rig.clock.monotonic(), wall: rig.clock.now() }, dotWithinMs: 5_000 }
      })
      const { outcome: found, evidence: seenEvidence } = await report
      expect(found).toEqual(outcome)
      expect(seenEvidence).toMatchObject(evidence)
      expect(seenEvidence.rule).toBeDefined()
      const dotWanted = evidence.stage === 'final-dot'
      expect(rig.server.mails).toHaveLength(dotWanted ? 1 : 0)
      expect(seen.taken).toBe(dotWanted || evidence.stage === 'data' ? 1 : 0)
    })
  })
})

describe('a server that breaks off', () => {
  const stages: [ServerStage, 'lane' | 'message', string][] = [
    ['greeting', 'lane', 'greeting'],
    ['ehlo', 'lane', 'ehlo'],
    ['mail', 'message', 'mail'],
    ['rcpt', 'message', 'rcpt'],
    ['data', 'message', 'data'],
  ]

  describe.each([true, false])('with pipelining: %s', (pipelining) => {
    const extensions = pipelining ? ['PIPELINING'] : []

    test.each(stages)('by closing at %s defers the mail', async (stage, scope, name) => {
      const rig = await smtpRig({ extensions, [stage]: { end: 'close' } })
      const report = await rig.attempt()
      expect(report).toMatchObject({
        outcome: networkFault(scope),
        evidence: { stage: name, fault: 'closed', rule: 'network-fault' },
      })
      expect(rig.server.mails).toEqual([])
    })

    test.each(stages)('by a reset at %s defers the mail', async (stage, scope, name) => {
      const rig = await smtpRig({ extensions, [stage]: { end: 'reset' } })
      const report = await rig.attempt()
      // A reset takes with it what was not read yet, so the replies before it may be lost too.
      const earlier = scope === 'lane' ? ['connect', name] : pipelining ? ['mail', 'rcpt', name] : [name]
      expect(report).toMatchObject({ outcome: networkFault(scope), evidence: { fault: 'ECONNRESET' } })
      expect(earlier).toContain(report.evidence.stage)
      expect(rig.server.mails).toEqual([])
    })

    test.each(stages)(
      'by saying nothing at %s defers the mail when the time is over, and not before',
      async (stage, scope, name) => {
        const rig = await smtpRig({ extensions, [stage]: { hang: true } }, { timeouts })
        let settled = false
        const { report } = rig.begin()
        void report.then(() => {
          settled = true
        })
        const wait = waits[stage] ?? 0
        await rig.clock.due(wait)
        await rig.clock.advanceAsync(wait - 1)
        expect(settled).toBe(false)
        await rig.clock.advanceAsync(1)
        expect(await report).toMatchObject({
          outcome: networkFault(scope),
          evidence: { stage: name, fault: 'timeout', durationMs: wait },
        })
        expect(rig.server.mails).toEqual([])
      },
    )

    test.each(stages)('by talking nonsense at %s defers the mail', async (stage, scope, name) => {
      const rig = await smtpRig({ extensions, [stage]: { bytes: 'HTTP/1.1 400 Bad Request\r\n' } })
      const report = await rig.attempt()
      expect(report).toMatchObject({ outcome: networkFault(scope), evidence: { stage: name, fault: 'not-a-reply' } })
      expect(rig.server.mails).toEqual([])
    })

    test.each(stages)('by a reply that never ends at %s defers the mail', async (stage, scope, name) => {
      const rig = await smtpRig({ extensions, [stage]: { bytes: '250-more\r\n'.repeat(10_000) } })
      const report = await rig.attempt()
      expect(report).toMatchObject({ outcome: networkFault(scope), evidence: { stage: name, fault: 'endless' } })
      expect(rig.server.mails).toEqual([])
    })
  })

  test.each<[string, Script, string]>([
    ['a 250 to DATA', { data: '250 ok' }, 'data'],
    ['a 354 to MAIL', { mail: '354 go' }, 'mail'],
    ['a 354 to RCPT', { rcpt: '354 go' }, 'rcpt'],
    ['a 100 to RCPT', { rcpt: '100 well' }, 'rcpt'],
    ['a 999 to RCPT', { rcpt: '999 well' }, 'rcpt'],
    ['two replies to MAIL', { mail: '250 ok\n250 ok' }, 'data'],
  ])('by words out of place (%s) defers the mail, and never gets its end', async (_, script, stage) => {
    const rig = await smtpRig(script)
    const report = await rig.attempt()
    expect(report).toMatchObject({ outcome: networkFault('message'), evidence: { stage, fault: 'unexpected-reply' } })
    expect(rig.server.mails).toEqual([])
  })

  test.each<[string, Act]>([
    ['closing', { end: 'close' }],
    ['a reset', { end: 'reset' }],
    ['an early 250', '250 ok, I have seen enough'],
    ['nonsense', { bytes: 'what\r\n' }],
  ])('by %s in the middle of the mail defers it, and never gets its end', async (_, act) => {
    const rig = await smtpRig({ body: act })
    const { report } = rig.begin({ mail: Buffer.from('a line of text\r\n'.repeat(20_000)) }, async () => {
      await rig.clock.advanceAsync(0)
      return { kind: 'go', askedAt: { monotonic: rig.clock.monotonic(), wall: rig.clock.now() }, dotWithinMs: 5_000 }
    })
    expect(await report).toMatchObject({ outcome: networkFault('message'), evidence: { stage: 'data' } })
    expect(rig.server.mails).toEqual([])
  })

  test('by half a reply in the middle of the mail is heard out', async () => {
    const rig = await smtpRig({
      data: [{ bytes: '354 go\r\n552 5.3.4 too ' }, { until: 'heard' }, { bytes: 'big\r\n' }],
    })
    const { report, seen } = rig.begin()
    await rig.clock.due(120_000)
    rig.server.release('heard')
    expect(await report).toMatchObject({
      outcome: { kind: 'refused', class: 'too-large', scope: 'message' },
      evidence: { stage: 'data', replyCode: 552, text: '5.3.4 too big' },
    })
    expect(seen.asked).toBe(0)
    expect(rig.server.mails).toEqual([])
  })

  test('by taking no more of a large mail defers it after three minutes', async () => {
    const rig = await smtpRig({ extensions: ['PIPELINING'], body: { hang: 'deaf' } })
    const { report, seen } = rig.begin({ mail: Buffer.alloc(64_000_000, 'a line of text\r\n') })
    await rig.server.reached('body')
    let settled = false
    void report.then(() => {
      settled = true
    })
    while (!settled) await rig.clock.advanceAsync(60_000)
    expect(await report).toMatchObject({
      outcome: networkFault('message'),
      evidence: { stage: 'data', fault: 'timeout' },
    })
    expect(seen.asked).toBe(0)
  })

  test('by not being there defers the mail', async () => {
    const rig = await smtpRig({}, { port: 1 })
    expect(await rig.attempt()).toEqual({
      outcome: networkFault('lane'),
      evidence: {
        transport: 'smtp',
        stage: 'connect',
        fault: 'ECONNREFUSED',
        peer: '127.0.0.1:1',
        tls: 'none',
        durationMs: 0,
        rule: 'network-fault',
      },
    })
  })

  test('by not letting us connect defers the mail after half a minute', async () => {
    const rig = await smtpRig()
    const { report } = rig.begin()
    await rig.clock.due(30_000)
    // Without a turn of the event loop the connection can't come about.
    rig.clock.advance(30_000)
    expect(await report).toMatchObject({
      outcome: networkFault('lane'),
      evidence: { stage: 'connect', fault: 'timeout', durationMs: 30_000 },
    })
  })

  test('by having no address defers the mail', async () => {
    const rig = await smtpRig({}, { host: 'no..name' })
    const { outcome, evidence } = await rig.attempt()
    expect(outcome).toEqual(networkFault('lane'))
    expect(evidence).toMatchObject({ stage: 'connect', peer: `no..name:${rig.server.port}` })
    expect(evidence.fault).toMatch(/^E/)
  })
})

describe('after the final dot', () => {
  test.each<[string, Act | readonly Act[], string]>([
    ['a closed connection', { end: 'close' }, 'closed'],
    ['a reset', { end: 'reset' }, 'ECONNRESET'],
    ['half a reply', [{ bytes: '250-2.0.0 I have' }, { end: 'close' }], 'closed'],
    ['nonsense', { bytes: 'Segmentation fault\r\n' }, 'not-a-reply'],
    ['a reply that never ends', { bytes: '250-more\r\n'.repeat(10_000) }, 'endless'],
    ['a 354', '354 more please', 'unexpected-reply'],
    ['a 100', '100 continue', 'unexpected-reply'],
    ['a 999', '999 well', 'unexpected-reply'],
  ])('%s makes the attempt unknown, and it is not repeated', async (_, act, fault) => {
    const rig = await smtpRig({ dot: act })
    expect(await rig.attempt()).toMatchObject({
      outcome: { kind: 'unknown' },
      evidence: { stage: 'final-dot', command: '.', fault },
    })
    expect(rig.server.dots(hanako)).toBe(1)
    expect(rig.server.connections).toHaveLength(1)
  })

  test('silence makes the attempt unknown after ten minutes; a late 250 changes nothing', async () => {
    const rig = await smtpRig({ dot: [{ until: 'late' }, '250 queued'] })
    let settled = false
    const { report } = rig.begin()
    void report.then(() => {
      settled = true
    })
    await rig.clock.due(600_000)
    await rig.server.reached('dot')
    await rig.clock.advanceAsync(599_999)
    expect(settled).toBe(false)
    await rig.clock.advanceAsync(1)
    expect(await report).toMatchObject({
      outcome: { kind: 'unknown' },
      evidence: { fault: 'timeout', durationMs: 600_000 },
    })
    rig.server.release('late')
    await rig.server.reached('ended')
    expect(rig.server.dots(hanako)).toBe(1)
  })

  test('an abort waits for the answer', async () => {
    const rig = await smtpRig({ dot: [{ until: 'aborted' }, '250 queued'] })
    const { report, abort } = rig.begin()
    await rig.clock.due(600_000)
    abort()
    rig.server.release('aborted')
    expect((await report).outcome).toEqual(accepted)
  })

  test('a connection that broke is not used again', async () => {
    const rig = await smtpRig([{ dot: '354 more please' }, {}])
    await rig.attempt()
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.connections).toHaveLength(2)
  })
})

describe('the end of a mail', () => {
  const large = Buffer.from('a line of text\r\n'.repeat(20_000))

  test.each([testMail, large])('is not written when the lease is lost', async (mail) => {
    const rig = await smtpRig()
    const { report, seen } = rig.begin({ mail }, () => ({ kind: 'lost' }))
    expect(await report).toMatchObject({
      outcome: { kind: 'interrupted' },
      evidence: { stage: 'data', fault: 'lease-lost' },
    })
    expect(seen).toEqual({ taken: 1, asked: 1 })
    await rig.server.reached('ended')
    expect(rig.server.mails).toEqual([])
  })

  test.each([testMail, large])('is not written when it comes too late', async (mail) => {
    const rig = await smtpRig()
    const { report } = rig.begin({ mail }, () => {
      const word = {
        kind: 'go' as const,
        askedAt: { monotonic: rig.clock.monotonic(), wall: rig.clock.now() },
        dotWithinMs: 5_000,
      }
      rig.clock.advance(5_001)
      return word
    })
    expect(await report).toMatchObject({ outcome: { kind: 'interrupted' }, evidence: { fault: 'late' } })
    await rig.server.reached('ended')
    expect(rig.server.mails).toEqual([])
  })

  test('is written in the last millisecond', async () => {
    const rig = await smtpRig()
    const { report } = rig.begin({}, () => {
      const word = {
        kind: 'go' as const,
        askedAt: { monotonic: rig.clock.monotonic(), wall: rig.clock.now() },
        dotWithinMs: 5_000,
      }
      rig.clock.advance(5_000)
      return word
    })
    expect((await report).outcome).toEqual(accepted)
  })

  test('is not written when the store fails', async () => {
    const rig = await smtpRig()
    const { report } = rig.begin({}, () => Promise.reject(new Error('disk full')))
    expect(await report).toMatchObject({ outcome: { kind: 'interrupted' }, evidence: { fault: 'internal' } })
    expect(rig.logged).toMatchObject([
      { level: 'error', fields: { messageId: 'message-1', err: { message: 'disk full' } } },
    ])
    await rig.server.reached('ended')
    expect(rig.server.mails).toEqual([])
  })

  test('is asked for only when all but the last of a large mail is with the server', async () => {
    const rig = await smtpRig()
    const { report } = rig.begin({ mail: large }, async () => {
      await rig.server.received(large.length - 16 * 1024)
      return { kind: 'go', askedAt: { monotonic: rig.clock.monotonic(), wall: rig.clock.now() }, dotWithinMs: 5_000 }
    })
    expect((await report).outcome).toEqual(accepted)
    expect(rig.server.mails[0]?.content).toEqual(large)
  })

  test('is not written to a server that left while we asked', async () => {
    const rig = await smtpRig({ data: ['354 go', { until: 'asked' }, { end: 'close' }] })
    const { report } = rig.begin({}, async () => {
      rig.server.release('asked')
      await rig.clock.advanceAsync(0)
      await rig.server.reached('ended')
      return { kind: 'go', askedAt: { monotonic: rig.clock.monotonic(), wall: rig.clock.now() }, dotWithinMs: 5_000 }
    })
    expect(await report).toMatchObject({
      outcome: networkFault('message'),
      evidence: { stage: 'data', fault: 'closed' },
    })
    expect(rig.server.mails).toEqual([])
  })

  test.each<[ServerStage, string]>([
    ['greeting', 'greeting'],
    ['ehlo', 'ehlo'],
    ['mail', 'mail'],
    ['rcpt', 'rcpt'],
    ['data', 'data'],
  ])('is not written after an abort at %s', async (stage, name) => {
    const rig = await smtpRig({ [stage]: { hang: true } }, { timeouts })
    const { report, abort } = rig.begin()
    await rig.clock.due(waits[stage] ?? 0)
    abort()
    expect(await report).toMatchObject({
      outcome: { kind: 'interrupted' },
      evidence: { stage: name, fault: 'aborted' },
    })
    await rig.server.reached('ended')
    expect(rig.server.mails).toEqual([])
  })

  test('is not written after an abort while we asked', async () => {
    const rig = await smtpRig()
    const attempt = rig.begin({}, () => {
      attempt.abort()
      return { kind: 'go', askedAt: { monotonic: rig.clock.monotonic(), wall: rig.clock.now() }, dotWithinMs: 5_000 }
    })
    expect(await attempt.report).toMatchObject({ outcome: { kind: 'interrupted' }, evidence: { fault: 'aborted' } })
    await rig.server.reached('ended')
    expect(rig.server.mails).toEqual([])
  })

  test('of an attempt that is aborted before it begins is nowhere', async () => {
    const rig = await smtpRig()
    const attempt = rig.begin()
    attempt.abort()
    expect((await attempt.report).outcome).toEqual({ kind: 'interrupted' })
    expect(rig.server.mails).toEqual([])
  })

  test.each<[string, Script]>([
    ['the recipient', { rcpt: '550 5.1.1 no', data: '354 go ahead anyway' }],
    ['the sender', { mail: '550 5.1.8 no', data: '354 go ahead anyway' }],
  ])('is not written when the server refused %s but wants the mail (RFC 2920 §3.1)', async (_, script) => {
    const rig = await smtpRig(script)
    expect((await rig.attempt()).outcome).toMatchObject({ kind: 'refused' })
    await rig.server.reached('ended')
    expect(rig.server.mails).toEqual([])
    expect(rig.server.connections[0]?.unfinished).toBe(0)
  })
})

describe('whatever the server says', () => {
  const legal = ['accepted', 'deferred', 'refused', 'unknown', 'interrupted']
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .array(
        fc.tuple(
          fc.constantFrom('250', '354', '550', '421', '220', '999', ''),
          fc.constantFrom(' ', '-', ''),
          fc.string(),
        ),
      )
      .map((lines) => Buffer.from(lines.map((line) => `${line.join('')}\r\n`).join(''))),
  )
  const act: fc.Arbitrary<Act> = fc.oneof(
    bytes.map((some) => ({ bytes: some })),
    fc.constantFrom<Act>(
      { end: 'close' },
      { end: 'reset' },
      '250 ok',
      '250-x\n250 y',
      '354 go',
      '421 bye',
      '550 5.1.1 no',
    ),
  )
  // One or two stages go wrong, the others are as they should be: else no attempt would get far.
  const wrong = fc.tuple(
    fc.constantFrom('greeting', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'dot', 'dot', 'dot'),
    fc.array(act, { maxLength: 3 }),
  )
  const script = fc.array(wrong, { minLength: 1, maxLength: 2 }).map((stages): Script => Object.fromEntries(stages))
  const mails = fc.constantFrom(testMail, Buffer.from('a line of text\r\n'.repeat(5_000)))

  test('an attempt settles, and is accepted or unknown only after the server got the end of the mail', async () => {
    await fc.assert(
      fc.asyncProperty(script, mails, fc.boolean(), async (stages, mail, pipelining) => {
        const rig = await smtpRig({ ...stages, extensions: pipelining ? ['PIPELINING'] : [] })
        const { report } = rig.begin({ mail })
        let settled = false
        void report.then(() => {
          settled = true
        })
        // Time goes on only when nothing has moved for long; else every story would end in a timeout.
        for (let turn = 0; !settled; turn += 1) {
          await new Promise((resolve) => setImmediate(resolve))
          if (turn % 300 === 299) rig.clock.advance(600_000)
        }
        const { outcome, evidence } = await report
        expect(legal).toContain(outcome.kind)
        expect(evidence.transport).toBe('smtp')
        if (outcome.kind !== 'accepted' && outcome.kind !== 'unknown')
          expect(evidence.fault ?? evidence.replyCode).toBeDefined()
        // Dots at most once; and no end of a mail that we call not sent, unless the server refused it after the end.
        expect(rig.server.dots(hanako)).toBeLessThanOrEqual(1)
        if (evidence.stage !== 'final-dot') expect(rig.server.mails).toEqual([])
        await rig.server.close()
      }),
      { numRuns: 300 },
    )
  }, 60_000)
})

test('settings that could not be written into a command are refused at once', () => {
  const make = (wrong: Partial<SmtpSettings>) => () =>
    createSmtpTransport(
      { host: 'h', port: 25, security: 'none', auth: null, heloName: 'client.test', ...wrong },
      { clock: null as never, log: null as never },
    )
  expect(make({})).not.toThrow()
  expect(make({ heloName: 'a\r\nMAIL FROM:<x@y>' })).toThrow(RangeError)
  expect(make({ heloName: '' })).toThrow(RangeError)
  expect(make({ auth: { user: 'a', password: 'b\0c' } })).toThrow(RangeError)
  expect(make({ auth: { user: 'a', accessToken: '' } })).toThrow(RangeError)
})

test('there is one lane, with the relay and our source in its name', async () => {
  const rig = await smtpRig({}, { source: 'account-1', maxConnections: 7, rate: { perSecond: 14, burst: 20 } })
  expect(rig.transport.lane('a@example.jp')).toBe('smtp:account-1|127.0.0.1')
  expect(rig.transport.lane('b@example.org')).toBe(rig.transport.lane('a@example.jp'))
  expect(rig.transport.policy('smtp:account-1|127.0.0.1')).toEqual({
    maxConcurrency: 7,
    startConcurrency: 2,
    rate: { perSecond: 14, burst: 20 },
    breakerAfter: 5,
    breakerPauses: [120_000, 240_000, 480_000, 900_000],
  })
})
