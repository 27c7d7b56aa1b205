import { base32 } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import type { Language } from '../language.ts'
import { normalizeReference } from '../submissions/reference.ts'
import type { Entry, Submission } from '../submissions/submission.ts'

const minute = 60_000
const day = 24 * 60 * minute

/** Reference, number of the entry, minute of its end in base 36, then 128 bits of a code. */
const tokenPattern = /^([a-z0-9]{9})-(\d{1,6})-([0-9a-z]{1,8})-([a-z2-7]{26})$/

/** What a link leads to. */
export type FileLink =
  | { kind: 'found'; submission: Submission; entry: Entry }
  /** It was a link of ours, and its time is over. `language` is the submission's. */
  | { kind: 'expired'; language: Language }
  | { kind: 'none' }

/**
 * When the links of a mail made at `createdAt` end: the same at every attempt, so that its bytes are too. Milliseconds,
 * a whole minute.
 */
export function linksEnd({ settings }: Pick<Deps, 'settings'>, createdAt: number): number {
  return Math.ceil((createdAt + settings.limits.linkDays * day) / minute) * minute
}

/**
 * The address at which one entry of a submission can be fetched until a time. Derived, so that nothing of it is stored:
 * who has one can neither make another nor lengthen it.
 *
 * @param index of the entry in `submission.entries`
 * @param until as `linksEnd` gives it
 */
export function fileLinkUrl(
  deps: Pick<Deps, 'crypto' | 'settings'>,
  submission: Submission,
  index: number,
  until: number,
): string {
  const end = Math.floor(until / minute)
  const reference = submission.reference.replaceAll('-', '').toLowerCase()
  const code = codeOf(deps, submission, index, end)
  return `${deps.settings.publicUrl}/files/${reference}-${index}-${end.toString(36)}-${code}`
}

/** What a token from a path leads to; every text that is none of ours is the same `none`. */
export async function openFileLink(
  deps: Pick<Deps, 'crypto' | 'submissions' | 'clock'>,
  token: string,
): Promise<FileLink> {
  const [, typed = '', index = '', end = '', code = ''] = tokenPattern.exec(token.toLowerCase()) ?? []
  const reference = normalizeReference(typed)
  const submission = reference === null ? null : await deps.submissions.get(reference)
  if (submission === null) return { kind: 'none' }
  const utf8 = new TextEncoder()
  const expected = codeOf(deps, submission, Number(index), Number.parseInt(end, 36))
  if (!deps.crypto.equal(utf8.encode(code), utf8.encode(expected))) return { kind: 'none' }
  if (Number.parseInt(end, 36) * minute <= deps.clock.now()) return { kind: 'expired', language: submission.language }
  const entry = submission.entries[Number(index)]
  return entry === undefined ? { kind: 'none' } : { kind: 'found', submission, entry }
}

function codeOf(deps: Pick<Deps, 'crypto'>, { id, tokenKey }: Submission, index: number, end: number): string {
  return base32(deps.crypto.mac('file', `${id}\n${index}\n${end}`, tokenKey).subarray(0, 16))
}
