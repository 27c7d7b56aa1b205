import type { SecureContext } from 'node:tls'
import type { Clock } from '../../core/deps.ts'
import type { SmtpStage } from '../../mail/refusal-rules.ts'
import type { SmtpReply } from '../../mail/smtp-reply.ts'
import { authenticate } from './auth.ts'
import { type Capabilities, readCapabilities } from './capabilities.ts'
import type { SmtpLogin, SmtpSettings, SmtpTimeouts } from './settings.ts'
import { type Answer, openWire, type Wire } from './wire.ts'

/** The relay as the transport uses it. */
export type Relay = {
  host: string
  port: number
  security: SmtpSettings['security']
  tls: { context: SecureContext; serverName: string; verify: boolean }
  /** Asked at each login: an access token lives for an hour. */
  login(): SmtpLogin | null
  heloName: string
  timeouts: SmtpTimeouts
}

/** A connection that is ready for MAIL. */
export type Session = {
  wire: Wire
  capabilities: Capabilities
  /** As it stands in the evidence. */
  tls: string
  mails: number
  /** A refusal left a transaction open: RSET goes before the next MAIL. */
  needsReset: boolean
  /** The final dot of the last mail left us. */
  dotWritten: boolean
}

/** Why it went no further, before the final dot: the server's reply, or a fault. */
export type Stop = {
  stage: SmtpStage
  command?: string
  cause:
    | { kind: 'reply'; reply: SmtpReply }
    /** The network's fault, or the server does not keep to the protocol; `reply`: the one that nobody can use. */
    | { kind: 'fault'; fault: string; reply?: SmtpReply }
    /** We don't go on, by a rule of our own. */
    | { kind: 'declined'; fault: string; rule: 'smtputf8' | 'size' | 'login' | 'path' }
}

export type Opening =
  | { kind: 'open'; session: Session }
  | { kind: 'stopped'; stop: Stop; peer: string; tls: string; dsn: boolean | null }

/**
 * Connects, greets, begins TLS and logs in, as the settings want it. `hold` gets each connection as it is begun, so that
 * it can be dropped from outside at any time.
 *
 * With `opportunistic`, TLS that fails is followed by a second connection without it; the evidence says so. No login
 * goes over plaintext, except to this machine or where the settings say `none`.
 */
export async function openSession(relay: Relay, clock: Clock, hold: (wire: Wire) => void): Promise<Opening> {
  const wantsTls = relay.security === 'starttls' || relay.security === 'opportunistic'
  const first = await open(relay, clock, hold, wantsTls ? 'upgrade' : 'as-it-is', 'none')
  const tlsFailed = first.kind === 'stopped' && first.stop.stage === 'starttls'
  if (relay.security !== 'opportunistic' || !tlsFailed) return first
  const { cause } = first.stop
  const why = cause.kind === 'reply' ? String(cause.reply.code) : cause.fault
  return open(relay, clock, hold, 'as-it-is', `none (TLS failed: ${why})`)
}

async function open(
  relay: Relay,
  clock: Clock,
  hold: (wire: Wire) => void,
  starttls: 'upgrade' | 'as-it-is',
  withoutTls: string,
): Promise<Opening> {
  const { timeouts } = relay
  const wire = openWire(relay, clock)
  hold(wire)
  let capabilities: Capabilities | null = null

  const tls = () => (wire.tls === 'none' ? withoutTls : wire.tls)
  function stopped(stage: SmtpStage, cause: Stop['cause'], command?: string): Opening {
    const { peer } = wire
    const stop = { stage, cause, ...(command === undefined ? {} : { command }) }
    if (cause.kind === 'reply') wire.quit(timeouts.quit)
    else wire.drop('closed')
    return { kind: 'stopped', stop, peer, tls: tls(), dsn: capabilities?.dsn ?? null }
  }

  const fault =
    (await wire.connected(timeouts.connect)) ??
    (relay.security === 'implicit' ? await wire.startTls(relay.tls, timeouts.tls) : null)
  if (fault !== null) return stopped('connect', fault)

  const greeting = await wire.answer(timeouts.greeting)
  if (!isSuccess(greeting)) return stopped('greeting', failure(greeting))

  const hello = await sayHello(wire, relay)
  if (hello.kind === 'stopped') return stopped('ehlo', hello.cause, hello.command)
  capabilities = hello.capabilities

  if (starttls === 'upgrade') {
    if (capabilities.startTls) {
      wire.send('STARTTLS\r\n')
      const ready = await wire.answer(timeouts.tls)
      if (!isSuccess(ready)) return stopped('starttls', failure(ready), 'STARTTLS')
      const broken = await wire.startTls(relay.tls, timeouts.tls)
      if (broken !== null) return stopped('starttls', broken, 'STARTTLS')
      // What was offered before TLS may have been another's words (RFC 3207 §4.2).
      const again = await sayHello(wire, relay)
      if (again.kind === 'stopped') return stopped('ehlo', again.cause, again.command)
      capabilities = again.capabilities
    } else if (relay.security === 'starttls') {
      return stopped('starttls', { kind: 'fault', fault: 'starttls-not-offered' })
    }
  }

  const credentials = relay.login()
  if (credentials !== null) {
    if (wire.tls === 'none' && !wire.loopback && relay.security !== 'none') {
      return stopped('auth', { kind: 'declined', rule: 'login', fault: 'no-login-without-tls' }, 'AUTH')
    }
    const login = await authenticate(wire, capabilities.auth, credentials, timeouts.auth)
    if (login.kind === 'refused') return stopped('auth', { kind: 'reply', reply: login.reply }, login.command)
    if (login.kind === 'fault') return stopped('auth', { kind: 'fault', fault: login.fault }, login.command)
    if (login.kind === 'declined') {
      return stopped('auth', { kind: 'declined', rule: 'login', fault: login.fault }, login.command)
    }
  }
  return { kind: 'open', session: { wire, capabilities, tls: tls(), mails: 0, needsReset: false, dotWritten: false } }
}

type Hello =
  | { kind: 'known'; capabilities: Capabilities }
  | { kind: 'stopped'; command: 'EHLO' | 'HELO'; cause: Stop['cause'] }

async function sayHello(wire: Wire, relay: Relay): Promise<Hello> {
  wire.send(`EHLO ${relay.heloName}\r\n`)
  const ehlo = await wire.answer(relay.timeouts.hello)
  if (ehlo.kind === 'reply' && isSuccess(ehlo)) return { kind: 'known', capabilities: readCapabilities(ehlo.reply) }
  // A server that knows no EHLO knows no extensions either (RFC 5321 §3.2).
  if (ehlo.kind === 'fault' || !isRefusal(ehlo.reply) || ehlo.reply.code < 500) {
    return { kind: 'stopped', command: 'EHLO', cause: failure(ehlo) }
  }
  wire.send(`HELO ${relay.heloName}\r\n`)
  const helo = await wire.answer(relay.timeouts.hello)
  if (isSuccess(helo)) return { kind: 'known', capabilities: readCapabilities(null) }
  return { kind: 'stopped', command: 'HELO', cause: failure(helo) }
}

/** Any 2yz: clients act on the first digit (RFC 5321 §4.2.1). */
export function isSuccess(answer: Answer): boolean {
  return answer.kind === 'reply' && answer.reply.code >= 200 && answer.reply.code <= 299
}

/** 4yz and 5yz. */
export function isRefusal(reply: SmtpReply): boolean {
  return reply.code >= 400 && reply.code <= 599
}

/** What an answer other than the wanted one means: a refusal, a broken connection, or words out of place. */
export function failure(answer: Answer): Stop['cause'] {
  if (answer.kind === 'fault' || isRefusal(answer.reply)) return answer
  return { kind: 'fault', fault: 'unexpected-reply', reply: answer.reply }
}
