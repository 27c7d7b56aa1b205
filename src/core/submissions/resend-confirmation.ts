import { addressIn } from '../../mail/address.ts'
import type { AcceptCommand, Deps, ResendCommand } from '../deps.ts'
import type { ErrorCode } from '../errors.ts'
import { emailOf } from '../forms/email-field.ts'
import type { FormRecord } from '../forms/form.ts'
import { validate } from '../forms/validate.ts'
import { attemptEventId } from '../messages/conclude.ts'
import { fold, isWorkingState, nextTurn } from '../messages/fold.ts'
import { wasReleased } from '../messages/gate.ts'
import type { Message, MessageEvent } from '../messages/message.ts'
import { planResend } from '../messages/plan.ts'
import { ruledReplyToNames } from './control-fields.ts'
import { proofIn } from './proof.ts'
import {
  correctionNeedsProof,
  currentConfirmation,
  hadNoProof,
  isInDoubt,
  maxResends,
  mayAsk,
  mayCorrect,
  mayResend,
  mayReveal,
} from './status.ts'
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
  | 'proofs'
>

/** A proof of work for the store to use up; none where there is none, or it was used. Looked at when it is first asked for. */
type Purse = () => Promise<AcceptCommand['proof']>

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

/**
 * Sends the confirmation to another address, and tells the managers of it. The form's rules hold for it as for the first.
 * While the address is in doubt, the same one again means that it is right.
 *
 * @param altcha a solved puzzle: where the form asks for a proof of work, the new mail is held without one
 */
export async function correctAddress(
  deps: ResendDeps,
  submission: Submission,
  typed: string,
  altcha: string | null = null,
): Promise<ResendOutcome> {
  const email = addressIn(typed)
  const form = await deps.forms.getVersion(submission.form, submission.formVersion)
  if (email === null || (form !== null && !(await isAllowed(deps, form, submission, typed.trim())))) {
    return { kind: 'refused', code: 'address-invalid' }
  }
  return await resend(deps, submission, { email, kind: 'corrected', altcha })
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

/**
 * Sends the confirmation once more to the same address. While it is held since the address looks wrong, it is let go: the
 * submitter says that the address is right. That is the same mail, and does not count as a resend.
 */
export async function resendConfirmation(deps: ResendDeps, submission: Submission): Promise<ResendOutcome> {
  if (submission.email === null) return { kind: 'refused', code: 'resend-refused' }
  return await resend(deps, submission, { email: submission.email, kind: 'resent', altcha: null })
}

async function resend(
  deps: ResendDeps,
  known: Submission,
  { email, kind, altcha }: { email: string; kind: 'corrected' | 'resent'; altcha: string | null },
): Promise<ResendOutcome> {
  const refusedCode = kind === 'corrected' ? 'correction-refused' : 'resend-refused'
  let submission = known
  let purse: Purse = openedOnce(() => proofIn(deps, altcha))
  // A write between reading and writing (feedback, a second click) makes the command stale; the new state is judged anew.
  for (let round = 0; round < 5; round++) {
    const old = currentConfirmation(submission, await deps.messages.ofSubmission(submission.id))
    if (old === null) return { kind: 'refused', code: refusedCode }
    if (!mayAsk(submission)) return { kind: 'refused', code: refusedCode }
    if (email === old.recipient && isInDoubt(old)) {
      const kept = await keepAddress(deps, old)
      if (kept !== null) return kept
      continue
    }
    const reveal = await mayReveal(deps, submission, old)
    if (email === old.recipient && wasKept(old) && !mayCorrect(old) && !mayResend(old, reveal)) {
      return { kind: 'repeated' }
    }
    const last = submission.resends.at(-1)
    if (last?.kind === kind && last.newEmail === email && isWorkingState(old.state)) return { kind: 'repeated' }
    const allowed = kind === 'corrected' ? mayCorrect(old) : mayResend(old, reveal)
    if (!allowed) return { kind: 'refused', code: refusedCode }
    if (kind === 'corrected' && email === old.recipient) return { kind: 'refused', code: 'address-unchanged' }
    if (submission.resends.length >= maxResends) return { kind: 'refused', code: 'correction-limit' }

    const command = await commandFor(deps, submission, old, { email, kind }, purse)
    if (command === null) return { kind: 'refused', code: refusedCode }
    const result = await deps.submissions.resend(command)
    if (result.kind === 'limit') return { kind: 'refused', code: 'correction-limit' }
    if (result.kind === 'done') {
      deps.queue.announce()
      return { kind: 'done' }
    }
    // Then it is as if there had been none: the mail is held.
    if (result.kind === 'proof-used') purse = async () => null
    submission = (await deps.submissions.get(submission.reference)) ?? submission
  }
  return { kind: 'refused', code: refusedCode }
}

/** To look at a proof costs us something, however often the command has to be made anew. */
function openedOnce(open: Purse): Purse {
  let proof: ReturnType<Purse> | null = null
  return () => {
    proof ??= open()
    return proof
  }
}

/** Lets the held mail go out. Null when it changed meanwhile. */
async function keepAddress(deps: ResendDeps, message: Message): Promise<ResendOutcome | null> {
  // Its time is over, and it goes out right now.
  if (message.lease !== null) return { kind: 'repeated' }
  const at = deps.clock.now()
  const turn = nextTurn(message.events)
  const { id, version, attempts } = message
  const event: MessageEvent = { id: `${id}.kept-${turn}`, at, kind: 'queued', turn, dueAt: at, by: 'submitter' }
  const state = fold([...message.events, event])
  const written = await deps.messages.write({ id, version, events: [event], state, dueAt: at, attempts, lease: 'keep' })
  if (written === 'stale') return null
  deps.queue.announce()
  return { kind: 'done' }
}

/** Whether the submitter said before that the address of this mail is right. */
function wasKept({ events }: Message): boolean {
  return events.some((event) => event.kind === 'queued' && event.by === 'submitter')
}

/** Null where nothing may be sent: the form's version is gone, or the submission may cause no mail. */
async function commandFor(
  deps: ResendDeps,
  submission: Submission,
  old: Message,
  { email, kind }: { email: string; kind: 'corrected' | 'resent' },
  purse: Purse,
): Promise<ResendCommand | null> {
  const form = await deps.forms.getVersion(submission.form, submission.formVersion)
  if (form === null) return null
  const isUnpaid = needsProof(form, old, email)
  const proof = isUnpaid ? await purse() : null
  const hold = isUnpaid && proof === null ? 'no-proof' : null
  const wanted = { email, corrected: kind === 'corrected', hold } as const
  const { confirmation, messages, capped } = planResend(deps, form, submission, wanted)
  if (confirmation === null) return null
  const at = deps.clock.now()
  return {
    submissionId: submission.id,
    resend: { kind, at, oldMessage: old.id, newMessage: confirmation.id, oldEmail: old.recipient, newEmail: email },
    oldMessage: { id: old.id, version: old.version },
    knownResends: submission.resends.length,
    maxResends,
    messages,
    capped,
    proof,
    cancel: isWorkingState(old.state) ? cancellation(old, at) : null,
  }
}

/** Whether the mail has to be paid for: to the same address again only where nobody has done so, and no person let it go. */
function needsProof(form: FormRecord, old: Message, email: string): boolean {
  if (email !== old.recipient) return correctionNeedsProof(form, old)
  return form.settings.confirmation?.proof === 'required' && hadNoProof(old) && !wasReleased(old)
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
