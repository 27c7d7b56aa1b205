/**
 * The ports: what the core asks of the world. Adapters implement them, hosts join them, tests pass small ones.
 * A use case names exactly the ports it touches: `deps: Pick<Deps, 'submissions' | 'clock'>`.
 *
 * A store method is one atomic command: plain, structured-cloneable data in, a union out. No transaction closures,
 * so that the same port fits a writer thread and a conditional write. A promise resolves only when the effect is durable.
 * Every store method may reject with `TodokuError('store-unavailable')` (disk full, locked); then nothing was stored.
 */
import type { FormRecord } from './forms/form.ts'
import type {
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
import type { Resend, Submission } from './submissions/submission.ts'

export type Deps = {
  settings: Settings
  forms: FormStore
  submissions: SubmissionStore
  messages: MessageStore
  queue: Queue
  mailbox: MailboxStore
  access: AccessStore
  budgets: BudgetStore
  blobs: BlobStore
  transport: Transport
  clock: Clock
  ids: Ids
  crypto: Crypto
  patterns: Patterns
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

export type AcceptCommand = {
  submission: Submission
  messages: readonly PlannedMessage[]
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
  | { kind: 'accepted' }
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
  /** Ends the old message where it is still working (held). */
  cancel: { event: MessageEvent; state: MessageState } | null
}
export type ResendResult = { kind: 'done' } | { kind: 'stale' } | { kind: 'limit' }

export interface SubmissionStore {
  accept(command: AcceptCommand): Promise<AcceptResult>
  get(reference: string): Promise<Submission | null>
  /** Newest first. `before` is the `cursor` of the page before. */
  list(query: {
    form?: string
    limit: number
    before?: string
  }): Promise<{ items: Submission[]; cursor: string | null }>
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
  /** Messages whose lease ran out, or ends later than any lease may (`latest`: the clock went back). */
  withDeadLease(query: { now: number; latest: number; limit: number }): Promise<Message[]>
  /**
   * Working messages without a live lease that are past their expiry (those that were never leased only where nothing is
   * due), or due later than any plan may be (`latest`).
   */
  overdue(query: { now: number; latest: number; limit: number }): Promise<Message[]>
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

export interface Patterns {
  /** Whether a pattern can take very long on some input. `invalid`: not a regular expression with the `v` flag. */
  assess(source: string): Promise<'safe' | 'risky' | 'invalid'>
  /** Runs a risky pattern in a box. `timeout` when no answer came in time. */
  matches(source: string, value: string): Promise<boolean | 'timeout'>
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
