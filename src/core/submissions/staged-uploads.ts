import { base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import type { Limits } from '../settings.ts'
import type { Entry, FileEntry } from './submission.ts'

/** An upload of an earlier try, and until when it may be named instead of being chosen again. */
export type StagedUpload = { entry: FileEntry; until: number }

type Sealed = { form: string; files: readonly StagedUpload[] }

/**
 * How long our error page can be corrected before its uploads have to be chosen again. Milliseconds. Counted from the
 * upload itself, however often the page is posted: what no submission holds is removed after twice this time.
 */
export const stagedFor = 24 * 3_600_000

/**
 * A sealed list of uploads that lie in the blob store already, for the hidden field of our error page: a browser can't
 * fill in a file field again, so the next post names them instead.
 *
 * @param earlier what an earlier page sealed already; these uploads keep their time
 */
export function sealUploads(
  deps: Pick<Deps, 'crypto' | 'clock'>,
  form: string,
  entries: readonly Entry[],
  earlier: readonly StagedUpload[] = [],
): string | null {
  const untils = new Map(earlier.map(({ entry, until }) => [entry.file.blob, until]))
  const fresh = deps.clock.now() + stagedFor
  const files = entries.flatMap((entry) =>
    entry.kind === 'file' ? [{ entry, until: untils.get(entry.file.blob) ?? fresh }] : [],
  )
  if (files.length === 0) return null
  const sealed: Sealed = { form, files }
  const payload = base64url(new TextEncoder().encode(JSON.stringify(sealed)))
  return `${payload}.${base64url(deps.crypto.mac('uploads', payload))}`
}

/** The uploads that a sealed list names, without those that are too old; none when it is forged or of another form. */
export function openUploads(deps: Pick<Deps, 'crypto' | 'clock'>, form: string, sealed: string | null): StagedUpload[] {
  const [payload = '', seal = ''] = (sealed ?? '').split('.')
  if (payload === '') return []
  const expected = base64url(deps.crypto.mac('uploads', payload))
  const bytes = (text: string) => new TextEncoder().encode(text)
  if (!deps.crypto.equal(bytes(seal), bytes(expected))) return []
  const list = JSON.parse(fromBase64url(payload)) as Sealed
  const now = deps.clock.now()
  return list.form === form ? list.files.filter(({ until }) => until > now) : []
}

/** Uploads of an earlier try take the place of file fields that this post left empty. */
export function withStaged(fields: readonly Entry[], staged: readonly StagedUpload[]): Entry[] {
  const chosenAnew = new Set(fields.filter((entry) => entry.kind === 'file').map((entry) => entry.name))
  return [...fields, ...staged.flatMap(({ entry }) => (chosenAnew.has(entry.name) ? [] : [entry]))]
}

/** Which limit of a post its files exceed, those of earlier tries included; null when none. */
export function filesBeyond(
  entries: readonly Entry[],
  limits: Pick<Limits, 'files' | 'totalBytes'>,
): 'too-many-files' | 'too-large' | null {
  const files = entries.filter((entry) => entry.kind === 'file')
  if (files.length > limits.files) return 'too-many-files'
  return files.reduce((sum, { file }) => sum + file.size, 0) > limits.totalBytes ? 'too-large' : null
}

function fromBase64url(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)))
}
