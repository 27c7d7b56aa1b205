import fc from 'fast-check'
import nodemailerParser from 'nodemailer/lib/addressparser'
import { addressParser, decodeWords } from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { cleanHeaderText } from './encoded-words.ts'
import { fileNameParameters, formatDate, mailboxField, textField, valueField } from './headers.ts'

/** The value of one field as its reader sees it: unfolded (RFC 5322 §2.2.3). Fails on more than one field. */
function unfoldedValue(field: string): string {
  const [, value] = /^[A-Za-z-]+: ?((?:[\x20-\x7e]|\r\n )*)\r\n$/.exec(field) ?? []
  if (value === undefined) throw new Error(`not one header field: ${JSON.stringify(field)}`)
  return value.replaceAll('\r\n', '')
}

function longestLine(field: string): number {
  return Math.max(...field.split('\r\n').map((line) => line.length))
}

const plainText = fc.string({ unit: 'grapheme-ascii', maxLength: 300 })

describe('textField', () => {
  test.each([
    ['', 'Subject:\r\n'],
    ['\r\n', 'Subject: =?UTF-8?Q?_?=\r\n'],
    ['Thank you', 'Subject: Thank you\r\n'],
    ['Trailing ', 'Subject: =?UTF-8?Q?Trailing_?=\r\n'],
    ['Hi\r\nBcc: b@x.jp', 'Subject: Hi Bcc: b@x.jp\r\n'],
    ['=?UTF-8?B?YQ==?=', 'Subject: =?UTF-8?B?PT9VVEYtOD9CP1lRPT0/PQ==?=\r\n'],
    [
      'A subject of many words is folded between two of them, before the space that stands there',
      'Subject: A subject of many words is folded between two of them, before the\r\n space that stands there\r\n',
    ],
  ])('%j', (text, field) => {
    expect(textField('Subject', text)).toBe(field)
  })

  test('gives any text back on lines of at most 76', () => {
    fc.assert(
      fc.property(fc.oneof(plainText, fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
        const field = textField('Subject', text)
        expect(decodeWords(unfoldedValue(field))).toBe(cleanHeaderText(text))
        expect(longestLine(field)).toBeLessThanOrEqual(76)
        // A line of nothing but white space is obsolete syntax, and some relays take it for the end of the header.
        expect(
          field
            .split('\r\n')
            .slice(0, -1)
            .every((line) => line.trim() !== ''),
        ).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})

test('valueField leaves a long word whole, and still breaks no line of 998', () => {
  const url = `<https://forms.example.jp/stop/${'x'.repeat(200)}>`
  expect(valueField('List-Unsubscribe', url)).toBe(`List-Unsubscribe: ${url}\r\n`)
  expect(valueField('X-Two', `${'y'.repeat(70)} ${url}`)).toBe(`X-Two: ${'y'.repeat(70)}\r\n ${url}\r\n`)
  const huge = valueField('X-Huge', 'z'.repeat(5000))
  expect(longestLine(huge)).toBeLessThanOrEqual(76)
  expect(decodeWords(unfoldedValue(huge))).toBe('z'.repeat(5000))
})

describe('mailboxField', () => {
  const address = { local: 'no-reply', domain: 'example.jp', utf8: false }

  test.each([
    [null, 'From: <no-reply@example.jp>\r\n'],
    ['', 'From: <no-reply@example.jp>\r\n'],
    [' \u3000\r\n', 'From: <no-reply@example.jp>\r\n'],
    ['Example Shop', 'From: Example Shop <no-reply@example.jp>\r\n'],
    ['J. Smith, Jr.', 'From: "J. Smith, Jr." <no-reply@example.jp>\r\n'],
    ['The "best" \\ shop', 'From: "The \\"best\\" \\\\ shop" <no-reply@example.jp>\r\n'],
    ['a@b.jp', 'From: "a@b.jp" <no-reply@example.jp>\r\n'],
    ['山田花子', 'From: =?UTF-8?B?5bGx55Sw6Iqx5a2Q?= <no-reply@example.jp>\r\n'],
    ['=?utf-8?q?a?=', 'From: =?UTF-8?B?PT91dGYtOD9xP2E/PQ==?= <no-reply@example.jp>\r\n'],
    ['x>\r\nBcc: <b@x.jp', 'From: "x> Bcc: <b@x.jp" <no-reply@example.jp>\r\n'],
    [
      'A shop whose name fills this line nearly to its last column, 12',
      'From: "A shop whose name fills this line nearly to its last column, 12"\r\n <no-reply@example.jp>\r\n',
    ],
  ])('%j', (name, field) => {
    expect(mailboxField('From', name, address)).toBe(field)
  })

  test('gives two readers the one address and the name, whatever the name', () => {
    const names = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 120 }),
      fc.string({
        unit: fc.constantFrom(...' aB1.,;:<>()[]@"\\=?_\'日é😀\r\n\t\0', '=?UTF-8?Q?', '?='),
        maxLength: 120,
      }),
    )
    fc.assert(
      fc.property(names, (name) => {
        const field = mailboxField('Reply-To', name, address)
        const value = unfoldedValue(field)
        const expected = cleanHeaderText(name).trim()
        expect(addressParser(value)).toEqual([{ name: expected, address: 'no-reply@example.jp' }])
        const [second, ...more] = nodemailerParser(value)
        expect(more).toEqual([])
        expect(second?.address).toBe('no-reply@example.jp')
        expect(decodeWords(second?.name ?? '')).toBe(expected)
        expect(longestLine(field)).toBeLessThanOrEqual(76)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('formatDate', () => {
  test.each([
    [0, 'Thu, 01 Jan 1970 00:00:00 +0000'],
    [Date.UTC(2026, 10, 21, 9, 5, 7, 999), 'Sat, 21 Nov 2026 09:05:07 +0000'],
    [Date.UTC(9999, 11, 31, 23, 59, 59), 'Fri, 31 Dec 9999 23:59:59 +0000'],
  ])('%i is %s', (time, text) => {
    expect(formatDate(time)).toBe(text)
  })

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, Date.UTC(10000, 0, 1)])('%d is no date of a mail', (time) => {
    expect(() => formatDate(time)).toThrow(RangeError)
  })
})

describe('fileNameParameters', () => {
  test('writes a simple name as it is', () => {
    expect(fileNameParameters('report (1).pdf')).toEqual({
      name: ';\r\n name="report (1).pdf"',
      filename: ';\r\n filename="report (1).pdf"',
    })
  })

  test('writes nothing for an empty name', () => {
    expect(fileNameParameters('\u202e')).toEqual({ name: '', filename: '' })
  })

  test('writes others by RFC 2231, in sections when they are long, with encoded words for old programs', () => {
    expect(fileNameParameters('見積.pdf')).toEqual({
      name: ';\r\n name="=?UTF-8?B?6KaL56mNLnBkZg==?="',
      filename: ";\r\n filename*=UTF-8''%E8%A6%8B%E7%A9%8D.pdf",
    })
    expect(fileNameParameters('a"b\\c\'*(!)~%.txt').filename).toBe(
      ";\r\n filename*=UTF-8''a%22b%5Cc%27%2A%28%21%29%7E%25.txt",
    )
    expect(fileNameParameters('日'.repeat(8)).filename).toBe(
      `;\r\n filename*0*=UTF-8''${'%E6%97%A5'.repeat(5)};\r\n filename*1*=${'%E6%97%A5'.repeat(3)}`,
    )
  })

  test('keeps any name on lines of 76, each section of whole characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (fileName) => {
        const { name, filename } = fileNameParameters(fileName)
        // Semicolons are added by what follows, if anything does.
        expect(longestLine(`${name}\r\n${filename}`)).toBeLessThanOrEqual(76)
        const sections = [...filename.matchAll(/\*=(?:UTF-8'')?([^;]*)/g)].map(([, section = '']) =>
          decodeURIComponent(section),
        )
        if (sections.length > 0) expect(sections.join('')).toBe(cleanHeaderText(fileName))
      }),
    )
  })
})
