import { describe, expect, test } from 'vitest'
import type { Entry } from '../submissions/submission.ts'
import { emailOf } from './email-field.ts'
import { findForms } from './find-forms.ts'
import type { FormRecord, FormSettings } from './form.ts'

function form(pages: readonly string[], settings: FormSettings = {}): FormRecord {
  const variants = pages.flatMap((controls) => {
    const found = findForms(`<form action=/f/t>${controls}</form>`, '/')
    return found.kind === 'adopted' ? found.forms.map(({ variant }) => variant) : []
  })
  return { name: 't', version: 1, createdAt: 0, origin: 'pages', settings, variants }
}

const post = (...fields: [string, string][]): Entry[] => fields.map(([name, value]) => ({ kind: 'text', name, value }))
const file = (name: string): Entry => ({
  kind: 'file',
  name,
  file: { blob: 'b', fileName: 'a@b', type: '', size: 1, hash: '' },
})

describe('the e-mail field', () => {
  const unknown = form([])

  test.each([
    'email',
    'Email',
    'E-Mail',
    'e_mail',
    'mail',
    '_replyto',
    'your-email',
    'メールアドレス',
    'ｅメール',
    'Eメール',
    'Mail Address',
  ])('is the one called %s where nothing else tells', (name) => {
    expect(emailOf(unknown, post(['other', 'x@y'], [name, ' a@b ']))).toEqual({ field: name, value: 'a@b' })
  })

  test.each(['emails', 'email_confirm', 'email2', 'mailing', 'username', 'メール確認', '', 'e'.repeat(10_000)])(
    'is not one called %s',
    (name) => {
      expect(emailOf(unknown, post([name, 'a@b']))).toBe(null)
    },
  )

  test('is the email input of the pages, whatever it is called', () => {
    const page = form(['<input name=mail><input type=email name=contact><input type=email name=second>'])
    expect(emailOf(page, post(['mail', 'x@y'], ['second', 'c@d'], ['contact', 'a@b']))).toEqual({
      field: 'contact',
      value: 'a@b',
    })
    expect(emailOf(page, post(['mail', 'x@y'], ['contact', ''], ['second', 'c@d']))).toEqual({
      field: 'second',
      value: 'c@d',
    })
    expect(emailOf(page, post(['mail', 'x@y']))).toBe(null)
  })

  test('may have another name on every page', () => {
    const page = form(['<input type=email name=a>', '<input type=email name=b>'])
    expect(emailOf(page, post(['b', 'b@b']))).toEqual({ field: 'b', value: 'b@b' })
  })

  test('is no input that takes several addresses, unless it is called so', () => {
    const guests = form(['<input type=email name=guests multiple><input name=mail>'])
    expect(emailOf(guests, post(['guests', 'a@b,c@d'], ['mail', 'me@x']))).toEqual({ field: 'mail', value: 'me@x' })
    expect(emailOf(guests, post(['guests', 'a@b']))).toBe(null)
    expect(emailOf(form(['<input type=email name=email multiple>']), post(['email', 'a@b,c@d']))).toEqual({
      field: 'email',
      value: 'a@b,c@d',
    })
  })

  test('is nothing that people don’t type', () => {
    expect(emailOf(form(['<input type=hidden name=email>']), post(['email', 'office@site']))).toBe(null)
    expect(emailOf(form(['<input type=checkbox name=mail>']), post(['mail', 'on']))).toBe(null)
  })

  test('is the one that the settings name, and no other', () => {
    const page = form(['<input type=email name=email>'], { emailField: 'owner' })
    expect(emailOf(page, post(['email', 'a@b'], ['owner', 'c@d']))).toEqual({ field: 'owner', value: 'c@d' })
    expect(emailOf(page, post(['email', 'a@b']))).toBe(null)
  })

  test('counts where it is first filled', () => {
    expect(emailOf(unknown, post(['email', ' \u3000'], ['email', 'a@b'], ['email', 'c@d']))).toEqual({
      field: 'email',
      value: 'a@b',
    })
    expect(emailOf(unknown, [file('email')])).toBe(null)
  })
})
