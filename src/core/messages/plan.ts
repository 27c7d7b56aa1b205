import { parseAddress } from '../../mail/address.ts'
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
  return [
    ...(isConfirmed(form, submission)
      ? [{ role: 'confirmation' as const, recipient: submission.email as string }]
      : []),
    ...managersFor(deps, form, submission).map((recipient) => ({ role: 'notification' as const, recipient })),
  ]
    .filter(({ role }) => mayCauseMail(submission.review, role))
    .map(({ role, recipient }) => planMessage(deps, form, submission, role, recipient))
}

/** The mails that a corrected address, or a wish for another try, causes. */
export function planResend(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  email: string,
  corrected: boolean,
): { confirmation: PlannedMessage; updates: PlannedMessage[] } {
  const managers = corrected && mayCauseMail(submission.review, 'update') ? managersFor(deps, form, submission) : []
  return {
    confirmation: planMessage(deps, form, submission, 'confirmation', email),
    updates: managers.map((manager) => planMessage(deps, form, submission, 'update', manager)),
  }
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

/** The address a submission is answered at; null when it has none, or none that is one address. */
export function submitterAddress(form: FormRecord, entries: Submission['entries']): string | null {
  const typed = emailOf(form, entries)?.value
  if (typed === undefined) return null
  const parsed = parseAddress(typed)
  return parsed.ok ? `${parsed.address.local}@${parsed.address.domain}` : null
}

function planMessage(
  deps: PlanDeps,
  form: FormRecord,
  submission: Submission,
  role: Role,
  recipient: string,
): PlannedMessage {
  const id = deps.ids.next()
  const now = deps.clock.now()
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
export function formLanguage(deps: Pick<Deps, 'settings'>, form: FormRecord): Language {
  return form.settings.language ?? deps.settings.language
}
