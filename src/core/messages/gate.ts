import { type Doubt, doubtOf } from '../address-help/doubt.ts'
import { suggestAddress } from '../address-help/suggest.ts'
import type { Deps } from '../deps.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Submission } from '../submissions/submission.ts'
import { cachedBreaker } from './breaker.ts'
import { lateCaps, normalizedAddress } from './caps.ts'
import type { Conclusion } from './conclude.ts'
import { fold, isWorkingState, nextTurn } from './fold.ts'
import type { Evidence, Message, MessageEvent } from './message.ts'
import { isSimulated, mayCauseMail } from './plan.ts'

type GateDeps = Pick<Deps, 'messages' | 'stops' | 'dns' | 'clock' | 'settings' | 'crypto'>

/** What the gate says of one attempt, before anything is composed. */
export type GateVerdict =
  | { kind: 'pass' }
  | { kind: 'hold'; reason: 'breaker' | 'doubtful-address' | 'cap'; until: number; evidence: Evidence }
  | { kind: 'cancel'; reason: 'disowned' | 'review' }
  /** The owner of the address asked for no confirmations. */
  | { kind: 'suppress'; evidence: Evidence }

export type Gate = (message: Message, form: FormRecord, submission: Submission) => Promise<GateVerdict>

/**
 * The gate in front of each attempt. What was true when a mail was planned may not be when it goes out:
 *
 * | asked of | question | no |
 * |---|---|---|
 * | every mail of a submission | may the submission cause it (by review and role)? | cancelled |
 * | confirmations | has the address's owner disowned the submission? | cancelled |
 * | | did the address's owner ask for no confirmations? | suppressed |
 * | | do too many of the form's, or of all, confirmations fail (circuit breaker)? | held, asked again later |
 * | | first attempt: does the address look wrong? | held for a short time, once |
 * | | long after it was planned: is there still room under its caps? | held, asked again later |
 *
 * A mail that a person released passes the last three, and one whose address its submitter confirmed is not in doubt. On
 * `capture` all three let the simulator's addresses through.
 *
 * Rejects when a store can't be read: who can't know whether an address is stopped must not send. Trouble with the DNS
 * counts for nothing.
 *
 * @example const verdict = await createGate(deps)(message, form, submission)
 */
export function createGate(deps: GateDeps): Gate {
  const isOpen = cachedBreaker(deps)
  return async (message, form, submission) => {
    if (!mayCauseMail(submission, message.role)) return { kind: 'cancel', reason: 'review' }
    if (message.role !== 'confirmation') return { kind: 'pass' }
    if (submission.disownedAt !== null) return { kind: 'cancel', reason: 'disowned' }

    const now = deps.clock.now()
    const stop = await deps.stops.get(normalizedAddress(message.recipient), now)
    if (stop !== null) return { kind: 'suppress', evidence: evidenceOf('stop') }
    if (wasReleased(message) || isSimulated(deps, message.recipient)) return { kind: 'pass' }

    const { schedule } = deps.settings
    if (await isOpen(form.name)) {
      return {
        kind: 'hold',
        reason: 'breaker',
        until: now + pauseFor(deps, message, 'breaker'),
        evidence: evidenceOf('breaker'),
      }
    }
    const doubt = isFirstTry(message, submission) ? await soonDoubt(deps, message.recipient) : null
    if (doubt !== null) {
      const until = deps.clock.now() + schedule.doubtPause
      return { kind: 'hold', reason: 'doubtful-address', until, evidence: evidenceOf(doubt.reason) }
    }
    const caps = lateCaps(deps, message)
    const command = { messageId: message.id, caps, now }
    if (caps.length === 0 || (await deps.messages.countLate(command)) === 'counted') return { kind: 'pass' }
    return { kind: 'hold', reason: 'cap', until: now + pauseFor(deps, message, 'cap'), evidence: evidenceOf('cap') }
  }
}

/**
 * What a verdict other than `pass` means for its message. No attempt was made: the one that the lease counted is given back.
 */
export function concludeGate(
  message: Message,
  verdict: Exclude<GateVerdict, { kind: 'pass' }>,
  now: number,
): Conclusion {
  const event = eventOf(message, verdict, now)
  const state = fold([...message.events, event])
  const dueAt = isWorkingState(state) ? (state.nextTryAt ?? null) : null
  return { events: [event], state, dueAt, attempts: message.attempts - 1 }
}

function eventOf(message: Message, verdict: Exclude<GateVerdict, { kind: 'pass' }>, at: number): MessageEvent {
  switch (verdict.kind) {
    case 'hold': {
      const turn = nextTurn(message.events)
      const { reason, until, evidence } = verdict
      return { id: `${message.id}.held-${turn}`, at, kind: 'held', turn, reason, until, evidence }
    }
    case 'cancel':
      return { id: `${message.id}.${verdict.reason}`, at, kind: 'cancelled', reason: verdict.reason }
    case 'suppress':
      return { id: `${message.id}.stopped`, at, kind: 'suppressed', by: 'us', evidence: verdict.evidence }
  }
}

function evidenceOf(rule: 'stop' | 'breaker' | 'cap' | Doubt['reason']): Evidence {
  return { transport: 'none', stage: 'gate', rule }
}

/**
 * How long an attempt waits for the DNS. Its place in the lane is taken meanwhile, so that domains whose servers never
 * answer must not keep the mails behind it. Milliseconds.
 */
const dnsPatience = 1_000

/** The doubt, as far as it is known soon; after that its spelling alone counts. */
async function soonDoubt(deps: GateDeps, recipient: string): Promise<Doubt | null> {
  let cancel = () => {}
  const late = new Promise<Doubt | null>((resolve) => {
    cancel = deps.clock.after(dnsPatience, () => {
      const suggestion = suggestAddress(recipient)
      resolve(suggestion === null ? null : { reason: 'typo', suggestion })
    })
  })
  try {
    return await Promise.race([doubtOf(deps, recipient), late])
  } finally {
    cancel()
  }
}

/** Whether an operator took the mail up by hand: then a person has looked at it. */
export function wasReleased(message: Message): boolean {
  return message.events.some((event) => event.kind === 'queued' && event.by === 'operator')
}

/**
 * Whether the address was not looked at yet. Who was asked and answered, did not answer, or asked for another mail to the
 * same address, is not asked again.
 */
function isFirstTry(message: Message, submission: Submission): boolean {
  const last = submission.resends.at(-1)
  return (
    message.attempts <= 1 &&
    !(last?.kind === 'resent' && last.newMessage === message.id) &&
    !message.events.some((event) => event.kind === 'held' && event.reason === 'doubtful-address')
  )
}

/** Doubles while nothing changes, up to four times: a mail that waits for a day writes few lines of history. */
function pauseFor({ settings }: GateDeps, message: Message, reason: 'breaker' | 'cap'): number {
  const times = message.events.filter((event) => event.kind === 'held' && event.reason === reason).length
  return settings.schedule.breakerPause * 2 ** Math.min(times, 2)
}
