import type { Deps } from '../deps.ts'
import { shownFileName } from '../files/enclose.ts'
import { fileLinkUrl } from '../files/links.ts'
import { riskOf } from '../files/risk.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language } from '../language.ts'
import { formTitle } from '../messages/compose.ts'
import { formatBytes, riskWarnings, shownTexts } from '../messages/enclosures.ts'
import { labelOf } from '../messages/labels.ts'
import { formLanguage } from '../messages/plan.ts'
import type { Role } from '../messages/roles.ts'
import { openReviewLink } from '../suppressions/links.ts'
import { explain } from './explain.ts'
import { reasonSentence } from './judge/sentences.ts'
import { planRelease, releaseSubmission } from './release.ts'
import { isUnasked, type Submission } from './submission.ts'

/** One thing that was posted under a field's name. `url` leads to the whole of it, where the page does not hold it. */
export type ReviewedValue =
  | { kind: 'text'; text: string; url: string | null; length: number }
  | { kind: 'file'; name: string; size: string; url: string; warning: string }

/** What the page of a review link shows. */
export type ReviewView = {
  /** The one the form's managers are written to in. */
  language: Language
  title: string
  reference: string
  receivedAt: number
  /** The page says that it is a test. */
  test: boolean
  /**
   * `suspicious`: a rule put it aside. `unasked`: its sender was to confirm it first, and could not be asked or did not
   * answer yet. `released` by a person, or `confirmed` by its sender after all. `accepted`: it never waited.
   */
  standing: 'suspicious' | 'unasked' | 'released' | 'confirmed' | 'accepted'
  /** When that happened; null while it waits, and where it never did. */
  settledAt: number | null
  /** Where confirmations go now, and whether that is another address than was posted; null where there is none. */
  email: { address: string; corrected: boolean } | null
  /** When the owner of that address said that it was not them. */
  disownedAt: number | null
  /** Why it waits, or waited. */
  reasons: readonly string[]
  /** In the order they were posted. */
  fields: readonly { label: string; values: readonly ReviewedValue[] }[]
  /** While it waits: the mails that a release sends. */
  mails: readonly { role: Role; recipient: string }[]
  /** How each of its mails stands; of one that its sender is to confirm, also while it waits. */
  now: readonly string[]
  /** When the link, and those of the files, end. */
  until: number
}

type ViewDeps = Pick<Deps, 'submissions' | 'forms' | 'messages' | 'clock' | 'ids' | 'crypto' | 'transport' | 'settings'>

/** What a review link leads to now; null for one that never was, or whose time is over. Changes nothing. */
export async function reviewView(deps: ViewDeps, token: string): Promise<ReviewView | null> {
  const linked = await openReviewLink(deps, token)
  if (linked === null) return null
  const { submission, form, until } = linked
  const language = formLanguage(deps, form)
  const standing = standingOf(submission)
  const waits = standing === 'suspicious' || standing === 'unasked'
  return {
    language,
    title: formTitle(form, language),
    reference: submission.reference,
    receivedAt: submission.receivedAt,
    test: submission.test,
    standing,
    settledAt: waits ? null : submission.reviewedAt,
    email: emailOf(submission),
    disownedAt: submission.disownedAt,
    reasons: submission.verdict.reasons.map((reason) => reasonSentence(reason)[language]),
    fields: reviewedFields(deps, form, submission, language, until),
    mails: waits
      ? planRelease(deps, form, submission).messages.map(({ role, recipient }) => ({ role, recipient }))
      : [],
    now: (await explain(deps, submission, language)).now,
    until,
  }
}

function emailOf({ email, resends }: Submission): ReviewView['email'] {
  return email === null ? null : { address: email, corrected: resends.some(({ kind }) => kind === 'corrected') }
}

function standingOf(submission: Submission): ReviewView['standing'] {
  switch (submission.review) {
    case 'quarantined':
      return isUnasked(submission) ? 'unasked' : 'suspicious'
    case 'unconfirmed':
      return 'unasked'
    case 'released':
      return 'released'
    case 'accepted':
      return submission.reviewedAt === null ? 'accepted' : 'confirmed'
  }
}

/**
 * A manager found the submission genuine: it goes on as `releaseSubmission` says. Once: whoever presses later, or at the
 * same moment, sees that it was released.
 */
export async function releaseByLink(
  deps: Parameters<typeof releaseSubmission>[0],
  token: string,
): Promise<'done' | 'not-found'> {
  const linked = await openReviewLink(deps, token)
  if (linked === null) return 'not-found'
  const outcome = await releaseSubmission(deps, linked.submission.reference)
  return outcome.kind === 'done' ? 'done' : 'not-found'
}

/** Everything under the labels of the form's page; as long as a mail would show it. */
function reviewedFields(
  deps: Pick<Deps, 'crypto' | 'settings'>,
  form: FormRecord,
  submission: Submission,
  language: Language,
  until: number,
): ReviewView['fields'] {
  const texts = shownTexts(submission.entries)
  const fields = new Map<string, ReviewedValue[]>()
  for (const [index, entry] of submission.entries.entries()) {
    const values = fields.get(entry.name) ?? []
    fields.set(entry.name, values)
    const url = fileLinkUrl(deps, submission, index, until)
    if (entry.kind === 'file') {
      const { fileName, size } = entry.file
      const risk = riskOf(entry.file)
      const warning = risk === null ? '' : riskWarnings[risk][language]
      values.push({ kind: 'file', name: shownFileName(fileName), size: formatBytes(size), url, warning })
      continue
    }
    const { text, isCut, length } = texts.get(index) ?? { text: '', isCut: false, length: 0 }
    values.push({ kind: 'text', text, url: isCut ? url : null, length })
  }
  return [...fields].map(([name, values]) => ({ label: labelOf(form, name, language), values }))
}
