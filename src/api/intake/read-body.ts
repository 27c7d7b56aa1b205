import type { ErrorCode } from '../../core/errors.ts'
import { decodeUrlencoded } from '../../core/submissions/charset.ts'
import type { Entry } from '../../core/submissions/submission.ts'
import { type BodyDeps, type BodyResult, chunksOf, collectBody, declaredLength, drain } from './body.ts'
import { readJson } from './json.ts'
import { readMultipart } from './multipart.ts'

/**
 * Reads a post's body by its type. Uploads are in the blob store, durable, when this resolves.
 *
 * @param pageCharsets encodings that pages of the form post in, as far as they are known
 */
export async function readBody(deps: BodyDeps, request: Request, pageCharsets: readonly string[]): Promise<BodyResult> {
  const { type, parameters } = contentType(request.headers.get('content-type'))
  const charsets = { declared: parameters.get('charset') ?? null, pageCharsets }
  if (type === 'multipart/form-data') {
    const boundary = parameters.get('boundary') ?? ''
    if (boundary === '' || boundary.length > 200) return refused('malformed-body')
    if (declaredLength(request) > deps.settings.limits.totalBytes) {
      await drain(chunksOf(deps, request), deps.settings.limits.totalBytes)
      return refused('too-large')
    }
    return await readMultipart(deps, chunksOf(deps, request), boundary, charsets)
  }
  // A post without anything is an empty form, whatever it did not say of itself.
  if (type === '' && (await isEmpty(deps, request))) return { kind: 'read', entries: [], uploads: [] }
  if (type !== 'application/x-www-form-urlencoded' && type !== 'application/json') return refused('unsupported-type')

  const { bodyBytes, fields, fieldBytes } = deps.settings.limits
  const body = await collectBody(deps, request, bodyBytes)
  if (typeof body === 'string') return refused(body)
  if (type === 'application/json') return readJson(body, { maxFields: fields, maxFieldBytes: fieldBytes })

  const decoded = decodeUrlencoded(body, { ...charsets, maxFields: fields, maxFieldBytes: fieldBytes })
  switch (decoded.kind) {
    case 'ok': {
      const entries = decoded.entries.map(([name, value]): Entry => ({ kind: 'text', name, value }))
      return { kind: 'read', entries, uploads: [] }
    }
    case 'field-too-large':
      return refused('too-large')
    default:
      return refused(decoded.kind)
  }
}

function refused(code: ErrorCode): BodyResult {
  return { kind: 'refused', code, entries: [] }
}

/** Larger posts of a crowd are not read. Bytes. */
const smallBody = 64_000

/** Whether a body costs little to read: it says that it is short, and `uploads` of it, if any, may be written to the disk. */
export function isSmall(request: Request, uploads: boolean): boolean {
  const { type } = contentType(request.headers.get('content-type'))
  const length = declaredLength(request)
  return length > 0 && length <= smallBody && (uploads || type !== 'multipart/form-data')
}

/** Some hosts give a body to every post, and only what comes of it tells. */
async function isEmpty(deps: BodyDeps, request: Request): Promise<boolean> {
  if (request.body === null) return true
  const body = await collectBody(deps, request, deps.settings.limits.bodyBytes)
  return typeof body !== 'string' && body.length === 0
}

/** Media type in lower case, with its parameters (RFC 9110 §8.3.1). Lenient. */
function contentType(header: string | null): { type: string; parameters: Map<string, string> } {
  const [type = '', ...rest] = (header ?? '').split(';')
  const parameters = new Map<string, string>()
  for (const part of rest) {
    const [, name, quoted, plain] = /^\s*([\w-]+)=(?:"([^"]*)"|(\S+))\s*$/.exec(part) ?? []
    if (name !== undefined) parameters.set(name.toLowerCase(), quoted ?? plain ?? '')
  }
  return { type: type.trim().toLowerCase(), parameters }
}
