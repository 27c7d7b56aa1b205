import type { Deps, MessageNews } from '../deps.ts'
import { couldNotAsk } from '../messages/held.ts'
import { followNews } from '../messages/news.ts'
import { currentConfirmation } from './status.ts'

type UnaskedDeps = Pick<Deps, 'submissions' | 'forms' | 'messages' | 'clock' | 'log'>

export interface UnaskedWatch {
  /** Looks at what changed since the last look. */
  look(): Promise<void>
}

/**
 * Puts submissions where somebody sees them whose submitter could not be asked (double opt-in): the mail with the question
 * is held, was stopped, came back, or nobody knows what became of it. They wait for review, and for their submitter too:
 * who has the mail after all can still confirm, and who mistyped the address can still correct it (`isUnasked`).
 *
 * It mails nobody: an address that does not work must not be a way around the question into the managers' mailboxes.
 */
export function createUnaskedWatch(deps: UnaskedDeps): UnaskedWatch {
  const readNews = followNews(deps)
  return {
    async look() {
      for await (const news of readNews()) for (const item of news) await putAside(deps, item)
    },
  }
}

async function putAside(deps: UnaskedDeps, item: MessageNews): Promise<void> {
  const { role, id, state, reference, form, formVersion } = item
  if (role !== 'confirmation' || !couldNotAsk(state)) return
  // Most forms ask nobody: that is known without reading what was posted. One that asks no more may have asked before.
  if ((await deps.forms.getVersion(form, formVersion))?.settings.doubleOptIn !== true) return
  const submission = await deps.submissions.get(reference)
  // Who said that it was not them was asked, and has answered.
  if (submission === null || submission.review !== 'unconfirmed' || submission.disownedAt !== null) return
  // Of an address that was corrected since this is no news.
  const messages = await deps.messages.ofSubmission(submission.id)
  if (currentConfirmation(submission, messages)?.id !== id) return
  const at = deps.clock.now()
  const command = { submissionId: submission.id, from: 'unconfirmed', to: 'quarantined', at } as const
  if ((await deps.submissions.review({ ...command, messages: [], capped: [] })) === 'done')
    deps.log.info(
      { reference, form, state: state.name },
      'a submitter could not be asked; the submission waits for review',
    )
}
