import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeBase64, encodeText } from './transfer-encoding.ts'

const reserved = '=_seed'

function encode(text: string): { encoding: string; body: string } {
  const { encoding, body } = encodeText(text, reserved)
  return { encoding, body: typeof body === 'string' ? body : Buffer.from(body).toString('latin1') }
}

/** A strict reader: any octet, line or escape that RFC 2045 does not allow is an error. */
function decode({ encoding, body }: { encoding: string; body: string }): string {
  expect(/^(?:[\t\x20-\x7e]*\r\n)*$/.test(body)).toBe(true)
  const lines = body.split('\r\n')
  const width = encoding === '7bit' ? 78 : 76
  expect(lines.find((line) => line.length > width || /[ \t]$|^\.|^From /.test(line))).toBeUndefined()
  if (encoding === '7bit') return body
  if (encoding === 'base64') return Buffer.from(lines.join(''), 'base64').toString('utf8')
  const unfolded = body.replaceAll('=\r\n', '')
  expect(/=(?![0-9A-F]{2})/.test(unfolded)).toBe(false)
  const octets = unfolded.replace(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(octets, 'latin1'))
}

/** What a text is in its mail: CRLF at every line's end, no half surrogate pairs. */
function canonical(text: string): string {
  const lines = text.toWellFormed().split(/\r\n|\r|\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line) => `${line}\r\n`).join('')
}

const bodies = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 300 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom(
        'a',
        ' ',
        '.',
        '=',
        '\n',
        '\r\n',
        '\r',
        '\t',
        'é',
        '日本',
        '\0',
        'From ',
        '\n.',
        '\nFrom ',
        'word '.repeat(12),
        'x'.repeat(75),
      ),
      { maxLength: 60 },
    )
    .map((parts) => parts.join('')),
)

describe('encodeText', () => {
  test('gives any text back to a strict reader', () => {
    fc.assert(
      fc.property(bodies, (text) => void expect(decode(encode(text))).toBe(canonical(text))),
      { numRuns: 2000 },
    )
  })

  test.each([
    ['', '7bit'],
    ['Hello\nworld', '7bit'],
    ['x'.repeat(78), '7bit'],
    ['tab\there', '7bit'],
    ['x'.repeat(79), 'quoted-printable'],
    ['-- \nsignature of a mail', 'quoted-printable'],
    ['.\nshorter than base64', 'quoted-printable'],
    ['From me, quoted, as mailboxes change it', 'quoted-printable'],
    ['A form feed\f and a NUL\0 are no text', 'quoted-printable'],
    ['Smørrebrød for everybody, please', 'quoted-printable'],
    [`--${reserved}_m, said somebody who knew`, 'quoted-printable'],
    ['お問い合わせ', 'base64'],
    ['éèê', 'base64'],
    ['Name: 山田花子\nComment: as in the mail of yesterday, the one about the second delivery\n', 'quoted-printable'],
  ])('%j goes out as %s', (text, encoding) => {
    expect(encode(text).encoding).toBe(encoding)
  })

  test('takes the shorter of the two encodings, to the octet', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b ', '日', 'é', '\n', '='), { maxLength: 200 }), (parts) => {
        const { encoding, body } = encode(`\0${parts.join('')}`)
        const base64 = encodeBase64(Buffer.from(canonical(`\0${parts.join('')}`)))
        expect(body.length).toBeLessThanOrEqual(base64.length)
        if (encoding === 'base64') expect(quotedLength(canonical(`\0${parts.join('')}`))).toBeGreaterThan(base64.length)
      }),
    )
  })

  test('never lets a body look like a boundary', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('--', reserved, '_m', '\n', 'a', '日'), { maxLength: 20 }), (parts) => {
        expect(encode(parts.join('')).body).not.toContain(reserved)
      }),
    )
  })

  test('takes a line of a megabyte, and a megabyte of empty lines', () => {
    for (const unit of ['x', '日', '\n', '.', '=', ' ', '\0', '\ud800']) {
      const text = unit.repeat(1_000_000)
      expect(decode(encode(text)) === canonical(text)).toBe(true)
    }
  })
})

/** Length of a text without dots in quoted-printable, counted without making it. */
function quotedLength(text: string): number {
  let length = 0
  let column = 0
  const octets = Buffer.from(text)
  for (const [index, octet] of octets.entries()) {
    if (octet === 0x0d) continue
    if (octet === 0x0a) {
      length += 2
      column = 0
      continue
    }
    const last = octets[index + 1] === 0x0d
    const width = octet < 0x20 || octet > 0x7e || octet === 0x3d || (octet === 0x20 && last) ? 3 : 1
    if (column + width > 75) {
      length += 3
      column = 0
    }
    length += width
    column += width
  }
  return length
}

describe('encodeBase64', () => {
  test('is what the platform makes, in lines of 76', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => {
        const lines = Buffer.from(encodeBase64(octets)).toString('latin1').split('\r\n')
        expect(lines.pop()).toBe('')
        expect(lines.join('')).toBe(Buffer.from(octets).toString('base64'))
        expect(lines.slice(0, -1).every((line) => line.length === 76)).toBe(true)
        expect(lines.at(-1)?.length ?? 0).toBeLessThanOrEqual(76)
      }),
    )
  })
})
