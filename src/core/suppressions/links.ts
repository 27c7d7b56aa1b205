import { base32 } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Message } from '../messages/message.ts'
import { normalizeReference } from '../submissions/reference.ts'
import type { Submission } from '../submissions/submission.ts'

/** What a link in a confirmation lets the owner of the address do: say that it was not them, or that it was. */
export type LinkPurpose = 'stop' | 'confirm'

/** What a link leads to. */
export type Linked = { message: Message; submission: Submission; form: FormRecord }

/** Message id, then 128 bits of a code. Mail programs and people may have changed the case of letters. */
const tokenPattern = /^([a-z0-9]{26})([a-z2-7]{26})$/

/** The secret part of such a link. Derived, so that nothing of it is stored; a token for one purpose is none for the other. */
export function linkToken(
  deps: Pick<Deps, 'crypto'>,
  purpose: LinkPurpose,
  message: Pick<Message, 'id'>,
  submission: Pick<Submission, 'tokenKey'>,
): string {
  return message.id + codeOf(deps, purpose, message.id, submission)
}

/** The whole address of such a link. */
export function linkUrl(
  deps: Pick<Deps, 'crypto' | 'settings'>,
  purpose: LinkPurpose,
  message: Pick<Message, 'id'>,
  submission: Pick<Submission, 'tokenKey'>,
): string {
  return `${deps.settings.publicUrl}/${purpose}/${linkToken(deps, purpose, message, submission)}`
}

/** The confirmation that a token was made for; null for every other text, whatever is wrong with it. */
export async function openLink(
  deps: Pick<Deps, 'crypto' | 'messages' | 'submissions' | 'forms'>,
  purpose: LinkPurpose,
  token: string,
): Promise<Linked | null> {
  const [, id, code] = tokenPattern.exec(token.toLowerCase()) ?? []
  if (id === undefined || code === undefined) return null
  const message = await deps.messages.get(id)
  if (message === null || message.role !== 'confirmation') return null
  const submission = await deps.submissions.get(message.reference)
  if (submission === null) return null
  const utf8 = new TextEncoder()
  if (!deps.crypto.equal(utf8.encode(code), utf8.encode(codeOf(deps, purpose, id, submission)))) return null
  const form = await deps.forms.getVersion(message.form, message.formVersion)
  return form === null ? null : { message, submission, form }
}

const minute = 60_000

/** How long a link to a review works: longer than most people are away. Milliseconds. */
const reviewLinkLives = 30 * 24 * 60 * minute

/** Reference, minute of its end in base 36, then 128 bits of a code. */
const reviewPattern = /^([a-z0-9]{9})-([0-9a-z]{1,8})-([a-z2-7]{26})$/

/**
 * The address at which a manager without an account looks at a submission that waits for review, and releases it; null
 * where none waits.
 */
export function reviewUrl(
  deps: Pick<Deps, 'crypto' | 'settings' | 'clock'>,
  submission: Pick<Submission, 'id' | 'reference' | 'review' | 'tokenKey'>,
): string | null {
  return submission.review === 'quarantined' ? viewUrl(deps, submission) : null
}

/**
 * The address at which a manager without an account looks at a submission, in whatever state of review it is. It works for
 * 30 days from now. Derived, so that nothing of it is stored: who has one can neither make another nor lengthen it.
 */
export function viewUrl(
  deps: Pick<Deps, 'crypto' | 'settings' | 'clock'>,
  submission: Pick<Submission, 'id' | 'reference' | 'tokenKey'>,
): string {
  const end = Math.ceil((deps.clock.now() + reviewLinkLives) / minute)
  const reference = submission.reference.replaceAll('-', '').toLowerCase()
  const code = codeOf(deps, 'review', reviewSubject(submission, end), submission)
  return `${deps.settings.publicUrl}/review/${reference}-${end.toString(36)}-${code}`
}

/**
 * The submission that such a link was made for, in whatever state of review it is now, with the time at which the link
 * ends. Null for every other text, and when its time is over.
 */
export async function openReviewLink(
  deps: Pick<Deps, 'crypto' | 'submissions' | 'forms' | 'clock'>,
  token: string,
): Promise<{ submission: Submission; form: FormRecord; until: number } | null> {
  const [, typed = '', ends = '', code = ''] = reviewPattern.exec(token.toLowerCase()) ?? []
  const reference = normalizeReference(typed)
  const submission = reference === null ? null : await deps.submissions.get(reference)
  if (submission === null) return null
  const end = Number.parseInt(ends, 36)
  const utf8 = new TextEncoder()
  const expected = codeOf(deps, 'review', reviewSubject(submission, end), submission)
  if (!deps.crypto.equal(utf8.encode(code), utf8.encode(expected))) return null
  if (end * minute <= deps.clock.now()) return null
  const form = await deps.forms.getVersion(submission.form, submission.formVersion)
  return form === null ? null : { submission, form, until: end * minute }
}

function reviewSubject({ id }: Pick<Submission, 'id'>, end: number): string {
  return `${id}\n${end}`
}

function codeOf(
  deps: Pick<Deps, 'crypto'>,
  purpose: LinkPurpose | 'review',
  id: string,
  { tokenKey }: Pick<Submission, 'tokenKey'>,
): string {
  return base32(deps.crypto.mac(purpose, id, tokenKey).subarray(0, 16))
}
