import { createSecureContext } from 'node:tls'
import type { Clock, Log } from '../../core/deps.ts'
import type { AttemptReport, AttemptWatch, Delivery, Transport } from '../../core/messages/transport.ts'
import { parseAddress, toPath } from '../../mail/address.ts'
import { secretsOf } from './auth.ts'
import { toDataBody } from './dot-stuffing.ts'
import { createPool } from './pool.ts'
import { type Seen, toReport } from './report.ts'
import { openSession, type Relay, type Session } from './session.ts'
import { defaultTimeouts, type SmtpLogin, type SmtpSettings } from './settings.ts'
import { type Ending, type Letter, transact } from './transaction.ts'
import type { Wire } from './wire.ts'

export type { SmtpSettings } from './settings.ts'

const minute = 60_000

/**
 * Sends through an SMTP relay (RFC 5321, RFC 6409), one recipient per transaction, over connections that are kept for a
 * few seconds. Every attempt settles with a report; none rejects.
 *
 * What ends before the final dot is `deferred` or `refused` by what the server said, `deferred` (class `network`) when
 * it said nothing usable, `interrupted` when we stopped. What ends after it without an answer is `unknown`. A refusal of
 * class `rate-limited` is `deferred` also as 5yz: a quota is over tomorrow, and of 552 RFC 5321 §4.5.3.1.10 demands it.
 *
 * @throws RangeError when a setting could not be written into a command.
 */
export function createSmtpTransport(settings: SmtpSettings, deps: { clock: Clock; log: Log }): Transport {
  checkWords(settings)
  const { clock, log } = deps
  const relay = toRelay(settings)
  const lane = `smtp:${settings.source ?? 'relay'}|${settings.host}`
  const maxConnections = settings.maxConnections ?? 5
  const pool = createPool(
    {
      max: maxConnections,
      mailsPerConnection: settings.mailsPerConnection ?? 100,
      idleMs: settings.idleMs ?? 5_000,
      quitMs: relay.timeouts.quit,
    },
    clock,
  )

  async function attempt(delivery: Delivery, watch: AttemptWatch): Promise<AttemptReport> {
    const startedAt = clock.monotonic()
    const use: Use = {
      wire: null,
      session: null,
      seen: { peer: `${relay.host}:${relay.port}`, tls: 'none', dsn: null },
    }
    const ending = await send(delivery, watch, use)
    const login = loginOf(settings)
    const secrets = login === null ? [] : secretsOf(login)
    return toReport(ending, { ...use.seen, secrets, durationMs: clock.monotonic() - startedAt })
  }

  async function send(delivery: Delivery, watch: AttemptWatch, use: Use): Promise<Settled> {
    const letter = toLetter(delivery)
    if (letter === null) {
      return { kind: 'stopped', stop: { stage: 'rcpt', cause: { kind: 'declined', rule: 'path', fault: 'bad-path' } } }
    }
    if (!(await pool.enter(watch.signal))) {
      return { kind: 'interrupted', stage: 'connect', why: watch.signal.aborted ? 'aborted' : 'closing' }
    }
    // After the dot only the answer counts: nothing is dropped any more.
    const onAbort = (): void => {
      if (use.session?.dotWritten !== true) use.wire?.drop('aborted')
    }
    watch.signal.addEventListener('abort', onAbort, { once: true })
    try {
      if (watch.signal.aborted) return { kind: 'interrupted', stage: 'connect', why: 'aborted' }
      return await transmit(letter, watch, use)
    } catch (err) {
      log.error({ lane, transport: 'smtp', messageId: delivery.messageId, err }, 'an attempt broke off')
      use.wire?.drop('closed')
      if (use.session?.dotWritten === true) return { kind: 'unknown', fault: 'internal' }
      return { kind: 'interrupted', stage: 'data', why: 'internal' }
    } finally {
      watch.signal.removeEventListener('abort', onAbort)
      pool.leave()
    }
  }

  /** Over a kept connection if there is one; when that turns out to be closed, once more over a fresh one. */
  async function transmit(letter: Letter, watch: AttemptWatch, use: Use): Promise<Settled> {
    const kept = pool.take()
    if (kept !== null) {
      const ending = await transmitOver(kept, letter, watch, use)
      if (ending.kind !== 'stale') return ending
    }
    use.session = null
    const opening = await openSession(relay, clock, (wire) => {
      use.wire = wire
      pool.opened(wire)
      if (watch.signal.aborted) wire.drop('aborted')
    })
    if (opening.kind === 'stopped') {
      use.seen = { peer: opening.peer, tls: opening.tls, dsn: opening.dsn }
      return interruptedIfAborted({ kind: 'stopped', stop: opening.stop }, watch.signal)
    }
    const { session } = opening
    if (session.wire.tls === 'none' && session.tls !== 'none') {
      log.warn({ lane, transport: 'smtp', code: session.tls }, 'TLS failed; mail goes to the relay without it')
    }
    const ending = await transmitOver(session, letter, watch, use)
    // A fresh connection has taken no mail before, so it is never stale.
    return ending.kind === 'stale' ? { kind: 'interrupted', stage: 'mail', why: 'internal' } : ending
  }

  async function transmitOver(session: Session, letter: Letter, watch: AttemptWatch, use: Use): Promise<Ending> {
    use.session = session
    use.wire = session.wire
    use.seen = { peer: session.wire.peer, tls: session.tls, dsn: session.capabilities.dsn }
    const ending = await transact(session, letter, watch, clock, relay.timeouts)
    pool.keep(session)
    return interruptedIfAborted(ending, watch.signal)
  }

  return {
    name: 'smtp',
    lane: () => lane,
    policy: () => ({
      maxConcurrency: maxConnections,
      startConcurrency: Math.min(2, maxConnections),
      rate: settings.rate ?? null,
      breakerAfter: 5,
      breakerPauses: [2 * minute, 4 * minute, 8 * minute, 15 * minute],
    }),
    attempt,
    close: () => pool.close(),
  }
}

type Settled = Exclude<Ending, { kind: 'stale' }>

/** What an attempt has in hands, for those who must reach it from outside. */
type Use = { wire: Wire | null; session: Session | null; seen: Seen }

/** A connection that we dropped ourselves looks like a broken one. What the server said before stays said. */
function interruptedIfAborted<E extends Ending>(ending: E, signal: AbortSignal): E | Settled {
  if (!signal.aborted) return ending
  if (ending.kind === 'stopped' && ending.stop.cause.kind === 'fault') {
    return { kind: 'interrupted', stage: ending.stop.stage, why: 'aborted' }
  }
  return ending.kind === 'stale' ? { kind: 'interrupted', stage: 'mail', why: 'aborted' } : ending
}

/** The mail as the wire wants it; null when one of its addresses is none. An empty sender is the null path. */
function toLetter(delivery: Delivery): Letter | null {
  const to = parseAddress(delivery.to)
  const from = delivery.from === '' ? null : parseAddress(delivery.from)
  if (!to.ok || from?.ok === false) return null
  return {
    messageId: delivery.messageId,
    from: from === null ? '<>' : toPath(from.address),
    to: toPath(to.address),
    utf8: delivery.utf8 || to.address.utf8 || from?.address.utf8 === true,
    size: delivery.mail.length,
    body: toDataBody(delivery.mail),
  }
}

/** The relay that settings describe, with the standard's waits where they name none. */
export function toRelay(settings: SmtpSettings): Relay {
  return {
    host: settings.host,
    port: settings.port,
    security: settings.security,
    tls: {
      context: createSecureContext(settings.ca === undefined ? {} : { ca: settings.ca }),
      serverName: settings.serverName ?? settings.host,
      // Against someone in the middle a check that may be skipped is none, so opportunistic TLS has no use for it.
      verify: settings.security !== 'opportunistic' && (settings.verifyCertificate ?? true),
    },
    login: () => loginOf(settings),
    heloName: settings.heloName,
    timeouts: { ...defaultTimeouts, ...settings.timeouts },
  }
}

function loginOf({ auth }: SmtpSettings): SmtpLogin | null {
  return typeof auth === 'function' ? auth() : auth
}

/** Line ends in a setting would become commands, a NUL in a login another login. */
export function checkWords(settings: SmtpSettings): void {
  const { heloName } = settings
  const auth = loginOf(settings)
  if (!/^[!-~]+$/.test(heloName)) throw new RangeError('heloName must be a host name or an address literal')
  const words = auth === null ? [] : Object.values<string>(auth)
  if (words.some((word) => word === '' || /\p{Cc}/u.test(word))) {
    throw new RangeError('auth must not be empty or have control characters')
  }
}
