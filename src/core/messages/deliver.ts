import type { Deps } from '../deps.ts'
import { TodokuError } from '../errors.ts'
import type { FormRecord } from '../forms/form.ts'
import { currentConfirmation } from '../submissions/status.ts'
import type { Submission } from '../submissions/submission.ts'
import { type Composed, composeContent, composeMessage } from './compose.ts'
import { type Conclusion, concludeAttempt, concludeExpiry, concludeNews, wasTried } from './conclude.ts'
import { isWorkingState } from './fold.ts'
import { concludeGate, type Gate, type GateVerdict } from './gate.ts'
import { confirmationNote } from './held.ts'
import type { LaneResult } from './lanes.ts'
import type { Lease, Message, MessageEvent } from './message.ts'
import { transportFor } from './planned-message.ts'
import type { AttemptReport, AttemptWatch } from './transport.ts'

type DeliverDeps = Pick<
  Deps,
  | 'messages'
  | 'submissions'
  | 'forms'
  | 'blobs'
  | 'transport'
  | 'alarmTransport'
  | 'settings'
  | 'crypto'
  | 'clock'
  | 'ids'
  | 'log'
  | 'metrics'
>

/** How long a lease runs, and how often it is lengthened while an attempt goes on. Milliseconds. */
export const leaseMs = 60_000
const renewMs = 20_000

/**
 * A lease that allows the final dot runs until the transport must have given up waiting for the answer (10 minutes by
 * RFC 5321 §4.5.3.2.6) and a little longer.
 */
export const finalLeaseMs = 11 * 60_000

/** After the permission the dot is written within this, or the connection dropped: a frozen worker can't send behind its successor. */
const dotWithinMs = 5_000

/**
 * Makes one attempt with a leased message and records what became of it.
 *
 * ```
 *  leased (claimed) ─▶ gate ─▶ compose ─▶ transport: connect … RCPT taken (rcpt_ok)
 *                       └─▶ held, cancelled, suppressed: no attempt was made
 *                                          └─▶ data_final durable? ── lost ──▶ connection dropped, nothing sent
 *                                                       └── go ──▶ final dot ─▶ reply, or none (unknown)
 * ```
 *
 * Resolves with what the attempt said of its lane. Never rejects: a fault of ours defers the message.
 */
export async function deliver(deps: DeliverDeps, gate: Gate, message: Message, stop: AbortSignal): Promise<LaneResult> {
  const lease = message.lease
  if (lease === null) throw new TypeError('deliver needs a leased message')
  if (deps.clock.now() >= message.expiresAt && wasTried(message)) {
    await record(deps, message, lease, (current) => ({
      ...(isWorkingState(current.state) ? concludeExpiry(current, deps.clock.now()) : concludeNews(current, [])),
      // The lease counted one; none was made.
      attempts: current.attempts - 1,
    }))
    return 'neutral'
  }
  const startedAt = deps.clock.monotonic()
  const notes: MessageEvent[] = []
  const judged = await judge(deps, gate, message)
  if (judged.kind === 'stays') {
    const { verdict } = judged
    tellGate(deps, message, verdict)
    await record(deps, message, lease, (current) => concludeGate(current, verdict, deps.clock.now()))
    return 'neutral'
  }
  const report =
    judged.kind === 'fault'
      ? judged.report
      : unlessStopping(await attempt(deps, message, judged.subject, lease, stop, notes), stop)
  const durationMs = Math.round(deps.clock.monotonic() - startedAt)
  tell(deps, message, report, durationMs)
  await record(deps, message, lease, (current) => {
    const conclusion = concludeAttempt(current, report, {
      now: deps.clock.now(),
      schedule: deps.settings.schedule,
      fraction: deps.ids.fraction(),
    })
    return { ...conclusion, events: [...notes, ...conclusion.events] }
  })
  return laneResult(report)
}

/** What a mail is about. */
type Subject = { form: FormRecord; submission: Submission }

type Judged =
  | { kind: 'goes'; subject: Subject | null }
  | { kind: 'stays'; verdict: Exclude<GateVerdict, { kind: 'pass' }> }
  | { kind: 'fault'; report: AttemptReport }

/** Asks the gate. Fails closed: as long as it can't be asked, nothing goes out. */
async function judge(deps: DeliverDeps, gate: Gate, message: Message): Promise<Judged> {
  try {
    const subject = await subjectOf(deps, message)
    if (subject === null) return { kind: 'goes', subject }
    const verdict = await gate(message, subject.form, subject.submission)
    return verdict.kind === 'pass' ? { kind: 'goes', subject } : { kind: 'stays', verdict }
  } catch (error) {
    deps.log.error(
      { messageId: message.id, form: message.form, role: message.role, err: error },
      'whether a mail may go out could not be found out',
    )
    deps.metrics.countFault('gate')
    return {
      kind: 'fault',
      report: {
        outcome: { kind: 'deferred', class: 'unclassified', scope: 'own' },
        evidence: {
          transport: 'none',
          stage: 'gate',
          fault: 'whether it may go out could not be found out; see the log',
        },
      },
    }
  }
}

/** Null for a mail that no submission causes. */
async function subjectOf(deps: DeliverDeps, message: Message): Promise<Subject | null> {
  if (message.submissionId === '') return null
  const submission = await deps.submissions.get(message.reference)
  const form = await deps.forms.getVersion(message.form, message.formVersion)
  if (submission === null || form === null)
    throw new TodokuError('internal', { detail: 'the submission or form of a message is gone' })
  return { submission, form }
}

function tellGate(deps: DeliverDeps, message: Message, verdict: Exclude<GateVerdict, { kind: 'pass' }>): void {
  const code = verdict.kind === 'suppress' ? 'stop' : verdict.reason
  deps.log.info(
    { messageId: message.id, reference: message.reference, form: message.form, role: message.role, code },
    'a mail does not go out now',
  )
}

async function attempt(
  deps: DeliverDeps,
  message: Message,
  subject: Subject | null,
  lease: Lease,
  stop: AbortSignal,
  notes: MessageEvent[],
): Promise<AttemptReport> {
  const transport = transportFor(deps, message.role)
  let composed: Composed
  try {
    composed = await compose(deps, message, subject)
  } catch (error) {
    deps.log.error(
      { messageId: message.id, form: message.form, role: message.role, err: error },
      'a mail could not be composed',
    )
    deps.metrics.countFault('compose')
    return {
      outcome: { kind: 'deferred', class: 'unclassified', scope: 'own' },
      evidence: {
        transport: transport.name,
        stage: 'compose',
        fault: 'the mail could not be composed; see the log',
      },
    }
  }
  if (composed.templateFault !== null) {
    deps.log.warn(
      { messageId: message.id, form: message.form, role: message.role },
      'a template could not be used; the built-in text goes out',
    )
    deps.metrics.countFault('template')
    notes.push({
      id: `${message.id}.template-fault`,
      at: deps.clock.now(),
      kind: 'template-fault',
      text: composed.templateFault,
    })
  }
  for (const fileName of composed.missingFiles) {
    deps.log.error({ messageId: message.id, form: message.form }, 'an upload is gone; the mail goes out without it')
    deps.metrics.countFault('upload-missing')
    notes.push({
      id: `${message.id}.upload-missing-${notes.length}`,
      at: deps.clock.now(),
      kind: 'upload-missing',
      fileName,
    })
  }
  const watch = watchLease(deps, message, lease, stop)
  try {
    const report = await transport.attempt(
      {
        messageId: message.id,
        attempt: message.attempts,
        from: composed.from,
        to: composed.to,
        utf8: composed.utf8,
        mail: composed.mail,
      },
      watch,
    )
    return composed.attachments > 0 ? withoutFilesNext(report) : report
  } catch (error) {
    // A transport reports every fault of the world; what it throws is a mistake of ours, at an unknown moment.
    deps.log.error({ messageId: message.id, transport: transport.name, err: error }, 'the transport threw')
    deps.metrics.countFault('transport')
    const kind = watch.finalAllowed() ? 'unknown' : 'deferred'
    const evidence = { transport: transport.name, stage: 'transport', fault: 'internal error; see the log' }
    return kind === 'unknown'
      ? { outcome: { kind }, evidence }
      : { outcome: { kind, class: 'unclassified', scope: 'own' }, evidence }
  } finally {
    watch.end()
  }
}

/**
 * Only a stop puts a message back as if nothing had been. What else kept the dot from being written (the store did not
 * allow it, a mistake of ours) may last: it is a deferral like any other, with its pause and its evidence.
 */
function unlessStopping(report: AttemptReport, stop: AbortSignal): AttemptReport {
  if (report.outcome.kind !== 'interrupted' || stop.aborted) return report
  return { outcome: { kind: 'deferred', class: 'network', scope: 'own' }, evidence: report.evidence }
}

/**
 * A mail that a server, or what it announced (SIZE, RFC 1870), finds too large is tried once more with links instead of
 * its files (`wasTooLarge`): a lead must not be lost for its attachments.
 */
function withoutFilesNext(report: AttemptReport): AttemptReport {
  const { outcome } = report
  if (outcome.kind !== 'refused' || outcome.class !== 'too-large') return report
  return { ...report, outcome: { ...outcome, kind: 'deferred' } }
}

async function compose(deps: DeliverDeps, message: Message, subject: Subject | null): Promise<Composed> {
  if (subject === null) return composeContent(deps, message)
  const { form, submission } = subject
  return await composeMessage(deps, message, form, submission, await noteFor(deps, message, submission))
}

/**
 * A manager learns with the notification, and with the word of a corrected address, that the sender gets no confirmation for
 * now, and so no word of its own.
 */
async function noteFor(deps: DeliverDeps, message: Message, submission: Submission): Promise<string | null> {
  const isToldOfIt = message.role === 'notification' || (message.role === 'update' && message.content === null)
  if (!isToldOfIt || submission.email === null) return null
  const confirmation = currentConfirmation(submission, await deps.messages.ofSubmission(submission.id))
  return confirmation === null ? null : confirmationNote(confirmation, message.language)
}

/** Keeps the lease alive while the attempt goes on, and asks the store before the final dot. */
function watchLease(
  deps: DeliverDeps,
  message: Message,
  lease: Lease,
  stop: AbortSignal,
): AttemptWatch & { finalAllowed(): boolean; end(): void } {
  let ended = false
  let allowed = false
  const lost = new AbortController()
  const onStop = () => lost.abort()
  if (stop.aborted) onStop()
  else stop.addEventListener('abort', onStop, { once: true })

  let cancelTimer = deps.clock.after(renewMs, renew)
  async function renewLease() {
    const now = deps.clock.now()
    try {
      const result = await deps.messages.renewLease({ id: message.id, lease: lease.number, now, until: now + leaseMs })
      if (result === 'lost' && !allowed) lost.abort()
    } catch (error) {
      // The store may come back before the lease runs out; if not, the dot is not allowed.
      deps.log.warn({ messageId: message.id, err: error }, 'a lease could not be renewed')
    }
  }
  function renew() {
    if (ended || allowed) return
    cancelTimer = deps.clock.after(renewMs, renew)
    void renewLease()
  }

  async function setPhase(phase: 'rcpt_ok' | 'data_final', until: number): Promise<'ok' | 'lost'> {
    try {
      return await deps.messages.setPhase({ id: message.id, lease: lease.number, phase, now: deps.clock.now(), until })
    } catch (error) {
      deps.log.error({ messageId: message.id, phase, err: error }, 'a phase could not be stored')
      return 'lost'
    }
  }

  return {
    signal: lost.signal,
    rcptAccepted() {
      // Not awaited: the write of `data_final` follows it in the same queue.
      void setPhase('rcpt_ok', deps.clock.now() + leaseMs)
    },
    async beforeFinalDot() {
      const askedAt = { monotonic: deps.clock.monotonic(), wall: deps.clock.now() }
      allowed = true
      const result = await setPhase('data_final', deps.clock.now() + finalLeaseMs)
      if (result === 'ok') return { kind: 'go', askedAt, dotWithinMs }
      allowed = false
      return { kind: 'lost' }
    },
    finalAllowed: () => allowed,
    end() {
      ended = true
      cancelTimer()
      stop.removeEventListener('abort', onStop)
    },
  }
}

/**
 * Writes a conclusion under the lease. When another write came between (feedback, a successor), it is computed anew from
 * what is there now; a holder whose lease is gone may still add outcomes it has evidence for, never a plan.
 */
async function record(
  deps: DeliverDeps,
  leased: Message,
  lease: Lease,
  conclude: (current: Message) => Conclusion,
): Promise<void> {
  let current = leased
  let pause = 100
  for (;;) {
    const own = current.lease?.number === lease.number
    const conclusion = own ? conclude(current) : lateNews(current, conclude(leased))
    if (conclusion === null) return
    try {
      const { events, state, dueAt, attempts } = conclusion
      const write = { id: current.id, version: current.version, events, state, dueAt, attempts }
      if ((await deps.messages.write({ ...write, lease: own ? 'release' : 'keep' })) === 'ok') return
      const fresh = await deps.messages.get(current.id)
      if (fresh === null) return
      current = fresh
    } catch (error) {
      // What is known must not be lost to a full disk: tried until the store is back or the process ends; in the latter
      // case the lease runs out and the attempt counts as unknown.
      deps.log.error({ messageId: current.id, err: error }, 'an outcome could not be stored; trying again')
      await new Promise<void>((resolve) => deps.clock.after(pause, resolve))
      pause = Math.min(pause * 2, 10_000)
    }
  }
}

/** What a holder without a lease may still say: that the other side answered. */
function lateNews(current: Message, conclusion: Conclusion): Conclusion | null {
  const outcomes = conclusion.events.filter(
    ({ kind }) => kind === 'accepted' || kind === 'delivered' || kind === 'bounced',
  )
  return outcomes.length === 0 ? null : concludeNews(current, outcomes)
}

function tell(deps: DeliverDeps, message: Message, { outcome, evidence }: AttemptReport, durationMs: number): void {
  deps.metrics.countAttempt(outcome.kind)
  deps.metrics.observeAttempt(durationMs / 1000)
  deps.log.info(
    {
      messageId: message.id,
      reference: message.reference,
      form: message.form,
      role: message.role,
      lane: message.lane,
      attempt: message.attempts,
      state: outcome.kind,
      durationMs,
      ...('class' in outcome ? { class: outcome.class } : {}),
      ...(evidence.stage === undefined ? {} : { stage: evidence.stage }),
      ...(evidence.replyCode === undefined ? {} : { replyCode: evidence.replyCode }),
      ...(evidence.enhancedCode === undefined ? {} : { enhancedCode: evidence.enhancedCode }),
    },
    'attempt ended',
  )
}

function laneResult({ outcome }: AttemptReport): LaneResult {
  switch (outcome.kind) {
    case 'deferred':
    case 'refused':
      if (outcome.scope === 'own') return 'neutral'
      return outcome.scope === 'lane' ? 'fault' : 'success'
    case 'unknown':
      return 'fault'
    case 'interrupted':
      return 'neutral'
    default:
      return 'success'
  }
}
