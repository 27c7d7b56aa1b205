import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import { readStatic } from '../adapters/filesystem/static-folder.ts'
import type { ApiHost } from '../api/api-types.ts'

const encoders = { br: promisify(brotliCompress), gzip: promisify(gzip) }
type Encoding = keyof typeof encoders

/** One file as it was last read. */
type Packed = { etag: string; bodies: Record<Encoding, Uint8Array> }

/**
 * Answers with the scripts for other people's pages, compressed as far as the browser allows (RFC 9110 §12.5.3). The work is
 * done once per file, and again when it changes. They hold no secret; pages that do are never compressed, since their size
 * would tell of it (BREACH).
 */
export function snippetFiles(folder: string): ApiHost['snippetFile'] {
  const packed = new Map<string, Packed>()

  return async (request) => {
    const { pathname } = new URL(request.url)
    const file = await readStatic(folder, pathname)
    if (file === null) return null
    const encoding = encodingFor(request.headers.get('accept-encoding') ?? '')
    // Each encoding is another representation (RFC 9110 §8.8.3.3).
    const etag = encoding === null ? file.etag : file.etag.replace(/"$/, `-${encoding}"`)
    const headers = {
      'Content-Type': file.type,
      ...(encoding === null ? {} : { 'Content-Encoding': encoding }),
      Vary: 'Accept-Encoding',
      ETag: etag,
    }
    if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers })
    const known = packed.get(pathname)
    const current = known?.etag === file.etag ? known : { etag: file.etag, bodies: await pack(file.content) }
    packed.set(pathname, current)
    const body = encoding === null ? file.content : current.bodies[encoding]
    return new Response(request.method === 'HEAD' ? null : new Uint8Array(body), { headers })
  }
}

async function pack(content: Uint8Array): Promise<Packed['bodies']> {
  const [br, gzipped] = await Promise.all([encoders.br(content), encoders.gzip(content, { level: 9 })])
  return { br, gzip: gzipped }
}

/** The best encoding that a browser names and does not refuse. */
function encodingFor(accepted: string): Encoding | null {
  const offers = accepted.toLowerCase().split(',')
  const takes = (encoding: Encoding) =>
    offers.some((offer) => {
      const [name = '', ...parameters] = offer.split(';').map((part) => part.trim())
      return name === encoding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))
    })
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : null
}
