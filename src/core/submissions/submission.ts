import type { FileContent } from '../files/inspect.ts'
import type { Language } from '../language.ts'

/** A field's value as posted: text, or a file that lies in the blob store. Order and repeated names are kept. */
export type Entry = TextEntry | FileEntry
export type TextEntry = { kind: 'text'; name: string; value: string }
export type FileEntry = { kind: 'file'; name: string; file: StoredFile }

/** An upload, on disk before the submission is. */
export type StoredFile = {
  /** Key in the blob store. */
  blob: string
  /** As the browser sent it; only ever shown or encoded, never used as a path. */
  fileName: string
  /** As the browser claims. */
  type: string
  /** Bytes. */
  size: number
  /** SHA-256, base64url. */
  hash: string
  /** What its bytes show; absent where they show nothing that is known. */
  content?: FileContent
}

/** Something about a field that was kept although the page's rules do not know it. */
export type Observation = {
  field: string
  /** `ADDRESS_UNUSABLE`: of `_replyto`, which is no address that mail can go to, so there is no confirmation. */
  code: 'FIELD_UNKNOWN' | 'OPTION_UNKNOWN' | 'FILE_TYPE' | 'PATTERN_NOT_CHECKED' | 'ADDRESS_UNUSABLE'
}

export const reviews = ['accepted', 'quarantined', 'released', 'unconfirmed'] as const
/**
 * Whether a submission may cause mail. `quarantined`: a rule found it suspicious, or its submitter could not be asked, and
 * a person must look; `released`: a person did, and it goes on as if it had been accepted. `unconfirmed`: the form asks the
 * submitter to confirm first.
 */
export type Review = (typeof reviews)[number]

export const verdictRules = [
  'honeypot',
  'too-fast',
  'automated-browser',
  'origin',
  'client-rate',
  'repeated-content',
  'links',
  'words',
] as const
/** The rules that judge a post, besides the form's own. */
export type VerdictRule = (typeof verdictRules)[number]

/**
 * Why a post was found suspicious. `detail` is a number or a word of ours for the rule's sentence, never what was typed
 * (`judge/sentences.ts`).
 */
export type VerdictReason = { rule: VerdictRule; detail: string }

export type Verdict = {
  /** What decided; empty when nothing was found. */
  reasons: readonly VerdictReason[]
  /** What rules in shadow mode would have decided. */
  shadow: readonly VerdictReason[]
}

/**
 * Whether a submission waits for review although no rule, beyond those on trial, spoke against it: its submitter was to
 * confirm it first (double opt-in), and the mail that asks for that is held, failed, or may be lost.
 */
export function isUnasked({ review, verdict }: Pick<Submission, 'review' | 'verdict'>): boolean {
  return review === 'quarantined' && verdict.reasons.length === 0
}

/**
 * Whether a submission goes on as soon as its submitter confirms it: the one mail it may cause is that question, which has
 * the link to confirm by, whether or not somebody also waits to review it.
 */
export function asksFirst(submission: Pick<Submission, 'review' | 'verdict'>): boolean {
  return submission.review === 'unconfirmed' || isUnasked(submission)
}

/** What the page wishes for the mails of a submission, where the form's settings do not say otherwise. */
export type Wishes = {
  /** Subject of the notification. */
  subject: string | null
  /** Display name of the notification's sender. */
  senderName: string | null
  /** Who else gets the notification; only those that the form's settings approve do. */
  cc: readonly string[]
}

/** The submitter asked for the confirmation again, to the same or to another address. */
export type Resend = {
  kind: 'corrected' | 'resent'
  at: number
  /** The confirmation that failed, and the one that replaces it. */
  oldMessage: string
  newMessage: string
  oldEmail: string
  newEmail: string
}

/** One accepted post of a form. */
export type Submission = {
  id: string
  /** For people: no look-alike letters, no sequence. Not secret. */
  reference: string
  form: string
  formVersion: number
  /** Milliseconds since 1970, as all times in the store. */
  receivedAt: number
  language: Language
  review: Review
  verdict: Verdict
  /** When a person released it, the submitter confirmed it, or it turned out that the submitter can't be asked. */
  reviewedAt: number | null
  /** When the owner of the confirmation's address said that it was not them. */
  disownedAt: number | null
  /** The page says that this is a test. */
  test: boolean
  wishes: Wishes
  entries: readonly Entry[]
  observations: readonly Observation[]
  /** The address confirmations go to: as posted, or as corrected since. One addr-spec; null when the post had none. */
  email: string | null
  /** Keyed hash of client address and agent; the address itself is not kept. */
  clientKey: string
  /** Keyed hash of the client address alone (IPv6: its /64), for budgets. */
  networkKey: string
  /** The same of its /48, for budgets; null for IPv4. */
  widerNetworkKey: string | null
  /** Id of the key that its status token is derived with, so that a repeated answer has the same token. */
  tokenKey: string
  /** Random; the receipt's commitment is a hash of salt and content. */
  salt: string
  /** Keyed hash of the content, for idempotency. */
  bodyHash: string
  resends: readonly Resend[]
}
