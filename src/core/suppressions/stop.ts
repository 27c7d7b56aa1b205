import type { Deps } from '../deps.ts'
import type { Language } from '../language.ts'
import { normalizedAddress } from '../messages/caps.ts'
import { formTitle } from '../messages/compose.ts'
import { concludeNews } from '../messages/conclude.ts'
import { isWorkingState } from '../messages/fold.ts'
import type { Message } from '../messages/message.ts'
import { isAboutDisowning, mayCauseMail, planDisowned } from '../messages/plan.ts'
import { type Linked, openLink } from './links.ts'

type ViewDeps = Pick<Deps, 'crypto' | 'messages' | 'submissions' | 'forms' | 'stops' | 'clock'>
type StopDeps = ViewDeps & Pick<Deps, 'queue' | 'ids' | 'transport' | 'settings' | 'log'>

/** How long no confirmations go to an address whose owner said "this wasn't me". Milliseconds. */
const stopFor = 90 * 24 * 3_600_000

/** Mails about one submission being disowned and taken back again, per manager: its link is not a way to bother them. */
const maxTold = 4

/** What the page of a stop link shows. To whom the mail went is not in it: who has the link knows, nobody else should. */
export type StopView = {
  language: Language
  title: string
  receivedAt: number
  /** Until when no confirmations go to the address; null when they do. */
  stoppedUntil: number | null
  /** Whether the reader said that the submission is not theirs, and did not take that back. */
  disowned: boolean
  /** Whether there is something left to say by the button: of this submission, or of further mails. */
  asks: boolean
  /** Whether managers have the submission, with this address, and so must learn of it. */
  managersKnow: boolean
}

/** What a stop link stands for now; null for a link that never was. Changes nothing. */
export async function stopView(deps: ViewDeps, token: string): Promise<StopView | null> {
  const linked = await openLink(deps, 'stop', token)
  return linked === null ? null : await viewOf(deps, linked)
}

/**
 * The owner of an address says that it was not them: for a while no confirmations go there, the submission is marked, its
 * managers are told, and what is still to be sent to the address for it is cancelled. Notifications go on as they are.
 *
 * A submission that was corrected to another address since is not this owner's any more and stays unmarked. Again and
 * again it does the same: what is done already stays, the time begins anew.
 *
 * @returns null for a link that never was
 */
export async function stopConfirmations(deps: StopDeps, token: string): Promise<StopView | null> {
  const linked = await openLink(deps, 'stop', token)
  if (linked === null) return null
  const { message } = linked
  const now = deps.clock.now()
  // First what protects the owner; each step can be repeated when a later one fails.
  await deps.stops.add({ address: addressOf(linked), since: now, until: now + stopFor, messageId: message.id })
  if (isOwners(linked)) await disown(deps, linked, now)
  await cancelWorking(deps, linked)
  deps.log.info(
    { messageId: message.id, reference: message.reference, form: message.form },
    'the owner of an address stopped confirmations',
  )
  return await stopView(deps, token)
}

/**
 * Takes all of that back, except that cancelled mails stay cancelled. Of a submission that was corrected to another address
 * since, what the owner of that one said stays.
 */
export async function takeBackStop(deps: StopDeps, token: string): Promise<StopView | null> {
  const linked = await openLink(deps, 'stop', token)
  if (linked === null) return null
  const { message } = linked
  await deps.stops.remove(addressOf(linked))
  if (isOwners(linked)) await disown(deps, linked, null)
  deps.log.info(
    { messageId: message.id, reference: message.reference, form: message.form },
    'the owner of an address allowed confirmations again',
  )
  return await stopView(deps, token)
}

async function viewOf(deps: ViewDeps, linked: Linked): Promise<StopView> {
  const { message, submission, form } = linked
  const stop = await deps.stops.get(addressOf(linked), deps.clock.now())
  const owners = isOwners(linked)
  const disowned = owners && submission.disownedAt !== null
  return {
    language: message.language,
    title: formTitle(form, message.language),
    receivedAt: submission.receivedAt,
    stoppedUntil: stop?.until ?? null,
    disowned,
    // The address may be stopped by the link of another submission; then nobody said anything of this one yet.
    asks: stop === null || (owners && !disowned),
    managersKnow: owners && mayCauseMail(submission, 'update'),
  }
}

function addressOf({ message }: Linked): string {
  return normalizedAddress(message.recipient)
}

/** Whether the submission still names the address that the link was sent to. */
function isOwners(linked: Linked): boolean {
  const { email } = linked.submission
  return email !== null && normalizedAddress(email) === addressOf(linked)
}

/** `stale` of the store means that it is so already, by an earlier press: its mails went out with that. */
async function disown(deps: StopDeps, { submission, form }: Linked, at: number | null): Promise<void> {
  if ((submission.disownedAt === null) === (at === null)) return
  const told = (await deps.messages.ofSubmission(submission.id)).filter(isAboutDisowning)
  const planned = planDisowned(deps, form, submission, at === null ? 'taken-back' : 'disowned')
  const messages = told.length >= maxTold * planned.length ? [] : planned
  const result = await deps.submissions.disown({ submissionId: submission.id, at, messages })
  if (result === 'done' && messages.length > 0) deps.queue.announce()
}

/** What is being sent at this moment can't be called back; the gate keeps it from being tried again. */
async function cancelWorking(deps: StopDeps, linked: Linked): Promise<void> {
  for (const message of await deps.messages.ofSubmission(linked.submission.id)) {
    if (message.role === 'confirmation' && normalizedAddress(message.recipient) === addressOf(linked)) {
      await cancel(deps, message)
    }
  }
}

async function cancel(deps: StopDeps, found: Message): Promise<void> {
  let message: Message | null = found
  // A write in between (a report, a release) makes it stale; what is there then is judged anew.
  for (let round = 0; round < 5 && message !== null; round += 1) {
    if (!isWorkingState(message.state) || message.lease !== null) return
    const { id, version } = message
    const { events, state, dueAt, attempts } = concludeNews(message, [
      { id: `${id}.disowned`, at: deps.clock.now(), kind: 'cancelled', reason: 'disowned' },
    ])
    if ((await deps.messages.write({ id, version, events, state, dueAt, attempts, lease: 'keep' })) === 'ok') return
    message = await deps.messages.get(id)
  }
}
