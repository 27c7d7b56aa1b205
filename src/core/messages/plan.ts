import { addressIn } from '../../mail/address.ts'
import type { Deps } from '../deps.ts'
import { emailOf } from '../forms/email-field.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language } from '../language.ts'
import type { Review, Submission } from '../submissions/submission.ts'
import { fold } from './fold.ts'
import type { MessageEvent, PlannedMessage } from './message.ts'
import type { Role } from './roles.ts'

type PlanDeps = Pick<Deps, 'ids' | 'clock' | 'transport' | 'settings'>

/** The one gate in front of every outgoing mail: whether a submission in this state of review may cause it. */
export function mayCauseMail(review: Review, _role: Role): boolean {
  return review === 'accepted'
}

/** Whether a submission is answered by a confirmation. */
export function isConfirmed(form: FormRecord, submission: Submission): boolean {
  return submission.email !== null && form.settings.confirmation?.enabled !== false
}

/** The mails that a new submission causes: its confirmation, and a notification for each manager. */
export function planMessages(deps: PlanDeps, form: FormRecord, submission: Submission): PlannedMessage[] {
  const plan = planner(deps, form, submission)
  return [
    ...(isConfirmed(form, submission) ? plan('confirmation', [submission.email as string]) : []),
    ...plan('notification', managersFor(deps, form, submission)),
  ]
}

/** The mails that a corrected address, or a wish for another try, causes; no confirmation where it may cause none. */
export function planResend(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  email: string,
  corrected: boolean,
): { confirmation: PlannedMessage | null; updates: PlannedMessage[] } {
  const plan = planner(deps, form, submission)
  const [confirmation = null] = plan('confirmation', [email])
  return { confirmation, updates: corrected ? plan('update', managersFor(deps, form, submission)) : [] }
}

/** Who is told of a submission: chosen by a field's value where the form routes, else its managers, else the instance's. */
function managersFor(
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

/** The address a submission is answered at; null when it has none, or none that is one address. */
export function submitterAddress(form: FormRecord, entries: Submission['entries']): string | null {
  const typed = emailOf(form, entries)?.value
  return typed === undefined ? null : addressIn(typed)
}

/** Plans mails of one submission, all at the same time. Every planned mail passes the gate here. */
function planner(deps: PlanDeps, form: FormRecord, submission: Submission) {
  const now = deps.clock.now()
  return (role: Role, recipients: readonly string[]): PlannedMessage[] =>
    mayCauseMail(submission.review, role)
      ? recipients.map((recipient) => planMessage(deps, form, submission, { role, recipient, now }))
      : []
}

function planMessage(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  { role, recipient, now }: { role: Role; recipient: string; now: number },
): PlannedMessage {
  const id = deps.ids.next()
  const events: MessageEvent[] = [{ id: `${id}.queued`, at: now, kind: 'queued', turn: 0, dueAt: now }]
  return {
    id,
    submissionId: submission.id,
    reference: submission.reference,
    form: form.name,
    formVersion: form.version,
    role,
    recipient,
    language: role === 'confirmation' ? submission.language : formLanguage(deps, form),
    createdAt: now,
    expiresAt: now + deps.settings.schedule.expiresAfter,
    lane: deps.transport.lane(recipient),
    state: fold(events),
    events,
    dueAt: now,
  }
}

/** The language a form's managers are written to in. */
function formLanguage(deps: Pick<Deps, 'settings'>, form: FormRecord): Language {
  return form.settings.language ?? deps.settings.language
}
