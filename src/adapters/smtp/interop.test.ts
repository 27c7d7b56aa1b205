import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { expect, onTestFinished, test } from 'vitest'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { testTls } from '../../../test/fakes/scripted-smtp-server.ts'
import type { AttemptWatch } from '../../core/messages/transport.ts'
import { createSmtpTransport, type SmtpSettings } from './transport.ts'

// A server that others wrote: what we take for SMTP is SMTP.

const password = 'correct horse, battery = staple'
const mail = Buffer.from('Subject: hello\r\n\r\n.dots.\r\n..\r\nend\r\n')

async function send(
  options: SMTPServerOptions,
  settings: Partial<SmtpSettings>,
): Promise<{ kind: string; got: string[] }> {
  const got: string[] = []
  const server = new SMTPServer({
    logger: false,
    key: testTls.key,
    cert: testTls.cert,
    onAuth(auth, _session, done) {
      const ok = auth.method === 'XOAUTH2' ? auth.accessToken === 'token' : auth.password === password
      if (ok && auth.username === 'office') done(null, { user: 1 })
      else done(new Error('wrong'))
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        got.push(`${session.envelope.rcptTo.map((to) => to.address).join()}: ${Buffer.concat(chunks).toString()}`)
        done()
      })
    },
    ...options,
  })
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const clock = manualClock()
  const silent = (): void => {}
  const transport = createSmtpTransport(
    {
      host: '127.0.0.1',
      port: (server.server.address() as AddressInfo).port,
      security: 'starttls',
      serverName: 'relay.test',
      ca: testTls.cert,
      auth: null,
      heloName: 'client.test',
      ...settings,
    },
    { clock, log: { debug: silent, info: silent, warn: silent, error: silent } },
  )
  onTestFinished(async () => {
    await transport.close()
    await new Promise<void>((resolve) => server.close(resolve))
  })
  const watch: AttemptWatch = {
    rcptAccepted: silent,
    beforeFinalDot: async () => ({
      kind: 'go',
      askedAt: { monotonic: clock.monotonic(), wall: clock.now() },
      dotWithinMs: 1_000,
    }),
    signal: new AbortController().signal,
  }
  const delivery = {
    messageId: 'id',
    attempt: 1,
    from: 'office@example.jp',
    to: 'hanako@example.jp',
    utf8: false,
    mail,
  }
  const first = await transport.attempt(delivery, watch)
  const second = await transport.attempt({ ...delivery, to: 'taro@example.jp' }, watch)
  return { kind: `${first.outcome.kind}, ${second.outcome.kind}`, got }
}

const both = {
  kind: 'accepted, accepted',
  got: [`hanako@example.jp: ${mail.toString()}`, `taro@example.jp: ${mail.toString()}`],
}

test('STARTTLS and PLAIN are understood', async () => {
  expect(await send({ authMethods: ['PLAIN', 'LOGIN'] }, { auth: { user: 'office', password } })).toEqual(both)
})

test('LOGIN is understood', async () => {
  expect(await send({ authMethods: ['LOGIN'] }, { auth: { user: 'office', password } })).toEqual(both)
})

test('XOAUTH2 is understood', async () => {
  expect(await send({ authMethods: ['XOAUTH2'] }, { auth: { user: 'office', accessToken: 'token' } })).toEqual(both)
})

test('a wrong token is refused after the server told why', async () => {
  const { kind } = await send({ authMethods: ['XOAUTH2'] }, { auth: { user: 'office', accessToken: 'expired' } })
  expect(kind).toBe('refused, refused')
})

test('TLS from the first byte is understood', async () => {
  expect(await send({ secure: true }, { security: 'implicit', auth: { user: 'office', password } })).toEqual(both)
})

test('no TLS and no login is understood', async () => {
  expect(await send({ hideSTARTTLS: true, authOptional: true }, { security: 'none' })).toEqual(both)
})
