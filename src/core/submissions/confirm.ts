import type { Deps } from '../deps.ts'
import type { Language } from '../language.ts'
import { formTitle } from '../messages/compose.ts'
import { planWithoutConfirmation } from '../messages/plan.ts'
import { type Linked, linkToken, openLink } from '../suppressions/links.ts'
import { statusPath } from './status-token.ts'
import { asksFirst } from './submission.ts'

type ViewDeps = Pick<Deps, 'crypto' | 'messages' | 'submissions' | 'forms'>
type ConfirmDeps = ViewDeps & Pick<Deps, 'queue' | 'ids' | 'clock' | 'transport' | 'settings' | 'log'>

/** What the page of a confirm link shows. */
export type ConfirmView = {
  language: Language
  title: string
  receivedAt: number
  /** `open`: the button is still to be pressed. `disowned`: the same person said before that it was not them. */
  standing: 'open' | 'confirmed' | 'disowned'
  statusPath: string
  /** Where a disowning is taken back. */
  stopPath: string
}

/** What a confirm link stands for now; null for a link that never was, or to an address that was corrected since. */
export async function confirmView(deps: ViewDeps, token: string): Promise<ConfirmView | null> {
  const linked = await openConfirmLink(deps, token)
  return linked === null ? null : viewOf(deps, linked)
}

/**
 * The owner of the address says that the submission is theirs: it counts as accepted from now on, and its notifications
 * go out (double opt-in). Once: pressed again it only shows how things stand.
 */
export async function confirmSubmission(deps: ConfirmDeps, token: string): Promise<ConfirmView | null> {
  // It may be put aside at the same moment, since nobody knew that the mail had arrived: the answer counts all the same.
  for (;;) {
    const linked = await openConfirmLink(deps, token)
    if (linked === null) return null
    const { submission, form } = linked
    if (!asksFirst(submission) || submission.disownedAt !== null) return viewOf(deps, linked)

    const { id: submissionId, review: from, reference } = submission
    const plan = planWithoutConfirmation(deps, form, { ...submission, review: 'accepted' })
    const command = { submissionId, from, to: 'accepted', at: deps.clock.now(), ...plan } as const
    if ((await deps.submissions.review(command)) === 'stale') continue
    deps.queue.announce()
    deps.log.info({ reference, form: form.name }, 'a submission was confirmed by its submitter')
  }
}

async function openConfirmLink(deps: ViewDeps, token: string): Promise<Linked | null> {
  const linked = await openLink(deps, 'confirm', token)
  return linked !== null && linked.message.recipient === linked.submission.email ? linked : null
}

function viewOf(deps: ViewDeps, { message, submission, form }: Linked): ConfirmView {
  const open = submission.disownedAt === null ? 'open' : 'disowned'
  return {
    language: message.language,
    title: formTitle(form, message.language),
    receivedAt: submission.receivedAt,
    standing: asksFirst(submission) ? open : 'confirmed',
    statusPath: statusPath(deps, submission),
    stopPath: `/stop/${linkToken(deps, 'stop', message, submission)}`,
  }
}
