import { type ReadableMail, readMail } from '../../mail/read-mail.ts'
import type { CapturedMail, Deps, SimulatedFeedback } from '../deps.ts'
import { concludeNews } from './conclude.ts'
import type { MessageEvent } from './message.ts'

/** A mail of the local mailbox, read. */
export async function openCapturedMail(
  deps: Pick<Deps, 'mailbox'>,
  id: string,
): Promise<(CapturedMail & { read: ReadableMail }) | null> {
  const mail = await deps.mailbox.get(id)
  return mail === null ? null : { ...mail, read: await readMail(mail.raw) }
}

/**
 * Brings the feedback that the simulator owes: news about a message that comes after its delivery, as a bounce or a
 * complaint would.
 *
 * @returns how many it brought
 */
export async function bringSimulatedFeedback(deps: Pick<Deps, 'mailbox' | 'messages' | 'clock'>): Promise<number> {
  const due = await deps.mailbox.dueFeedback(deps.clock.now())
  let brought = 0
  for (const feedback of due) {
    const message = await deps.messages.get(feedback.messageId)
    // Feedback may come before the outcome of the attempt is written; it then waits for the next round.
    if (message === null || message.lease !== null) continue
    const { id, version } = message
    const { events, state, dueAt, attempts } = concludeNews(message, [eventOf(feedback, deps.clock.now())])
    if ((await deps.messages.write({ id, version, events, state, dueAt, attempts, lease: 'keep' })) !== 'ok') continue
    await deps.mailbox.doneFeedback(feedback.messageId)
    brought += 1
  }
  return brought
}

function eventOf({ messageId, kind }: SimulatedFeedback, at: number): MessageEvent {
  const id = `${messageId}.simulated-${kind}`
  const evidence = { transport: 'capture', stage: 'feedback' }
  switch (kind) {
    case 'bounce':
      return {
        id,
        at,
        kind: 'bounced',
        hard: true,
        class: 'unknown-user',
        evidence: { ...evidence, enhancedCode: '5.1.1', text: 'simulated bounce after delivery' },
      }
    case 'complaint':
      return { id, at, kind: 'complained', evidence: { ...evidence, text: 'simulated complaint' } }
    case 'auto-reply':
      return { id, at, kind: 'auto-reply', evidence: { ...evidence, text: 'simulated out-of-office reply' } }
  }
}
