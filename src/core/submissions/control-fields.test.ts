import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addressIn } from '../../mail/address.ts'
import type { ControlKind, RuleVariant } from '../forms/form.ts'
import { type ControlContext, splitControls } from './control-fields.ts'
import { conventionOf, conventions } from './control-names.ts'
import type { Entry } from './submission.ts'

function post(fields: Record<string, string | string[]>): Entry[] {
  return Object.entries(fields).flatMap(([name, values]) =>
    [values].flat().map((value): Entry => ({ kind: 'text', name, value })),
  )
}

function split(fields: Record<string, string | string[]>, form?: ControlContext) {
  const { fields: left, controls } = splitControls(post(fields), form)
  return { names: left.map(({ name }) => name), controls }
}

/** A form whose page has these controls; `!` marks a required one. */
function page(controls: Record<string, ControlKind | `${ControlKind}!`>): ControlContext {
  const rules = Object.entries(controls).map(([name, kind]) => ({
    name,
    kind: kind.replace('!', '') as ControlKind,
    required: kind.endsWith('!'),
  }))
  return { variants: [{ controls: rules } as unknown as RuleVariant], settings: {} }
}

describe('names that begin with _', () => {
  test('are never part of what was filled in, whatever they mean', () => {
    const names = ['_', '__proto__', '_next', '_anything', '_email.template.x', '_charset_', '_wpcf7_unit_tag']
    expect(splitControls(names.map((name) => ({ kind: 'text', name, value: 'x' }))).fields).toEqual([])
    const file = { blob: 'b', fileName: 'f', type: 't', size: 1, hash: 'h' }
    expect(splitControls([{ kind: 'file', name: '_gotcha', file }]).fields).toEqual([])
  })

  test('that only look so are fields', () => {
    expect(split({ '＿next': 'x', ' _next': 'x', '\u200b_next': 'x' }).names).toHaveLength(3)
  })
})

describe('names that real fields have too', () => {
  const names = [
    'redirect',
    'redirectTo',
    'redirect_to',
    'next',
    'subject',
    'replyto',
    'ccemail',
    'from_name',
    'webhook',
  ]

  test.each(names)('%s is control where the page hides it', (name) => {
    expect(split({ [name]: 'x' }, page({ [name]: 'hidden' })).names).toEqual([])
  })

  test.each(names)('%s is a field where the page shows it, also to a post that names its form', (name) => {
    expect(split({ [name]: 'x', 'form-name': 'contact' }, page({ [name]: 'text' })).names).toEqual([name])
  })

  test.each(names)('%s is a field where the pages that are known do not have it', (name) => {
    expect(split({ [name]: 'x', access_key: 'contact' }, page({ email: 'email' })).names).toEqual([name])
  })

  test.each(names)('%s is control without a page only where the post names its form', (name) => {
    expect(split({ [name]: 'x' }).names).toEqual([name])
    for (const key of ['access_key', 'apikey', 'form-name']) {
      expect(split({ [name]: 'x', [key]: 'contact' }).names).toEqual([])
    }
  })

  test('shown by one page and hidden by another is a field', () => {
    const [hidden, shown] = [page({ subject: 'hidden' }), page({ subject: 'text' })]
    const both = { variants: [...hidden.variants, ...shown.variants], settings: {} }
    expect(split({ subject: 'x' }, both).names).toEqual(['subject'])
  })

  test('that the form’s settings use as a field stay one', () => {
    const hidden = page({ subject: 'hidden', replyto: 'hidden' })
    const form = { ...hidden, settings: { emailField: 'replyto', route: { field: 'subject' } } }
    expect(split({ subject: 'sales', replyto: 'a@example.jp' }, form).names).toEqual(['subject', 'replyto'])
  })

  test('of an upload are its own', () => {
    const file = { blob: 'b', fileName: 'f', type: 't', size: 1, hash: 'h' }
    const entry: Entry = { kind: 'file', name: 'subject', file }
    expect(splitControls([entry], page({ subject: 'hidden' })).fields).toEqual([entry])
  })

  test('the name of the form is never a field', () => {
    const form = page({ 'form-name': 'text', 'static-form-name': 'text' })
    expect(split({ 'form-name': 'a', 'static-form-name': 'b' }, form).names).toEqual([])
  })

  test('a trap that a page requires of people is a question of the form', () => {
    const form = page({ botcheck: 'checkbox!' })
    expect(split({ botcheck: 'on' }, form)).toMatchObject({ names: ['botcheck'], controls: { honeypot: [] } })
    expect(split({ botcheck: 'on' }, page({ botcheck: 'checkbox' })).controls.honeypot).toHaveLength(1)
  })
})

describe('what controls say', () => {
  test('the first that is filled counts', () => {
    expect(split({ _next: ['', ' ', '/a', '/b'], _redirect: '/c' }).controls.next).toBe('/a')
  })

  test('a subject is one line of at most 200 characters that nothing turns around', () => {
    const subject = (text: string) => split({ _subject: text }).controls.subject
    expect(subject('Hi\r\nBcc: all@example.jp')).toBe('Hi Bcc: all@example.jp')
    expect(subject('a\u2028b\u2029c\u0085d\0e')).toBe('a b c d e')
    expect(subject('invoice\u202egpj.exe')).toBe('invoicegpj.exe')
    expect(subject('\r\n')).toBeNull()
    expect([...(subject('👩'.repeat(500)) ?? '')]).toHaveLength(200)
  })

  test('a sender’s name never reads like an address', () => {
    const name = (text: string) => split({ 'form-name': 'contact', from_name: text }).controls.fromName
    expect(name('Shop\r\nFrom: x')).toBe('Shop From: x')
    for (const text of ['ceo@bank.example', 'CEO＠bank.example', 'a﹫b', 'Boss <x>']) expect(name(text)).toBeNull()
    expect(name('名'.repeat(300))).toHaveLength(100)
  })

  test('of addresses to answer at the first that is one counts; where none is, the first is kept as it is', () => {
    for (const text of ['%email', 'a@example.jp,b@example.jp', 'a@example.jp\r\nBcc: b@example.jp', 'a'.repeat(9999)]) {
      // Kept, so that it can be told that it was of no use.
      expect(split({ _replyto: text }).controls.replyTo).toBe(text.slice(0, 1000))
      expect(addressIn(text)).toBeNull()
    }
    expect(split({ _replyto: ['@', ' hanako@example.jp '] }).controls.replyTo).toBe('hanako@example.jp')
  })

  test('copies go only to whom the settings approve, written as they write it', () => {
    const settings = { cc: ['Boss@example.jp', 'team@example.jp'] }
    const cc = (value: string | string[], form: ControlContext = { variants: [], settings }) =>
      split({ _cc: value }, form).controls.cc
    expect(cc('boss@EXAMPLE.jp; evil@example.net')).toEqual(['Boss@example.jp'])
    expect(cc(['team@example.jp', 'boss@example.jp'])).toEqual(['Boss@example.jp', 'team@example.jp'])
    expect(cc('team@example.jp\r\nBcc: evil@example.net')).toEqual([])
    expect(cc('team@example.jp', { variants: [], settings: {} })).toEqual([])
  })

  test('a filled trap is named, with the beginning of what filled it; an empty one, or `false`, is none', () => {
    expect(split({ _gotcha: '', _honey: ' ', botcheck: 'false' }).controls.honeypot).toEqual([])
    expect(split({ _gotcha: 'x'.repeat(5000), 'bot-field': 'y' }).controls.honeypot).toEqual([
      { name: '_gotcha', value: 'x'.repeat(200) },
      { name: 'bot-field', value: 'y' },
    ])
  })

  test('the form may have traps of its own', () => {
    const form = { ...page({ company_fax: 'text' }), settings: { spam: { honeypot: ['company_fax'] } } }
    expect(split({ company_fax: '1', fax: '2' }, form)).toMatchObject({
      names: ['fax'],
      controls: { honeypot: [{ name: 'company_fax', value: '1' }] },
    })
  })

  test('answers of captchas are taken out; only a proof of work is kept', () => {
    const fields = { altcha: 'cHJvb2Y=', 'g-recaptcha-response': 'x', _botpoison: 'y', message: 'hi' }
    expect(split(fields)).toMatchObject({
      names: ['message'],
      controls: { captcha: { altcha: 'cHJvb2Y=', others: ['g-recaptcha-response', '_botpoison'] } },
    })
    expect(split({ altcha: 'x'.repeat(100_000) }).controls.captcha.altcha).toBeNull()
  })

  test('evidence is digits, and sane', () => {
    expect(split({ _loaded: '1234', _webdriver: '1' }).controls.evidence).toEqual({ loadedMs: 1234, webdriver: true })
    for (const value of ['-1', '1e3', '١٢٣', '12.5', '0x10', '9'.repeat(400), '999999999', '１２']) {
      expect(split({ _loaded: value }).controls.evidence.loadedMs).toBeNull()
    }
    expect(split({ _webdriver: 'false' }).controls.evidence.webdriver).toBe(false)
  })

  test('the name of the form: a key before a name, and only one that a form can have', () => {
    const name = (fields: Record<string, string>) => split(fields).controls.formName
    expect(name({ 'form-name': 'contact', access_key: 'a1b2-c3' })).toBe('a1b2-c3')
    expect(name({ access_key: '../../etc', 'form-name': 'contact' })).toBe('contact')
    expect(name({ 'static-form-name': 'survey' })).toBe('survey')
    for (const bad of ['', 'con\r\ntact', 'ｃontact', 'api', 'x'.repeat(100)]) expect(name({ _form: bad })).toBeNull()
  })

  test('a test says so', () => {
    expect([split({ _test: 'true' }).controls.test, split({ _test: '0' }).controls.test]).toEqual([true, false])
  })

  test('nothing that a post says names a recipient, a text of a mail, or an address to call', () => {
    const wishes = { _to: 'a@evil.example', _webhook: 'http://169.254.169.254/', _autoresponse: 'Buy!', _template: 'x' }
    const { controls } = split({ ...wishes, _cc: 'a@evil.example', _bcc: 'a@evil.example' })
    expect(JSON.stringify(controls)).not.toMatch(/evil|169|Buy/)
  })
})

test('whatever comes, what reaches a header is one line and short, and nothing is lost or doubled', () => {
  const names = fc.constantFrom(...conventions.flatMap((row) => row.names), 'name', 'email')
  const entry = fc
    .tuple(fc.oneof(names, fc.string({ maxLength: 10 })), fc.string({ unit: 'binary', maxLength: 400 }))
    .map(([name, value]): Entry => ({ kind: 'text', name, value }))
  const form = { ...page({ subject: 'hidden', email: 'email' }), settings: { cc: ['a@example.jp'] } }
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
      const { fields, controls } = splitControls(entries, form)
      expect(fields.filter((field) => !entries.includes(field) || field.name.startsWith('_'))).toEqual([])
      expect(entries.filter(({ name }) => conventionOf(name) === null && !name.startsWith('_'))).toEqual(
        fields.filter(({ name }) => conventionOf(name) === null),
      )
      for (const [text, max] of [
        [controls.subject, 200],
        [controls.fromName, 100],
      ] as const) {
        expect(text ?? '').not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u)
        expect([...(text ?? '')].length).toBeLessThanOrEqual(max)
      }
    }),
  )
})

describe('the table', () => {
  test('gives a name one meaning', () => {
    const names = conventions.flatMap((row) => row.names)
    expect(new Set(names).size).toBe(names.length)
  })

  test('knows every name without _ that is control, and lets all others alone', () => {
    for (const { names, when } of conventions) {
      for (const name of names) if (name.startsWith('_')) expect(when).toBe('always')
    }
  })
})
