import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isFolder, readPages } from '../adapters/filesystem/static-folder.ts'
import { TodokuError } from '../core/errors.ts'
import { readPage } from '../core/forms/read-page.ts'
import { checkPage, type PageCheck } from '../core/migration/check-page.ts'

export type CheckedPage = Omit<Extract<PageCheck, { kind: 'checked' }>, 'kind'> & { page: string }

/** What is wrong with a page of a folder, so that nothing can be said of it. */
export type UncheckedPage = { page: string; reason: string }

export type CheckedPages =
  | { kind: 'page'; checked: CheckedPage }
  | { kind: 'folder'; checked: CheckedPage[]; unreadable: UncheckedPage[] }

/**
 * Checks a page, or all pages below a folder: what those made for another form service have to change. `server` is where
 * Todoku is; null: nobody knows.
 *
 * @throws TodokuError('page-unreadable') for a page; one of a folder is named in what is returned
 */
export async function checkPages(path: string, server: string | null): Promise<CheckedPages> {
  const at = server?.replace(/\/+$/, '') ?? null
  if (!(await isFolder(path))) {
    const found = checkBytes(path, await bytesOf(path), at)
    if ('reason' in found) throw unreadable(path, found.reason)
    return { kind: 'page', checked: found }
  }
  const pages = await readPages(path).catch((error: unknown) => {
    throw unreadable(path, faultOf(error), error)
  })
  const checked: CheckedPage[] = []
  const left: UncheckedPage[] = []
  for (const { path: below, bytes } of pages) {
    const found = checkBytes(join(path, below), bytes, at)
    if ('reason' in found) left.push(found)
    else checked.push(found)
  }
  return { kind: 'folder', checked, unreadable: left }
}

function checkBytes(page: string, bytes: Uint8Array, server: string | null): CheckedPage | UncheckedPage {
  const read = readPage(bytes)
  if (read.kind === 'not-adopted') return { page, reason: read.reason }
  const check = checkPage(read.text, server)
  return check.kind === 'unreadable' ? { page, reason: check.reason } : { page, forms: check.forms, notes: check.notes }
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw unreadable(file, faultOf(error), error)
  }
}

function faultOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'it could not be opened'
}

function unreadable(file: string, reason: string, cause?: unknown): TodokuError {
  return new TodokuError('page-unreadable', { detail: `The page can’t be read: ${file}: ${reason}`, cause })
}
