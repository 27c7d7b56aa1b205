import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redirectTarget, withErrorCode } from './redirect.ts'

const publicUrl = 'https://forms.example.jp'
const pageOrigin = 'https://www.example.jp'
const open = { publicUrl, pageOrigin, settings: {} }
const listed = { publicUrl, pageOrigin, settings: { origins: [pageOrigin, 'https://shop.example.jp'] } }

describe('a redirect target', () => {
  test('may be a path of the posting page, or a URL of its origin', () => {
    expect(redirectTarget('/thanks?a=1#top', open)).toBe('https://www.example.jp/thanks?a=1#top')
    expect(redirectTarget('https://www.example.jp/thanks', open)).toBe('https://www.example.jp/thanks')
    expect(redirectTarget('https://WWW.example.jp/', open)).toBe('https://www.example.jp/')
  })

  test('may be on another origin only where the form lists it', () => {
    expect(redirectTarget('https://shop.example.jp/x', listed)).toBe('https://shop.example.jp/x')
    expect(redirectTarget('https://shop.example.jp/x', open)).toBeNull()
  })

  test('of a page whose origin may not post leads nowhere', () => {
    const context = { ...listed, pageOrigin: 'https://evil.example' }
    expect(redirectTarget('/thanks', context)).toBeNull()
    expect(redirectTarget('https://evil.example/', context)).toBeNull()
  })

  test.each([null, 'null'])('that is a path, of a page that says %s, is of the one site that may post', (origin) => {
    const only = { ...listed, pageOrigin: origin, settings: { origins: ['https://shop.example.jp'] } }
    expect(redirectTarget('/thanks', only)).toBe('https://shop.example.jp/thanks')
    expect(redirectTarget('/thanks', { ...open, pageOrigin: origin })).toBeNull()
    expect(redirectTarget('/thanks', { ...listed, pageOrigin: origin })).toBeNull()
    expect(redirectTarget('https://shop.example.jp/thanks', only)).toBe('https://shop.example.jp/thanks')
  })

  test.each([
    ['nothing', ''],
    ['a name in front of the host', 'https://www.example.jp@evil.example/'],
    ['a name and a password before an allowed host', 'https://user:secret@www.example.jp/'],
    ['three slashes', 'https:///evil.example/'],
    ['no scheme', '//evil.example/'],
    ['backslashes', '/\\evil.example'],
    ['a line break', '/thanks\r\nSet-Cookie: a=b'],
    ['a tab', '/\t/evil.example'],
    ['a control character of Unicode', '/\u0085/evil.example'],
    ['a script', 'javascript:alert(1)'],
    ['data', 'data:text/html,<script>'],
    ['a space in front', ' https://evil.example/'],
    ['full-width slashes', '／／evil.example/'],
    ['an allowed host as the beginning of another', 'https://www.example.jp.evil.example/'],
    ['another port', 'https://www.example.jp:8443/'],
    ['an address that is too long', `/${'x'.repeat(3000)}`],
    ['a relative address', 'thanks.html'],
  ])('%s is refused', (_what, wanted) => {
    expect(redirectTarget(wanted, listed)).toBeNull()
  })

  test('is always of an allowed origin, and safe in a header', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '//',
      '@',
      ':',
      'https:',
      'evil.example',
      'www.example.jp',
      '。',
      '\n',
      '.',
    )
    const wanted = fc.oneof(
      fc
        .array(fc.oneof(piece, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 8 })
        .map((all) => all.join('')),
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
    )
    fc.assert(
      fc.property(wanted, (text) => {
        const target = redirectTarget(text, listed)
        if (target === null) return
        expect([publicUrl, ...listed.settings.origins]).toContain(new URL(target).origin)
        expect(target).toMatch(/^[\x21-\x7e]+$/)
      }),
      { numRuns: 2000 },
    )
  })
})

test('the code of an error takes the place of a fragment', () => {
  expect(withErrorCode('https://www.example.jp/sorry#top', 'too-large')).toBe(
    'https://www.example.jp/sorry#todoku-error=too-large',
  )
})
