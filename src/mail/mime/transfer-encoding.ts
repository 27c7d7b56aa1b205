/** A body as it goes into a mail: 7-bit, CRLF line ends, ended by one unless it is empty. */
export type EncodedBody = {
  encoding: '7bit' | 'quoted-printable' | 'base64'
  /** A string where every character is one octet. */
  body: string | Uint8Array
}

/**
 * A text ready for a mail (RFC 2045 §6): as it is where it survives every relay, else in the shorter of
 * quoted-printable and base64. Line ends of any kind become CRLF, and the last line gets one; the characters are encoded in
 * UTF-8, with U+FFFD for half surrogate pairs.
 *
 * @param reserved must not occur in a body that goes out as it is: how the mail's boundaries begin. It has to contain
 * `=_`, which the two encodings never produce.
 */
export function encodeText(text: string, reserved: string): EncodedBody {
  const lines = toCrlf(text)
  if (isPlain(lines) && !lines.includes(reserved)) return { encoding: '7bit', body: lines }
  const octets = encoder.encode(lines)
  const limit = base64Length(octets.length)
  // Each octet beyond the number of code units stands for at least 1.5 non-ASCII octets, and each of those takes two
  // columns more when quoted: enough to know at once that Japanese is shorter in base64.
  const atLeast = octets.length + 3 * (octets.length - lines.length)
  const quoted = atLeast > limit ? null : quotePrintable(octets, limit)
  return quoted === null
    ? { encoding: 'base64', body: encodeBase64(octets) }
    : { encoding: 'quoted-printable', body: quoted }
}

const encoder = new TextEncoder()

function toCrlf(text: string): string {
  const lines = text.replace(/\r\n?|\n/g, '\r\n')
  return lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`
}

/** RFC 5322 §2.1.1: what a line should not exceed, without its CRLF. */
const longestPlainLine = 78
const asciiText = /^[\t\r\n\x20-\x7e]*$/
const tab = 0x09
const lineFeed = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const dot = 0x2e
const equals = 0x3d
const capitalF = 0x46

/**
 * Whether CRLF text survives as 7bit: ASCII, short lines, and nothing of what gateways are known to change (RFC 2049
 * §3): control characters, white space at the end of a line, a dot or `From ` at its beginning. A changed body would
 * break the mail's DKIM signature as well.
 */
function isPlain(text: string): boolean {
  if (!asciiText.test(text)) return false
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\r\n', start)
    if (end - start > longestPlainLine) return false
    const first = text.charCodeAt(start)
    if (first === dot || (first === capitalF && text.startsWith('From ', start))) return false
    const last = end > start ? text.charCodeAt(end - 1) : 0
    if (last === space || last === tab) return false
    start = end + '\r\n'.length
  }
  return true
}

const hexDigits = encoder.encode('0123456789ABCDEF')
/** Columns of an encoded line, with the `=` of a soft line break. */
const lineWidth = 76

/**
 * Quoted-printable (RFC 2045 §6.7) of octets whose line ends are CRLF; null when it gets longer than `limit`. A dot or
 * `From ` at the beginning of a line is quoted too, also where only folding put it there.
 */
function quotePrintable(octets: Uint8Array, limit: number): Uint8Array | null {
  // Room for what one octet adds at most: a soft line break and a quoted octet.
  const out = new Uint8Array(limit + 6)
  let length = 0
  let column = 0
  for (let index = 0; index < octets.length; index++) {
    const octet = octets[index] as number
    const next = octets[index + 1]
    if (octet === carriageReturn && next === lineFeed) {
      out[length] = carriageReturn
      out[length + 1] = lineFeed
      length += 2
      column = 0
      index++
    } else {
      let plain = isPlainOctet(octet, next)
      if (column + (plain ? 1 : 3) >= lineWidth) {
        out[length] = equals
        out[length + 1] = carriageReturn
        out[length + 2] = lineFeed
        length += 3
        column = 0
      }
      plain = plain && !(column === 0 && (octet === dot || isFrom(octets, index)))
      if (plain) {
        out[length] = octet
        length += 1
        column += 1
      } else {
        out[length] = equals
        out[length + 1] = hexDigits[octet >> 4] as number
        out[length + 2] = hexDigits[octet & 15] as number
        length += 3
        column += 3
      }
    }
    if (length > limit) return null
  }
  return out.subarray(0, length)
}

function isPlainOctet(octet: number, next: number | undefined): boolean {
  if (octet === space || octet === tab) return next !== undefined && next !== carriageReturn
  return octet > space && octet < 0x7f && octet !== equals
}

const fromLine = encoder.encode('From ')

function isFrom(octets: Uint8Array, index: number): boolean {
  return octets[index] === capitalF && fromLine.every((octet, offset) => octets[index + offset] === octet)
}

const base64Digits = encoder.encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')

/** Base64 (RFC 2045 §6.8) in lines of 76 columns, each with its CRLF. */
export function encodeBase64(octets: Uint8Array): Uint8Array {
  const out = new Uint8Array(base64Length(octets.length))
  let length = 0
  let column = 0
  for (let index = 0; index < octets.length; index += 3) {
    if (column === lineWidth) {
      out[length++] = carriageReturn
      out[length++] = lineFeed
      column = 0
    }
    const first = octets[index] as number
    const second = octets[index + 1]
    const third = octets[index + 2]
    const bits = (first << 16) | ((second ?? 0) << 8) | (third ?? 0)
    out[length++] = base64Digits[bits >> 18] as number
    out[length++] = base64Digits[(bits >> 12) & 63] as number
    out[length++] = second === undefined ? equals : (base64Digits[(bits >> 6) & 63] as number)
    out[length++] = third === undefined ? equals : (base64Digits[bits & 63] as number)
    column += 4
  }
  if (length > 0) {
    out[length] = carriageReturn
    out[length + 1] = lineFeed
  }
  return out
}

/** Octets that `encodeBase64` makes of as many. */
function base64Length(octets: number): number {
  const digits = Math.ceil(octets / 3) * 4
  return digits + Math.ceil(digits / lineWidth) * '\r\n'.length
}
