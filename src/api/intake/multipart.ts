import { Dicer } from '@fastify/busboy'
import { base64url } from '../../core/base-encoding.ts'
import type { BlobWriter } from '../../core/deps.ts'
import { type ErrorCode, TodokuError } from '../../core/errors.ts'
import { type FileContent, inspectFile } from '../../core/files/inspect.ts'
import { type CharsetHints, chooseCharset, decodeText } from '../../core/submissions/charset.ts'
import type { Entry, StoredFile } from '../../core/submissions/submission.ts'
import { type BodyDeps, BodyFault, type BodyResult, concat, drain } from './body.ts'
import { disposition } from './disposition.ts'

/** A part whose texts are still bytes: which encoding they are in is decided when all of them are there. */
type RawPart = { name: Uint8Array; text: Uint8Array } | { name: Uint8Array; upload: RawUpload }
type RawUpload = {
  fileName: Uint8Array
  type: string
  blob: string
  writer: BlobWriter
  size: number
  hash: Uint8Array
  content: FileContent
}

/**
 * A multipart body (RFC 7578). Texts are kept in memory within the limits of a body, files pass through to the blob
 * store chunk by chunk: the next chunk is read when the disk has taken the one before. Where the blob store takes
 * nothing, the texts are read all the same, so that the visitor gets them back.
 *
 * The library's parser gives parts and their headers; names are read here, since they may be in the page's encoding.
 */
export async function readMultipart(
  deps: BodyDeps,
  chunks: AsyncGenerator<Uint8Array>,
  boundary: string,
  charsets: CharsetHints,
): Promise<BodyResult> {
  const parts: RawPart[] = []
  const open: BlobWriter[] = []
  let fault: ErrorCode | null = null
  try {
    await feed(deps, chunks, boundary, parts, open)
  } catch (error) {
    fault = faultOf(deps, error)
    if (fault === null) {
      await discard(open)
      throw error
    }
  }
  const texts = parts.flatMap((part) => ('text' in part ? [part.name, part.text] : [part.name, part.upload.fileName]))
  const charset = chooseCharset(texts, { ...charsets, field: charsetField(parts) })
  if (fault === null && charset === null) fault = 'bad-charset'
  const refused = async (code: ErrorCode): Promise<BodyResult> => {
    await discard(open)
    const entries =
      charset === null ? [] : parts.flatMap((part): Entry[] => ('text' in part ? [textEntry(part, charset)] : []))
    return { kind: 'refused', code, entries }
  }
  if (fault !== null || charset === null) return await refused(fault ?? 'bad-charset')

  const entries: Entry[] = []
  const uploads: StoredFile[] = []
  try {
    for (const part of parts) {
      if ('text' in part) {
        entries.push(textEntry(part, charset))
        continue
      }
      await part.upload.writer.commit()
      const file = storedFile(part.upload, charset)
      uploads.push(file)
      entries.push({ kind: 'file', name: decodeText(part.name, charset), file })
    }
  } catch (error) {
    const code = faultOf(deps, error)
    if (code !== null) return await refused(code)
    await discard(open)
    throw error
  }
  return { kind: 'read', entries, uploads }
}

/** The code of an error that the visitor is answered with; null for one that nobody expected. */
function faultOf(deps: BodyDeps, error: unknown): ErrorCode | null {
  if (error instanceof BodyFault) return error.code
  if (!(error instanceof TodokuError)) return null
  deps.log.error({ code: error.code, err: error }, 'an upload could not be stored')
  return error.code
}

function textEntry(part: { name: Uint8Array; text: Uint8Array }, charset: string): Entry {
  return { kind: 'text', name: decodeText(part.name, charset), value: decodeText(part.text, charset) }
}

function storedFile({ fileName, type, blob, size, hash, content }: RawUpload, charset: string): StoredFile {
  const name = decodeText(fileName, charset)
  // Some browsers send a path; only its last part is the file's name.
  const last = name.split(/[\\/]/).at(-1) ?? ''
  return { blob, fileName: last === '' ? 'file' : last.slice(0, 255), type, size, hash: base64url(hash), content }
}

function charsetField(parts: readonly RawPart[]): string | null {
  const field = parts.find((part) => 'text' in part && latin1(part.name) === '_charset_')
  return field !== undefined && 'text' in field ? latin1(field.text) : null
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 100))
}

async function discard(writers: readonly BlobWriter[]): Promise<void> {
  await Promise.all(writers.map((writer) => writer.discard()))
}

/** Headers of one part may take this much; browsers need a few hundred bytes. */
const maxHeaderBytes = 16_384

async function feed(
  deps: BodyDeps,
  chunks: AsyncGenerator<Uint8Array>,
  boundary: string,
  parts: RawPart[],
  open: BlobWriter[],
): Promise<void> {
  const { limits } = deps.settings
  const counts = { parts: 0, fields: 0, files: 0, textBytes: 0 }
  /** Work on parts that is not finished: the next chunk waits for it. */
  let pending: Promise<void> = Promise.resolve()
  let fault: unknown = null
  const fail = (reason: unknown) => {
    fault ??= reason
  }
  /** The blob store took something not; told when all texts are read. */
  let storeFault: TodokuError | null = null
  const settled = async () => {
    try {
      await pending
    } catch (error) {
      if (!(error instanceof TodokuError)) fail(error)
      else storeFault ??= error
      pending = Promise.resolve()
    }
  }

  const dicer = new Dicer({ boundary, maxHeaderPairs: 50, maxHeaderSize: maxHeaderBytes } as ConstructorParameters<
    typeof Dicer
  >[0])
  const finished = new Promise<void>((resolve) => {
    dicer.on('finish', resolve)
    dicer.on('error', () => {
      fail(new BodyFault('malformed-body'))
      resolve()
    })
  })

  dicer.on('part', (stream) => {
    let take: ((chunk: Uint8Array) => void) | null = null
    let end: (() => void) | null = null
    stream.on('header', (header: unknown) => {
      try {
        const sink = sinkFor(header as Record<string, string[]>)
        take = sink.take
        end = sink.end
      } catch (error) {
        fail(error)
      }
    })
    stream.on('data', (chunk) => {
      if (fault === null) take?.(chunk as Uint8Array)
    })
    stream.on('end', () => {
      // A part whose headers never ended would be left out without a word.
      if (end === null) fail(new BodyFault('malformed-body'))
      else if (fault === null) end()
    })
    stream.on('error', () => fail(new BodyFault('malformed-body')))
  })

  function sinkFor(header: Record<string, string[]>): { take(chunk: Uint8Array): void; end(): void } {
    counts.parts += 1
    // A file field that was left empty is neither a field nor a file, and costs something all the same.
    if (counts.parts > limits.fields + limits.files) throw new BodyFault('too-many-fields')
    const { name, fileName } = disposition(header['content-disposition']?.[0] ?? '')
    if (name === null) throw new BodyFault('malformed-body')
    return fileName === null ? textSink(name) : fileSink(name, fileName, header['content-type']?.[0] ?? '')
  }

  function textSink(name: Uint8Array) {
    counts.fields += 1
    if (counts.fields > limits.fields) throw new BodyFault('too-many-fields')
    const pieces: Uint8Array[] = []
    let length = 0
    return {
      take(chunk: Uint8Array) {
        length += chunk.length
        counts.textBytes += chunk.length
        if (length > limits.fieldBytes || counts.textBytes > limits.bodyBytes) fail(new BodyFault('too-large'))
        else pieces.push(chunk)
      },
      end() {
        parts.push({ name, text: concat(pieces, length) })
      },
    }
  }

  function fileSink(name: Uint8Array, fileName: Uint8Array, type: string) {
    let started: ReturnType<typeof start> | null = null
    return {
      take(chunk: Uint8Array) {
        started ??= start()
        const { upload, hasher, inspector } = started
        upload.size += chunk.length
        if (upload.size > limits.fileBytes) {
          fail(new BodyFault('file-too-large'))
          return
        }
        if (storeFault !== null) return
        hasher.update(chunk)
        inspector.update(chunk)
        pending = pending.then(() => upload.writer.write(chunk))
      },
      end() {
        // A file field that was left empty comes as a file without a name and without a byte.
        if (started === null && fileName.length === 0) return
        const { upload, hasher, inspector } = started ?? start()
        upload.hash = hasher.digest()
        upload.content = inspector.result()
        parts.push({ name, upload })
      },
    }
    function start() {
      const upload: RawUpload = {
        fileName,
        type,
        blob: deps.ids.next(),
        writer: noWriter,
        size: 0,
        hash: new Uint8Array(),
        content: {},
      }
      counts.files += 1
      if (counts.files > limits.files) fail(new BodyFault('too-many-files'))
      else if (storeFault === null) {
        pending = pending.then(async () => {
          upload.writer = await deps.blobs.create(upload.blob)
          open.push(upload.writer)
        })
      }
      return { upload, hasher: deps.crypto.hasher(), inspector: inspectFile() }
    }
  }

  let total = 0
  for await (const chunk of chunks) {
    total += chunk.length
    if (total > limits.totalBytes) fail(new BodyFault('too-large'))
    // The parser calls back when its parts have taken the chunk, or when it can't go on.
    if (fault === null) await new Promise<void>((resolve) => dicer.write(chunk, () => resolve()))
    await settled()
    if (fault !== null) {
      await drain(chunks, limits.totalBytes)
      throw fault
    }
  }
  dicer.end()
  await finished
  await settled()
  if (fault !== null) throw fault
  if (storeFault !== null) throw storeFault
}

/** Takes the place of a writer until the first byte comes. */
const noWriter: BlobWriter = {
  write: () => Promise.reject(new TypeError('the blob was not created')),
  commit: () => Promise.reject(new TypeError('the blob was not created')),
  discard: () => Promise.resolve(),
}
