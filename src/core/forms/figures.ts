import type { Deps } from '../deps.ts'
import type { HeldReason } from '../messages/message.ts'

/** What the rules against abuse did for a form so far. */
export type FormFigures = {
  /** Submissions that wait for review. */
  quarantined: number
  /** Submissions that a person released. */
  released: number
  /** Confirmations that are held back now. */
  held: number
  /** Confirmations that were not sent, since the address's owner asked for none. */
  stopped: number
  /** See `savedFromAbuse`. */
  saved: number
}

/** Counts what the rules against abuse did for a form. */
export async function formFigures(deps: Pick<Deps, 'submissions' | 'messages'>, form: string): Promise<FormFigures> {
  const { quarantined = 0, released = 0 } = await deps.submissions.countReviews(form)
  const { held = 0 } = await deps.messages.countConfirmations({ form, since: 0 })
  const without = await deps.messages.countConfirmations({ form, since: 0, notHeldFor: notAbuse })
  const { suppressed: stopped = 0 } = without
  const suspicious = await deps.submissions.countWaiting({ form, suspicious: true })
  const saved = savedFromAbuse({ suspicious, held: without.held ?? 0, stopped })
  return { quarantined, released, held, stopped, saved }
}

/** A mistyped address is a mistake of whoever typed it: their mail waits for minutes, and then goes out. */
export const notAbuse: Extract<HeldReason, 'doubtful-address'> = 'doubtful-address'

/**
 * Mails that strangers were saved from: one for each submission that waits for review since a rule found it suspicious, each
 * confirmation that is held other than for `notAbuse`, and each that was not sent since the address's owner asked for none.
 * A submitter who could not be asked is no abuser: the mail that asked them is counted, where it is held or stopped.
 */
export function savedFromAbuse({
  suspicious,
  held,
  stopped,
}: Pick<FormFigures, 'held' | 'stopped'> & { suspicious: number }): number {
  return suspicious + held + stopped
}
