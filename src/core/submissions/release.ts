import type { Deps } from '../deps.ts'
import type { FormRecord } from '../forms/form.ts'
import { type Plan, planMessages, planWithoutConfirmation } from '../messages/plan.ts'
import { normalizeReference } from './reference.ts'
import { asksFirst, type Submission } from './submission.ts'

type ReleaseDeps = Pick<
  Deps,
  'submissions' | 'forms' | 'queue' | 'clock' | 'ids' | 'crypto' | 'transport' | 'settings' | 'log'
>

export type ReleaseOutcome = { kind: 'done'; submission: Submission } | { kind: 'submission-not-found' }

/**
 * A person looked at a submission that waits for review, or for its submitter's confirmation, and lets it go on: its mails
 * go out as they would have at first, by the form's version of then and with the time it was received. Released again, or
 * never held, it stays as it is.
 */
export async function releaseSubmission(deps: ReleaseDeps, typed: string): Promise<ReleaseOutcome> {
  const reference = normalizeReference(typed)
  // It may be confirmed, or released by somebody else, at the same moment; then there is nothing left to do.
  for (;;) {
    const submission = reference === null ? null : await deps.submissions.get(reference)
    if (submission === null) return { kind: 'submission-not-found' }
    const { review: from, id, form: name, formVersion } = submission
    if (from !== 'quarantined' && from !== 'unconfirmed') return { kind: 'done', submission }

    const form = await deps.forms.getVersion(name, formVersion)
    if (form === null) throw new TypeError(`version ${formVersion} of form ${name} is gone`)
    const { messages, capped } = planRelease(deps, form, submission)
    const at = deps.clock.now()
    const result = await deps.submissions.review({ submissionId: id, from, to: 'released', at, messages, capped })
    if (result === 'stale') continue
    deps.queue.announce()
    deps.log.info({ form: name, reference: submission.reference, state: 'released' }, 'a submission was released')
    return { kind: 'done', submission: { ...submission, review: 'released', reviewedAt: at } }
  }
}

/** The mails that a release causes. Where its submitter was to be asked, that mail, sent or still to be sent, is its confirmation. */
export function planRelease(deps: Parameters<typeof planMessages>[0], form: FormRecord, submission: Submission): Plan {
  const plan = asksFirst(submission) ? planWithoutConfirmation : planMessages
  return plan(deps, form, { ...submission, review: 'released' })
}
