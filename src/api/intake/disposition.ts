/**
 * Field name and file name of a part, as bytes: browsers write them in the encoding of the page. The header comes with a
 * character per byte.
 *
 * Quotes inside a value come as `%22` (HTML §4.10.21.8) or, from some programs, as `\"`. A backslash alone means nothing:
 * it is the second byte of many Shift_JIS characters. So a value ends at a quote that the rest of the header can follow.
 */
export function disposition(header: string): { name: Uint8Array | null; fileName: Uint8Array | null } {
  const none = { name: null, fileName: null }
  if (!/^\s*form-data\s*(?:;|$)/i.test(header)) return none
  const values = new Map<string, string>()
  let at = header.indexOf(';')
  while (at !== -1 && at < header.length) {
    const parameter = /^;\s*([\w*-]+)\s*=\s*/.exec(header.slice(at, at + 200))
    if (parameter === null) break
    at += parameter[0].length
    const key = (parameter[1] ?? '').toLowerCase()
    const { value, end } = header[at] === '"' ? quoted(header, at + 1) : token(header, at)
    if (!values.has(key)) values.set(key, value)
    at = header.indexOf(';', end)
  }
  const name = values.get('name')
  const fileName = extended(values.get('filename*')) ?? values.get('filename')
  return { name: name === undefined ? null : bytes(name), fileName: fileName === undefined ? null : bytes(fileName) }
}

function quoted(header: string, from: number): { value: string; end: number } {
  for (let end = header.indexOf('"', from); end !== -1; end = header.indexOf('"', end + 1)) {
    const next = /^\s*(?:;|$)/.test(header.slice(end + 1, end + 50))
    if (next) return { value: unescaped(header.slice(from, end)), end: end + 1 }
  }
  return { value: unescaped(header.slice(from)), end: header.length }
}

function token(header: string, from: number): { value: string; end: number } {
  const stop = header.indexOf(';', from)
  const end = stop === -1 ? header.length : stop
  return { value: header.slice(from, end).trim(), end }
}

function unescaped(value: string): string {
  return value.replace(/%22|%0D|%0A|\\"/gi, (found) =>
    found === '\\"' ? '"' : String.fromCharCode(Number.parseInt(found.slice(1), 16)),
  )
}

/** `filename*=UTF-8''…` (RFC 8187), which RFC 7578 forbids here and some programs send. */
function extended(value: string | undefined): string | null {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1]
  if (encoded === undefined) return null
  return encoded.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function bytes(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0))
}
