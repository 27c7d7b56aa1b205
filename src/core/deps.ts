/**
 * The ports: what the core asks of the world. Adapters implement them, hosts join them, tests pass small ones.
 * A use case names exactly the ports it touches: `deps: Pick<Deps, 'submissions' | 'clock'>`.
 *
 * A store method is one atomic command: plain, structured-cloneable data in, a union out. No transaction closures,
 * so that the same port fits a writer thread and a conditional write. A promise resolves only when the effect is durable.
 * Every store method may reject with `TodokuError('store-unavailable')` (disk full, locked); then nothing was stored.
 */

import type { Alarm } from './alarms/alarm.ts'
import type { FormRecord } from './forms/form.ts'
import type {
  HeldReason,
  Lease,
  Message,
  MessageEvent,
  MessageState,
  Phase,
  PlannedMessage,
  StateName,
} from './messages/message.ts'
import type { Role } from './messages/roles.ts'
import type { Transport } from './messages/transport.ts'
import type { Settings } from './settings.ts'
import type { Resend, Review, Submission } from './submissions/submission.ts'

export type Deps = {
  settings: Settings
  forms: FormStore
  submissions: SubmissionStore
  messages: MessageStore
  queue: Queue
  mailbox: MailboxStore
  access: AccessStore
  budgets: BudgetStore
  stops: StopStore
  alarms: AlarmStore
  blobs: BlobStore
  transport: Transport
  /** The way of alarms, so that they don't depend on the one that fails; null: there is no other. */
  alarmTransport: Transport | null
  outbound: Outbound
  clock: Clock
  ids: Ids
  crypto: Crypto
  patterns: Patterns
  dns: Dns
  rates: Rates
  proofs: Proofs
  log: Log
  metrics: Metrics
}

// --- stores -----------------------------------------------------------------------------------------------------

export interface FormStore {
  /** The newest version, or null when there is no such form. */
  get(name: string): Promise<FormRecord | null>
  /** One version, as submissions and their mails refer to it. */
  getVersion(name: string, version: number): Promise<FormRecord | null>
  /** The newest version of every form, by name. */
  list(): Promise<FormRecord[]>
  /** Adds `record` as the next version, if the newest one is still `record.version - 1`. */
  put(record: FormRecord): Promise<{ kind: 'stored' } | { kind: 'stale' }>
}

/** Where a mail stands, without its story. */
export type MessageNews = Pick<
  Message,
  'id' | 'submissionId' | 'reference' | 'form' | 'formVersion' | 'role' | 'recipient' | 'createdAt' | 'state'
>

/** A notification that waits for a digest. */
export type FloodedMessage = Pick<Message, 'id' | 'version' | 'reference' | 'createdAt'>

/**
 * At most `max` in any `windowMs`, over all forms; a little fewer may be allowed, never more. That is true of what happens
 * up to `windowMs / 50` after it was counted; what comes later is counted anew.
 */
export type Cap = { key: string; max: number; windowMs: number }

/** A message that is stored as `capped` says where one of its caps is full; only otherwise it counts. */
export type CappedMessage = {
  messageId: string
  caps: readonly Cap[]
  capped: Pick<PlannedMessage, 'events' | 'state' | 'dueAt'>
}

export type AcceptCommand = {
  submission: Submission
  messages: readonly PlannedMessage[]
  capped: readonly CappedMessage[]
  /** A proof of work that this post uses up. */
  proof: { id: string; expiresAt: number } | null
  /**
   * `header`: one key, one submission; another body is a conflict. `field`: a page rendered once and posted again with
   * another body is a new submission.
   */
  idempotency: { source: 'header' | 'field'; key: string } | null
  /**
   * Set when the post has no key but a filled e-mail field: the same body as this client's latest post, not older than
   * `since`, is the same post.
   */
  repetition: { since: number } | null
}
export type AcceptResult =
  /** `held`: the messages that a cap held back. */
  | { kind: 'accepted'; held: readonly string[] }
  /** The proof was used before; nothing was stored. */
  | { kind: 'proof-used' }
  /** The same post was accepted before; its answer is given again. */
  | { kind: 'repeated'; submission: Submission }
  /** The same header key came with another body. */
  | { kind: 'conflict' }
  /** Another submission has this reference; draw again. */
  | { kind: 'reference-taken' }

export type ResendCommand = {
  submissionId: string
  resend: Resend
  /** Nothing is done when the old message has changed since it was read, or another resend came first. */
  oldMessage: { id: string; version: number }
  /** How many resends there were when it was read. */
  knownResends: number
  maxResends: number
  messages: readonly PlannedMessage[]
  capped: readonly CappedMessage[]
  /** A proof of work that this resend uses up, where it is carried out. */
  proof: { id: string; expiresAt: number } | null
  /** Ends the old message where it is still working (held). */
  cancel: { event: MessageEvent; state: MessageState } | null
}
export type ResendResult =
  | { kind: 'done' }
  | { kind: 'stale' }
  | { kind: 'limit' }
  /** The proof was used before; nothing was stored. */
  | { kind: 'proof-used' }

export type ReviewCommand = {
  submissionId: string
  from: Review
  to: Review
  at: number
  /** What it causes from now on. */
  messages: readonly PlannedMessage[]
  capped: readonly CappedMessage[]
}

export interface SubmissionStore {
  accept(command: AcceptCommand): Promise<AcceptResult>
  get(reference: string): Promise<Submission | null>
  /** Newest first. `before` is the `cursor` of the page before. */
  list(query: {
    form?: string
    review?: Review
    limit: number
    before?: string
  }): Promise<{ items: Submission[]; cursor: string | null }>
  /** Moves a submission from one state of review to the next, with the mails it now causes. `stale` when it is in another. */
  review(command: ReviewCommand): Promise<'done' | 'stale'>
  /** Marks that the owner of the address disowned it (`at`), or takes that back (null); with what is told of it. `stale` when it is so already. */
  disown(command: {
    submissionId: string
    at: number | null
    messages: readonly PlannedMessage[]
  }): Promise<'done' | 'stale'>
  /**
   * How many of a form's submissions wait for review: of those received, or put aside later (`reviewedAt`), from `from` until
   * before `until`, or of all. `suspicious`: only those that a rule put aside, or only the others (`isUnasked`).
   */
  countWaiting(query: {
    form: string
    received?: { from: number; until: number }
    suspicious?: boolean
  }): Promise<number>
  /** How many of a form's submissions are in each state of review. */
  countReviews(form: string): Promise<Partial<Record<Review, number>>>
  /** Adds a resend with its new messages. */
  resend(command: ResendCommand): Promise<ResendResult>
  /**
   * Removes what no later post can be compared with any more: clients' latest posts and idempotency keys from before a
   * time. At most `limit` of each; resolves with how many there were.
   */
  forget(command: { latestBefore: number; keysBefore: number; limit: number }): Promise<number>
  /** Whether any submission refers to this blob. */
  holdsBlob(blob: string): Promise<boolean>
}

export type LeaseQuery = {
  now: number
  /** When the new leases run out. */
  until: number
  limit: number
  /** Per lane: how many messages may be taken. A lane that is not named may give `defaultRoom`. */
  rooms: Readonly<Record<string, number>>
  defaultRoom: number
}

export type MessageWrite = {
  id: string
  /** The version the write was computed from; another version in the store makes it `stale`. */
  version: number
  /** Events to append; one whose id is there already is left out. */
  events: readonly MessageEvent[]
  state: MessageState
  dueAt: number | null
  attempts: number
  /** `release` ends the lease, `keep` leaves it alone. */
  lease: 'keep' | 'release'
  /**
   * The lease the write was computed from, where that matters: a lease whose phase has moved since, or another one, makes
   * it `stale`. A phase moves without a new version, so that a holder need not read again what only it can change.
   */
  whileLease?: Lease
}

export interface MessageStore {
  get(id: string): Promise<Message | null>
  /** In the order they were planned. */
  ofSubmission(submissionId: string): Promise<Message[]>
  /** Newest first. */
  list(query: {
    state?: StateName
    role?: Role
    limit: number
    before?: string
  }): Promise<{ items: Message[]; cursor: string | null }>
  /** Leases due messages that are not leased (or whose lease ran out before the final dot was allowed). */
  leaseDue(query: LeaseQuery): Promise<Message[]>
  /** When the next message is due at the latest, to sleep until then; null when nothing waits. */
  nextDueAt(): Promise<number | null>
  /**
   * Moves the phase of a lease forward and sets when the lease runs out. `lost` when the lease has another number, or
   * ran out before `now`: then the holder must not go on.
   */
  setPhase(command: { id: string; lease: number; phase: Phase; now: number; until: number }): Promise<'ok' | 'lost'>
  /** Lengthens a lease without changing its phase. */
  renewLease(command: { id: string; lease: number; now: number; until: number }): Promise<'ok' | 'lost'>
  write(command: MessageWrite): Promise<'ok' | 'stale'>
  /** Stores messages that no submission causes; one whose id is there already is left out. */
  add(messages: readonly PlannedMessage[]): Promise<void>
  /**
   * Counts a message that goes out long after it was counted as if it had been planned now, and no longer as of then.
   * `full`: one of its caps has no room; then it stays counted as it was.
   */
  countLate(command: { messageId: string; caps: readonly Cap[]; now: number }): Promise<'counted' | 'full'>
  /**
   * The states of confirmations made since a time, and how many there are of each; of one form, or of all. `notHeldFor`:
   * without those that are held for this reason.
   */
  countConfirmations(query: {
    form: string | null
    since: number
    notHeldFor?: HeldReason
  }): Promise<Partial<Record<StateName, number>>>
  /**
   * To whom notifications wait for a digest (held for `flood`), of which form, where the one that waits longest was planned
   * at `before` or earlier.
   */
  floods(query: { before: number }): Promise<{ form: string; recipient: string }[]>
  /** Those notifications of one form to one recipient, without what is being sent, by id. `after`: those with a greater id. */
  flooded(query: { form: string; recipient: string; limit: number; after?: string }): Promise<FloodedMessage[]>
  /** Messages whose lease ran out, or ends later than any lease may (`latest`: the clock went back). */
  withDeadLease(query: { now: number; latest: number; limit: number }): Promise<Message[]>
  /**
   * Working messages without a live lease that are past their expiry (those that were never leased only where nothing is
   * due), or due later than any plan may be (`latest`).
   */
  overdue(query: { now: number; latest: number; limit: number }): Promise<Message[]>
  /**
   * What changed lately: messages whose state (other than `queued`) is as it is since `from` or later, oldest change first.
   * `after`: without the message of this id and those before it, of the changes at `from`; so that what changed at one
   * moment may be more than one `limit`.
   */
  news(query: { from: number; after?: string; limit: number }): Promise<MessageNews[]>
  /** Until when the digests have told what happened; null before the first of them. */
  digestedUntil(): Promise<number | null>
  /**
   * Stores the digests of what happened until a time, and that it is told; one command, so that nothing is told twice or
   * never. `stale` when `known` is not until when it was told: then nothing is stored.
   */
  addDigests(command: {
    known: number | null
    until: number
    messages: readonly PlannedMessage[]
  }): Promise<'done' | 'stale'>
  /** Messages per state, for metrics; and the due time of the one that waits longest. */
  counts(now: number): Promise<{ states: Partial<Record<StateName, number>>; oldestDueAt: number | null }>
}

/** Tells the delivery that there is work. What is lost here is found by its due time. */
export interface Queue {
  announce(): void
}

/** A mail that the `capture` transport kept. */
export type CapturedMail = {
  id: string
  messageId: string
  attempt: number
  at: number
  from: string
  to: string
  subject: string
  /** The mail as it would have gone out. */
  raw: Uint8Array
}

/** Feedback that the simulator owes for a mail, due at a time. */
export type SimulatedFeedback = { messageId: string; kind: 'bounce' | 'complaint' | 'auto-reply'; dueAt: number }

export interface MailboxStore {
  /** Keeps a mail; the same message and attempt again is left out. Old mails beyond `keep` are dropped. */
  add(mail: CapturedMail, feedback: SimulatedFeedback | null, keep: number): Promise<void>
  list(query: {
    limit: number
    before?: string
  }): Promise<{ items: Omit<CapturedMail, 'raw'>[]; cursor: string | null }>
  get(id: string): Promise<CapturedMail | null>
  clear(): Promise<void>
  /** Feedback that is due, oldest first; `doneFeedback` takes it off the list. */
  dueFeedback(now: number): Promise<SimulatedFeedback[]>
  doneFeedback(messageId: string): Promise<void>
}

export interface AccessStore {
  /** Keeps the hash of a one-time link or a session. */
  add(secret: { hash: string; kind: 'link' | 'session'; expiresAt: number }): Promise<void>
  /** Whether the secret is there and not expired at `now`. A `link` is gone with its first use. */
  use(secret: { hash: string; kind: 'link' | 'session'; now: number }): Promise<boolean>
  remove(hash: string): Promise<void>
}

export interface BudgetStore {
  /**
   * Counts distinct subjects per key. `allowed` when the subject was counted before, or fewer than `max` others were
   * since `since`; it is then counted.
   */
  spend(command: {
    key: string
    subject: string
    max: number
    now: number
    since: number
  }): Promise<'allowed' | 'exhausted'>
  /** Removes what was counted before a time, at most `limit`; resolves with how many there were. */
  forget(command: { before: number; limit: number }): Promise<number>
}

/** An address that said "this wasn't me": no confirmations for a while. */
export type Stop = { address: string; since: number; until: number; messageId: string }

export interface StopStore {
  /** Keeps a stop; a later one for the same address replaces it. */
  add(stop: Stop): Promise<void>
  /** By normalised address; null when there is none, or it is over at `now`. */
  get(address: string, now: number): Promise<Stop | null>
  remove(address: string): Promise<void>
}

export interface AlarmStore {
  /** Alarms that are open, or that have something left to tell. */
  active(): Promise<Alarm[]>
  /** Newest first, closed ones included. */
  list(query: { limit: number }): Promise<Alarm[]>
  get(key: string): Promise<Alarm | null>
  /** Writes an alarm if its version is still the one before (1: there is none yet). */
  put(alarm: Alarm): Promise<'ok' | 'stale'>
}

// --- blobs ------------------------------------------------------------------------------------------------------

export interface BlobWriter {
  write(chunk: Uint8Array): Promise<void>
  /** Makes the blob durable under its key. */
  commit(): Promise<void>
  /** Drops what was written. Never throws. */
  discard(): Promise<void>
}

export interface BlobStore {
  create(key: string): Promise<BlobWriter>
  /** The whole blob; null when it is not there. */
  read(key: string): Promise<Uint8Array | null>
  /** The blob in pieces, read as they are asked for; null when it is not there. Nothing stays open when none is. */
  stream(key: string): Promise<AsyncIterable<Uint8Array> | null>
  delete(key: string): Promise<void>
  /** Keys of blobs last written before a time, one after the other. What was left unfinished before it is removed on the way. */
  olderThan(time: number): AsyncIterable<string>
}

// --- the rest of the world --------------------------------------------------------------------------------------

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds from an arbitrary point; never goes back. */
  monotonic(): number
  /** Calls `run` once after `ms`; the returned function prevents it. */
  after(ms: number, run: () => void): () => void
}

export interface Ids {
  /** 26 characters of lower-case base32: the time, then 80 random bits. Sorts by time, can't be guessed. */
  next(): string
  bytes(count: number): Uint8Array
  /** A number in [0, 1), for jitter. */
  fraction(): number
}

export interface Crypto {
  /** Key for new tokens. */
  readonly currentKey: string
  /** HMAC-SHA256 under a key derived for `purpose`. @throws RangeError when the key is not known. */
  mac(purpose: string, data: string, key?: string): Uint8Array
  sha256(data: Uint8Array | string): Uint8Array
  /** SHA-256 of what passes, for streams. */
  hasher(): { update(chunk: Uint8Array): void; digest(): Uint8Array }
  /** Compares in constant time. */
  equal(a: Uint8Array, b: Uint8Array): boolean
  /** A compact JWS (RFC 7515) over `payload`, by the instance's receipt key. */
  sign(payload: Readonly<Record<string, unknown>>): string
  /** The keys that verify it (RFC 7517). */
  publicKeys(): { keys: readonly Readonly<Record<string, string>>[] }
}

/** What the DNS says about mail to a domain. */
export type MailServers =
  /** Names of its servers, the preferred one first; without MX records the domain itself (RFC 5321 §5.1). */
  | { kind: 'mx'; hosts: readonly string[] }
  /** It says that it takes no mail (RFC 7505). */
  | { kind: 'null-mx' }
  /** There is no such name. */
  | { kind: 'no-domain' }
  /** The name is there, but nothing that would take mail. */
  | { kind: 'no-mail' }
  /** No answer that could be relied on: time limit, refusal, fault of a server. Counts against nobody. */
  | { kind: 'unknown' }

/** Texts that the DNS holds at a name. */
export type TextRecords =
  /** Each one joined from its pieces (RFC 7208 §3.3); none where the name is not there or has none. */
  | { kind: 'texts'; texts: readonly string[] }
  /** No answer that could be relied on. */
  | { kind: 'unknown' }

export interface Dns {
  /** Where mail to a domain goes. `domain` as in `Address`: lower case, A-labels. Never rejects; takes some seconds at most. */
  mailServers(domain: string): Promise<MailServers>
  /** The TXT records of a name. Never rejects; takes some seconds at most. */
  texts(name: string): Promise<TextRecords>
}

export interface Patterns {
  /** Whether a pattern can take very long on some input. `invalid`: not a regular expression with the `v` flag. */
  assess(source: string): Promise<'safe' | 'risky' | 'invalid'>
  /** Runs a risky pattern in a box. `timeout` when no answer came in time. */
  matches(source: string, value: string): Promise<boolean | 'timeout'>
}

/** How often something happened lately. Not durable: a restart begins anew. */
export interface Rates {
  /** Counts one more, and says how many there were within the last `windowMs`, this one included. */
  hit(key: string, windowMs: number): Promise<number>
}

/** Proof of work (ALTCHA): a puzzle that costs a program more than a person. */
export interface Proofs {
  /** A new puzzle, as the widget wants it. */
  challenge(): Promise<Readonly<Record<string, unknown>>>
  /** Whether a solution is right and in time. Whether it was used before, the store knows. */
  verify(solution: string): Promise<{ kind: 'valid'; id: string; expiresAt: number } | { kind: 'invalid' }>
}

export type OutboundRequest = {
  method: 'GET' | 'POST'
  url: string
  headers?: Readonly<Record<string, string>>
  body?: string
  /** Whether the address may be one of this machine or of its network. */
  allowPrivate: boolean
  /** Signs the request as a Standard Webhook; `at` in milliseconds, `secret` as `whsec_` and base64. */
  webhook?: { id: string; at: number; secret: string }
}

export type OutboundAnswer =
  /** `body`: the beginning of it. Redirects are answers like any other; they are not followed. */
  | { kind: 'answered'; status: number; body: string }
  /** Nothing was answered in time; `private-address`: nothing was sent, the address is not a public one. */
  | { kind: 'failed'; fault: string }

/** Requests to others: alarms, heartbeats, the canary. */
export interface Outbound {
  /** Never rejects; takes ten seconds at most. */
  request(request: OutboundRequest): Promise<OutboundAnswer>
}

/** Field names are fixed, so that logs can be searched; none of them may hold an address, a body, a token or a secret. */
export type LogFields = {
  form?: string
  reference?: string
  messageId?: string
  role?: Role
  attempt?: number
  lane?: string
  state?: string
  class?: string
  code?: string
  phase?: string
  stage?: string
  replyCode?: number
  enhancedCode?: string
  method?: string
  /** The route's pattern, never the path: paths hold tokens. */
  route?: string
  status?: number
  durationMs?: number
  count?: number
  page?: string
  transport?: string
  url?: string
  dataFolder?: string
  err?: unknown
}

export interface Log {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
}

export interface Metrics {
  /** An answered post: `accepted`, `repeated`, `invalid`, … */
  countPost(result: string): void
  /** An ended attempt, by outcome. */
  countAttempt(outcome: string): void
  observeAttempt(seconds: number): void
  observeRequest(route: string, status: number, seconds: number): void
  setMessages(states: Partial<Record<StateName, number>>, oldestDueSeconds: number): void
  countFault(code: string): void
  /** Prometheus text format. */
  render(): Promise<string>
  readonly contentType: string
}
