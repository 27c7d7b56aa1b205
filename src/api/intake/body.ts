import type { Deps } from '../../core/deps.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Entry, StoredFile } from '../../core/submissions/submission.ts'

export type BodyDeps = Pick<Deps, 'blobs' | 'ids' | 'crypto' | 'clock' | 'settings' | 'log'>

export type BodyResult =
  | { kind: 'read'; entries: Entry[]; uploads: StoredFile[] }
  /** What could be read so far, so that an error page can give it back. */
  | { kind: 'refused'; code: ErrorCode; entries: Entry[] }

/** Bytes that the request says it has; 0 when it does not say. */
export function declaredLength(request: Request): number {
  return Number(request.headers.get('content-length') ?? 0)
}

/** Thrown inside a body's chunks: the reader turns it into an answer. */
export class BodyFault extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

/** The body chunk by chunk, for at most the allowed time. A client that breaks off is malformed. */
export async function* chunksOf(deps: Pick<Deps, 'clock' | 'settings'>, request: Request): AsyncGenerator<Uint8Array> {
  if (request.body === null) return
  const reader = request.body.getReader()
  const timeout = Promise.withResolvers<'slow'>()
  const cancelTimer = deps.clock.after(deps.settings.limits.bodySeconds * 1000, () => timeout.resolve('slow'))
  try {
    for (;;) {
      const chunk = await Promise.race([nextChunk(reader), timeout.promise])
      if (chunk === 'slow') throw new BodyFault('too-slow')
      if (chunk.done) return
      yield chunk.value
    }
  } finally {
    cancelTimer()
    // The rest is not wanted; a stream that is broken already may refuse to be cancelled.
    reader.cancel().catch(() => {})
  }
}

async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read()
  } catch {
    throw new BodyFault('malformed-body')
  }
}

/** A whole body of at most `limit` bytes, or why it can't be had. */
export async function collectBody(
  deps: Pick<Deps, 'clock' | 'settings'>,
  request: Request,
  limit: number,
): Promise<Uint8Array | ErrorCode> {
  if (declaredLength(request) > limit) {
    await drain(chunksOf(deps, request), deps.settings.limits.totalBytes)
    return 'too-large'
  }
  return await collect(chunksOf(deps, request), limit)
}

async function collect(chunks: AsyncGenerator<Uint8Array>, limit: number): Promise<Uint8Array | ErrorCode> {
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of chunks) {
      length += chunk.length
      if (length > limit) {
        await drain(chunks, limit)
        return 'too-large'
      }
      parts.push(chunk)
    }
  } catch (error) {
    if (error instanceof BodyFault) return error.code
    throw error
  }
  return concat(parts, length)
}

/** Pieces of bytes as one; `length` is their sum. */
export function concat(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(length)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** How much of a body that is too large is read anyway. */
const drainFactor = 4

/**
 * Reads on without keeping anything, up to a bound: a browser that is cut off while it sends shows an error of its own
 * instead of our answer.
 */
export async function drain(chunks: AsyncGenerator<Uint8Array>, limit: number): Promise<void> {
  let length = 0
  try {
    for await (const chunk of chunks) {
      length += chunk.length
      if (length > limit * drainFactor) return
    }
  } catch (error) {
    if (!(error instanceof BodyFault)) throw error
  }
}
