import { type Context, Hono } from 'hono'
import { shownFileName } from '../core/files/enclose.ts'
import { openFileLink } from '../core/files/links.ts'
import type { Entry, Submission } from '../core/submissions/submission.ts'
import { type ApiDeps, type ApiEnv, visitorLanguage } from './api-types.ts'
import { onlyMethods, problemResponse } from './problem.ts'

/**
 * `GET /files/{token}`: an upload, or the whole of a long text, by the link in a notification. Whatever it is, it is only
 * ever saved: a stranger chose its content, its name and its type.
 */
export function fileRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>()
  routes.get('/files/:token', async (c) => {
    const link = await openFileLink(deps, c.req.param('token'))
    switch (link.kind) {
      case 'none':
        return problemResponse(c, 'file-link-not-found', visitorLanguage(c.req.raw))
      case 'expired':
        return problemResponse(c, 'file-link-expired', visitorLanguage(c.req.raw))
      case 'found':
        return await download(deps, c, link.submission, link.entry)
    }
  })
  routes.all('/files/:token', onlyMethods('GET, HEAD'))
  return routes
}

async function download(deps: ApiDeps, c: Context<ApiEnv>, { reference }: Submission, entry: Entry): Promise<Response> {
  if (entry.kind === 'text') {
    // The mark at the beginning has old editors read it as UTF-8.
    const bytes = new TextEncoder().encode(`\ufeff${entry.value}`)
    return new Response(bytes, { headers: headers(`${reference}.txt`, bytes.length) })
  }
  const { blob, fileName, size } = entry.file
  const pieces = await deps.blobs.stream(blob)
  if (pieces === null) return problemResponse(c, 'file-link-not-found', visitorLanguage(c.req.raw))
  return savedFile(pieces, fileName, size)
}

/** An upload as an answer, read as the client takes it. */
export function savedFile(pieces: AsyncIterable<Uint8Array>, fileName: string, size: number): Response {
  return new Response(bodyOf(pieces), { headers: headers(shownFileName(fileName), size) })
}

/** A body that reads on as the client takes it, and stops reading when the client goes away. */
function bodyOf(pieces: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]()
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const { done, value } = await iterator.next()
      if (done === true) controller.close()
      else controller.enqueue(value)
    },
    async cancel() {
      await iterator.return?.()
    },
  }
  // Nothing is read ahead: the answer to a HEAD is never read, and would leave its file open.
  return new ReadableStream(source, { highWaterMark: 0 })
}

/** Saved, not shown, under its name; kept by no cache, found by no search engine, told to no other site (invariant 13). */
function headers(fileName: string, size: number): Record<string, string> {
  return {
    'Content-Type': 'application/octet-stream',
    'Content-Length': String(size),
    'Content-Disposition': `attachment; filename*=UTF-8''${encoded(fileName)}`,
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Robots-Tag': 'noindex',
    'Cross-Origin-Resource-Policy': 'same-origin',
  }
}

/** RFC 8187 §3.2.1: of what `encodeURIComponent` leaves alone, four characters are not allowed there. */
function encoded(fileName: string): string {
  return encodeURIComponent(fileName.toWellFormed()).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
}
