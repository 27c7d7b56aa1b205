import type { SimulatedFeedback } from '../../core/deps.ts'
import type { AttemptOutcome } from '../../core/messages/transport.ts'
import type { RefusalClass } from '../../mail/refusal-classes.ts'

/** What the simulator does with a mail: an answer at once, and perhaps news later. */
export type Behaviour = {
  outcome: AttemptOutcome
  reply: { code: number; enhanced: string; text: string; stage: 'rcpt' | 'final-dot' }
  feedback: { kind: SimulatedFeedback['kind']; afterMs: number } | null
}

export const simulatorDomain = 'simulator.test'

/** Long enough to see the state before it, short enough to wait for. */
const laterMs = 4_000

const delivered = accept({ kind: 'delivered', by: 'simulator' }, 'delivered to the local mailbox')

/** The stories that addresses at `simulator.test` play, so that each can be watched; every other address is delivered. */
export function behaviourOf(recipient: string, attempt: number): Behaviour {
  const at = recipient.lastIndexOf('@')
  if (recipient.slice(at + 1).toLowerCase() !== simulatorDomain) return delivered
  switch (recipient.slice(0, at).toLowerCase().split('+')[0]) {
    case 'unknown-user':
      return refuse(550, '5.1.1', 'unknown-user', 'no such user here')
    case 'mailbox-full':
      return refuse(552, '5.2.2', 'mailbox-full', 'the mailbox is full')
    case 'refused':
      return refuse(554, '5.7.1', 'content-policy', 'refused by policy')
    case 'deferred':
      return attempt <= 2 ? defer() : delivered
    case 'late-bounce':
      return { ...delivered, feedback: { kind: 'bounce', afterMs: laterMs } }
    case 'complaint':
      return { ...delivered, feedback: { kind: 'complaint', afterMs: laterMs } }
    case 'out-of-office':
      return { ...delivered, feedback: { kind: 'auto-reply', afterMs: laterMs } }
    case 'silent':
      return accept({ kind: 'accepted', by: 'relay' }, 'taken over; no more will be heard of it')
    default:
      return delivered
  }
}

function accept(outcome: AttemptOutcome, text: string): Behaviour {
  return { outcome, reply: { code: 250, enhanced: '2.0.0', text, stage: 'final-dot' }, feedback: null }
}

function refuse(code: number, enhanced: string, refusal: RefusalClass, text: string): Behaviour {
  return {
    outcome: { kind: 'refused', class: refusal, scope: 'message' },
    reply: { code, enhanced, text, stage: 'rcpt' },
    feedback: null,
  }
}

function defer(): Behaviour {
  return {
    outcome: { kind: 'deferred', class: 'unclassified', scope: 'message' },
    reply: { code: 450, enhanced: '4.2.0', text: 'try again later', stage: 'rcpt' },
    feedback: null,
  }
}
