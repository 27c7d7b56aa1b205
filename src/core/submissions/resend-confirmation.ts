import { addressIn } from '../../mail/address.ts'
import type { Deps, ResendCommand } from '../deps.ts'
import type { ErrorCode } from '../errors.ts'
import { emailOf } from '../forms/email-field.ts'
import type { FormRecord } from '../forms/form.ts'
import { validate } from '../forms/validate.ts'
import { attemptEventId } from '../messages/conclude.ts'
import { fold, isWorkingState } from '../messages/fold.ts'
import type { Message, MessageEvent } from '../messages/message.ts'
import { planResend } from '../messages/plan.ts'
import { ruledReplyToNames } from './control-fields.ts'
import { currentConfirmation, maxResends, mayCorrect, mayResend, mayReveal } from './status.ts'
import type { Entry, Submission } from './submission.ts'

type ResendDeps = Pick<
  Deps,
  | 'submissions'
  | 'messages'
  | 'forms'
  | 'queue'
  | 'transport'
  | 'settings'
  | 'clock'
  | 'ids'
  | 'patterns'
  | 'budgets'
  | 'crypto'
>

export type ResendOutcome =
  | { kind: 'done' }
  /** The same wish came before and is carried out already (a double click, a reloaded page). */
  | { kind: 'repeated' }
  | {
      kind: 'refused'
      code: Extract<
        ErrorCode,
        'correction-refused' | 'correction-limit' | 'resend-refused' | 'address-invalid' | 'address-unchanged'
      >
    }

/** Sends the confirmation to another address, and tells the managers of it. The form's rules hold for it as for the first. */
export async function correctAddress(deps: ResendDeps, submission: Submission, typed: string): Promise<ResendOutcome> {
  const email = addressIn(typed)
  const form = await deps.forms.getVersion(submission.form, submission.formVersion)
  if (email === null || (form !== null && !(await isAllowed(deps, form, submission, typed.trim())))) {
    return { kind: 'refused', code: 'address-invalid' }
  }
  return await resend(deps, submission, email, 'corrected')
}

/** Whether the form would have taken the same post with this address in it. */
async function isAllowed(
  deps: Pick<Deps, 'patterns'>,
  form: FormRecord,
  { entries, language }: Submission,
  typed: string,
): Promise<boolean> {
  const email = emailOf(form, entries)
  const at = entries.findIndex(
    (entry) => entry.kind === 'text' && entry.name === email?.field && entry.value.trim() === email.value,
  )
  const corrected = entries.map((entry, index): Entry => (index === at ? textEntry(entry.name, typed) : entry))
  // `_replyto` is not stored among the entries; where a page has rules for it, it was judged by them.
  const replyTo = ruledReplyToNames(form).map((name) => textEntry(name, typed))
  const { errors } = await validate(deps, form, [...corrected, ...replyTo], { refererPath: null, language })
  return errors.length === 0
}

function textEntry(name: string, value: string): Entry {
  return { kind: 'text', name, value }
}

/** Sends the confirmation once more to the same address. */
export async function resendConfirmation(deps: ResendDeps, submission: Submission): Promise<ResendOutcome> {
  if (submission.email === null) return { kind: 'refused', code: 'resend-refused' }
  return await resend(deps, submission, submission.email, 'resent')
}

async function resend(
  deps: ResendDeps,
  known: Submission,
  email: string,
  kind: 'corrected' | 'resent',
): Promise<ResendOutcome> {
  const refusedCode = kind === 'corrected' ? 'correction-refused' : 'resend-refused'
  let submission = known
  // A write between reading and writing (feedback, a second click) makes the command stale; the new state is judged anew.
  for (let round = 0; round < 5; round++) {
    const old = currentConfirmation(submission, await deps.messages.ofSubmission(submission.id))
    if (old === null) return { kind: 'refused', code: refusedCode }
    const last = submission.resends.at(-1)
    if (last?.kind === kind && last.newEmail === email && isWorkingState(old.state)) return { kind: 'repeated' }
    const allowed = kind === 'corrected' ? mayCorrect(old) : mayResend(old, await mayReveal(deps, submission, old))
    if (!allowed) return { kind: 'refused', code: refusedCode }
    if (kind === 'corrected' && email === old.recipient) return { kind: 'refused', code: 'address-unchanged' }
    if (submission.resends.length >= maxResends) return { kind: 'refused', code: 'correction-limit' }

    const command = await commandFor(deps, submission, old, email, kind)
    if (command === null) return { kind: 'refused', code: refusedCode }
    const result = await deps.submissions.resend(command)
    if (result.kind === 'limit') return { kind: 'refused', code: 'correction-limit' }
    if (result.kind === 'done') {
      deps.queue.announce()
      return { kind: 'done' }
    }
    submission = (await deps.submissions.get(submission.reference)) ?? submission
  }
  return { kind: 'refused', code: refusedCode }
}

/** Null where nothing may be sent: the form's version is gone, or the submission may cause no mail. */
async function commandFor(
  deps: ResendDeps,
  submission: Submission,
  old: Message,
  email: string,
  kind: 'corrected' | 'resent',
): Promise<ResendCommand | null> {
  const form = await deps.forms.getVersion(submission.form, submission.formVersion)
  if (form === null) return null
  const { confirmation, updates } = planResend(deps, form, submission, email, kind === 'corrected')
  if (confirmation === null) return null
  const at = deps.clock.now()
  return {
    submissionId: submission.id,
    resend: { kind, at, oldMessage: old.id, newMessage: confirmation.id, oldEmail: old.recipient, newEmail: email },
    oldMessage: { id: old.id, version: old.version },
    knownResends: submission.resends.length,
    maxResends,
    messages: [confirmation, ...updates],
    cancel: isWorkingState(old.state) ? cancellation(old, at) : null,
  }
}

function cancellation(message: Message, at: number): NonNullable<ResendCommand['cancel']> {
  const event: MessageEvent = {
    id: `${attemptEventId(message, message.attempts)}.cancelled`,
    at,
    kind: 'cancelled',
    reason: 'corrected',
  }
  return { event, state: fold([...message.events, event]) }
}
