import { watch } from 'node:fs'
import {
  fingerprint,
  isFolder,
  isFolderWithoutSlash,
  readPages,
  readStatic,
} from '../adapters/filesystem/static-folder.ts'
import type { Deps } from '../core/deps.ts'
import { TodokuError } from '../core/errors.ts'
import { type SyncReport, syncForms } from '../core/forms/sync-forms.ts'

export { readPages }

type SiteDeps = Pick<Deps, 'forms' | 'patterns' | 'clock' | 'log' | 'settings'>

export interface Site {
  /** The page of a request; null when the site has none there. */
  page(request: Request): Promise<Response | null>
  /** What the last look at the pages found. */
  report(): SyncReport
  /** Resolves when the last look has ended. */
  stop(): Promise<void>
}

/** Editors write a file in several steps; a look waits until none came for this long. Milliseconds. */
const settleMs = 200

/**
 * Serves a folder of pages and keeps the rules of their forms in step with them: now, and whenever a file changes.
 *
 * @throws TodokuError('site-unreadable')
 */
export async function openSite(deps: SiteDeps, folder: string): Promise<Site> {
  if (!(await isFolder(folder)))
    throw new TodokuError('site-unreadable', { detail: `The folder of the site can’t be read: ${folder}` })
  let report = await sync(deps, folder)
  let running: Promise<void> = Promise.resolve()
  let cancel = () => {}

  const look = () => {
    running = running.then(async () => {
      try {
        report = await sync(deps, folder)
      } catch (error) {
        deps.log.error({ err: error }, 'the pages of the site could not be read')
      }
    })
  }
  // A watcher follows the files it found, not their names: what is written beside a file and renamed over it, or a
  // folder that is swapped, it may lose without a word. So we look by ourselves as well.
  let seen = await fingerprint(folder)
  let cancelRound = deps.clock.after(roundMs, round)
  async function round() {
    const now = await fingerprint(folder).catch(() => seen)
    if (now !== seen) look()
    seen = now
    if (!stopped) cancelRound = deps.clock.after(roundMs, round)
  }
  let stopped = false
  const watcher = watch(folder, { recursive: true }, (_event, file) => {
    if (file !== null && !/\.x?html?$/i.test(file)) return
    cancel()
    cancel = deps.clock.after(settleMs, look)
  })
  watcher.unref()
  watcher.on('error', (error) =>
    deps.log.warn({ err: error }, 'the site is not watched any more; changes are noticed more slowly'),
  )

  return {
    page: (request) => pageOf(folder, request),
    report: () => report,
    async stop() {
      stopped = true
      cancel()
      cancelRound()
      watcher.close()
      await running
    },
  }
}

/** Pages are looked at this often besides, by name, size and time only. Milliseconds. */
const roundMs = 2_000

/** Takes the rules from the pages and tells what changed. */
async function sync(deps: SiteDeps, folder: string): Promise<SyncReport> {
  const report = await syncForms(deps, await readPages(folder))
  for (const form of report.forms) {
    if (form.change === 'same') continue
    deps.log.info({ form: form.name, state: form.change }, `rules of a form: ${form.differences.join('; ')}`)
  }
  for (const { page, reason } of report.notAdopted) deps.log.warn({ page }, `a page was not adopted: ${reason}`)
  for (const { page, form, text } of report.warnings) deps.log.warn({ page, form }, text)
  return report
}

/** A file below a folder as an answer. */
export async function pageOf(folder: string, request: Request): Promise<Response | null> {
  const { pathname } = new URL(request.url)
  const file = await readStatic(folder, pathname)
  if (file === null) {
    if (!(await isFolderWithoutSlash(folder, pathname))) return null
    // Two slashes at the beginning would be the name of a host.
    const path = encodeURI(decodeURI(pathname)).replace(/^\/+/, '/')
    return new Response(null, { status: 308, headers: { Location: `${path}/` } })
  }
  const headers = {
    'Content-Type': file.type,
    ETag: file.etag,
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
  }
  if (request.headers.get('if-none-match') === file.etag) return new Response(null, { status: 304, headers })
  return new Response(request.method === 'HEAD' ? null : new Uint8Array(file.content), { headers })
}
