import type { RefusalClass } from '../../mail/refusal-classes.ts'
import type { Language } from '../language.ts'
import type { Role } from './roles.ts'

/** How far an attempt got. `data_final` is durable before the final dot (SMTP) or the request body (HTTP) leaves. */
export type Phase = 'claimed' | 'rcpt_ok' | 'data_final'

/** What was seen on the wire. Kept with the event, so that it can be shown and classified again. */
export type Evidence = {
  transport: string
  /** Where the attempt ended: `connect`, `greeting`, `ehlo`, `starttls`, `auth`, `mail`, `rcpt`, `data`, `final-dot`, … */
  stage?: string
  /** The command that the reply answers, without its secret parts. */
  command?: string
  replyCode?: number
  /** Enhanced status code (RFC 3463), as in `5.1.1`. */
  enhancedCode?: string
  /** All lines of the reply, cut to a sane length. */
  text?: string
  /** The network's own words, when there was no reply: `ECONNREFUSED`, `timeout`. */
  fault?: string
  /** `host:port` of the server we talked to. */
  peer?: string
  /** Version and cipher, or `none`. */
  tls?: string
  /** Whether the server offered DSN, and so was asked for reports. */
  dsn?: boolean
  durationMs?: number
  /** The rule that gave the class. */
  rule?: string
}

/** Facts every event has. `id` is deterministic: the same fact seen twice has the same id. */
type EventBase = { id: string; at: number }

/**
 * Working events move a message between `queued`, `held` and `deferred`. Only the holder of the message's lease (or
 * a person releasing it) writes them, one after the other; `turn` counts them, so that their order never depends on
 * the order of arrival.
 */
export type WorkingEvent = EventBase &
  /** `by`: who took it up again after it was held or deferred; absent at the beginning. */
  (
    | { kind: 'queued'; turn: number; dueAt: number; by?: 'operator' | 'submitter' }
    /** `until`: when it goes on by itself; null where only a person, or its expiry, ends it. */
    | { kind: 'held'; turn: number; reason: HeldReason; until: number | null; evidence?: Evidence }
    | { kind: 'deferred'; turn: number; attempt: number; class: RefusalClass; nextTryAt: number; evidence: Evidence }
    /** The answer to the final dot was lost, and one more attempt is due (notifications only). */
    | { kind: 'unknown-retry'; turn: number; attempt: number; nextTryAt: number; evidence: Evidence }
  )

/** Ended by us, from a working state. */
export type ClosingEvent = EventBase &
  (
    | { kind: 'unknown'; attempt: number; evidence: Evidence }
    | { kind: 'expired'; class: RefusalClass; evidence: Evidence }
    | { kind: 'failed'; class: RefusalClass; evidence: Evidence }
    | { kind: 'cancelled'; reason: Exclude<CancelReason, 'digest'> }
    /** `digest`: the id of the mail that tells it instead. */
    | { kind: 'cancelled'; reason: Extract<CancelReason, 'digest'>; digest: string }
    | { kind: 'suppressed'; by: 'us' | 'provider'; evidence?: Evidence }
  )

/** What the world answered; may come in any order, twice, or years late. */
export type OutcomeEvent = EventBase &
  (
    | { kind: 'accepted'; by: 'relay' | 'provider'; settleAt: number; evidence: Evidence }
    | { kind: 'relay-delayed'; until: number | null; evidence: Evidence }
    | { kind: 'delivered'; by: 'recipient' | 'provider' | 'simulator'; evidence: Evidence }
    | { kind: 'bounced'; hard: boolean; class: RefusalClass; evidence: Evidence }
    | { kind: 'complained'; evidence: Evidence }
  )

/** Worth telling, without an outcome. */
export type NoteEvent = EventBase &
  (
    | { kind: 'auto-reply'; evidence: Evidence }
    /** The form's own template could not be used; the built-in text went out instead. */
    | { kind: 'template-fault'; text: string }
    /** An upload was not there any more; the mail went out without it, and says so. */
    | { kind: 'upload-missing'; fileName: string }
    /** A lease ran out before the final dot; the message went back to the queue. */
    | { kind: 'lease-lost'; attempt: number; phase: Phase }
  )

export type MessageEvent = WorkingEvent | ClosingEvent | OutcomeEvent | NoteEvent

/**
 * Why no further attempt is made: the address was corrected; an operator wished it; the owner of the address said that it
 * was not them; the submission's state of review allows no such mail; or one mail tells its recipient of many at once.
 */
export type CancelReason = 'corrected' | 'operator' | 'disowned' | 'review' | 'digest'

/**
 * Why a mail waits. A confirmation: too many to this recipient or domain; an address that looks mistyped; no proof of work
 * where the form asks for one; too many of the form's confirmations failed lately. A notification: so many posts come to
 * its form that one mail will tell of them together (`flood`).
 */
export type HeldReason = 'cap' | 'doubtful-address' | 'no-proof' | 'breaker' | 'flood'

/**
 * A text of its own: of a message that no submission causes (an alarm, a digest), or of one that its role's templates do
 * not fit. With a submission it is a template like the others, with their variables.
 */
export type Content = {
  subject: string
  /** Markdown. */
  body: string
  /** What it tells, where somebody has to know; not every kind has a name. */
  kind?: 'disowned' | 'taken-back'
}

export const stateNames = [
  'queued',
  'sending',
  'deferred',
  'held',
  'unknown',
  'accepted',
  'delivered',
  'bounced_soft',
  'bounced_hard',
  'complained',
  'expired',
  'failed',
  'cancelled',
  'suppressed',
] as const
export type StateName = (typeof stateNames)[number]

/** The fold of a message's events (see `fold.ts`). `sending` is not in it: that is a lease, not a fact. */
export type MessageState = {
  name: Exclude<StateName, 'sending'>
  /** Time of the event that gave the state. */
  since: number
  by?: 'relay' | 'provider' | 'recipient' | 'simulator' | 'us'
  class?: RefusalClass
  heldReason?: HeldReason
  nextTryAt?: number
  relayDelayedUntil?: number
  /** `accepted` only: when no more news is expected. */
  settleAt?: number
  deliveredAt?: number
  /** Id of the event that gave the state. */
  event: string
}

/** The lease on a message; `number` grows with every lease and fences the writes of earlier holders. */
export type Lease = { number: number; until: number; phase: Phase }

/** One e-mail to one recipient. */
export type Message = {
  id: string
  /** Empty where no submission causes it; then `content` is its text. */
  submissionId: string
  reference: string
  /** Empty where it concerns the whole instance. */
  form: string
  formVersion: number
  content: Content | null
  role: Role
  /** One addr-spec (RFC 5321 Mailbox), never a list. */
  recipient: string
  language: Language
  createdAt: number
  /** After this no attempt is made. */
  expiresAt: number
  /** (source, receiving site), as the transport named it. */
  lane: string
  state: MessageState
  events: readonly MessageEvent[]
  attempts: number
  /** When the next attempt (or the end) is due; null when the message is not working, or held without a time. */
  dueAt: number | null
  lease: Lease | null
  /** Grows with every write; what was computed from an older version is not written. */
  version: number
}

/** A message as planned with its submission, before anything happened to it. */
export type PlannedMessage = Omit<Message, 'lease' | 'version' | 'attempts'>
