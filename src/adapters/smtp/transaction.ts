import type { Clock } from '../../core/deps.ts'
import { type AttemptWatch, isInTime } from '../../core/messages/transport.ts'
import type { SmtpStage } from '../../mail/refusal-rules.ts'
import type { SmtpReply } from '../../mail/smtp-reply.ts'
import type { DataBody } from './dot-stuffing.ts'
import { mailDsnParams, rcptDsnParams } from './dsn.ts'
import { failure, isRefusal, isSuccess, type Session, type Stop } from './session.ts'
import type { SmtpTimeouts } from './settings.ts'
import type { Answer, Wire } from './wire.ts'

/** One mail to one recipient, ready for the wire. */
export type Letter = {
  messageId: string
  /** Paths with their brackets. */
  from: string
  to: string
  /** An address or a header has non-ASCII letters. */
  utf8: boolean
  /** Bytes of the mail, before dots were doubled (RFC 1870 §5). */
  size: number
  body: DataBody
}

export type Ending =
  | { kind: 'accepted'; reply: SmtpReply }
  /** Nothing was accepted; the mail did not go out. */
  | { kind: 'stopped'; stop: Stop }
  /** We ended it ourselves before the dot. */
  | { kind: 'interrupted'; stage: SmtpStage; why: 'aborted' | 'closing' | 'lease-lost' | 'late' | 'internal' }
  /** The dot was written, and what came back is no answer. */
  | { kind: 'unknown'; fault: string; reply?: SmtpReply }
  /** A kept connection turned out to be closed before it took anything of this mail. */
  | { kind: 'stale' }

/** In pieces of this size a mail goes to the network, up to its final part. */
const blockBytes = 64 * 1024

/**
 * Sends one mail. Afterwards the session's connection is either ready for the next, or dropped.
 *
 * The final dot is the dangerous moment, and the order of the last steps is what makes it safe:
 *
 * 1. all but the last 16 kB are with the network, and the connection still stands;
 * 2. `beforeFinalDot` is asked and says go (the phase is durable now);
 * 3. without a pause in between: nothing was aborted, no time has gone by, no reply has come, then the rest and the
 *    dot are written at once.
 */
export async function transact(
  session: Session,
  letter: Letter,
  watch: AttemptWatch,
  clock: Clock,
  timeouts: SmtpTimeouts,
): Promise<Ending> {
  const { wire, capabilities } = session
  const kept = session.mails > 0
  session.mails += 1
  session.dotWritten = false
  const declined = unableToCarry(session, letter)
  if (declined !== null) return { kind: 'stopped', stop: { stage: 'mail', command: 'MAIL FROM', cause: declined } }

  const reset = session.needsReset ? 'RSET\r\n' : ''
  const mail = mailCommand(session, letter)
  const rcpt = rcptCommand(session, letter)
  session.needsReset = true

  const { pipelining } = capabilities
  const first = reset === '' ? mail : reset
  wire.send(pipelining ? `${reset}${mail}${rcpt}DATA\r\n` : first)
  if (reset !== '') {
    const answer = await wire.answer(timeouts.hello)
    if (!isSuccess(answer)) {
      // Whatever it is that this connection has, a fresh one has it not.
      if (!wasAborted(answer)) return drop(wire, { kind: 'stale' })
      return drop(wire, { kind: 'stopped', stop: { stage: 'mail', command: 'RSET', cause: failure(answer) } })
    }
    if (!pipelining) wire.send(mail)
  }

  const mailed = await wire.answer(timeouts.mail)
  if (!isSuccess(mailed)) {
    if (kept && isStale(mailed)) return drop(wire, { kind: 'stale' })
    return refused(
      session,
      { stage: 'mail', command: 'MAIL FROM', cause: failure(mailed) },
      pipelining ? 2 : 0,
      timeouts,
    )
  }

  if (!pipelining) wire.send(rcpt)
  const taken = await wire.answer(timeouts.rcpt)
  if (!isSuccess(taken)) {
    return refused(session, { stage: 'rcpt', command: 'RCPT TO', cause: failure(taken) }, pipelining ? 1 : 0, timeouts)
  }
  watch.rcptAccepted()

  if (!pipelining) wire.send('DATA\r\n')
  const ready = await wire.answer(timeouts.data)
  if (!isGoAhead(ready)) {
    return refused(session, { stage: 'data', command: 'DATA', cause: failure(ready) }, 0, timeouts)
  }
  return sendContent(session, letter.body, watch, clock, timeouts)
}

async function sendContent(
  session: Session,
  { head, tail }: DataBody,
  watch: AttemptWatch,
  clock: Clock,
  timeouts: SmtpTimeouts,
): Promise<Ending> {
  const { wire } = session
  for (let at = 0; at < head.length && wire.quiet; at += blockBytes) {
    await wire.flush(head.subarray(at, at + blockBytes), timeouts.block)
  }
  if (!wire.quiet) return disturbed(wire, timeouts)

  const word = await watch.beforeFinalDot()
  if (word.kind === 'lost') return drop(wire, { kind: 'interrupted', stage: 'data', why: 'lease-lost' })
  if (watch.signal.aborted) return drop(wire, { kind: 'interrupted', stage: 'data', why: 'aborted' })
  if (!wire.quiet) return disturbed(wire, timeouts)
  // Frozen since it asked, this process may have a successor already.
  if (!isInTime(word, clock)) return drop(wire, { kind: 'interrupted', stage: 'data', why: 'late' })
  session.dotWritten = true
  wire.send(tail)

  const answer = await wire.answer(timeouts.finalDot)
  if (answer.kind === 'fault') return drop(wire, { kind: 'unknown', fault: answer.fault })
  const { reply } = answer
  if (isSuccess(answer)) {
    session.needsReset = false
    return { kind: 'accepted', reply }
  }
  if (!isRefusal(reply)) return drop(wire, { kind: 'unknown', fault: 'unexpected-reply', reply })
  session.needsReset = false
  return refused(session, { stage: 'final-dot', command: '.', cause: answer }, 0, timeouts)
}

/** The server spoke or left before the end of the mail: it does not have it. */
async function disturbed(wire: Wire, timeouts: SmtpTimeouts): Promise<Ending> {
  const answer = await wire.answer(timeouts.data)
  return drop(wire, { kind: 'stopped', stop: { stage: 'data', command: 'DATA', cause: failure(answer) } })
}

/**
 * Ends a transaction that was refused before the dot. A kept connection is worth the wait for the replies to what was
 * written ahead, as long as they come soon and are refusals too. A server that wants the mail although it took no
 * recipient would deliver an empty one to nobody: that connection is dropped.
 */
async function refused(session: Session, stop: Stop, ahead: number, timeouts: SmtpTimeouts): Promise<Ending> {
  const { wire } = session
  const ending: Ending = { kind: 'stopped', stop }
  if (stop.cause.kind !== 'reply' || stop.cause.reply.code === 421) return drop(wire, ending)
  for (let rest = ahead; rest > 0; rest -= 1) {
    const answer = await wire.answer(timeouts.quit)
    const usable = answer.kind === 'reply' && answer.reply.code !== 421 && !isGoAhead(answer)
    if (!usable) return drop(wire, ending)
  }
  return ending
}

function isGoAhead(answer: Answer): boolean {
  return answer.kind === 'reply' && answer.reply.code >= 300 && answer.reply.code <= 399
}

/** The connection was closed, or is being closed, while nobody used it. */
function isStale(answer: Answer): boolean {
  if (answer.kind === 'reply') return answer.reply.code === 421
  return answer.fault !== 'timeout' && !wasAborted(answer)
}

function wasAborted(answer: Answer): boolean {
  return answer.kind === 'fault' && answer.fault === 'aborted'
}

function drop<E extends Ending>(wire: Wire, ending: E): E {
  wire.drop('closed')
  return ending
}

/** Why this server can't be given this letter at all; null when it can. */
function unableToCarry({ capabilities }: Session, letter: Letter): Stop['cause'] | null {
  if (letter.utf8 && !capabilities.smtpUtf8) {
    return {
      kind: 'declined',
      rule: 'smtputf8',
      fault: 'this server takes no addresses with such characters (no SMTPUTF8)',
    }
  }
  const { limit } = capabilities.size
  if (limit !== null && letter.size > limit) {
    return { kind: 'declined', rule: 'size', fault: `the mail has ${letter.size} bytes, this server takes ${limit}` }
  }
  return null
}

function mailCommand({ capabilities }: Session, letter: Letter): string {
  const size = capabilities.size.offered ? ` SIZE=${letter.size}` : ''
  const utf8 = letter.utf8 ? ` SMTPUTF8${capabilities.eightBitMime ? ' BODY=8BITMIME' : ''}` : ''
  const dsn = capabilities.dsn ? mailDsnParams(letter.messageId) : ''
  return `MAIL FROM:${letter.from}${size}${utf8}${dsn}\r\n`
}

function rcptCommand({ capabilities }: Session, letter: Letter): string {
  const dsn = capabilities.dsn ? rcptDsnParams(letter.to.slice(1, -1)) : ''
  return `RCPT TO:${letter.to}${dsn}\r\n`
}
