import { type Address, toPath } from '../address.ts'
import { cleanHeaderText, encodedWords, isLiteral, lineWidth, split, utf8Length } from './encoded-words.ts'

/** Longest line we write where a long word can't be broken; RFC 5322 §2.1.1 allows 998. */
const longestLine = 900

/**
 * A field with free text (RFC 5322 `unstructured`), CRLF included: literal where the text is printable ASCII that folds
 * into 76 columns, else encoded words. Any text is safe; see `cleanHeaderText` for what is lost.
 *
 * @example textField('Subject', 'お問い合わせ') // 'Subject: =?UTF-8?B?44GK5ZWP44GE5ZCI44KP44Gb?=\r\n'
 */
export function textField(name: string, text: string): string {
  return field(name, text, lineWidth)
}

/**
 * A field with a value in the program's own hand: as `textField`, but a long word (a URL in angle brackets, say) stays
 * whole, since encoding it would take its meaning.
 */
export function valueField(name: string, value: string): string {
  return field(name, value, longestLine)
}

function field(name: string, text: string, widest: number): string {
  const clean = cleanHeaderText(text)
  if (clean === '') return `${name}:\r\n`
  const column = name.length + ': '.length
  const literal = isLiteral(clean) ? foldAtSpaces(clean, column, widest) : null
  return `${name}: ${literal ?? encodedWords(clean, column)}\r\n`
}

/** Folds before spaces so that lines stay within 76 columns; null when a word makes a line longer than `widest`. */
function foldAtSpaces(text: string, column: number, widest: number): string | null {
  if (column + text.length <= lineWidth) return text
  const lines: string[] = []
  let start = 0
  let end = 0
  let used = column
  for (const [unit] of text.matchAll(/ *[^ ]+/g)) {
    if (end > start && used + unit.length > lineWidth) {
      lines.push(text.slice(start, end))
      start = end
      used = 0
    }
    used += unit.length
    end += unit.length
    if (used > widest) return null
  }
  lines.push(text.slice(start))
  return lines.join('\r\n')
}

/**
 * A field with one mailbox (RFC 5322 §3.4), CRLF included. The display name stands as it is, quoted or as encoded
 * words, whichever it needs; white space around it is dropped, and an empty one left out.
 */
export function mailboxField(fieldName: string, name: string | null, address: Address): string {
  const path = toPath(address)
  const column = fieldName.length + ': '.length
  const phrase = name === null ? '' : toPhrase(name, column)
  if (phrase === '') return `${fieldName}: ${path}\r\n`
  const lastLine = phrase.includes('\n') ? phrase.length - phrase.lastIndexOf('\n') - 1 : column + phrase.length
  const space = lastLine + 1 + path.length <= lineWidth ? ' ' : '\r\n '
  return `${fieldName}: ${phrase}${space}${path}\r\n`
}

const atoms = /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/

function toPhrase(name: string, column: number): string {
  const clean = cleanHeaderText(name).trim()
  if (clean === '') return ''
  if (isLiteral(clean)) {
    const literal = atoms.test(clean) ? clean : `"${clean.replace(/["\\]/g, '\\$&')}"`
    if (column + literal.length <= lineWidth) return literal
  }
  return encodedWords(clean, column)
}

/**
 * A date-time in UTC (RFC 5322 §3.3).
 *
 * @param time milliseconds since 1970
 * @throws RangeError outside the years 1970 to 9999
 * @example formatDate(0) // 'Thu, 01 Jan 1970 00:00:00 +0000'
 */
export function formatDate(time: number): string {
  if (!(time >= 0 && time < endOf9999)) throw new RangeError('a mail needs a date between 1970 and 9999')
  // The form of toUTCString is fixed by ECMAScript, and is that of RFC 5322 but for the name of the zone.
  return new Date(time).toUTCString().replace('GMT', '+0000')
}

const endOf9999 = 253_402_300_800_000

/**
 * Parameters of a header that carry a file name, each on its own line: plain where it is simple ASCII; else by RFC 2231
 * for `filename`, and as encoded words in quotes for `name`, which no standard has, but which is what older mail programs read.
 */
export function fileNameParameters(fileName: string): { name: string; filename: string } {
  const clean = cleanHeaderText(fileName)
  if (clean === '') return { name: '', filename: '' }
  if (isLiteral(clean) && simpleFileName.test(clean)) {
    return { name: `;\r\n name="${clean}"`, filename: `;\r\n filename="${clean}"` }
  }
  const words = encodedWords(clean, ' name="'.length, lineWidth - '"'.length)
  return { name: `;\r\n name="${words}"`, filename: extendedParameter('filename', clean) }
}

/** Short printable ASCII that needs no escapes: mail programs differ in how they read `\"` and `\\` in file names. */
const simpleFileName = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,60}$/

function extendedParameter(name: string, value: string): string {
  const room = lineWidth - ` ${name}*99999*=UTF-8'';`.length
  const [first = '', ...rest] = split(value, room, room, percentCost).map(percentEncode)
  if (rest.length === 0) return `;\r\n ${name}*=UTF-8''${first}`
  const sections = rest.map((section, index) => `;\r\n ${name}*${index + 1}*=${section}`)
  return `;\r\n ${name}*0*=UTF-8''${first}${sections.join('')}`
}

/** Never read as anything else: a part of what RFC 2231 §7 allows in an `attribute-char`. */
const plainInParameter = /[A-Za-z0-9._-]/

function percentCost(codePoint: number): number {
  return codePoint < 0x80 && plainInParameter.test(String.fromCharCode(codePoint)) ? 1 : 3 * utf8Length(codePoint)
}

function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!~*'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}
