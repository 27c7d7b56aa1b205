import type { Clock, Ids, MailboxStore } from '../../core/deps.ts'
import type { Evidence } from '../../core/messages/message.ts'
import { type AttemptReport, isInTime, type LanePolicy, type Transport } from '../../core/messages/transport.ts'
import { readMail } from '../../mail/read-mail.ts'
import { behaviourOf } from './simulator.ts'

/** Mails kept; it is a place to look, not an archive. */
const keep = 500

const lane = 'capture|local'

const policy: LanePolicy = {
  maxConcurrency: 10,
  startConcurrency: 10,
  rate: null,
  breakerAfter: 5,
  breakerPauses: [1000],
}

/**
 * No mail leaves: it is kept in the local mailbox, and the simulator's addresses answer as a real server would. The
 * attempt passes the same phases as one over SMTP.
 */
export function captureTransport(deps: { mailbox: MailboxStore; clock: Clock; ids: Ids }): Transport {
  return {
    name: 'capture',
    lane: () => lane,
    policy: () => policy,
    async attempt(delivery, watch): Promise<AttemptReport> {
      const startedAt = deps.clock.monotonic()
      const { outcome, reply, feedback } = behaviourOf(delivery.to, delivery.attempt)
      const evidence = (stage: string): Evidence => ({
        transport: 'capture',
        stage,
        durationMs: Math.round(deps.clock.monotonic() - startedAt),
      })
      const answered: Evidence = {
        ...evidence(reply.stage),
        replyCode: reply.code,
        enhancedCode: reply.enhanced,
        text: reply.text,
      }
      if (watch.signal.aborted) return { outcome: { kind: 'interrupted' }, evidence: evidence('rcpt') }
      if (outcome.kind === 'refused' || outcome.kind === 'deferred') return { outcome, evidence: answered }

      const { subject } = await readMail(delivery.mail)
      watch.rcptAccepted()
      const permission = await watch.beforeFinalDot()
      if (permission.kind === 'lost') return { outcome: { kind: 'interrupted' }, evidence: evidence('data') }
      if (watch.signal.aborted || !isInTime(permission, deps.clock)) {
        return { outcome: { kind: 'interrupted' }, evidence: evidence('data') }
      }
      const now = deps.clock.now()
      await deps.mailbox.add(
        {
          id: deps.ids.next(),
          messageId: delivery.messageId,
          attempt: delivery.attempt,
          at: now,
          from: delivery.from,
          to: delivery.to,
          subject,
          raw: delivery.mail,
        },
        feedback === null
          ? null
          : { messageId: delivery.messageId, kind: feedback.kind, dueAt: now + feedback.afterMs },
        keep,
      )
      return { outcome, evidence: answered }
    },
    async close() {},
  }
}
