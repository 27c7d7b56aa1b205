import { createSecureContext } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { type Act, type Script, startScriptedSmtpServer, testTls } from '../../../test/fakes/scripted-smtp-server.ts'
import { smtpRig } from '../../../test/fakes/smtp-rig.ts'
import type { AttemptOutcome } from '../../core/messages/transport.ts'
import { openSession } from './session.ts'
import { defaultTimeouts, type SmtpSettings } from './settings.ts'

const accepted: AttemptOutcome = { kind: 'accepted', by: 'relay' }
const laneFault: AttemptOutcome = { kind: 'deferred', class: 'network', scope: 'lane' }
const trusted: Partial<SmtpSettings> = { ca: testTls.cert, serverName: 'relay.test' }
const someTls = /^TLSv1\.[23] [A-Z0-9_-]+$/

describe('TLS', () => {
  test.each(['relay.test', 'localhost', '127.0.0.1'])(
    'from the first byte is used and named, for %s',
    async (serverName) => {
      const rig = await smtpRig({ implicitTls: true }, { security: 'implicit', ca: testTls.cert, serverName })
      const { outcome, evidence } = await rig.attempt()
      expect(outcome).toEqual(accepted)
      expect(evidence.tls).toMatch(someTls)
      expect(rig.server.connections).toMatchObject([{ secure: true }])
    },
  )

  test('begins with STARTTLS, and EHLO is said again after it', async () => {
    const rig = await smtpRig({}, { security: 'starttls', ...trusted })
    const { outcome, evidence } = await rig.attempt()
    expect(outcome).toEqual(accepted)
    expect(evidence.tls).toMatch(someTls)
    expect(rig.server.connections[0]?.commands.slice(0, 4).map((line) => line.split(' ')[0])).toEqual([
      'EHLO',
      'STARTTLS',
      'EHLO',
      'MAIL',
    ])
  })

  test('makes what was offered before it worthless', async () => {
    const script = { clearExtensions: ['STARTTLS', 'SIZE 1', 'DSN'], extensions: ['PIPELINING'] }
    const rig = await smtpRig(script, { security: 'starttls', ...trusted })
    expect(await rig.attempt()).toMatchObject({ outcome: accepted, evidence: { dsn: false } })
    expect(rig.server.mails[0]?.mail).toBe('MAIL FROM:<office@example.jp>')
  })

  test('carries a large mail', async () => {
    const rig = await smtpRig({}, { security: 'starttls', ...trusted })
    const mail = Buffer.from('a line of text\r\n'.repeat(60_000))
    expect((await rig.attempt({ mail })).outcome).toEqual(accepted)
    expect(rig.server.mails[0]?.content).toEqual(mail)
  })

  const unverified: [string, Partial<SmtpSettings>, string][] = [
    ['by nobody we know', { serverName: 'relay.test' }, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['for another name', { ca: testTls.cert, serverName: 'other.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['for another address', { ca: testTls.cert, serverName: '127.0.0.2' }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ]

  test.each(unverified)('with a certificate %s carries no mail (STARTTLS)', async (_, settings, fault) => {
    const rig = await smtpRig({}, { security: 'starttls', ...settings })
    expect(await rig.attempt()).toMatchObject({
      outcome: laneFault,
      evidence: { stage: 'starttls', command: 'STARTTLS', fault, tls: 'none' },
    })
    expect(rig.server.mails).toEqual([])
  })

  test.each(unverified)('with a certificate %s carries no mail (from the first byte)', async (_, settings, fault) => {
    const rig = await smtpRig({ implicitTls: true }, { security: 'implicit', ...settings })
    expect(await rig.attempt()).toMatchObject({ outcome: laneFault, evidence: { stage: 'connect', fault } })
    expect(rig.server.mails).toEqual([])
  })

  test.each(unverified)('with a certificate %s carries mail when the operator says so', async (_, settings) => {
    const rig = await smtpRig({}, { security: 'starttls', ...settings, verifyCertificate: false })
    expect((await rig.attempt()).outcome).toEqual(accepted)
  })

  test.each<[string, Script, RegExp]>([
    ['does not offer it', { extensions: ['PIPELINING'] }, /^starttls-not-offered$/],
    ['knows no EHLO', { ehlo: '502 what?' }, /^starttls-not-offered$/],
    ['answers the handshake in clear text', { handshake: { bytes: '220 not so fast\r\n' } }, /^ERR_SSL_/],
    ['closes instead of the handshake', { handshake: { end: 'close' } }, /^closed$/],
    ['resets instead of the handshake', { handshake: { end: 'reset' } }, /^(?:ECONNRESET|closed)$/],
    ['closes at STARTTLS', { starttls: { end: 'close' } }, /^closed$/],
  ])('that is required: no mail to a server that %s', async (_, script, faults) => {
    const rig = await smtpRig(script, { security: 'starttls', ...trusted })
    const { outcome, evidence } = await rig.attempt()
    expect(outcome).toEqual(laneFault)
    expect(evidence.stage).toBe('starttls')
    expect(evidence.fault).toMatch(faults)
    expect(rig.server.connections).toHaveLength(1)
    expect(rig.server.connections[0]?.commands.some((line) => line.startsWith('MAIL'))).toBe(false)
  })

  test('that is required: a refusal is told as it was said', async () => {
    const rig = await smtpRig({ starttls: '454 4.7.0 TLS not available' }, { security: 'starttls', ...trusted })
    expect(await rig.attempt()).toMatchObject({
      outcome: laneFault,
      evidence: { stage: 'starttls', command: 'STARTTLS', replyCode: 454, tls: 'none' },
    })
  })

  test('that hangs in the handshake is given up after two minutes', async () => {
    const rig = await smtpRig(
      { handshake: { hang: true } },
      { security: 'starttls', ...trusted, timeouts: { tls: 120_001 } },
    )
    const { report } = rig.begin()
    await rig.server.reached('handshake')
    await rig.clock.due(120_001)
    await rig.clock.advanceAsync(120_001)
    expect(await report).toMatchObject({ outcome: laneFault, evidence: { stage: 'starttls', fault: 'timeout' } })
  })

  test('is not fooled by what was said in clear text before it (CVE-2011-0411)', async () => {
    // Offers and replies of someone in between, in the same packet as the go-ahead.
    const evil = '220 go\r\n250-relay.test\r\n250-AUTH PLAIN\r\n250 SIZE 1\r\n250 ok\r\n'
    const rig = await smtpRig({ starttls: { bytes: evil } }, { security: 'starttls', ...trusted })
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.mails[0]?.mail).toContain(' SIZE=')
  })
})

describe('TLS where it works (opportunistic)', () => {
  test('takes any certificate', async () => {
    const rig = await smtpRig({}, { security: 'opportunistic' })
    const { outcome, evidence } = await rig.attempt()
    expect(outcome).toEqual(accepted)
    expect(evidence.tls).toMatch(someTls)
  })

  test('is left out where the server has none', async () => {
    const rig = await smtpRig({ extensions: ['PIPELINING'] }, { security: 'opportunistic' })
    expect(await rig.attempt()).toMatchObject({ outcome: accepted, evidence: { tls: 'none' } })
  })

  test.each<[string, Script, string]>([
    ['refuses it', { starttls: '454 4.7.0 not now' }, '454'],
    ['breaks it', { handshake: { bytes: '500 5.5.2 what?\r\n' } }, 'ERR_SSL_'],
    ['closes', { handshake: { end: 'close' } }, 'closed'],
  ])('is left out on a second connection when the server %s, and that is told', async (_, script, why) => {
    const rig = await smtpRig(script, { security: 'opportunistic' })
    const { outcome, evidence } = await rig.attempt()
    expect(outcome).toEqual(accepted)
    expect(evidence.tls).toMatch(/^none \(TLS failed: /)
    expect(evidence.tls).toContain(why)
    expect(rig.server.connections).toHaveLength(2)
    expect(rig.server.connections[1]?.commands).not.toContain('STARTTLS')
    expect(rig.logged).toMatchObject([{ level: 'warn' }])
  })

  test('is not tried twice after an abort', async () => {
    const rig = await smtpRig({ handshake: { hang: true } }, { security: 'opportunistic' })
    const { report, abort } = rig.begin()
    await rig.server.reached('handshake')
    abort()
    expect((await report).outcome).toEqual({ kind: 'interrupted' })
    await rig.clock.advanceAsync(0)
    expect(rig.server.connections.flatMap(({ commands }) => commands)).toEqual(['EHLO client.test', 'STARTTLS'])
  })
})

describe('a login', () => {
  const login = { user: 'office', secret: 'correct horse' }
  const auth = { user: 'office', password: 'correct horse' }
  const offer = (...mechanisms: string[]) => ({ extensions: ['PIPELINING', `AUTH ${mechanisms.join(' ')}`], login })

  test.each<[string, string[], SmtpSettings['auth']]>([
    ['SCRAM-SHA-256', ['LOGIN', 'PLAIN', 'SCRAM-SHA-256', 'XOAUTH2'], auth],
    ['PLAIN', ['LOGIN', 'PLAIN', 'CRAM-MD5'], auth],
    ['LOGIN', ['LOGIN', 'CRAM-MD5'], auth],
    ['XOAUTH2', ['PLAIN', 'XOAUTH2'], { user: 'office', accessToken: 'correct horse' }],
  ])('uses %s, the strongest of %j', async (mechanism, mechanisms, credentials) => {
    const rig = await smtpRig(offer(...mechanisms), { auth: credentials })
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.connections[0]?.commands[1]?.split(' ').slice(0, 2)).toEqual(['AUTH', mechanism])
  })

  test('works with passwords of other letters, which SCRAM would need tables for', async () => {
    const rig = await smtpRig(
      { login: { user: 'office', secret: 'パスワード' } },
      { auth: { user: 'office', password: 'パスワード' } },
    )
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.connections[0]?.commands[1]).toMatch(/^AUTH PLAIN /)
  })

  test('sends a token that is too long for the command after the go-ahead', async () => {
    const token = 'x'.repeat(2000)
    const rig = await smtpRig(
      { login: { user: 'office', secret: token } },
      { auth: { user: 'office', accessToken: token } },
    )
    expect((await rig.attempt()).outcome).toEqual(accepted)
    expect(rig.server.connections[0]?.commands[1]).toBe('AUTH XOAUTH2')
  })

  test('understands the old way to offer it', async () => {
    const rig = await smtpRig({ extensions: ['AUTH=LOGIN PLAIN'], login }, { auth })
    expect((await rig.attempt()).outcome).toEqual(accepted)
  })

  test.each<[string, string[], SmtpSettings['auth'], string]>([
    ['SCRAM-SHA-256', ['SCRAM-SHA-256', 'PLAIN'], { user: 'office', password: 'wrong' }, '5.7.8'],
    ['PLAIN', ['PLAIN'], { user: 'office', password: 'wrong' }, '5.7.8'],
    ['LOGIN', ['LOGIN'], { user: 'office', password: 'wrong' }, '5.7.8'],
    ['XOAUTH2', ['XOAUTH2'], { user: 'office', accessToken: 'expired' }, '5.7.8'],
  ])(
    'that is refused stops the lane (%s), and nothing weaker is tried',
    async (mechanism, mechanisms, credentials, enhancedCode) => {
      const rig = await smtpRig(offer(...mechanisms), { auth: credentials })
      expect(await rig.attempt()).toMatchObject({
        outcome: { kind: 'refused', class: 'authentication', scope: 'lane' },
        evidence: { stage: 'auth', command: `AUTH ${mechanism}`, replyCode: 535, enhancedCode },
      })
      expect(rig.server.connections[0]?.commands.filter((line) => line.startsWith('AUTH'))).toHaveLength(1)
      expect(rig.server.mails).toEqual([])
    },
  )

  test('that is refused for now defers', async () => {
    const rig = await smtpRig({ ...offer('PLAIN'), auth: '454 4.7.0 Temporary authentication failure' }, { auth })
    expect(await rig.attempt()).toMatchObject({
      outcome: { kind: 'deferred', class: 'authentication', scope: 'lane' },
      evidence: { stage: 'auth', replyCode: 454 },
    })
  })

  test.each<[string, Script]>([
    ['offers no login', { extensions: ['PIPELINING'] }],
    ['knows no EHLO', { ehlo: '502 what?' }],
    ['offers only what we do not do', { extensions: ['AUTH CRAM-MD5 GSSAPI'] }],
    ['offers only token logins', { extensions: ['AUTH XOAUTH2'] }],
  ])('fails with a server that %s', async (_, script) => {
    const rig = await smtpRig(script, { auth })
    expect(await rig.attempt()).toMatchObject({
      outcome: { kind: 'deferred', class: 'authentication', scope: 'lane' },
      evidence: { stage: 'auth', fault: 'no-common-auth-mechanism', rule: 'own-login' },
    })
    expect(rig.server.mails).toEqual([])
  })

  test.each<[string, NonNullable<Script['scram']>]>([
    ['does not know the password', { forge: 'signature' }],
    ['says yes without a proof', { forge: 'no-signature' }],
    ['does not continue our nonce', { forge: 'nonce' }],
    ['wants the password with one round', { iterations: 1 }],
    ['wants a billion rounds', { iterations: 1_000_000_000 }],
  ])('fails with a server that %s', async (_, scram) => {
    const rig = await smtpRig({ ...offer('SCRAM-SHA-256', 'PLAIN'), scram }, { auth })
    expect(await rig.attempt()).toMatchObject({
      outcome: { kind: 'deferred', class: 'authentication', scope: 'lane' },
      evidence: { stage: 'auth', command: 'AUTH SCRAM-SHA-256', fault: 'server-not-authenticated' },
    })
    expect(rig.server.mails).toEqual([])
  })

  test.each<[string, Act, string]>([
    ['asks without end', { bytes: '334 \r\n'.repeat(10) }, 'endless-login'],
    ['closes', { end: 'close' }, 'closed'],
    ['talks nonsense', { bytes: 'what\r\n' }, 'not-a-reply'],
    ['says 250', '250 ok', 'unexpected-reply'],
  ])('ends with a server that %s', async (_, act, fault) => {
    const rig = await smtpRig({ ...offer('XOAUTH2'), auth: act }, { auth: { user: 'office', accessToken: 'token' } })
    expect(await rig.attempt()).toMatchObject({ outcome: laneFault, evidence: { stage: 'auth', fault } })
  })

  test('is never shown, also when the server repeats it', async () => {
    const password = 'hunter2-hunter2-hunter2-hunter2'
    const plain = Buffer.from(`\0office\0${password}`).toString('base64')
    for (const echo of [password, plain, Buffer.from(password).toString('base64')]) {
      const rig = await smtpRig(
        { ...offer('PLAIN'), auth: `535 5.7.8 bad login: ${echo}` },
        { auth: { user: 'office', password } },
      )
      const report = await rig.attempt()
      expect(report.outcome).toEqual({ kind: 'refused', class: 'authentication', scope: 'lane' })
      const shown = JSON.stringify([report, rig.logged])
      expect(shown).not.toContain('hunter2')
      expect(shown).not.toContain(plain.slice(0, 30))
      expect(shown).not.toContain(echo)
    }
  })

  describe('over clear text', () => {
    const relay = {
      host: '127.0.0.1',
      tls: { context: createSecureContext(), serverName: 'relay.test', verify: false },
      login: () => auth,
      heloName: 'client.test',
      timeouts: defaultTimeouts,
    }

    test('goes to this machine', async () => {
      const rig = await smtpRig(offer('PLAIN'), { security: 'opportunistic', auth })
      expect((await rig.attempt()).outcome).toEqual(accepted)
    })

    test.each(['none', 'opportunistic'] as const)(
      'to another machine goes only when TLS was given up: %s',
      async (security) => {
        const server = await startScriptedSmtpServer(offer('PLAIN'))
        const clock = manualClock()
        const opening = await openSession({ ...relay, port: server.port, security }, clock, (wire) => {
          // As if the server were far away.
          Object.defineProperty(wire, 'loopback', { value: false })
        })
        if (security === 'none') {
          expect(opening.kind).toBe('open')
          if (opening.kind === 'open') opening.session.wire.drop('closed')
        } else {
          expect(opening).toMatchObject({
            kind: 'stopped',
            stop: { stage: 'auth', cause: { fault: 'no-login-without-tls' } },
          })
          expect(server.connections[0]?.commands).toEqual(['EHLO client.test'])
        }
        await server.close()
      },
    )
  })
})
