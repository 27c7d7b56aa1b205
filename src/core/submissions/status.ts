import { base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language } from '../language.ts'
import { type CoarseReason, classRules } from '../messages/classes.ts'
import { formTitle, labelOf } from '../messages/compose.ts'
import { isWorkingState } from '../messages/fold.ts'
import type { Message, StateName } from '../messages/message.ts'
import type { Role } from '../messages/roles.ts'
import type { Review, Submission } from './submission.ts'

/** What a submitter may see of one mail, or of all notifications together. */
export type MessageStatus = {
  role: Role
  /** `bounced` where this client has asked about too many addresses; see `revelation`. */
  state: StateName | 'bounced'
  by: string | null
  /** Never finer than the reason: class names tell more than a submitter may know. */
  class: null
  reason: CoarseReason | null
  since: string
  nextTryAt: string | null
  /** No more news is expected. */
  settled: boolean
  evidence: null
}

/** The submitter's view of a submission: the body of the status JSON, and what the page is made of. */
export type SubmissionStatus = {
  reference: string
  form: string
  title: string
  language: Language
  receivedAt: string
  review: Review
  /** What was stored, without the values: labels, and names of files. */
  stored: readonly { label: string; files: number }[]
  messages: readonly MessageStatus[]
  /** The confirmation's address; only its owner and the submitter have this link. */
  email: string | null
  /** What the submitter can do now. */
  actions: { correct: boolean; resend: boolean; left: number }
  /** Something may still change by itself: within minutes (`soon`), or when news comes after all (`late`). */
  open: false | 'soon' | 'late'
}

/** How often a confirmation may be sent again, corrections included. */
export const maxResends = 3

/** Distinct failing addresses that one client may learn of in a day; beyond it the form would be a tool to test addresses. */
const revelations = { max: 8, withinMs: 24 * 3_600_000 }

type StatusDeps = Pick<Deps, 'messages' | 'forms' | 'budgets' | 'clock' | 'crypto'>

/** What a submitter sees now. */
export async function submissionStatus(deps: StatusDeps, submission: Submission): Promise<SubmissionStatus> {
  const now = deps.clock.now()
  const messages = await deps.messages.ofSubmission(submission.id)
  const form = await deps.forms.getVersion(submission.form, submission.formVersion)
  const confirmation = currentConfirmation(submission, messages)
  const reveal = confirmation === null || (await mayReveal(deps, submission, confirmation))
  const statuses: MessageStatus[] = []
  if (confirmation !== null) statuses.push(confirmationStatus(confirmation, now, reveal))
  const notifications = messages.filter((message) => message.role === 'notification')
  for (const best of [furthest(notifications), furthest(currentUpdates(submission, messages))]) {
    if (best !== null) statuses.push(notificationStatus(best, now))
  }
  const left = Math.max(0, maxResends - submission.resends.length)
  return {
    reference: submission.reference,
    form: submission.form,
    title: form === null ? submission.form : formTitle(form, submission.language),
    language: submission.language,
    receivedAt: iso(submission.receivedAt),
    review: submission.review,
    stored: storedFields(submission, form),
    messages: statuses,
    email: submission.email,
    actions: {
      correct: confirmation !== null && left > 0 && mayCorrect(confirmation),
      resend: confirmation !== null && left > 0 && mayResend(confirmation, reveal),
      left,
    },
    open: openness(statuses),
  }
}

function openness(statuses: readonly MessageStatus[]): SubmissionStatus['open'] {
  const open = statuses.filter((status) => !status.settled)
  if (open.length === 0) return false
  return open.every((status) => status.state === 'accepted') ? 'late' : 'soon'
}

/** The confirmation that counts: the one of the latest resend, else the first. */
export function currentConfirmation(submission: Submission, messages: readonly Message[]): Message | null {
  const latest = submission.resends.at(-1)?.newMessage
  const confirmations = messages.filter((message) => message.role === 'confirmation')
  return confirmations.find((message) => message.id === latest) ?? confirmations[0] ?? null
}

/** The managers' mails about the latest correction; those about an earlier one say nothing of it. */
function currentUpdates(submission: Submission, messages: readonly Message[]): Message[] {
  const corrected = submission.resends.findLast(({ kind }) => kind === 'corrected')
  const confirmation = messages.find(({ id }) => id === corrected?.newMessage)
  // They are planned together, at one time.
  return messages.filter(({ role, createdAt }) => role === 'update' && createdAt === confirmation?.createdAt)
}

/** Another address may be given when the mail can't arrive at this one, or waits because the address looks wrong. */
export function mayCorrect({ state }: Message): boolean {
  return (
    state.name === 'bounced_hard' ||
    state.name === 'bounced_soft' ||
    state.name === 'expired' ||
    (state.name === 'held' && state.heldReason === 'doubtful-address')
  )
}

/**
 * The same address may be tried again when it is not known to be wrong and nothing is under way. Where its fate may not
 * be revealed, this must not tell it either: then no address that bounced is tried again.
 */
export function mayResend(message: Message, reveal: boolean): boolean {
  const { name } = message.state
  if (tellsOfAddress(message) && !reveal) return false
  return name === 'unknown' || name === 'bounced_soft' || name === 'expired' || name === 'failed'
}

/** Whether the fate of this address may be told to this client; counted per distinct failing address. */
export async function mayReveal(
  deps: Pick<StatusDeps, 'budgets' | 'clock' | 'crypto'>,
  submission: Submission,
  message: Message,
): Promise<boolean> {
  if (!tellsOfAddress(message)) return true
  const now = deps.clock.now()
  const result = await deps.budgets.spend({
    key: `revelation:${submission.networkKey}`,
    subject: base64url(deps.crypto.mac('revelation', message.recipient.toLowerCase())),
    max: revelations.max,
    now,
    since: now - revelations.withinMs,
  })
  return result === 'allowed'
}

function tellsOfAddress({ state }: Message): boolean {
  return state.name === 'bounced_hard' || state.name === 'bounced_soft'
}

function confirmationStatus(message: Message, now: number, reveal: boolean): MessageStatus {
  const { role, state } = message
  return tellsOfAddress(message) && !reveal
    ? { role, state: 'bounced', by: null, class: null, reason: 'not-delivered', ...timesOf(message, now) }
    : {
        role,
        state: stateName(message, now),
        by: state.by ?? null,
        class: null,
        reason: reasonOf(message),
        ...timesOf(message, now),
      }
}

/** The submitter learns whether the form's people have it, not who they are or what is wrong with their mailbox. */
function notificationStatus(message: Message, now: number): MessageStatus {
  return {
    role: message.role,
    state: stateName(message, now),
    by: null,
    class: null,
    reason: null,
    ...timesOf(message, now),
  }
}

function timesOf(message: Message, now: number): Pick<MessageStatus, 'since' | 'nextTryAt' | 'settled' | 'evidence'> {
  const { state } = message
  return {
    since: iso(state.since),
    nextTryAt: isWorkingState(state) && state.nextTryAt !== undefined ? iso(state.nextTryAt) : null,
    settled: isSettled(message, now),
    evidence: null,
  }
}

/** `sending` is not a fact about a message but a lease on it that has not run out. */
export function stateName(message: Message, now: number): StateName {
  return isWorkingState(message.state) && message.lease !== null && message.lease.until > now
    ? 'sending'
    : message.state.name
}

/** Whether no more news is expected: an ending, or an acceptance that is old enough. */
export function isSettled({ state }: Message, now: number): boolean {
  if (isWorkingState(state)) return false
  return state.name !== 'accepted' || state.settleAt === undefined || now >= state.settleAt
}

function reasonOf({ state, events }: Message): CoarseReason | null {
  if (state.class === undefined) return null
  // What we could not do is no refusal of theirs.
  const event = events.find(({ id }) => id === state.event)
  const own = event !== undefined && 'evidence' in event && event.evidence?.rule?.startsWith('own-') === true
  if (state.name === 'failed' || (own && state.class === 'unclassified')) return 'not-delivered'
  return state.name === 'deferred' ? 'delayed' : classRules[state.class].coarse
}

/** How far a mail came; of several notifications the one that came furthest is told. */
const progress: readonly StateName[] = [
  'cancelled',
  'failed',
  'suppressed',
  'bounced_hard',
  'bounced_soft',
  'expired',
  'unknown',
  'held',
  'deferred',
  'queued',
  'accepted',
  'complained',
  'delivered',
]

function furthest(messages: readonly Message[]): Message | null {
  const rank = (message: Message) => progress.indexOf(message.state.name)
  return messages.reduce<Message | null>(
    (best, message) => (best === null || rank(message) > rank(best) ? message : best),
    null,
  )
}

function storedFields(submission: Submission, form: FormRecord | null): { label: string; files: number }[] {
  const fields = new Map<string, number>()
  for (const entry of submission.entries) {
    fields.set(entry.name, (fields.get(entry.name) ?? 0) + (entry.kind === 'file' ? 1 : 0))
  }
  return [...fields].map(([name, files]) => ({
    label: form === null ? name : labelOf(form, name, submission.language),
    files,
  }))
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
