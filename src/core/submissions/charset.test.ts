import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { charsetName, chooseCharset, decodeText, decodeUrlencoded } from './charset.ts'

const utf8 = new TextEncoder()
const wide = { maxFields: 1000, maxFieldBytes: 100_000 }

function decode(body: string | Uint8Array, hints: { declared?: string; pages?: string[] } = {}) {
  const bytes = typeof body === 'string' ? utf8.encode(body) : body
  return decodeUrlencoded(bytes, { declared: hints.declared ?? null, pageCharsets: hints.pages ?? [], ...wide })
}

function entriesOf(body: string | Uint8Array, hints: { declared?: string; pages?: string[] } = {}) {
  const decoded = decode(body, hints)
  if (decoded.kind !== 'ok') throw new Error(decoded.kind)
  return decoded.entries
}

/** Bytes as an urlencoded body writes them. */
const escaped = (...bytes: number[]) => bytes.map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

describe('an urlencoded body', () => {
  test.each([
    [
      'a=1&b=2',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    [
      'a=1&a=2&a=',
      [
        ['a', '1'],
        ['a', '2'],
        ['a', ''],
      ],
    ],
    ['a+b=c+d%2B', [['a b', 'c d+']]],
    [
      'a=%zz%4&b=%',
      [
        ['a', '%zz%4'],
        ['b', '%'],
      ],
    ],
    ['a=b=c', [['a', 'b=c']]],
    [
      '=v&n&&=',
      [
        ['', 'v'],
        ['n', ''],
        ['', ''],
      ],
    ],
    ['?a=1', [['?a', '1']]],
    ['%E5%90%8D=%e8%8a%b1', [['名', '花']]],
    ['a=花', [['a', '花']]],
    ['a=%EF%BB%BFx', [['a', '\ufeffx']]],
    ['a=%EF%BF%BD', [['a', '\ufffd']]],
    ['a=%00b', [['a', '\ufffdb']]],
    ['', []],
  ])('is read as the URL Standard says: %s', (body, entries) => {
    expect(decode(body)).toEqual({ kind: 'ok', entries, charset: 'utf-8' })
  })

  test('agrees with URLSearchParams on any UTF-8 text, escaped or not', () => {
    const piece = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('%', '+', '&', '=', '%41', '%E3%81%82', '花', '%00'),
    )
    fc.assert(
      fc.property(fc.array(piece), fc.boolean(), (pieces, slowly) => {
        const body = pieces.join('').replaceAll('\0', '').replaceAll('%00', '')
        // Escaped, since URLSearchParams of Node 24 spoils raw characters beside a lone `%`.
        const expected = [...new URLSearchParams(`&${body.replace(/[^\0-\x7f]/gu, encodeURIComponent)}`)]
        fc.pre(!expected.flat().some((text) => text.includes('\ufffd') || text.includes('\0') || text === '_charset_'))
        expect(entriesOf(body, slowly ? { declared: 'utf-8', pages: ['euc-jp'] } : {})).toEqual(expected)
      }),
    )
  })

  test.each([
    ['あ%41%', 'あA%'],
    ['m=あいう 100%', ''],
    ['𐰁%41%', '𐰁A%'],
  ])('raw characters beside a lone per cent sign stay what they are: %s', (body, name) => {
    const [first] = entriesOf(body, {}) as [string, string][]
    expect(first).toEqual(name === '' ? ['m', 'あいう 100%'] : [name, ''])
  })

  test('that is not valid in any encoding it may have is refused', () => {
    for (const body of ['a=%E3%81', 'a=%ED%A0%80', 'a=%82%A0', 'a=%FF', 'a=1&b=%C0%80']) {
      expect(decode(body)).toEqual({ kind: 'bad-charset' })
    }
    expect(decode(Uint8Array.of(0x61, 0x3d, 0x82, 0xa0))).toEqual({ kind: 'bad-charset' })
    expect(decode(`a=${escaped(0x82, 0xff, 0xff)}`, { pages: ['shift_jis'] })).toEqual({ kind: 'bad-charset' })
  })

  test('is refused when it has too many fields, empty ones not counted', () => {
    const limits = { declared: null, pageCharsets: [], maxFields: 2, maxFieldBytes: 10 }
    expect(decodeUrlencoded(utf8.encode('a&b'), limits).kind).toBe('ok')
    expect(decodeUrlencoded(utf8.encode('&&a&&b&&'), limits).kind).toBe('ok')
    expect(decodeUrlencoded(utf8.encode('a&b&c'), limits).kind).toBe('too-many-fields')
  })

  test('is refused when a name or value is too large, as it stands unescaped', () => {
    const limits = { declared: null, pageCharsets: [], maxFields: 9, maxFieldBytes: 10 }
    const kind = (body: string) => decodeUrlencoded(utf8.encode(body), limits).kind
    expect(kind(`a=${'x'.repeat(10)}`)).toBe('ok')
    expect(kind(`a=${'x'.repeat(11)}`)).toBe('field-too-large')
    expect(kind(`${'x'.repeat(11)}=a`)).toBe('field-too-large')
    expect(kind(`a=${'%41'.repeat(10)}`)).toBe('ok')
    expect(kind(`a=${'花'.repeat(4)}`)).toBe('field-too-large')
    expect(kind(`a=${'花'.repeat(3)}&b=${'花'.repeat(3)}`)).toBe('ok')
  })

  test('of any bytes, with any hints, is read or refused, and what is read is well-formed', () => {
    const label = fc.oneof(
      fc.constantFrom(
        'shift_jis',
        'euc-jp',
        'iso-2022-jp',
        'utf-8',
        'windows-1252',
        'gb18030',
        'big5',
        'utf-16le',
        'hz-gb-2312',
      ),
      fc.string(),
    )
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x25, 0x26, 0x3d, 0x2b, 0x1b, 0x24, 0x42, 0x23, 0x3b))
    const bytes = fc.array(byte, { maxLength: 200 }).map((list) => Uint8Array.from(list))
    fc.assert(
      fc.property(bytes, fc.option(label), fc.array(label, { maxLength: 3 }), (body, declared, pageCharsets) => {
        const decoded = decodeUrlencoded(body, { declared, pageCharsets, maxFields: 20, maxFieldBytes: 50 })
        if (decoded.kind !== 'ok') return
        expect(decoded.entries.length).toBeLessThanOrEqual(20)
        for (const text of decoded.entries.flat()) expect(text.isWellFormed() && !text.includes('\0')).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  test('of a megabyte of separators, escapes or references takes no time to speak of', () => {
    const before = performance.now()
    for (const unit of ['&', '=', '%', '%26%23', 'a&', '+', '&#9825;']) {
      decode(unit.repeat(1_000_000 / unit.length), { pages: ['shift_jis'] })
      decode(unit.repeat(1_000_000 / unit.length))
    }
    expect(performance.now() - before).toBeLessThan(5000)
  })
})

describe('the encoding of a body', () => {
  const name = { shift_jis: escaped(0x96, 0xbc), 'euc-jp': escaped(0xcc, 0xbe), 'iso-2022-jp': '%1B%24BL%3E%1B%28B' }

  test.each(Object.entries(name))(
    '%s is taken from _charset_, from Content-Type, or from the pages',
    (charset, bytes) => {
      const expected = [['n', '名']]
      expect(entriesOf(`n=${bytes}&_charset_=${charset}`)).toEqual([...expected, ['_charset_', charset]])
      expect(entriesOf(`%5Fcharset_=${charset}&n=${bytes}`)).toEqual([['_charset_', charset], ...expected])
      expect(decode(`n=${bytes}`, { declared: charset })).toEqual({ kind: 'ok', entries: expected, charset })
      expect(decode(`n=${bytes}`, { pages: [charset] })).toEqual({ kind: 'ok', entries: expected, charset })
    },
  )

  test('may have any of its labels', () => {
    for (const label of ['Windows-31J', 'x-sjis', 'MS_Kanji', ' shift_jis\n', 'csShiftJIS']) {
      expect(charsetName(label)).toBe('shift_jis')
    }
    expect(charsetName('iso-8859-1')).toBe('windows-1252')
    for (const label of [
      null,
      '',
      'nonsense',
      'utf-7',
      'utf-16',
      'utf-16be',
      'hz-gb-2312',
      'x-user-defined',
      'x'.repeat(9999),
    ]) {
      expect(charsetName(label)).toBe(null)
    }
  })

  test('is the declared one rather than that of the _charset_ field', () => {
    expect(decode(`n=${escaped(0xcc, 0xbe)}&_charset_=shift_jis`, { declared: 'euc-jp' })).toMatchObject({
      charset: 'euc-jp',
    })
  })

  test('is another when the bytes are not valid in the one that is stated', () => {
    expect(decode('n=%E5%90%8D', { declared: 'iso-2022-jp' })).toMatchObject({
      charset: 'utf-8',
      entries: [['n', '名']],
    })
    expect(decode(`n=${name.shift_jis}`, { declared: 'utf-8', pages: ['shift_jis'] })).toMatchObject({
      entries: [['n', '名']],
    })
    expect(decode(`n=${name.shift_jis}&_charset_=nonsense`)).toEqual({ kind: 'bad-charset' })
  })

  test('of UTF-8 bytes is UTF-8, even where the pages are not', () => {
    expect(decode('n=%E5%90%8D', { pages: ['shift_jis'] })).toMatchObject({ charset: 'utf-8', entries: [['n', '名']] })
    expect(decode('n=%F0%9F%98%80', { pages: ['euc-jp'] })).toMatchObject({ charset: 'utf-8' })
  })

  test('is the pages’ for half-width kana that happen to be UTF-8, where all pages are of it', () => {
    // ﾃｽ in Shift_JIS, and U+00FD twice in UTF-8.
    const kana = escaped(0xc3, 0xbd, 0xc3, 0xbd)
    expect(decode(`n=${kana}`, { pages: ['shift_jis'] })).toMatchObject({
      charset: 'shift_jis',
      entries: [['n', 'ﾃｽﾃｽ']],
    })
    expect(decode(`n=${kana}`, { pages: ['shift_jis', 'utf-8'] })).toMatchObject({
      charset: 'utf-8',
      entries: [['n', 'ýý']],
    })
    expect(decode(`n=${kana}`, { pages: ['windows-1252'] })).toMatchObject({ charset: 'utf-8', entries: [['n', 'ýý']] })
    expect(decode(`n=${kana}&m=%E5%90%8D`, { pages: ['shift_jis'] })).toMatchObject({ charset: 'utf-8' })
    // Valid UTF-8, and cut short in EUC-JP.
    expect(decode(`n=${escaped(0xc3, 0xbd)}&m=${escaped(0xc2, 0x80)}`, { pages: ['euc-jp'] })).toMatchObject({
      charset: 'utf-8',
    })
  })

  test('is ISO-2022-JP by its escapes only where a page has it', () => {
    expect(entriesOf(`n=${name['iso-2022-jp']}`, { pages: ['utf-8', 'iso-2022-jp'] })).toEqual([['n', '名']])
    expect(entriesOf(`n=${name['iso-2022-jp']}`)).toEqual([['n', '\u001b$BL>\u001b(B']])
    expect(decode('n=plain', { pages: ['utf-8', 'iso-2022-jp'] })).toMatchObject({
      charset: 'utf-8',
      entries: [['n', 'plain']],
    })
  })

  test('is one for the whole body: a field that is invalid in it rules it out', () => {
    expect(decode(`a=${name.shift_jis}&b=%E5%90%8D`, { pages: ['shift_jis'] }).kind).toBe('bad-charset')
  })

  test('is chosen for the parts of a multipart body in the same way', () => {
    const parts = [utf8.encode('name'), Uint8Array.of(0x96, 0xbc)]
    const hints = { declared: null, pageCharsets: ['shift_jis'], field: null }
    expect(chooseCharset(parts, hints)).toBe('shift_jis')
    expect(decodeText(parts[1] ?? new Uint8Array(), 'shift_jis')).toBe('名')
    expect(chooseCharset(parts, { ...hints, pageCharsets: [] })).toBe(null)
    expect(chooseCharset(parts, { declared: null, pageCharsets: [], field: 'Shift_JIS' })).toBe('shift_jis')
    expect(chooseCharset([], { declared: null, pageCharsets: [], field: null })).toBe('utf-8')
    expect(() => decodeText(parts[1] ?? new Uint8Array(), 'utf-8')).toThrow(TypeError)
  })
})

describe('characters that an encoding lacks', () => {
  const sjis = (text: string) => entriesOf(`n=${encodeURIComponent(text)}`, { declared: 'shift_jis' })[0]?.[1]

  test('come as references, and are read as themselves', () => {
    expect(sjis('&#9825;&#128512; &#233;')).toBe('♡😀 é')
    // ♥ is no part of it either; U+E000 is only read, never written.
    expect(sjis('&#9829;&#57344;')).toBe('♥\ue000')
  })

  test('are told from references that somebody typed to characters that it has', () => {
    for (const typed of ['&#12354;', '&#65;', '&#8544;', '&#65382;', '&#165;', '&#8722;', '&#38634;'])
      expect(sjis(typed)).toBe(typed)
  })

  test('are never what is no character', () => {
    for (const typed of [
      '&#0;',
      '&#55296;',
      '&#57343;',
      '&#1114112;',
      '&#99999999;',
      '&#x2661;',
      '&#;',
      '&#9825',
      '&amp;',
      '&#09825;',
    ]) {
      expect(sjis(typed)).toBe(typed)
    }
  })

  test.each(['shift_jis', 'euc-jp', 'iso-2022-jp', 'windows-1252'])(
    'are found in a post of %s that has nothing but them',
    (charset) => {
      expect(entriesOf('n=%26%239825;', { pages: [charset] })).toEqual([['n', '♡']])
      expect(entriesOf('n=%26%239825;', { pages: [charset, 'utf-8'] })).toEqual([['n', '&#9825;']])
    },
  )

  test('are not looked for in UTF-8, which has them all', () => {
    expect(entriesOf('n=%26%239825;')).toEqual([['n', '&#9825;']])
    expect(entriesOf('n=%26%239825;', { declared: 'gb18030' })).toEqual([['n', '&#9825;']])
  })

  test.each([
    ['euc-jp', '&#9825;&#12354;&#65382;', '♡&#12354;&#65382;'],
    // JIS X 0212 is only read.
    ['euc-jp', '&#19970;', '丂'],
    ['iso-2022-jp', '&#9825;&#12354;&#65382;', '♡&#12354;&#65382;'],
    ['windows-1252', '&#9825;&#233;&#8364;', '♡&#233;&#8364;'],
    ['euc-kr', '&#128512;&#44032;', '😀&#44032;'],
    ['big5', '&#128512;&#20013;', '😀&#20013;'],
    ['gbk', '&#128512;&#20013;', '😀&#20013;'],
  ])('in %s: %s', (charset, typed, expected) => {
    expect(decodeText(utf8.encode(typed), charset)).toBe(expected)
  })
})
