import { addressIn } from '../../mail/address.ts'
import type { CappedMessage, Deps } from '../deps.ts'
import { emailOf } from '../forms/email-field.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language } from '../language.ts'
import { isUnasked, type Submission } from '../submissions/submission.ts'
import { confirmationCaps, notificationCaps } from './caps.ts'
import { fold } from './fold.ts'
import type { HeldReason, MessageEvent, PlannedMessage } from './message.ts'
import { plannedMessage } from './planned-message.ts'
import type { Role } from './roles.ts'
import { disownedTemplates } from './templates/built-in.ts'

type PlanDeps = Pick<Deps, 'ids' | 'clock' | 'transport' | 'settings' | 'crypto'>

/** Messages to store, and those of them that a cap may hold back. */
export type Plan = { messages: PlannedMessage[]; capped: CappedMessage[] }

/** The one gate in front of every outgoing mail: whether a submission in its state of review may cause it. */
export function mayCauseMail(submission: Pick<Submission, 'review' | 'verdict'>, role: Role): boolean {
  switch (submission.review) {
    case 'accepted':
    case 'released':
      return true
    case 'unconfirmed':
      // The question whether it was them is the one mail that may go out.
      return role === 'confirmation'
    case 'quarantined':
      return isUnasked(submission) && role === 'confirmation'
  }
}

/** Whether a submission is answered by a confirmation. */
export function getsConfirmation(form: FormRecord, submission: Pick<Submission, 'email' | 'test'>): boolean {
  // A test is about the managers' mails; whoever it is answered to did not fill in anything.
  return submission.email !== null && !submission.test && form.settings.confirmation?.enabled !== false
}

/**
 * The mails that a submission causes: its confirmation, and a notification for each manager. `holdConfirmation`: why the
 * confirmation has to wait from the beginning.
 */
export function planMessages(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  holdConfirmation: HeldReason | null = null,
): Plan {
  const plan = planner(deps, form, submission)
  const messages = [
    ...(getsConfirmation(form, submission) ? plan('confirmation', [submission.email as string], holdConfirmation) : []),
    ...plan('notification', notifiedOf(deps, form, submission)),
  ]
  return { messages, capped: cappedOf(deps, messages, submission) }
}

/** The same without the confirmation, where the mail that asked first is that. */
export function planWithoutConfirmation(deps: PlanDeps, form: FormRecord, submission: Submission): Plan {
  const plan = planMessages(deps, form, submission)
  const messages = plan.messages.filter(({ role }) => role !== 'confirmation')
  return { messages, capped: plan.capped.filter(({ messageId }) => messages.some(({ id }) => id === messageId)) }
}

/** Whether an address is one of the simulator's, which may be used again and again. */
export function isSimulated({ settings }: Pick<Deps, 'settings'>, recipient: string): boolean {
  return settings.transport === 'capture' && recipient.toLowerCase().endsWith('@simulator.test')
}

/** What a cap makes of the confirmations and notifications among them. */
function cappedOf(
  deps: PlanDeps,
  messages: readonly PlannedMessage[],
  submission: Pick<Submission, 'review' | 'test'>,
): CappedMessage[] {
  const { breakerPause, floodFallback } = deps.settings.schedule
  return messages.flatMap((message) => {
    const { id, role, recipient, state, createdAt } = message
    // What a person released goes out as it would have at first: that person asked for it.
    if (role === 'notification' && submission.review !== 'released') {
      const capped = heldFromTheBeginning(id, createdAt, 'flood', createdAt + floodFallback)
      return [{ messageId: id, caps: notificationCaps(deps, message, submission), capped }]
    }
    if (role !== 'confirmation' || state.name === 'held' || isSimulated(deps, recipient)) return []
    const capped = heldFromTheBeginning(id, createdAt, 'cap', createdAt + breakerPause)
    return [{ messageId: id, caps: confirmationCaps(deps, recipient), capped }]
  })
}

/** Until then, or until somebody lets it go. */
function heldFromTheBeginning(
  id: string,
  at: number,
  reason: HeldReason,
  until: number | null = null,
): CappedMessage['capped'] {
  const events: MessageEvent[] = [{ id: `${id}.held`, at, kind: 'held', turn: 0, reason, until }]
  return { events, state: fold(events), dueAt: until }
}

/**
 * The mails that a corrected address, or a wish for another try, causes; no confirmation where it may cause none. `hold`:
 * why it has to wait from the beginning.
 */
export function planResend(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  { email, corrected, hold = null }: { email: string; corrected: boolean; hold?: HeldReason | null },
): Plan & { confirmation: PlannedMessage | null } {
  const plan = planner(deps, form, submission)
  const [confirmation = null] = plan('confirmation', [email], hold)
  const updates = corrected ? plan('update', managersFor(deps, form, submission)) : []
  const messages = [...(confirmation === null ? [] : [confirmation]), ...updates]
  return { confirmation, messages, capped: cappedOf(deps, messages, submission) }
}

/**
 * The mails that tell the managers that the owner of the address disowned a submission, or took that back. None where they
 * were never told of the submission itself.
 */
export function planDisowned(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  kind: keyof typeof disownedTemplates,
): PlannedMessage[] {
  const content = { ...disownedTemplates[kind][formLanguage(deps, form)], kind }
  const updates = planner(deps, form, submission)('update', managersFor(deps, form, submission))
  return updates.map((update) => ({ ...update, content }))
}

/** Whether a mail is one of those. */
export function isAboutDisowning({ content }: Pick<PlannedMessage, 'content'>): boolean {
  return content?.kind === 'disowned' || content?.kind === 'taken-back'
}

/** Who gets its notification: the managers, and those whom its page wished for and the form approves. */
function notifiedOf(deps: PlanDeps, form: FormRecord, submission: Submission): readonly string[] {
  const { cc = [] } = form.settings
  const wished = submission.wishes.cc.filter((address) => cc.includes(address))
  return [...new Set([...managersFor(deps, form, submission), ...wished])]
}

/** Who is told of a submission: chosen by a field's value where the form routes, else its managers, else the instance's. */
export function managersFor(
  deps: Pick<Deps, 'settings'>,
  form: FormRecord,
  submission: Pick<Submission, 'entries'>,
): readonly string[] {
  const { route, managers = deps.settings.managers } = form.settings
  if (route === undefined) return managers
  const chosen = submission.entries.flatMap((entry) =>
    entry.kind === 'text' && entry.name === route.field && Object.hasOwn(route.to, entry.value)
      ? (route.to[entry.value] ?? [])
      : [],
  )
  return chosen.length > 0 ? [...new Set(chosen)] : managers
}

/** Whether mails to this address may come of a form's posts: as one of its managers, or as one whom a page may wish for. */
export function mayBeNotified(deps: Pick<Deps, 'settings'>, form: FormRecord | null, address: string): boolean {
  const { route, managers = deps.settings.managers, cc = [] } = form?.settings ?? {}
  return [managers, cc, ...Object.values(route?.to ?? {})].some((addresses) => addresses.includes(address))
}

/** The address a submission is answered at; null when it has none, or none that is one address. */
export function submitterAddress(form: FormRecord, entries: Submission['entries']): string | null {
  const typed = emailOf(form, entries)?.value
  return typed === undefined ? null : addressIn(typed)
}

/** Plans mails of one submission, all at the same time. Every planned mail passes the gate here. */
function planner(deps: PlanDeps, form: FormRecord, submission: Submission) {
  const now = deps.clock.now()
  return (role: Role, recipients: readonly string[], held: HeldReason | null = null): PlannedMessage[] =>
    mayCauseMail(submission, role)
      ? recipients.map((recipient) => planMessage(deps, form, submission, { role, recipient, now, held }))
      : []
}

function planMessage(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  { role, recipient, now, held }: { role: Role; recipient: string; now: number; held: HeldReason | null },
): PlannedMessage {
  const id = deps.ids.next()
  const language = role === 'confirmation' ? submission.language : formLanguage(deps, form)
  const lane = deps.transport.lane(recipient)
  return {
    ...plannedMessage(deps, { id, role, recipient, language, content: null, lane, form, about: submission, now }),
    ...(held === null ? {} : heldFromTheBeginning(id, now, held)),
  }
}

/** The language a form's managers are written to in. */
export function formLanguage(deps: Pick<Deps, 'settings'>, form: FormRecord): Language {
  return form.settings.language ?? deps.settings.language
}
