import { charsetName } from '../submissions/charset.ts'

/** A page as text, with the encoding it is in (which its forms post in), or why it is not used. */
export type PageText = { kind: 'text'; text: string; charset: string } | { kind: 'not-adopted'; reason: string }

/** Larger files are no pages that people fill in. */
export const maxPageBytes = 5_000_000

/**
 * Reads a page's bytes as a browser would that knows nothing but the file: byte order mark, else `<meta>` or XML
 * declaration within the first 1024 bytes (HTML §13.2.3.2), else UTF-8. Bytes that are not valid in that encoding mean
 * that the page is broken, half written, or in another encoding than it says: it is not adopted, rather than guessed at.
 *
 * @example readPage(new TextEncoder().encode('<p>こんにちは')) // { kind: 'text', text: '<p>こんにちは', charset: 'utf-8' }
 */
export function readPage(bytes: Uint8Array): PageText {
  if (bytes.length === 0) return { kind: 'not-adopted', reason: 'the file is empty' }
  if (bytes.length > maxPageBytes) {
    return { kind: 'not-adopted', reason: `the file is larger than ${maxPageBytes / 1_000_000} MB` }
  }
  const mark = byteOrderMark(bytes)
  const stated = mark ?? statedCharset(bytes)
  const charset = stated ?? 'utf-8'
  try {
    return {
      kind: 'text',
      text: new TextDecoder(charset, { fatal: true }).decode(bytes),
      charset: formCharset(charset),
    }
  } catch {
    const origin =
      stated === null ? 'which holds for pages that name no encoding in their first 1024 bytes' : 'as the page says'
    return { kind: 'not-adopted', reason: `its bytes are not valid ${charset}, ${origin}` }
  }
}

/** Forms of UTF-16 pages are posted as UTF-8 ("get an output encoding", Encoding Standard §4.3). */
function formCharset(charset: string): string {
  return charset.startsWith('utf-16') ? 'utf-8' : charset
}

function byteOrderMark(bytes: Uint8Array): string | null {
  const [a, b, c] = bytes
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8'
  if (a === 0xfe && b === 0xff) return 'utf-16be'
  return a === 0xff && b === 0xfe ? 'utf-16le' : null
}

const whitespace = new Set(['\t', '\n', '\f', '\r', ' '])

/**
 * The prescan of the standard, over the bytes as characters. A page whose tags can be read so is not in UTF-16, whatever
 * they say: such a label counts as none, and UTF-8 follows.
 */
function statedCharset(bytes: Uint8Array): string | null {
  const text = String.fromCharCode(...bytes.subarray(0, 1024))
  let at = 0
  while (at < text.length) {
    if (text.startsWith('<!--', at)) {
      // The dashes of the beginning may be those of the end: `<!-->`.
      const end = text.indexOf('-->', at + 2)
      if (end === -1) return null
      at = end + '-->'.length
    } else if (/^<\/?[a-z]/i.test(text.slice(at, at + 3))) {
      const tag = readTag(text, at)
      const found = tag.name === 'meta' ? metaCharset(tag.attributes) : null
      if (found !== null) return found
      at = tag.end
    } else if (/^<[!/?]/.test(text.slice(at, at + 2))) {
      const end = text.indexOf('>', at)
      const declared = /^<\?xml\s[^>]*?encoding\s*=\s*(["'])([^"'>]*)\1/.exec(end === -1 ? '' : text.slice(at, end))
      const found = at === 0 ? charsetName(declared?.[2] ?? null) : null
      if (found !== null) return found
      at = end === -1 ? text.length : end + 1
    } else {
      at += 1
    }
  }
  return null
}

/** A tag cut by the end of the 1024 bytes has the attributes that were read whole. */
function readTag(text: string, start: number): { name: string; attributes: Map<string, string>; end: number } {
  const nameEnd = indexAfter(text, start + 1, (character) => !whitespace.has(character) && character !== '>')
  // `<meta/charset=…>` is a meta element too.
  const [name = '', ...rest] = text
    .slice(start + 1, nameEnd)
    .toLowerCase()
    .split('/')
  const attributes = new Map<string, string>()
  let at = rest.length === 0 || name === '' ? nameEnd : start + 1 + name.length
  for (;;) {
    at = indexAfter(text, at, (character) => whitespace.has(character) || character === '/')
    if (at >= text.length || text[at] === '>') return { name, attributes, end: at + 1 }
    const attribute = readAttribute(text, at)
    if (!attributes.has(attribute.name)) attributes.set(attribute.name, attribute.value)
    at = attribute.end
  }
}

function readAttribute(text: string, start: number): { name: string; value: string; end: number } {
  // An equals sign in front belongs to the name.
  const nameEnd = indexAfter(text, start + 1, (character) => !whitespace.has(character) && !'=/>'.includes(character))
  const name = text.slice(start, nameEnd).toLowerCase()
  const equals = indexAfter(text, nameEnd, (character) => whitespace.has(character))
  if (text[equals] !== '=') return { name, value: '', end: nameEnd }
  const valueStart = indexAfter(text, equals + 1, (character) => whitespace.has(character))
  const quote = text[valueStart]
  if (quote === '"' || quote === "'") {
    const close = text.indexOf(quote, valueStart + 1)
    const end = close === -1 ? text.length : close
    return { name, value: text.slice(valueStart + 1, end), end: end + 1 }
  }
  const end = indexAfter(text, valueStart, (character) => !whitespace.has(character) && character !== '>')
  return { name, value: text.slice(valueStart, end), end }
}

function indexAfter(text: string, start: number, belongs: (character: string) => boolean): number {
  let at = start
  while (at < text.length && belongs(text[at] ?? '')) at += 1
  return at
}

function metaCharset(attributes: ReadonlyMap<string, string>): string | null {
  const charset = attributes.get('charset')
  if (charset !== undefined) return charsetName(charset)
  if (attributes.get('http-equiv')?.toLowerCase() !== 'content-type') return null
  const match = /charset\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;"']+))/i.exec(attributes.get('content') ?? '')
  return charsetName(match?.[1] ?? match?.[2] ?? match?.[3] ?? null)
}
