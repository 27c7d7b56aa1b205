/**
 * Bytes of a posted form as text. Browsers post in the encoding of the page, and most pages are UTF-8; those that are
 * not (Shift_JIS, EUC-JP, ISO-2022-JP) say nothing about it in the request, unless the form has a `_charset_` field.
 * Text that can't be read is refused rather than stored as mojibake.
 *
 * The encoding is decided once per body, over all names and values, so that two fields never disagree.
 */

/** What is known about the encoding apart from the bytes. Labels as in the Encoding Standard; unknown ones are ignored. */
export type CharsetHints = {
  /** `charset` of the Content-Type. */
  declared: string | null
  /** Encodings of the form's known pages (`RuleVariant.charset`). */
  pageCharsets: readonly string[]
}

export type DecodedForm =
  | { kind: 'ok'; entries: [name: string, value: string][]; charset: string }
  | { kind: 'too-many-fields' | 'field-too-large' | 'bad-charset' }

/**
 * The name of an encoding that forms are posted in, from one of its labels (Encoding Standard §4.2); null for labels
 * nobody knows and for encodings that no browser posts in (UTF-16, `x-user-defined`, `replacement`).
 *
 * @example charsetName('Windows-31J') // 'shift_jis'
 */
export function charsetName(label: string | null): string | null {
  if (label === null || label.length > 50) return null
  // Almost always, and for every variant of every form.
  if (label === 'utf-8') return label
  try {
    const name = new TextDecoder(label).encoding
    return name.startsWith('utf-16') || name === 'x-user-defined' ? null : name
  } catch {
    return null
  }
}

/**
 * Reads a body of type `application/x-www-form-urlencoded` (URL Standard §5.1): order and repeated names are kept, `+`
 * is a space, `%` without two hexadecimal digits stands for itself. Bytes that are not escaped are taken as they are.
 * NUL becomes U+FFFD, as in HTML.
 *
 * `maxFieldBytes` bounds each name and each value, unescaped and before decoding.
 *
 * @example
 * const body = new TextEncoder().encode('name=%96%BC%91O&_charset_=Shift_JIS')
 * decodeUrlencoded(body, { declared: null, pageCharsets: [], maxFields: 100, maxFieldBytes: 65536 })
 * // { kind: 'ok', entries: [['name', '名前'], ['_charset_', 'Shift_JIS']], charset: 'shift_jis' }
 */
export function decodeUrlencoded(
  body: Uint8Array,
  options: CharsetHints & { maxFields: number; maxFieldBytes: number },
): DecodedForm {
  const plain = isUtf8Expected(options) ? decodePlain(body, options) : null
  if (plain !== null) return { kind: 'ok', entries: plain, charset: 'utf-8' }

  const fields = splitUrlencoded(body, options)
  if (typeof fields === 'string') return { kind: fields }
  const charset = chooseCharset(fields, { ...options, field: charsetField(fields) })
  if (charset === null) return { kind: 'bad-charset' }
  const decode = textDecoder(charset)
  const texts = fields.map(decode)
  const entries: [string, string][] = []
  for (let i = 0; i < texts.length; i += 2) entries.push([texts[i] ?? '', texts[i + 1] ?? ''])
  return { kind: 'ok', entries, charset }
}

/**
 * The encoding of a body: the first that all of its texts are valid in. In this order:
 *
 * 1. the declared one; else the one a `_charset_` field names (`field`),
 * 2. ISO-2022-JP where a page has it and the bytes contain an escape,
 * 3. the pages' encoding where no page is UTF-8, and the bytes are ASCII; or they would be UTF-8 of two-byte sequences
 *    only, and the pages' encodings are multi-byte: half-width kana in Shift_JIS and some kanji in EUC-JP look like that,
 *    Japanese UTF-8 never does,
 * 4. UTF-8, then the pages' encodings.
 *
 * Null when no candidate fits.
 */
export function chooseCharset(
  texts: readonly Uint8Array[],
  hints: CharsetHints & { field: string | null },
): string | null {
  const pages = [...new Set(hints.pageCharsets.map(charsetName).filter((name) => name !== null))]
  const stated = charsetName(hints.declared) ?? charsetName(hints.field)
  const candidates: string[] = []
  if (stated !== null) candidates.push(stated)
  else if (pages.includes(iso2022jp) && texts.some((text) => text.includes(escapeByte))) candidates.push(iso2022jp)
  else if (pages.length > 0 && !pages.includes('utf-8')) {
    const width = utf8Width(texts)
    if (width === 1 || (width === 2 && pages.every((name) => multiByte.has(name)))) candidates.push(...pages)
  }
  candidates.push('utf-8', ...pages)
  return [...new Set(candidates)].find((name) => isValid(texts, name)) ?? null
}

/**
 * One text in an encoding that `chooseCharset` gave for it, for the parts of a multipart body.
 *
 * Browsers post a character that the page's encoding does not have as `&#9825;`, which can't be told from the same
 * text typed by hand. Such a reference is read as its character only when that character could not have been posted
 * otherwise.
 *
 * @throws TypeError when the bytes are not valid in the encoding.
 */
export function decodeText(bytes: Uint8Array, charset: string): string {
  return textDecoder(charset)(bytes)
}

const iso2022jp = 'iso-2022-jp'
const escapeByte = 0x1b

/** Encodings in which two bytes of 0x80 and above make one character, so that UTF-8 may be valid in them and reverse. */
const multiByte = new Set(['shift_jis', 'euc-jp', 'gbk', 'gb18030', 'big5', 'euc-kr'])

function isUtf8Expected(hints: CharsetHints): boolean {
  return [hints.declared, ...hints.pageCharsets].every(
    (label) => label === null || (charsetName(label) ?? 'utf-8') === 'utf-8',
  )
}

/** The fast way, for bodies that are UTF-8 without any doubt; null sends the body the slow way, for a verdict too. */
function decodePlain(
  body: Uint8Array,
  limits: { maxFields: number; maxFieldBytes: number },
): [string, string][] | null {
  const text = decodeOrNull(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }), body)
  if (
    text === null ||
    // As browsers post it, all of it is ASCII. Of a raw character beside a `%` that is no escape, URLSearchParams of Node 24
    // keeps the low byte only: "あ%41%" becomes "BA%".
    text.length !== body.length ||
    text.includes('_charset_') ||
    text.includes('\0') ||
    countsMore(text, '&', limits.maxFields - 1)
  ) {
    return null
  }
  // URLSearchParams drops a question mark in front; an empty first pair keeps it.
  const entries = [...new URLSearchParams(`&${text}`)]
  const canBeLong = body.length > limits.maxFieldBytes
  for (const [name, value] of entries) {
    if (isDoubtful(name) || isDoubtful(value)) return null
    // A UTF-16 unit takes at most three bytes; a text that comes near the limit is measured the slow way.
    if (canBeLong && Math.max(name.length, value.length) * 3 > limits.maxFieldBytes) return null
  }
  return entries
}

/** U+FFFD may stand for escaped bytes that were not UTF-8; an escaped `_charset_` was not seen in the raw text. */
function isDoubtful(text: string): boolean {
  return text.includes('\ufffd') || text.includes('\0') || text === '_charset_'
}

function countsMore(text: string, character: string, limit: number): boolean {
  let count = 0
  for (let at = text.indexOf(character); at !== -1; at = text.indexOf(character, at + 1)) {
    count += 1
    if (count > limit) return true
  }
  return false
}

/** Names and values in turn, unescaped, as views of one buffer that is no longer than the body. */
function splitUrlencoded(
  body: Uint8Array,
  limits: { maxFields: number; maxFieldBytes: number },
): Uint8Array[] | 'too-many-fields' | 'field-too-large' {
  const buffer = new Uint8Array(body.length)
  const fields: Uint8Array[] = []
  let length = 0
  let start = 0
  while (start < body.length) {
    const ampersand = body.indexOf(0x26, start)
    const end = ampersand === -1 ? body.length : ampersand
    if (end > start) {
      if (fields.length === 2 * limits.maxFields) return 'too-many-fields'
      const equals = body.subarray(start, end).indexOf(0x3d)
      const middle = equals === -1 ? end : start + equals
      for (const [from, to] of [
        [start, middle],
        [Math.min(middle + 1, end), end],
      ] as const) {
        const unescaped = unescapeInto(buffer, length, body, from, to)
        if (unescaped - length > limits.maxFieldBytes) return 'field-too-large'
        fields.push(buffer.subarray(length, unescaped))
        length = unescaped
      }
    }
    start = end + 1
  }
  return fields
}

function unescapeInto(target: Uint8Array, at: number, source: Uint8Array, from: number, to: number): number {
  let length = at
  for (let i = from; i < to; i++) {
    const byte = source[i] ?? 0
    const high = byte === 0x25 && i + 2 < to ? hexDigit(source[i + 1] ?? 0) : -1
    const low = high === -1 ? -1 : hexDigit(source[i + 2] ?? 0)
    if (low !== -1) i += 2
    target[length++] = low !== -1 ? high * 16 + low : byte === 0x2b ? 0x20 : byte
  }
  return length
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** The value of the first field named `_charset_` (HTML §4.10.22.5), which browsers fill with the encoding's name. */
function charsetField(fields: readonly Uint8Array[]): string | null {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.length === '_charset_'.length && asciiText(fields[i]) === '_charset_')
      return asciiText(fields[i + 1])
  }
  return null
}

function asciiText(bytes: Uint8Array = new Uint8Array()): string {
  return String.fromCharCode(...bytes.subarray(0, 100))
}

/** How many bytes the characters take at most: 1, 2, or 3 for more; null when the texts are not valid UTF-8. */
function utf8Width(texts: readonly Uint8Array[]): 1 | 2 | 3 | null {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let width: 1 | 2 | 3 = 1
  for (const bytes of texts) {
    const text = decodeOrNull(utf8, bytes)
    if (text === null) return null
    if (/[\u0800-\uffff]/.test(text)) width = 3
    else if (width === 1 && text.length < bytes.length) width = 2
  }
  return width
}

function isValid(texts: readonly Uint8Array[], charset: string): boolean {
  const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
  return texts.every((bytes) => decodeOrNull(decoder, bytes) !== null)
}

function decodeOrNull(decoder: TextDecoder, bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

function textDecoder(charset: string): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true })
  return (bytes) => {
    const text = decoder.decode(bytes).replaceAll('\0', '\ufffd')
    return charset !== 'utf-8' && text.includes('&#') ? resolveReferences(text, charset) : text
  }
}

function resolveReferences(text: string, charset: string): string {
  return text.replace(/&#([1-9][0-9]{1,6});/g, (reference, digits: string) => {
    const codePoint = Number(digits)
    const isCharacter = codePoint >= 0x80 && codePoint <= 0x10ffff && (codePoint < 0xd800 || codePoint > 0xdfff)
    return isCharacter && !repertoire(charset).has(codePoint) ? String.fromCodePoint(codePoint) : reference
  })
}

const repertoires = new Map<string, { has(codePoint: number): boolean }>()

/** Characters that an encoder of the Encoding Standard can write in this encoding; made when first asked for. */
function repertoire(charset: string): { has(codePoint: number): boolean } {
  const known = repertoires.get(charset)
  if (known !== undefined) return known
  const made = charset === 'gb18030' ? { has: () => true } : encodable(charset)
  repertoires.set(charset, made)
  return made
}

function encodable(charset: string): Set<number> {
  const characters = new Set<number>()
  const decoder = new TextDecoder(charset, { ignoreBOM: true })
  const add = (...bytes: number[]) => {
    const text = decoder.decode(Uint8Array.from(bytes))
    const codePoint = text.codePointAt(0) ?? 0xfffd
    // One character for all the bytes; two mean that the bytes do not belong together.
    if (codePoint !== 0xfffd && text.length === String.fromCodePoint(codePoint).length) characters.add(codePoint)
  }
  if (charset === iso2022jp) {
    for (let lead = 0x21; lead <= 0x7e; lead++) {
      for (let trail = 0x21; trail <= 0x7e; trail++) add(escapeByte, 0x24, 0x42, lead, trail)
    }
  } else {
    for (let byte = 0x80; byte <= 0xff; byte++) add(byte)
    if (multiByte.has(charset)) {
      for (let lead = 0x81; lead <= 0xfe; lead++) {
        if (isDecodedOnly(charset, lead)) continue
        for (let trail = 0x40; trail <= 0xfe; trail++) add(lead, trail)
      }
    }
  }
  if (charset === iso2022jp || charset === 'shift_jis' || charset === 'euc-jp') {
    // Yen sign and overline share bytes with ASCII, the minus sign those of its full-width form; half-width kana are
    // written full-width in ISO-2022-JP.
    for (const character of [0xa5, 0x203e, 0x2212]) characters.add(character)
    for (let kana = 0xff61; kana <= 0xff9f; kana++) characters.add(kana)
  }
  return characters
}

/** Rows that decoders read and encoders never write: user-defined characters, and most of Big5's Hong Kong rows. */
function isDecodedOnly(charset: string, lead: number): boolean {
  return (charset === 'shift_jis' && lead >= 0xf0 && lead <= 0xf9) || (charset === 'big5' && lead < 0xa1)
}
