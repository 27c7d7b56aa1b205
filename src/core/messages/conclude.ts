import type { Schedule } from '../settings.ts'
import { classRules } from './classes.ts'
import { fold, isWorkingState, nextTurn } from './fold.ts'
import type { Message, MessageEvent, MessageState } from './message.ts'
import { nextTry } from './retry.ts'
import type { AttemptReport } from './transport.ts'

/** What is to be written after an attempt, or after the loss of one. */
export type Conclusion = {
  events: readonly MessageEvent[]
  state: MessageState
  dueAt: number | null
  attempts: number
}

export type ConcludeContext = { now: number; schedule: Schedule; fraction: number }

/**
 * What an attempt's report means for its message. Pure: the same message and report give the same conclusion.
 *
 * | outcome | event | then |
 * |---|---|---|
 * | accepted, delivered | the same | no further attempt |
 * | refused, for what the recipient or the mail is | bounced, hard or soft by its class | no further attempt |
 * | refused or deferred by ourselves | failed, at once or after the last attempt | the receiving side was not asked |
 * | deferred; refused for what we are, or with the whole lane | deferred | next attempt by the schedule; after the last one expired, failed or bounced |
 * | unknown, of a confirmation | unknown | no further attempt: the submitter may ask for one |
 * | unknown, of anything else | one more attempt after a pause | a lost lead is worse than a twin |
 * | interrupted (we are stopping) | none | back to the queue at once; it does not count as an attempt |
 */
export function concludeAttempt(message: Message, report: AttemptReport, context: ConcludeContext): Conclusion {
  const { outcome, evidence } = report
  const { now, schedule } = context
  const base = { id: attemptEventId(message, message.attempts), at: now }
  const attempt = message.attempts
  switch (outcome.kind) {
    case 'accepted':
      return after(message, [
        { ...base, kind: 'accepted', by: outcome.by, settleAt: now + schedule.settlesAfter, evidence },
      ])
    case 'delivered':
      return after(message, [{ ...base, kind: 'delivered', by: outcome.by, evidence }])
    case 'unknown':
      return after(message, [lostAnswer(message, base, evidence, context)])
    case 'interrupted':
      return {
        events: [],
        state: message.state,
        dueAt: isWorkingState(message.state) ? now : null,
        attempts: attempt - 1,
      }
    case 'deferred':
    case 'refused': {
      const rule = classRules[outcome.class]
      const own = outcome.scope === 'own'
      if (own && outcome.kind === 'refused') {
        return after(message, [{ ...base, kind: 'failed', class: outcome.class, evidence }])
      }
      // A refusal that speaks of the whole lane (a login, a greeting) says nothing of this mail.
      if (outcome.kind === 'refused' && rule.onRefusal === 'end' && outcome.scope === 'message') {
        return after(message, [
          { ...base, kind: 'bounced', hard: rule.final === 'hard', class: outcome.class, evidence },
        ])
      }
      const reached = !unreachedStages.has(evidence.stage ?? '')
      // The short pause after a first attempt that reached nobody comes before those of the schedule.
      const extra = wasUnreached(message)
      const next = nextTry(
        schedule,
        { expiresAt: message.expiresAt, attempt: extra ? attempt - 1 : attempt },
        { now, reached: reached || extra, fraction: context.fraction },
      )
      if (next !== null) {
        const turn = nextTurn(message.events)
        return after(message, [
          { ...base, kind: 'deferred', turn, attempt, class: outcome.class, nextTryAt: next, evidence },
        ])
      }
      if (rule.final === 'ours' || own)
        return after(message, [{ ...base, kind: 'failed', class: outcome.class, evidence }])
      if (outcome.kind === 'refused') {
        return after(message, [{ ...base, kind: 'bounced', hard: false, class: outcome.class, evidence }])
      }
      return after(message, [{ ...base, kind: 'expired', class: outcome.class, evidence }])
    }
  }
}

/** An attempt that ended here did not get as far as the recipient. */
const unreachedStages: ReadonlySet<string> = new Set(['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail'])

/** Whether the first attempt did not get as far as the recipient: its short pause is not one of the schedule's. */
function wasUnreached(message: Message): boolean {
  const first = message.events.find((event) => event.kind === 'deferred')
  return first?.kind === 'deferred' && first.attempt === 1 && unreachedStages.has(first.evidence.stage ?? '')
}

/**
 * Whether an attempt was made that says something. What was never tried does not expire, however old it became while
 * nothing ran: one attempt is made.
 */
export function wasTried({ events }: Pick<Message, 'events'>): boolean {
  return events.some(({ kind }) => kind === 'deferred' || kind === 'unknown-retry')
}

/**
 * What it means that a lease ran out: the process died, froze, or lost its store. Before `data_final` nothing was sent
 * and the message goes back to the queue; after it the answer is lost.
 */
export function concludeDeadLease(message: Message, context: ConcludeContext): Conclusion {
  const { now } = context
  const base = { id: `${attemptEventId(message, message.attempts)}.lost`, at: now }
  const phase = message.lease?.phase ?? 'claimed'
  if (phase === 'data_final') {
    const evidence = {
      transport: 'none',
      stage: 'final-dot',
      fault: 'the process ended before the answer was recorded',
    }
    return after(message, [lostAnswer(message, base, evidence, context)])
  }
  const events: MessageEvent[] = [{ ...base, kind: 'lease-lost', attempt: message.attempts, phase }]
  // A message that news reached meanwhile (a late report of a frozen holder) needs no further attempt.
  const dueAt = isWorkingState(message.state) ? now : null
  return { events, state: message.state, dueAt, attempts: message.attempts }
}

/** The end of a message that is still working when its time is over. */
export function concludeExpiry(message: Message, now: number): Conclusion {
  const last = [...message.events].reverse().find((event) => event.kind === 'deferred')
  const refusal = last?.kind === 'deferred' ? last.class : 'expired'
  const base = { id: `${message.id}.expired`, at: now }
  if (last?.kind === 'deferred' && classRules[refusal].final === 'ours') {
    return after(message, [{ ...base, kind: 'failed', class: refusal, evidence: last.evidence }])
  }
  const evidence = last?.kind === 'deferred' ? last.evidence : { transport: 'none', stage: message.state.name }
  return after(message, [{ ...base, kind: 'expired', class: refusal, evidence }])
}

/** News that comes outside an attempt (feedback, a late report): the state may rise, the plan only ends. */
export function concludeNews(message: Message, events: readonly MessageEvent[]): Conclusion {
  const state = fold([...message.events, ...events])
  return { events, state, dueAt: isWorkingState(state) ? message.dueAt : null, attempts: message.attempts }
}

/** Deterministic, so that the same attempt is never told twice. */
export function attemptEventId(message: Pick<Message, 'id'>, attempt: number): string {
  return `${message.id}.a${attempt}`
}

function after(message: Message, events: readonly MessageEvent[]): Conclusion {
  const state = fold([...message.events, ...events])
  return { events, state, dueAt: isWorkingState(state) ? (state.nextTryAt ?? null) : null, attempts: message.attempts }
}

function lostAnswer(
  message: Message,
  base: { id: string; at: number },
  evidence: AttemptReport['evidence'],
  { now, schedule }: ConcludeContext,
): MessageEvent {
  const attempt = message.attempts
  const retried = message.events.some((event) => event.kind === 'unknown-retry')
  const nextTryAt = now + schedule.unknownPause
  if (message.role === 'confirmation' || retried || nextTryAt > message.expiresAt) {
    return { ...base, kind: 'unknown', attempt, evidence }
  }
  return { ...base, kind: 'unknown-retry', turn: nextTurn(message.events), attempt, nextTryAt, evidence }
}
