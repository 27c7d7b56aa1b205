import { suggestAddress } from '../address-help/suggest.ts'
import { base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language } from '../language.ts'
import { carrierOf } from '../messages/carrier.ts'
import { type CoarseReason, classRules } from '../messages/classes.ts'
import { formTitle } from '../messages/compose.ts'
import { isWorkingState } from '../messages/fold.ts'
import { isToldToSubmitter } from '../messages/held.ts'
import { labelOf } from '../messages/labels.ts'
import type { HeldReason, Message, StateName } from '../messages/message.ts'
import { mayCauseMail } from '../messages/plan.ts'
import type { Role } from '../messages/roles.ts'
import { widerShare } from './network.ts'
import { asksFirst, type Review, type Submission } from './submission.ts'

/** What a submitter may see of one mail, or of all notifications together. */
export type MessageStatus = {
  role: Role
  /** `bounced` where this client has asked about too many addresses; see `revelation`. */
  state: StateName | 'bounced'
  by: string | null
  /** Never finer than the reason: class names tell more than a submitter may know. */
  class: null
  reason: CoarseReason | null
  /** Why it waits; null where it does not, or where that would tell of the confirmation's address. */
  heldReason: HeldReason | null
  /** The address that was probably meant, where this one is in doubt or failed; only ever a question. */
  suggestion: string | null
  /** It is told in a mail with many others; then the state is that mail's. */
  inDigest: boolean
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
  /** Whether it goes on when its submitter confirms it by the link of the mail, and not before a person released it. */
  toConfirm: boolean
  /** What was stored, without the values: labels, and names of files. */
  stored: readonly { label: string; files: number }[]
  messages: readonly MessageStatus[]
  /** The confirmation's address; only its owner and the submitter have this link. */
  email: string | null
  /** What the submitter can do now. While an address is in doubt, `resend` says that it is right. */
  actions: { correct: boolean; resend: boolean; left: number }
  /**
   * Where a puzzle is to be had, whose solution goes along with a correction as `altcha`: without one its confirmation is held.
   * Null where nothing can be corrected, or no proof is asked for.
   */
  challengeUrl: string | null
  /** Something may still change by itself: within minutes (`soon`), or when news comes after all (`late`). */
  open: false | 'soon' | 'late'
}

/** How often a confirmation may be sent again, corrections included. */
export const maxResends = 3

/** Distinct failing addresses that one client may learn of in a day; beyond it the form would be a tool to test addresses. */
const revelations = { max: 8, withinMs: 24 * 3_600_000 }

type StatusDeps = Pick<Deps, 'messages' | 'forms' | 'budgets' | 'clock' | 'crypto'> & {
  settings: Pick<Deps['settings'], 'publicUrl'>
}

/** What a submitter sees now. */
export async function submissionStatus(deps: StatusDeps, submission: Submission): Promise<SubmissionStatus> {
  const now = deps.clock.now()
  const messages = await deps.messages.ofSubmission(submission.id)
  const form = await deps.forms.getVersion(submission.form, submission.formVersion)
  const confirmation = currentConfirmation(submission, messages)
  const reveal = confirmation === null || (await mayReveal(deps, submission, confirmation))
  const statuses: MessageStatus[] = []
  if (confirmation !== null) statuses.push(confirmationStatus(confirmation, now, reveal))
  // A mail with a text of its own is between us and the managers.
  const ours = messages.filter(({ content }) => content === null)
  const notifications = ours.filter(({ role }) => role === 'notification')
  for (const mails of [notifications, currentUpdates(submission, ours)]) {
    const best = furthest(await Promise.all(mails.map(async (own) => ({ own, told: await carrierOf(deps, own) }))))
    if (best !== null) statuses.push(notificationStatus(best, now))
  }
  const left = Math.max(0, maxResends - submission.resends.length)
  const correct = confirmation !== null && left > 0 && mayAsk(submission) && mayCorrect(confirmation)
  return {
    reference: submission.reference,
    form: submission.form,
    title: form === null ? submission.form : formTitle(form, submission.language),
    language: submission.language,
    receivedAt: iso(submission.receivedAt),
    review: submission.review,
    toConfirm: asksFirst(submission),
    stored: storedFields(submission, form),
    messages: statuses,
    email: submission.email,
    actions: {
      correct,
      resend:
        confirmation !== null &&
        mayAsk(submission) &&
        (isInDoubt(confirmation) || (left > 0 && mayResend(confirmation, reveal))),
      left,
    },
    challengeUrl:
      correct && form !== null && correctionNeedsProof(form, confirmation)
        ? `${deps.settings.publicUrl}${challengePath(form.name)}`
        : null,
    open: openness(statuses, submission.review),
  }
}

/** Path of a form's puzzles. */
export function challengePath(form: string): string {
  return `/f/${form}/challenge`
}

/** What waits for a person to release it may wait for long, and so may the submitter's confirmation. */
function openness(statuses: readonly MessageStatus[], review: Review): SubmissionStatus['open'] {
  const open = statuses.filter((status) => !status.settled)
  if (open.length === 0) return review === 'unconfirmed' || review === 'quarantined' ? 'late' : false
  const isPatient = ({ state, nextTryAt }: MessageStatus) =>
    state === 'accepted' || (state === 'held' && nextTryAt === null)
  return open.every(isPatient) ? 'late' : 'soon'
}

/** The confirmation that counts: the one of the latest resend, else the first. */
export function currentConfirmation(submission: Submission, messages: readonly Message[]): Message | null {
  const latest = submission.resends.at(-1)?.newMessage
  const confirmations = messages.filter((message) => message.role === 'confirmation')
  return confirmations.find((message) => message.id === latest) ?? confirmations[0] ?? null
}

/** Whether mail may be asked for at all: not where a rule holds the submission, or the address's owner disowned it. */
export function mayAsk(submission: Submission): boolean {
  return mayCauseMail(submission, 'confirmation') && submission.disownedAt === null
}

/** Whether the mail waits for the submitter's word on its address; that word needs no new mail. */
export function isInDoubt({ state }: Pick<Message, 'state'>): boolean {
  return state.name === 'held' && state.heldReason === 'doubtful-address'
}

/** Whether nobody proved work for a mail when it was planned, where its form asks for that. */
export function hadNoProof({ events }: Pick<Message, 'events'>): boolean {
  return events.some((event) => event.kind === 'held' && event.reason === 'no-proof')
}

/**
 * Whether mail to another address than this message's has to be paid for anew. One proof of work pays for mail to one
 * address: it is used up as soon as that mail was tried; where it only waited for its address to be looked at, the corrected one
 * has it. What had no proof from the beginning gets none by waiting.
 */
export function correctionNeedsProof(form: FormRecord, message: Pick<Message, 'events' | 'state'>): boolean {
  return form.settings.confirmation?.proof === 'required' && (hadNoProof(message) || !isInDoubt(message))
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
    state.name === 'bounced_hard' || state.name === 'bounced_soft' || state.name === 'expired' || isInDoubt({ state })
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
  const spend = async (network: string, max: number) => {
    const result = await deps.budgets.spend({
      key: `revelation:${network}`,
      subject: base64url(deps.crypto.mac('revelation', message.recipient.toLowerCase())),
      max,
      now,
      since: now - revelations.withinMs,
    })
    return result === 'allowed'
  }
  if (!(await spend(submission.networkKey, revelations.max))) return false
  // Who has 65,536 networks at hand asks from a new one each time.
  const { widerNetworkKey: wider } = submission
  return wider === null || (await spend(wider, revelations.max * widerShare))
}

function tellsOfAddress({ state }: Message): boolean {
  return state.name === 'bounced_hard' || state.name === 'bounced_soft'
}

function confirmationStatus(message: Message, now: number, reveal: boolean): MessageStatus {
  const { role, state } = message
  const isSecret = state.name === 'held' && state.heldReason !== undefined && !isToldToSubmitter(state.heldReason)
  if (isSecret || state.name === 'suppressed') return withheldStatus(message, now)
  return tellsOfAddress(message) && !reveal
    ? {
        role,
        state: 'bounced',
        by: null,
        class: null,
        reason: 'not-delivered',
        ...hintOf(message),
        ...timesOf(message, now),
      }
    : {
        role,
        state: stateName(message, now),
        by: state.by ?? null,
        class: null,
        reason: reasonOf(message),
        ...hintOf(message),
        ...timesOf(message, now),
      }
}

/** Caps are known when a mail is planned, a stop when it is due: how soon it is told must not tell which it is. */
const withheldAfter = 5_000

/**
 * A confirmation that waits, or never goes out, for what became of its address elsewhere. Whoever typed the address must
 * not learn that somebody else used it here, or that its owner wants no mail: every such mail looks the same, times included.
 */
function withheldStatus({ role, createdAt }: Message, now: number): MessageStatus {
  const isNew = now - createdAt < withheldAfter
  return {
    role,
    state: isNew ? 'queued' : 'held',
    by: null,
    class: null,
    reason: null,
    heldReason: null,
    suggestion: null,
    inDigest: false,
    since: iso(createdAt),
    nextTryAt: isNew ? iso(createdAt) : null,
    settled: false,
    evidence: null,
  }
}

/** The suggestion comes from what was typed alone: it tells nothing of the mailbox. */
function hintOf(message: Message): Pick<MessageStatus, 'heldReason' | 'suggestion' | 'inDigest'> {
  const { state, recipient } = message
  return {
    heldReason: state.name === 'held' ? (state.heldReason ?? null) : null,
    suggestion: mayCorrect(message) ? suggestAddress(recipient) : null,
    inDigest: false,
  }
}

/** A mail to a manager, and the one that tells it: itself, or a digest. */
type Told = { own: Message; told: Message }

/** The submitter learns whether the form's people have it, not who they are or what is wrong with their mailbox. */
function notificationStatus({ own, told }: Told, now: number): MessageStatus {
  return {
    role: own.role,
    state: stateName(told, now),
    by: null,
    class: null,
    reason: null,
    heldReason: told.state.name === 'held' ? (told.state.heldReason ?? null) : null,
    suggestion: null,
    inDigest: told.id !== own.id,
    ...timesOf(told, now),
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

function furthest(mails: readonly Told[]): Told | null {
  const rank = ({ told }: Told) => progress.indexOf(told.state.name)
  return mails.reduce<Told | null>((best, mail) => (best === null || rank(mail) > rank(best) ? mail : best), null)
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
