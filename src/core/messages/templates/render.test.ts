import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { builtInTemplates } from './built-in.ts'
import { inspectTemplate } from './liquid.ts'
import { renderBody, renderLine } from './render.ts'

const nonce = 'abc234'
const body = (source: string, scope: Record<string, unknown> = {}, fields: { label: string; value: string }[] = []) =>
  renderBody(source, scope, fields, nonce)

describe('a template', () => {
  test('is Liquid and Markdown, as text and as HTML', () => {
    const source = '# Hello {{ name }}\n\nYou sent **{{ count }}** things:\n\n- one\n- two\n\n[Look]({{ url }})\n'
    const { text, html } = body(source, { name: 'Hanako', count: 2, url: 'https://example.jp/s' })
    expect(text).toBe('Hello Hanako\n\nYou sent 2 things:\n\n- one\n- two\n\nLook:\nhttps://example.jp/s\n')
    expect(html).toContain('<h1>Hello Hanako</h1>')
    expect(html).toContain('<strong>2</strong>')
    expect(html).toContain('<a href="https://example.jp/s">Look</a>')
  })

  test('lists the fields where it says so', () => {
    const fields = [
      { label: 'お名前', value: '花子' },
      { label: '内容', value: '一行目\n二行目' },
    ]
    const { text, html } = body('Before\n\n{% fields %}\n\nAfter', {}, fields)
    expect(text).toBe('Before\n\nお名前: 花子\n内容:\n  一行目\n  二行目\n\nAfter\n')
    expect(html).toContain('一行目<br>二行目')
    expect(html.indexOf('Before')).toBeLessThan(html.indexOf('お名前'))
  })

  test('conditions, loops, filters and assignments work on real values', () => {
    const source =
      "{% if a == 'x' %}yes {{ a | upcase }}{% endif %}{% for i in list %}[{{ i }}]{% endfor %}{% assign c = a | append: '!' | upcase %}{{ c }}"
    expect(body(source, { a: 'x', list: ['p', 'q'] }).text).toBe('yes X[p][q]X!\n')
  })

  test('what would leave the place of a value in the mail is refused', () => {
    const capture = '{% capture c %}{{ a }}{% endcapture %}{{ c | upcase }}'
    expect(inspectTemplate(capture)).toMatchObject({ ok: false })
    for (const source of [capture, '```\n{% fields %}\n```\n']) {
      expect(() => body(source, { a: 'x' }, [{ label: 'L', value: 'v' }]), source).toThrow()
    }
    expect(() => renderLine('New: {% fields %}', {}, nonce)).toThrow('stands where')
  })

  test('neither the name of a field nor its value can look like another field', () => {
    const value = 'b'
    for (const end of ['\n', '\r\n', '\r', '\u0085', '\u2028', '\v']) {
      const forged = `x${end}E-mail: boss@example.jp`
      const { text, html } = body('{% fields %}', {}, [
        { label: forged, value },
        { label: 'Message', value: forged },
      ])
      expect(text).toBe('x E-mail: boss@example.jp: b\nMessage:\n  x\n  E-mail: boss@example.jp\n')
      expect(html).toContain('>x E-mail: boss@example.jp</th>')
    }
  })

  test('nested lists, quotes, code and numbered lists read well as text', () => {
    const source = '1. first\n2. second\n   - inner\n\n> quoted\n> more\n\n```\ncode  {{ x }}\n```\n\n---\n'
    expect(body(source, { x: '*y*' }).text).toBe(
      '1. first\n2. second\n   - inner\n\n> quoted\n> more\n\ncode  *y*\n\n----\n',
    )
  })

  test('invariant 12: values are text, never markup of any kind', () => {
    const hostile = [
      '**bold** _it_ `code` # head\n- item',
      '<script>alert(1)</script><img src=x onerror=alert(1)>',
      '{{ email }}{% fields %}{% raw %}',
      '[click](javascript:alert(1)) https://evil.example <https://evil.example>',
      '| a | b |\n|---|---|\n| 1 | 2 |',
      `zqanother1n0qz zqn0qz {{ v }}`,
      '&lt;b&gt; " \' `',
    ]
    for (const value of hostile) {
      const { text, html } = body('Value: {{ v }}', { v: value, email: 'secret@example.jp' })
      expect(text).toBe(`Value: ${value}\n`)
      expect(
        html
          .replace(/<br>\n?/g, '\n')
          .replace(/<[^>]*>/g, '')
          .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code))
          .trim(),
      ).toBe(`Value: ${value}`)
      expect(html).not.toMatch(/<(?!\/?p>|br>)/)
    }
  })

  test('invariant 12 holds for any text, in any place of a template', () => {
    const source = '# {{ v }}\n\n**{{ v }}** and `{{ v }}`\n\n- {{ v }}\n\n> {{ v }}\n\n{% fields %}\n'
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (value) => {
        const { html } = body(source, { v: value }, [{ label: value, value }])
        const tags = new Set([...html.matchAll(/<\/?([a-z0-9]+)/g)].map((match) => match[1]))
        for (const tag of tags)
          expect(['h1', 'p', 'strong', 'code', 'ul', 'li', 'blockquote', 'table', 'tr', 'th', 'td', 'br']).toContain(
            tag,
          )
        expect(html.match(/<strong>/g)).toHaveLength(1)
      }),
      { numRuns: 500 },
    )
  })

  test('a link made of a value leads to the web or nowhere', () => {
    const { html } = body('[x]({{ v }})', { v: 'javascript:alert(1)' })
    expect(html).not.toContain('javascript')
    expect(body('[x]({{ v }})', { v: 'https://a.example/?q="><script>' }).html).toContain(
      'href="https://a.example/?q=&#34;&#62;&#60;script&#62;"',
    )
  })

  test('loads nothing: images become their text, raw HTML is shown', () => {
    const { html } = body('![pixel](https://evil.example/p.gif)\n\n<b>raw</b>')
    expect(html).not.toContain('<img')
    expect(html).toContain('&#60;b&#62;raw')
  })

  test('cannot read a file, reach a prototype, run for ever or grow without bound', () => {
    for (const source of ["{% include 'etc/passwd' %}", "{% render 'x' %}", "{% layout 'x' %}", '{% cycle a, b %}']) {
      expect(() => body(source)).toThrow()
    }
    expect(body('{{ name.constructor }}{{ name.__proto__ }}', { name: 'x' }).text.trim()).toBe('')
    expect(() => body('{% for i in (1..100000000) %}x{% endfor %}')).toThrow()
    expect(() => body('{{ x | nosuchfilter }}', { x: 1 })).toThrow()
  })

  test('what is empty is false, as those who write templates expect', () => {
    expect(body('{% if v %}yes{% else %}no{% endif %}', { v: '' }).text).toBe('no\n')
  })

  test('the raw filter does not print a value past the escape', () => {
    expect(body('{{ v | raw }}', { v: '<b>*x*</b>' }).html).toContain('&#60;b&#62;*x*')
  })

  test('a subject is one line', () => {
    expect(renderLine('New: {{ t }} ', { t: 'a\r\nBcc: x@example.jp' }, nonce)).toBe('New: a Bcc: x@example.jp')
  })

  test('inspection names the variables, or says what is wrong', () => {
    expect(inspectTemplate('{{ fields.name }} {% if email %}{{ reference }}{% endif %}')).toEqual({
      ok: true,
      variables: ['fields.name', 'email', 'reference'],
    })
    expect(inspectTemplate('{% if x %}')).toMatchObject({ ok: false })
  })

  test('every built-in text renders, and the confirmation’s carry nothing a visitor typed', () => {
    const typed = 'TYPED-BY-VISITOR'
    const scope = {
      form: { title: 'T' },
      reference: 'R',
      received_at: 'now',
      status_url: 'https://x.example/s',
      email: typed,
      old_email: typed,
      fields: { name: typed },
    }
    for (const [role, byLanguage] of Object.entries(builtInTemplates)) {
      for (const { subject, body: source } of Object.values(byLanguage)) {
        const rendered = body(source, scope, [{ label: 'L', value: typed }])
        const all = renderLine(subject, scope, nonce) + rendered.text + rendered.html
        expect(all).toContain('R')
        expect(all).not.toContain('zq')
        if (role === 'confirmation') expect(all).not.toContain(typed)
      }
    }
  })
})
