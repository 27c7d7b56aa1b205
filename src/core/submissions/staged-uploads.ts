import { base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import type { Entry, FileEntry } from './submission.ts'

type Staged = { form: string; until: number; files: readonly FileEntry[] }

/** How long our error page can be corrected before its uploads have to be chosen again. Milliseconds. */
export const stagedFor = 24 * 3_600_000

/**
 * A sealed list of uploads that lie in the blob store already, for the hidden field of our error page: a browser can't
 * fill in a file field again, so the next post names them instead.
 */
export function sealUploads(
  deps: Pick<Deps, 'crypto' | 'clock'>,
  form: string,
  entries: readonly Entry[],
): string | null {
  const files = entries.filter((entry) => entry.kind === 'file')
  if (files.length === 0) return null
  const staged: Staged = { form, until: deps.clock.now() + stagedFor, files }
  const payload = base64url(new TextEncoder().encode(JSON.stringify(staged)))
  return `${payload}.${base64url(deps.crypto.mac('uploads', payload))}`
}

/** The uploads that a sealed list names; none when it is forged, of another form, or too old. */
export function openUploads(deps: Pick<Deps, 'crypto' | 'clock'>, form: string, sealed: string | null): FileEntry[] {
  const [payload = '', seal = ''] = (sealed ?? '').split('.')
  if (payload === '') return []
  const expected = base64url(deps.crypto.mac('uploads', payload))
  const bytes = (text: string) => new TextEncoder().encode(text)
  if (!deps.crypto.equal(bytes(seal), bytes(expected))) return []
  const staged = JSON.parse(fromBase64url(payload)) as Staged
  return staged.form === form && staged.until > deps.clock.now() ? [...staged.files] : []
}

/** Uploads of an earlier try take the place of file fields that this post left empty. */
export function withStaged(fields: readonly Entry[], staged: readonly FileEntry[]): Entry[] {
  const chosenAnew = new Set(fields.filter((entry) => entry.kind === 'file').map((entry) => entry.name))
  return [...fields, ...staged.filter((entry) => !chosenAnew.has(entry.name))]
}

function fromBase64url(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0)))
}
