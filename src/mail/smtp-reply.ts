/** An answer of an SMTP server (RFC 5321 §4.2), as far as it can be read. */
export type SmtpReply = {
  /** As the last line states it: any three digits, so that an absurd code stays visible. */
  code: number
  /** Enhanced status code (RFC 3463), as in `5.1.1`; null when the text has none. */
  enhanced: string | null
  /** The text of each line without its code; control characters are spaces, very long lines are cut. */
  lines: string[]
  /** The lines as one text in words: joined by spaces, without the enhanced code that each of them may repeat. */
  text: string
}

/** What cannot be read as a reply. `endless`: one reply of more than 64 kB. */
export type ReplyFault = 'not-a-reply' | 'endless'

export type ReplyRead = { kind: 'reply'; reply: SmtpReply } | { kind: 'fault'; fault: ReplyFault }

export interface ReplyReader {
  /** Takes the next bytes and gives what they complete. After a fault nothing more is read. */
  push(chunk: Uint8Array): ReplyRead[]
  /** Whether the bytes so far end in the middle of a reply. */
  readonly midReply: boolean
}

/** Real lines have at most 512 bytes (RFC 5321 §4.5.3.1.5); what is longer is read, but not kept. */
const keptLineBytes = 2000

/** The longest EHLO replies have some 2 kB. */
const maxReplyBytes = 64 * 1024

/**
 * Reads SMTP replies from chunks of bytes, however they are cut. It takes what servers really send: lines that end in a
 * bare LF, no space after the code, no text, non-ASCII text (UTF-8, else Latin-1), wrapped lines without a code inside
 * a multi-line reply. Where the lines of one reply differ in their code, the last one decides, as in other clients.
 *
 * Memory is bounded: a line keeps 2,000 bytes, and a reply that goes on after 64 kB is a fault.
 *
 * ```ts
 * const reader = createReplyReader()
 * reader.push(ascii('550-5.1.1 No such\r\n550 5.1')) // []
 * reader.push(ascii('.1 user\r\n')) // [{ kind: 'reply', reply: { code: 550, enhanced: '5.1.1', text: 'No such user', … } }]
 * ```
 */
export function createReplyReader(): ReplyReader {
  let dead = false
  /** Lines of the reply being read. */
  let texts: string[] = []
  /** Bytes of the reply being read, those of `kept` included. */
  let replyBytes = 0
  /** The bytes of a line whose end is still to come; grows by doubling, up to what is kept of a line. */
  let kept = new Uint8Array(0)
  let keptLength = 0

  function keep(bytes: Uint8Array): void {
    const room = keptLineBytes - keptLength
    const part = bytes.length > room ? bytes.subarray(0, room) : bytes
    if (keptLength + part.length > kept.length) {
      const larger = new Uint8Array(Math.min(keptLineBytes, Math.max(256, 2 * (keptLength + part.length))))
      larger.set(kept.subarray(0, keptLength))
      kept = larger
    }
    kept.set(part, keptLength)
    keptLength += part.length
  }

  function takeLine(bytes: Uint8Array): ReplyRead | null {
    const line = decodeLine(bytes)
    const parts = replyLine.exec(line)
    if (parts === null) {
      // An empty line between replies says nothing; a line without a code inside a reply is a wrapped one.
      if (texts.length === 0) return line === '' ? null : { kind: 'fault', fault: 'not-a-reply' }
      texts.push(line)
      return null
    }
    texts.push(line.slice(parts[0].length))
    if (parts[2] === '-') return null
    const reply = makeReply(Number(parts[1]), texts)
    texts = []
    replyBytes = 0
    return { kind: 'reply', reply }
  }

  function push(chunk: Uint8Array): ReplyRead[] {
    const reads: ReplyRead[] = []
    let start = 0
    while (!dead && start < chunk.length) {
      const end = chunk.indexOf(LF, start)
      const piece = chunk.subarray(start, end === -1 ? chunk.length : end)
      replyBytes += piece.length + (end === -1 ? 0 : 1)
      if (replyBytes > maxReplyBytes) {
        reads.push({ kind: 'fault', fault: 'endless' })
        dead = true
        break
      }
      if (end === -1) {
        keep(piece)
        break
      }
      start = end + 1
      let line = piece.length > keptLineBytes ? piece.subarray(0, keptLineBytes) : piece
      if (keptLength > 0) {
        keep(piece)
        line = kept.subarray(0, keptLength)
        keptLength = 0
      }
      const read = takeLine(line)
      if (read === null) continue
      reads.push(read)
      dead = read.kind === 'fault'
    }
    return reads
  }

  return {
    push,
    get midReply() {
      return !dead && (texts.length > 0 || keptLength > 0)
    },
  }
}

const LF = 0x0a

/** Code and separator. A fourth digit is no reply, unless an enhanced code follows without a space. */
const replyLine = /^([0-9]{3})(?:([ -])|(?![0-9])|(?=[245]\.[0-9]{1,3}\.[0-9]))/

function decodeLine(bytes: Uint8Array): string {
  // A terminal or a log may obey control characters.
  return decode(bytes)
    .trimEnd()
    .replace(/\p{Cc}/gu, ' ')
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const latin1 = new TextDecoder('windows-1252')

function decode(bytes: Uint8Array): string {
  try {
    // A line that was cut may end inside a character; as a stream that is no error.
    if (bytes.length === keptLineBytes) {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true })
    }
    return utf8.decode(bytes)
  } catch {
    return latin1.decode(bytes)
  }
}

function makeReply(code: number, lines: string[]): SmtpReply {
  const enhanced = findEnhanced(code, lines)
  const words = lines.map((line) => withoutEnhanced(line, enhanced))
  return { code, enhanced, lines, text: words.filter((line) => line !== '').join(' ') }
}

/** RFC 2034 §4: first thing of the text. An address (`5.1.1.2`) or a version is none. */
const leadingEnhanced = /^\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9]|\.[0-9])/

/** How qmail and its heirs write it. */
const hashedEnhanced = /#([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9]|\.[0-9])/

/** The first one of the same class as the code, as RFC 2034 §4 demands; else the first one of any. */
function findEnhanced(code: number, lines: readonly string[]): string | null {
  const found: string[] = []
  for (const line of lines) {
    const enhanced = leadingEnhanced.exec(line)?.[1] ?? hashedEnhanced.exec(line)?.[1]
    if (enhanced !== undefined) found.push(enhanced)
  }
  const digit = String(code).charAt(0)
  return found.find((enhanced) => enhanced.startsWith(digit)) ?? found[0] ?? null
}

function withoutEnhanced(line: string, enhanced: string | null): string {
  const found = leadingEnhanced.exec(line)
  return (found !== null && found[1] === enhanced ? line.slice(found[0].length) : line).trim()
}
