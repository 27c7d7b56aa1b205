import fc from 'fast-check'
import nodemailerParser from 'nodemailer/lib/addressparser'
import { addressParser } from 'postal-mime'
import { describe, expect, test } from 'vitest'
import {
  type Address,
  type AddressFault,
  addressFaults,
  formatAddress,
  isFullyQualified,
  isReservedDomain,
  parseAddress,
  toPath,
} from './address.ts'

function accepted(text: string): Address {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new Error(`${JSON.stringify(text)} is refused: ${parsed.fault}`)
  return parsed.address
}

function faultOf(text: string): AddressFault | null {
  const parsed = parseAddress(text)
  return parsed.ok ? null : parsed.fault
}

describe('parseAddress accepts', () => {
  test.each<[typed: string, stored: string, path: string]>([
    ['hanako@example.co.jp', 'hanako@example.co.jp', '<hanako@example.co.jp>'],
    ['  hanako@example.co.jp\r\n', 'hanako@example.co.jp', '<hanako@example.co.jp>'],
    ['\u3000hanako@example.co.jp\u3000', 'hanako@example.co.jp', '<hanako@example.co.jp>'],
    ['Hanako.Sato+todoku@Example.CO.JP', 'Hanako.Sato+todoku@example.co.jp', '<Hanako.Sato+todoku@example.co.jp>'],
    // Old addresses of Japanese carriers.
    ['a..b@docomo.ne.jp', 'a..b@docomo.ne.jp', '<"a..b"@docomo.ne.jp>'],
    ['ab.@ezweb.ne.jp', 'ab.@ezweb.ne.jp', '<"ab."@ezweb.ne.jp>'],
    ['.ab@docomo.ne.jp', '.ab@docomo.ne.jp', '<".ab"@docomo.ne.jp>'],
    ['-_-@softbank.ne.jp', '-_-@softbank.ne.jp', '<-_-@softbank.ne.jp>'],
    // Every character of HTML's grammar.
    ["!#$%&'*+-/=?^_`{|}~@x.org", "!#$%&'*+-/=?^_`{|}~@x.org", "<!#$%&'*+-/=?^_`{|}~@x.org>"],
    ['user@localhost', 'user@localhost', '<user@localhost>'],
    ['user@日本語.jp', 'user@xn--wgv71a119e.jp', '<user@xn--wgv71a119e.jp>'],
    ['user@サーバー.JP', 'user@xn--vckucxgb.jp', '<user@xn--vckucxgb.jp>'],
    ['user@XN--WGV71A119E.jp', 'user@xn--wgv71a119e.jp', '<user@xn--wgv71a119e.jp>'],
    ['user@bu\u0308cher.de', 'user@xn--bcher-kva.de', '<user@xn--bcher-kva.de>'],
    ['user@123.jp', 'user@123.jp', '<user@123.jp>'],
    ['user@ab--cd.jp', 'user@ab--cd.jp', '<user@ab--cd.jp>'],
    ['花子@example.jp', '花子@example.jp', '<花子@example.jp>'],
  ])('%j', (typed, stored, path) => {
    const address = accepted(typed)
    expect(formatAddress(address)).toBe(stored)
    expect(toPath(address)).toBe(path)
    expect(address.utf8).toBe(/\P{ASCII}/u.test(stored))
  })

  test('a local part with decomposed letters in its composed form, and nothing else of it changed', () => {
    expect(accepted('か\u3099JOSE\u0301@example.jp').local).toBe('がJOSÉ')
  })
})

describe('parseAddress refuses', () => {
  test.each<[typed: string, fault: AddressFault]>([
    ['', 'empty'],
    [' \u3000\t\r\n', 'empty'],
    ['hanako', 'no-at-sign'],
    ['@example.jp', 'no-local-part'],
    ['...@example.jp', 'no-local-part'],
    ['hanako@', 'no-domain'],
    // What Japanese input methods give.
    ['hanako＠example.jp', 'full-width'],
    ['hanako@example．jp', 'full-width'],
    ['hanako@example。jp', 'full-width'],
    ['hanako@example｡jp', 'full-width'],
    ['ｈａｎａｋｏ@example.jp', 'full-width'],
    ['hanako\u3000sato@example.jp', 'full-width'],
    ['a@x.jp，b@x.jp', 'full-width'],
    // Lists, groups, names, comments, routes, quotes, literals.
    ['a@x.jp,b@y.jp', 'several-addresses'],
    ['a@x.jp b@y.jp', 'several-addresses'],
    ['a@x.jp;', 'bad-domain'],
    ['a,b@x.jp', 'bad-local-part'],
    ['hanako@example,jp', 'bad-domain'],
    ['Team: a@x.jp;', 'bad-local-part'],
    ['Hanako <a@x.jp>', 'bad-local-part'],
    ['<a@x.jp>', 'bad-local-part'],
    ['a@x.jp (home)', 'bad-domain'],
    ['(home)a@x.jp', 'bad-local-part'],
    ['@a.jp:b@x.jp', 'several-addresses'],
    ['"a b"@x.jp', 'bad-local-part'],
    ['"a@b"@x.jp', 'several-addresses'],
    ['a\\@x.jp', 'bad-local-part'],
    ['mailto:a@x.jp', 'bad-local-part'],
    ['a@[127.0.0.1]', 'bad-domain'],
    ['a@[IPv6:::1]', 'bad-domain'],
    ['a@127.0.0.1', 'bad-domain'],
    ['a@2130706433', 'bad-domain'],
    ['a@0x7f.0x1', 'bad-domain'],
    ['a@x.1', 'bad-domain'],
    // Control characters, invisible ones, and what turns into something else.
    ['a\r\nBcc:b@x.jp', 'bad-local-part'],
    ['a@x.jp\r\nRCPT TO:b', 'bad-domain'],
    ['a\0@x.jp', 'bad-local-part'],
    ['a\tb@x.jp', 'bad-local-part'],
    ['a@x\t.jp', 'bad-domain'],
    ['a\u200bb@x.jp', 'bad-local-part'],
    ['a\u202eb@x.jp', 'bad-local-part'],
    ['花\u00a0子@x.jp', 'bad-local-part'],
    ['花\u3164子@x.jp', 'bad-local-part'],
    ['花\ufe0f@x.jp', 'bad-local-part'],
    ['\u0301a@x.jp', 'bad-local-part'],
    ['a\u037eb@x.jp', 'bad-local-part'],
    ['a@x\u037ey.jp', 'bad-domain'],
    ['a\ud800@x.jp', 'bad-local-part'],
    ['a@\udc00.jp', 'bad-domain'],
    ['😀@x.jp', 'bad-local-part'],
    ['𝐚dmin@x.jp', 'bad-local-part'],
    ['oﬃce@x.jp', 'bad-local-part'],
    ['a@exa\u00admple.jp', 'bad-domain'],
    ['a@exa\u200dmple.jp', 'bad-domain'],
    ['a@①.jp', 'bad-domain'],
    ['a@1.2.3.①', 'bad-domain'],
    ['a@example\u2024jp', 'bad-domain'],
    // Encoded words that some readers decode before they look for addresses.
    ['=?utf-8?q?b=40y.jp=2c?=@x.jp', 'bad-local-part'],
    ['=?x?b?YkB5LmpwLA==?=a@x.jp', 'bad-local-part'],
    // What has a meaning in a URL has none in a domain.
    ['a@x.jp/b', 'bad-domain'],
    ['a@x.jp:25', 'bad-domain'],
    ['a@x.jp?b', 'bad-domain'],
    ['a@x.jp#b', 'bad-domain'],
    ['a@x%2ejp', 'bad-domain'],
    ['a@x\\y.jp', 'bad-domain'],
    ['a@x y.jp', 'bad-domain'],
    // Labels.
    ['a@.jp', 'bad-domain'],
    ['a@x..jp', 'bad-domain'],
    ['a@x.jp.', 'bad-domain'],
    ['a@-x.jp', 'bad-domain'],
    ['a@x-.jp', 'bad-domain'],
    ['a@a_b.jp', 'bad-domain'],
    [`a@${'x'.repeat(64)}.jp`, 'bad-domain'],
    [`a@${'語'.repeat(60)}.jp`, 'bad-domain'],
  ])('%j: %s', (typed, fault) => {
    expect(faultOf(typed)).toBe(fault)
  })

  test('what is longer than RFC 5321 §4.5.3.1 allows, in octets as they go over the wire', () => {
    const domain = (length: number) => `${'x.'.repeat(length)}jp`.slice(-length).replace(/^\./, 'x')
    expect(faultOf(`${'a'.repeat(64)}@x.jp`)).toBeNull()
    expect(faultOf(`${'a'.repeat(65)}@x.jp`)).toBe('too-long')
    // Quotes count: 62 and two of them.
    expect(faultOf(`${'a'.repeat(61)}.@x.jp`)).toBeNull()
    expect(faultOf(`${'a'.repeat(63)}.@x.jp`)).toBe('too-long')
    expect(faultOf(`${'花'.repeat(21)}@x.jp`)).toBeNull()
    expect(faultOf(`${'花'.repeat(22)}@x.jp`)).toBe('too-long')
    expect(toPath(accepted(`a@${domain(252)}`))).toHaveLength(256)
    expect(faultOf(`a@${domain(253)}`)).toBe('too-long')
  })

  test('ten megabytes of anything at once', () => {
    for (const unit of ['a', '@', '.', ' a', '花', '=?', 'a@b,']) {
      expect(faultOf(unit.repeat(10_000_000 / unit.length))).toBe('too-long')
    }
  })

  test('with each fault of the list, and no other', () => {
    const texts = ['', 'a'.repeat(2000), '＠', 'a', 'a@b@c', '@a', '<a@b', 'a@', 'a@-']
    expect(texts.map(faultOf)).toEqual(addressFaults)
  })
})

const hostileUnits = [
  ...'abZ09.-_+!%=?&\'*/^`{|}~@,;:<>()[]"\\ \t\r\n\0',
  ...['é', '花', 'が', 'ß', 'ſ', '\u212a', '\u0301', '\u037e', '\u00a0', '\u00ad', '\u200b', '\u200d', '\u202e'],
  ...[
    '\u2024',
    '\u2028',
    '\u3000',
    '。',
    '＠',
    '．',
    'ﾊ',
    '①',
    '😀',
    '\ud800',
    '\udc00',
    '\ufeff',
    '.jp',
    'xn--',
    '=?utf-8?q?',
    '?=',
  ],
]
const local = fc.string({ unit: fc.constantFrom(...".aB0!#$%&'*+-/=?^_`{|}~花é"), minLength: 1, maxLength: 20 })
const domain = fc.constantFrom('x.jp', 'docomo.ne.jp', '日本語.jp', 'LOCALHOST', 'a-b.example.org', 'bücher.de')
const candidates = fc.oneof(
  fc.string({ unit: fc.constantFrom(...hostileUnits), maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.tuple(local, domain).map(([before, after]) => `${before}@${after}`),
  fc
    .tuple(local, fc.constantFrom(...hostileUnits), domain, fc.constantFrom(...hostileUnits))
    .map(([before, x, after, y]) => `${before}${x}@${after}${y}`),
)

/** The one recipient that a reader of address lists finds in a text, without the quotes of its local part. */
function onlyRecipient(found: readonly { address?: string | undefined; group?: unknown }[]): string | undefined {
  expect(found).toHaveLength(1)
  expect(found[0]?.group).toBeUndefined()
  return found[0]?.address?.replaceAll('"', '')
}

describe('whatever is accepted', () => {
  test('is one recipient to every reader, and holds nothing that could end or divide it', () => {
    let seen = 0
    fc.assert(
      fc.property(candidates, (text) => {
        const parsed = parseAddress(text)
        if (!parsed.ok) return
        seen++
        const stored = formatAddress(parsed.address)
        expect(stored).not.toMatch(/[\s\p{C},;<>()[\]\\":]/u)
        expect(stored.split('@')).toHaveLength(2)
        for (const shown of [stored, toPath(parsed.address)]) {
          expect(onlyRecipient(nodemailerParser(shown))).toBe(stored)
          expect(onlyRecipient(addressParser(shown))).toBe(stored)
        }
      }),
      { numRuns: 5000 },
    )
    expect(seen).toBeGreaterThan(1000)
  })

  test('is read back from its stored form unchanged', () => {
    fc.assert(
      fc.property(candidates, (text) => {
        const parsed = parseAddress(text)
        if (!parsed.ok) return
        expect(parseAddress(formatAddress(parsed.address))).toEqual(parsed)
        expect(parsed.address.domain).toMatch(/^[a-z0-9.-]+$/)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a domain', () => {
  test.each([
    ['example.com', true],
    ['mail.example.org', true],
    ['simulator.test', true],
    ['test', true],
    ['localhost', true],
    ['printer.local', true],
    ['db.internal', true],
    ['example.jp', true],
    ['www.example.co.jp', true],
    ['notexample.com', false],
    ['example.com.jp', false],
    ['test.jp', false],
    ['latest', false],
  ])('%s is set aside: %s', (name, expected) => {
    expect(isReservedDomain(name)).toBe(expected)
  })

  test('of one label is not fully qualified', () => {
    expect(isFullyQualified('localhost')).toBe(false)
    expect(isFullyQualified('example.jp')).toBe(true)
  })
})
