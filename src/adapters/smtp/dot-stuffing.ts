/** The body of DATA in two parts: the second must not be sent before the final dot is allowed, and ends with it. */
export type DataBody = { head: Buffer; tail: Buffer }

/** Up to this size the whole mail waits for the final dot: it fits into the first packets, so nothing is gained by haste. */
const tailBytes = 16 * 1024

/**
 * Prepares a mail (lines end in CRLF) for DATA: doubles a dot at the beginning of a line and adds `CRLF.CRLF`
 * (RFC 5321 §4.5.2). A dot after a bare LF is doubled too, since some servers take that for the beginning of a line,
 * and `LF.CRLF` for the end of the mail.
 *
 * Without such dots, as nearly always, `head` is a view of `mail`, not a copy.
 */
export function toDataBody(mail: Uint8Array): DataBody {
  const bytes = stuffDots(Buffer.from(mail.buffer, mail.byteOffset, mail.byteLength))
  const cut = Math.max(0, bytes.length - tailBytes)
  const endsLine = bytes.length === 0 || (bytes.length >= 2 && bytes.at(-2) === CR && bytes.at(-1) === LF)
  return { head: bytes.subarray(0, cut), tail: Buffer.concat([bytes.subarray(cut), endsLine ? dotAfterLine : dot]) }
}

const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e
const dot = Buffer.from('\r\n.\r\n')
const dotAfterLine = Buffer.from('.\r\n')

function stuffDots(bytes: Buffer): Buffer {
  if (bytes[0] !== DOT && !bytes.includes('\n.')) return bytes
  let dots = 0
  let previous = LF
  for (const byte of bytes) {
    if (byte === DOT && previous === LF) dots += 1
    previous = byte
  }
  const stuffed = Buffer.allocUnsafe(bytes.length + dots)
  let at = 0
  previous = LF
  for (const byte of bytes) {
    if (byte === DOT && previous === LF) stuffed[at++] = DOT
    stuffed[at++] = byte
    previous = byte
  }
  return stuffed
}
