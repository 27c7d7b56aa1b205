import fc from 'fast-check'
import { decodeWords } from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { cleanHeaderText, encodedWords, isLiteral, split, utf8Length } from './encoded-words.ts'

/** Any UTF-16, halves of surrogate pairs, controls and marks of direction among it. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map((units) => String.fromCharCode(...units)),
  fc.string({
    unit: fc.constantFrom(...' a"\\<>,;:@()=?_\r\n\t\0\u2028\u202e日é😀\u0301', '=?UTF-8?Q?', '?='),
    maxLength: 200,
  }),
)

/** The words of a folded text, each decoded alone: fails where a word is too long, or ends within a character. */
function decodeEach(folded: string): string[] {
  return folded.split('\r\n ').map((word) => {
    expect(word.length).toBeLessThanOrEqual(75)
    const [, encoding, content = ''] = /^=\?UTF-8\?([BQ])\?([^? ]+)\?=$/.exec(word) ?? []
    expect(encoding).toBeDefined()
    const octets =
      encoding === 'B'
        ? Buffer.from(content, 'base64')
        : Buffer.from(
            content
              .replaceAll('_', ' ')
              .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
            'latin1',
          )
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  })
}

describe('cleanHeaderText', () => {
  test.each([
    ['plain text', 'plain text'],
    ['a\r\nBcc: b@x.jp', 'a Bcc: b@x.jp'],
    ['a\r\n\r\n\0b', 'a b'],
    ['tab\there', 'tab here'],
    ['a\u0085b\u2028c\u2029d\u007fe\u009ff', 'a b c d e f'],
    ['invoice\u202efdp.exe', 'invoicefdp.exe'],
    ['\u2067a\u2069\ufeffb', 'ab'],
    ['half \ud83d pair \ude00', 'half \ufffd pair \ufffd'],
    ['שלום\u200f, 👨\u200d👩\u200d👧', 'שלום\u200f, 👨\u200d👩\u200d👧'],
    ['\u3000日本\u00a0語 ', '\u3000日本\u00a0語 '],
  ])('%j becomes %j', (text, clean) => {
    expect(cleanHeaderText(text)).toBe(clean)
  })

  test('leaves no control, no line break and no half pair of any text, and changes nothing when repeated', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const clean = cleanHeaderText(text)
        expect(clean).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069\ufeff]/u)
        expect(cleanHeaderText(clean)).toBe(clean)
      }),
    )
  })
})

test.each([
  ['Hello', true],
  ['', true],
  [' Hello', false],
  ['Hello ', false],
  ['=?UTF-8?B?YQ==?=', false],
  ['a =?b', false],
  ['a = ? b', true],
  ['é', false],
])('%j can be literal: %s', (text, expected) => {
  expect(isLiteral(text)).toBe(expected)
})

describe('encodedWords', () => {
  test('writes Japanese in base64, and Latin with a few accents in Q', () => {
    expect(encodedWords('お問い合わせ', 9)).toBe('=?UTF-8?B?44GK5ZWP44GE5ZCI44KP44Gb?=')
    expect(encodedWords('The menu of Café Noir', 9)).toBe('=?UTF-8?Q?The_menu_of_Caf=C3=A9_Noir?=')
    expect(encodedWords('Café (é)', 9)).toBe('=?UTF-8?B?Q2Fmw6kgKMOpKQ==?=')
  })

  test('gives back any text when its words are decoded one by one, on lines of at most 76', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 50 }), (text, column) => {
        const clean = cleanHeaderText(text)
        fc.pre(clean !== '')
        const folded = encodedWords(clean, column)
        expect(decodeEach(folded).join('')).toBe(clean)
        for (const [index, line] of folded.split('\r\n').entries()) {
          expect(line.length + (index === 0 ? column : 0)).toBeLessThanOrEqual(76)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('is read alike by another program', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const clean = cleanHeaderText(text)
        fc.pre(clean !== '')
        expect(decodeWords(encodedWords(clean, 9).replaceAll('\r\n', ''))).toBe(clean)
      }),
    )
  })

  test('keeps what is seen as one character in one word', () => {
    const clusters = [
      '👨‍👩‍👧‍👦',
      '🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}',
      '🇯🇵',
      '👍🏽',
      'か\u3099',
      'ﾊﾟ',
      'e\u0301\u0323',
      'षि',
      '❤️',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '日', ...clusters), { minLength: 1, maxLength: 80 }), (characters) => {
        const words = decodeEach(encodedWords(characters.join(''), 9))
        let rest = characters
        for (const word of words) {
          let taken = ''
          while (taken.length < word.length) {
            const [first = '', ...others] = rest
            taken += first
            rest = others
          }
          expect(taken).toBe(word)
        }
      }),
    )
  })

  test('still cuts a pile of marks that no word can hold', () => {
    const pile = `a${'\u0301'.repeat(5000)}`
    expect(decodeEach(encodedWords(pile, 9)).join('')).toBe(pile)
  })

  test('leaves room at the end of lines where it is told to', () => {
    for (const text of ['a?'.repeat(200), '日'.repeat(200)]) {
      for (const line of encodedWords(text, 7, 70).split('\r\n')) expect(line.length).toBeLessThanOrEqual(70)
    }
  })
})

test('split never exceeds the room, and loses nothing', () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 4, max: 60 }), fc.integer({ min: 0, max: 56 }), (text, first, more) => {
      const room = first + more
      const pieces = split(text, first, room, utf8Length)
      expect(pieces.join('')).toBe(text)
      for (const [index, piece] of pieces.entries()) {
        expect(Buffer.byteLength(piece)).toBeLessThanOrEqual(index === 0 ? first : room)
        if (text !== '') expect(piece).not.toBe('')
      }
    }),
  )
})
