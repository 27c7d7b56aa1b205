import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Entry, Observation } from '../submissions/submission.ts'
import { fieldErrorCodes } from './field-errors.ts'
import { findForms } from './find-forms.ts'
import type { FormRecord, FormSettings, RuleVariant } from './form.ts'
import { isOnPath, validate } from './validate.ts'

type Page = { path?: string; lang?: string; controls: string }

function variantsOf(pages: readonly (string | Page)[]): RuleVariant[] {
  return pages.flatMap((page) => {
    const { path = '/index.html', lang = 'en', controls } = typeof page === 'string' ? { controls: page } : page
    const found = findForms(`<html lang=${lang}><form action=/f/t>${controls}</form></html>`, path)
    if (found.kind !== 'adopted') throw new Error(found.reason)
    return found.forms.map(({ variant }) => variant)
  })
}

function formOf(pages: readonly (string | Page)[], settings: FormSettings = {}): FormRecord {
  return { name: 't', version: 1, createdAt: 0, origin: 'pages', settings, variants: variantsOf(pages) }
}

type Value = string | { fileName: string; type?: string; size?: number }
const post = (...fields: [string, Value][]): Entry[] =>
  fields.map(([name, value]) =>
    typeof value === 'string'
      ? { kind: 'text', name, value }
      : { kind: 'file', name, file: { blob: 'b', type: '', size: 1, hash: 'h', ...value } },
  )

/** Patterns answer as they are told; what is run is written down. */
function box(answer: (source: string, value: string) => boolean | 'timeout' = () => true) {
  const runs: string[] = []
  const patterns = {
    assess: async () => 'risky' as const,
    matches: async (source: string, value: string) => {
      runs.push(`${source} ${value}`)
      return answer(source, value)
    },
  }
  return { patterns, runs }
}

const nowhere = { refererPath: null, language: 'en' as const }

async function judge(form: FormRecord, entries: readonly Entry[], context: Parameters<typeof validate>[3] = nowhere) {
  return await validate(box(), form, entries, context)
}

async function codes(page: string | Page, entries: readonly Entry[], settings: FormSettings = {}): Promise<string[]> {
  const { errors } = await judge(formOf([page], settings), entries)
  return errors.map(({ field, code }) => `${field}: ${code}`)
}

async function observations(page: string, entries: readonly Entry[]): Promise<readonly Observation[]> {
  const verdict = await judge(formOf([page]), entries)
  expect(verdict.errors).toEqual([])
  return verdict.observations
}

describe('a required control', () => {
  test('tells a missing field from an empty one', async () => {
    const page = '<input name=a required><input name=b required>'
    expect(await codes(page, post(['b', '']))).toEqual(['a: REQUIRED_FIELD_MISSING', 'b: REQUIRED_FIELD_EMPTY'])
    expect(await codes(page, post(['a', ' '], ['b', '0']))).toEqual([])
  })

  test('that chooses is met by any option, an empty one included, and not by an empty text', async () => {
    const radio = '<input name=n><input type=radio name=r value=a required><input type=radio name=r value="">'
    expect(await codes(radio, post(['n', 'x'], ['r', '']))).toEqual([])
    expect(
      await codes('<input name=n><input type=radio name=r value=a required>', post(['n', 'x'], ['r', ''])),
    ).toEqual(['r: REQUIRED_FIELD_EMPTY'])
  })

  test('of a group of checkboxes is each that is required', async () => {
    const page =
      '<input type=checkbox name=d value=a required><input type=checkbox name=d value=b><input type=checkbox name=d value=c required>'
    expect(await codes(page, post(['d', 'a'], ['d', 'b']))).toEqual(['d: REQUIRED_FIELD_EMPTY'])
    expect(await codes(page, post(['d', 'c'], ['d', 'a']))).toEqual([])
  })

  test('alone under its name takes any value as its tick: options are not enforced', async () => {
    expect(await codes('<input type=checkbox name=agree required>', post(['agree', 'true']))).toEqual([])
    expect(await codes('<input type=checkbox name=agree required>', post(['agree', '']))).toEqual([
      'agree: REQUIRED_FIELD_EMPTY',
    ])
  })

  test('is not met by the hidden field that stands for an empty checkbox', async () => {
    const page = '<input type=hidden name=agree value=0><input type=checkbox name=agree value=1 required>'
    expect(await codes(page, post(['agree', '0']))).toEqual(['agree: REQUIRED_FIELD_EMPTY'])
    expect(await codes(page, post(['agree', '0'], ['agree', '1']))).toEqual([])
  })

  test('takes a file, not the empty one that browsers send for none', async () => {
    const page = '<input name=n><input type=file name=f required>'
    expect(await codes(page, post(['n', 'x'], ['f', { fileName: '', size: 0 }]))).toEqual(['f: REQUIRED_FIELD_EMPTY'])
    expect(await codes(page, post(['n', 'x'], ['f', { fileName: 'a', size: 0 }]))).toEqual([])
  })
})

describe('controls of one name', () => {
  test('are judged in their order', async () => {
    const page = '<input name=n maxlength=1><input name=n maxlength=3 required><input name=n pattern=x>'
    expect(await codes(page, post(['n', 'a'], ['n', 'abc'], ['n', '']))).toEqual([])
    expect(await codes(page, post(['n', 'ab'], ['n', 'abcd'], ['n', '']))).toEqual(['n: TOO_LONG', 'n: TOO_LONG'])
    expect(await codes(page, post(['n', 'a']))).toEqual(['n: REQUIRED_FIELD_EMPTY'])
  })

  test('leave the rows that a script added to the last of them', async () => {
    const page = '<input name=n required><input type=number name=n>'
    expect(await codes(page, post(['n', 'a'], ['n', '1'], ['n', '2'], ['n', 'x']))).toEqual(['n: TYPE_NUMERIC'])
  })

  test('give a choice what it offers and a text field the rest', async () => {
    const page = '<select name=n><option>a<option>other</select><input name=n maxlength=5>'
    expect(await codes(page, post(['n', 'other'], ['n', 'mine']), { rules: 'enforce' })).toEqual([])
    expect(await codes(page, post(['n', 'a'], ['n', '']), { rules: 'enforce' })).toEqual([])
    expect(await codes(page, post(['n', 'other'], ['n', 'too long']), { rules: 'enforce' })).toEqual(['n: TOO_LONG'])
  })

  test('give a group of checkboxes all that it offers', async () => {
    const page = '<input type=checkbox name=n value=a><input type=checkbox name=n value=b><input name=n minlength=2>'
    expect(await codes(page, post(['n', 'a'], ['n', 'b'], ['n', '']), { rules: 'enforce' })).toEqual([])
    expect(await codes(page, post(['n', 'b'], ['n', 'c']), { rules: 'enforce' })).toEqual(['n: TOO_SHORT'])
  })

  test('part files and texts', async () => {
    const page = '<input type=file name=n required accept=".pdf"><input name=n required>'
    expect(await codes(page, post(['n', 'x'], ['n', { fileName: 'a.pdf' }]), { rules: 'enforce' })).toEqual([])
  })

  test('tell each fault once, however often it is posted', async () => {
    const many = Array.from({ length: 1000 }, (): [string, string] => ['n', 'x'])
    expect(await codes('<input type=number name=n>', post(...many))).toEqual(['n: TYPE_NUMERIC'])
  })
})

describe('a value of the wrong kind', () => {
  test.each([
    ['<input type=number name=n>', '1,5', 'TYPE_NUMERIC'],
    ['<input type=range name=n>', 'x', 'TYPE_NUMERIC'],
    ['<input type=date name=n>', '2026-02-29', 'TYPE_DATE'],
    ['<input type=time name=n>', '24:00', 'TYPE_TIME'],
    ['<input type=month name=n>', '2026-13', 'TYPE_MONTH'],
    ['<input type=week name=n>', '2025-W53', 'TYPE_WEEK'],
    ['<input type=datetime-local name=n>', '2026-04-01', 'TYPE_DATETIME'],
    ['<input type=color name=n>', 'red', 'TYPE_COLOR'],
    ['<input type=url name=n>', 'example.jp', 'TYPE_URL'],
    ['<input type=email name=n>', 'hanako', 'TYPE_EMAIL'],
    ['<input name=n>', 'a\r\nBcc: b', 'TYPE_TEXT'],
    ['<input type=tel name=n>', '1\n2', 'TYPE_TEXT'],
  ])('is an error: %s %j', async (page, value, code) => {
    expect(await codes(page, post(['n', value]))).toEqual([`n: ${code}`])
    expect(await codes(page, post(['n', value], ['other', 'x'], ['n', '']))).toEqual([`n: ${code}`])
  })

  test('is a file where text belongs, in whatever control', async () => {
    for (const page of [
      '<input name=n>',
      '<textarea name=n></textarea>',
      '<input type=hidden name=n>',
      '<select name=n><option>a</select>',
    ]) {
      expect(await codes(page, post(['n', { fileName: 'a.txt' }]))).toEqual(['n: TYPE_TEXT'])
      expect(await codes(page, post(['n', { fileName: '', size: 0 }], ['m', 'x']))).toEqual([])
    }
  })

  test('is told of alone: the pattern of a text that is no address does not matter', async () => {
    expect(await codes('<input type=email name=n pattern=x minlength=9>', post(['n', 'a']))).toEqual(['n: TYPE_EMAIL'])
  })
})

describe('the field that mail is sent to', () => {
  test.each(['a@b,c@d', 'Hanako <a@b>', 'a@b c@d', 'a＠example.jp', `${'x'.repeat(65)}@b`])(
    'must hold one address, not %s',
    async (value) => {
      for (const page of [
        '<input name=mail>',
        '<input type=email name=mail>',
        '<input type=email multiple name=mail>',
      ]) {
        expect(await codes(page, post(['mail', value]))).toEqual(['mail: TYPE_EMAIL'])
      }
      const { errors } = await judge(formOf([]), post(['mail', value]))
      expect(errors.map(({ field, code }) => [field, code])).toEqual([['mail', 'TYPE_EMAIL']])
    },
  )

  test('takes what mail can be sent to', async () => {
    for (const value of ['a..b.@docomo.ne.jp', 'hanako@日本語.jp', ' hanako@example.jp ']) {
      expect(await codes('<input type=email name=mail>', post(['mail', value]))).toEqual([])
    }
  })

  test('is another than the list of people to invite', async () => {
    const page = '<input type=email name=mail><input type=email name=guests multiple>'
    expect(await codes(page, post(['mail', 'a@b.jp'], ['guests', 'c@d,e@f']))).toEqual([])
    expect(await codes(page, post(['mail', 'a@b.jp'], ['guests', 'c@d,e']))).toEqual(['guests: TYPE_EMAIL'])
  })
})

describe('what the page does not know', () => {
  const page = '<input name=a><select name=s><option>x</select><input type=file name=f accept="image/*, .PDF">'

  test('is observed, once per field', async () => {
    expect(
      await observations(
        page,
        post(
          ['a', '1'],
          ['s', 'y'],
          ['s', 'z'],
          ['b', '1'],
          ['b', '2'],
          ['f', { fileName: 'a.exe', type: 'application/pdf' }],
        ),
      ),
    ).toEqual([
      { field: 's', code: 'OPTION_UNKNOWN' },
      { field: 'f', code: 'FILE_TYPE' },
      { field: 'b', code: 'FIELD_UNKNOWN' },
    ])
  })

  test('is an error where the form says so', async () => {
    const entries = post(['s', 'y'], ['b', '1'], ['f', { fileName: 'a.exe' }])
    expect(await codes(page, entries, { rules: 'enforce' })).toEqual([
      's: OPTION_UNKNOWN',
      'f: FILE_TYPE',
      'b: FIELD_UNKNOWN',
    ])
  })

  test.each([
    ['a.PNG', 'image/png', true],
    ['a', 'IMAGE/PNG; x=y', true],
    ['a.pdf', '', true],
    ['a.pdf.exe', 'application/octet-stream', false],
    ['a', 'imagex/png', false],
  ])('of files goes by type or name: %s %s', async (fileName, type, isKnown) => {
    expect(await observations(page, post(['f', { fileName, type }]))).toEqual(
      isKnown ? [] : [{ field: 'f', code: 'FILE_TYPE' }],
    )
  })

  test('is the name of a file without the file, which a form without multipart posts', async () => {
    expect(await observations(page, post(['f', 'cv.pdf']))).toEqual([{ field: 'f', code: 'FILE_TYPE' }])
  })

  test('is no empty choice', async () => {
    expect(await observations(page, post(['a', '1'], ['s', ''], ['f', '']))).toEqual([])
  })
})

describe('patterns', () => {
  const safe = (form: FormRecord): FormRecord => ({
    ...form,
    variants: form.variants.map((variant) => ({
      ...variant,
      controls: variant.controls.map((rule) =>
        rule.pattern === null ? rule : { ...rule, pattern: { ...rule.pattern, safety: 'safe' as const } },
      ),
    })),
  })

  test('run natively when they are safe, in the box when they are risky', async () => {
    const form = formOf(['<input name=n pattern="[0-9]+">'])
    const { patterns, runs } = box(() => false)
    expect((await validate({ patterns }, safe(form), post(['n', '12']), nowhere)).errors).toEqual([])
    expect((await validate({ patterns }, safe(form), post(['n', 'x']), nowhere)).errors).toMatchObject([
      { code: 'PATTERN_MISMATCH' },
    ])
    expect(runs).toEqual([])
    expect((await validate({ patterns }, form, post(['n', '12']), nowhere)).errors).toMatchObject([
      { code: 'PATTERN_MISMATCH' },
    ])
    expect(runs).toEqual(['[0-9]+ 12'])
  })

  test('are not run on empty values', async () => {
    const { patterns, runs } = box(() => false)
    expect(
      (
        await validate(
          { patterns },
          formOf(['<input name=n pattern=x><input name=m>']),
          post(['n', ''], ['m', 'x']),
          nowhere,
        )
      ).errors,
    ).toEqual([])
    expect(runs).toEqual([])
  })

  test('that give no answer in time are no error, and are not tried again', async () => {
    const { patterns, runs } = box(() => 'timeout')
    const form = formOf([
      '<input name=n pattern=x>',
      { path: '/b.html', controls: '<input name=n pattern=x><input name=m>' },
    ])
    const entries = post(...Array.from({ length: 100 }, (_, i): [string, string] => ['n', `${i}`]))
    const { errors, observations: seen } = await validate({ patterns }, form, entries, nowhere)
    expect({ errors, seen }).toEqual({ errors: [], seen: [{ field: 'n', code: 'PATTERN_NOT_CHECKED' }] })
    expect(runs.length).toBe(1)
  })

  test('whose box is broken, or that no longer compile, are no error either', async () => {
    const patterns = { assess: async () => 'risky' as const, matches: () => Promise.reject(new Error('no worker')) }
    const form = formOf(['<input name=n pattern=x>'])
    const notChecked = [{ field: 'n', code: 'PATTERN_NOT_CHECKED' }]
    expect(await validate({ patterns }, form, post(['n', 'y']), nowhere)).toMatchObject({
      errors: [],
      observations: notChecked,
    })
    const [variant] = form.variants
    const [rule] = variant?.controls ?? []
    if (variant === undefined || rule === undefined) throw new Error('no rule')
    const broken: FormRecord = {
      ...form,
      variants: [{ ...variant, controls: [{ ...rule, pattern: { source: '[', title: null, safety: 'safe' } }] }],
    }
    expect(await judge(broken, post(['n', 'y']))).toMatchObject({ errors: [], observations: notChecked })
  })

  test('are asked only so often for one post', async () => {
    const { patterns, runs } = box()
    const entries = post(...Array.from({ length: 500 }, (_, i): [string, string] => ['n', `${i}`]))
    const { observations: seen } = await validate({ patterns }, formOf(['<input name=n pattern=x>']), entries, nowhere)
    expect(runs.length).toBe(50)
    expect(seen).toEqual([{ field: 'n', code: 'PATTERN_NOT_CHECKED' }])
  })

  test('of a list of addresses hold for each', async () => {
    const { patterns, runs } = box((_source, value) => value !== 'c@d')
    const form = formOf(['<input type=email multiple name=n pattern=x>'])
    expect((await validate({ patterns }, form, post(['n', 'a@b, c@d,e@f']), nowhere)).errors).toMatchObject([
      { code: 'PATTERN_MISMATCH' },
    ])
    expect(runs).toEqual(['x a@b', 'x c@d'])
  })
})

describe('several pages', () => {
  const ja: Page = {
    path: '/index.html',
    lang: 'ja',
    controls: '<label>名前 <input name=name required></label><input type=email name=email required>',
  }
  const en: Page = {
    path: '/en/contact.html',
    controls: '<label>Name <input name=name></label><input type=email name=email required>',
  }
  const short: Page = { path: '/shop/index.html', controls: '<input type=email name=email required>' }

  test('accept what any of them accepts, by the rules of the one it fits', async () => {
    const form = formOf([ja, en, short])
    const verdict = await judge(form, post(['name', ''], ['email', 'a@b.jp']))
    expect(verdict).toMatchObject({ errors: [], observations: [], variant: { pages: ['/en/contact.html'] } })
    expect(await judge(form, post(['email', 'a@b.jp']))).toMatchObject({ errors: [], observations: [] })
  })

  test('and prefer the one that leaves nothing to observe', async () => {
    const form = formOf([
      '<select name=s><option>a</select>',
      { path: '/b.html', controls: '<select name=s><option>a<option>b</select>' },
    ])
    expect(await judge(form, post(['s', 'b']), { refererPath: '/index.html', language: 'en' })).toMatchObject({
      observations: [],
      variant: { pages: ['/b.html'] },
    })
  })

  test('report the errors of the page that posted', async () => {
    const form = formOf([ja, en, short])
    const entries = post(['name', ''], ['email', 'x'])
    for (const refererPath of ['/en/contact.html', '/en/contact', '/en/contact/', '/en/c%6Fntact']) {
      expect(await judge(form, entries, { refererPath, language: 'en' })).toMatchObject({
        errors: [{ field: 'email' }],
        variant: { pages: ['/en/contact.html'] },
      })
    }
    expect(await judge(form, entries, { refererPath: '/index.html', language: 'en' })).toMatchObject({
      errors: [{ field: 'name' }, { field: 'email' }],
      variant: { pages: ['/index.html'] },
    })
    expect((await judge(form, entries, { refererPath: '/shop/', language: 'en' })).variant?.pages).toEqual([
      '/shop/index.html',
    ])
  })

  test('or, where that is not known, those of the one that fits best, and has the fewest', async () => {
    const form = formOf([short, ja, en])
    const entries = post(['name', ''], ['email', 'x'])
    for (const refererPath of [null, '/elsewhere.html', '%E0%A4%A']) {
      expect(await judge(form, entries, { refererPath, language: 'ja' })).toMatchObject({
        variant: { pages: ['/en/contact.html'] },
      })
    }
  })

  test('take the path of another origin’s referrer for the hint it is', async () => {
    const form = formOf([
      { path: '/index.html', controls: '<input type=email name=email required>' },
      { path: '/apply.html', controls: '<input type=email name=email required><input name=name required>' },
    ])
    expect(await judge(form, post(['email', 'x'], ['name', '']), { refererPath: '/', language: 'en' })).toMatchObject({
      variant: { pages: ['/apply.html'] },
    })
    expect(await judge(form, post(['email', 'x']), { refererPath: '/', language: 'en' })).toMatchObject({
      variant: { pages: ['/index.html'] },
    })
  })

  test('speak the visitor’s language where nothing else tells them apart', async () => {
    const form = formOf([
      { path: '/en.html', lang: 'en', controls: '<input name=n required>' },
      { path: '/ja.html', lang: 'ja', controls: '<input name=n required>' },
    ])
    const page = async (language: 'en' | 'ja') =>
      (await judge(form, post(['n', '']), { refererPath: null, language })).variant?.pages
    expect(await page('ja')).toEqual(['/ja.html'])
    expect(await page('en')).toEqual(['/en.html'])
  })

  test('know their paths however a server writes them', () => {
    const [variant] = variantsOf([{ path: 'ja/index.html', controls: '' }])
    if (variant === undefined) throw new Error('no variant')
    for (const path of ['/ja/', '/ja', '/ja/index.html', '/ja/index.htm'])
      expect(isOnPath(variant, path), path).toBe(true)
    for (const path of ['/', '/ja/index', '/ja.x', '/ja/a.html', '']) expect(isOnPath(variant, path), path).toBe(false)
  })
})

describe('a post without anything filled', () => {
  const empty = [{ field: null, code: 'EMPTY', message: 'Nothing was filled in.' }]

  test('is refused as a whole', async () => {
    expect((await judge(formOf([]), [])).errors).toEqual(empty)
    expect((await judge(formOf([]), post(['a', ' \u3000\n']))).errors).toEqual(empty)
    expect((await judge(formOf(['<input name=a>']), post(['a', '']))).errors).toEqual(empty)
    expect((await judge(formOf(['<input type=file name=a>']), post(['a', { fileName: '', size: 0 }]))).errors).toEqual(
      empty,
    )
  })

  test('is refused for its required fields, where it has any', async () => {
    expect(await codes('<input name=a required>', post(['a', '']))).toEqual(['a: REQUIRED_FIELD_EMPTY'])
  })

  test('is all that a form of buttons has', async () => {
    expect((await judge(formOf(['<button>Yes</button>']), [])).errors).toEqual([])
    expect((await judge(formOf(['<input type=hidden name=a>']), post(['a', '']))).errors).toEqual([])
  })
})

describe('the sentences', () => {
  const message = async (page: string, value: Value, language: 'en' | 'ja') =>
    (await judge(formOf([page]), post(['n', value], ['other', 'x']), { refererPath: null, language })).errors[0]
      ?.message

  test('call the field by its label, without its stars and colons', async () => {
    expect(await message('<label>お名前：※ <input name=n required></label>', '', 'ja')).toBe(
      '「お名前」を入力してください。',
    )
    expect(await message('<label>Name * <input name=n required></label>', '', 'en')).toBe('Please fill in “Name”.')
    expect(await message('<input name=n required>', '', 'en')).toBe('Please fill in “n”.')
    expect(await message('<label>$& {label} <input name=n required></label>', '', 'en')).toBe(
      'Please fill in “$& {label}”.',
    )
  })

  test.each([
    ['<select name=n required><option>a</select>', '', 'Please choose “n”.', '「n」を選択してください。'],
    ['<input type=checkbox name=n required>', '', 'Please tick “n”.', '「n」にチェックを入れてください。'],
    ['<input type=file name=n required>', '', 'Please choose a file for “n”.', '「n」のファイルを選択してください。'],
    [
      '<input name=n pattern=x title="like 12-34">',
      'y',
      '“n” is not written as expected: like 12-34',
      '「n」の形式が正しくありません: like 12-34',
    ],
    [
      '<input name=n maxlength=2>',
      '😀あ',
      '“n” may have at most 2 characters; it has 3.',
      '「n」は 2 文字以内で入力してください（現在 3 文字）。',
    ],
    [
      '<textarea name=n minlength=9></textarea>',
      'a\r\nb',
      '“n” must have at least 9 characters; it has 3.',
      '「n」は 9 文字以上で入力してください（現在 3 文字）。',
    ],
    ['<input type=number name=n min=3>', '1', '“n” must be 3 or more.', '「n」は 3 以上にしてください。'],
    ['<input type=range name=n>', '101', '“n” must be 100 or less.', '「n」は 100 以下にしてください。'],
    [
      '<input type=date name=n max=2026-04-01>',
      '2026-04-02',
      '“n” must be 2026-04-01 or earlier.',
      '「n」は 2026-04-01 以前にしてください。',
    ],
    ['<input type=number name=n>', '1.5', '“n” is too precise.', '「n」の値が細かすぎます。'],
    [
      '<input type=time name=n step=900>',
      '09:01',
      '“n” must be in steps of 900 seconds.',
      '「n」は 900 秒刻みで入力してください。',
    ],
  ])('say what to do: %s', async (page, value, en, ja) => {
    const answer = async () =>
      await validate(
        box(() => false),
        formOf([page]),
        post(['n', value], ['other', 'x']),
        { refererPath: null, language: 'en' },
      )
    expect((await answer()).errors[0]?.message).toBe(en)
    const inJapanese = await validate(
      box(() => false),
      formOf([page]),
      post(['n', value], ['other', 'x']),
      { refererPath: null, language: 'ja' },
    )
    expect(inJapanese.errors[0]?.message).toBe(ja)
  })

  test('never repeat what was typed', async () => {
    const secret = 'typed\u0000<b>'
    for (const kind of ['number', 'date', 'time', 'month', 'week', 'datetime-local', 'color', 'url', 'email']) {
      expect(await message(`<input type=${kind} name=n>`, secret, 'en')).not.toContain('typed')
    }
  })
})

describe('any post', () => {
  const controls = fc.constantFrom(
    '<input name=a required maxlength=2>',
    '<input type=email name=a multiple pattern="x+">',
    '<input type=number name=b min=1 max=2 step=0.3>',
    '<input type=date name=b step=7><input type=week name=b>',
    '<input type=time name=b min=23:00 max=01:00>',
    '<select name=c required multiple><option>1<option></select>',
    '<input type=checkbox name=c value=1 required><input type=checkbox name=c value=2>',
    '<input type=radio name=d value=1 required><input name=d>',
    '<input type=file name=e required accept=".a,b/*">',
    '<input type=hidden name=e><textarea name=f minlength=3 required></textarea>',
  )
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '',
      '1',
      '1e400',
      '-1e-400',
      `${'9'.repeat(5000)}`,
      '2026-04-01',
      '99999-12-31',
      '00:30',
      'a@b',
      'x',
      '\r\n',
      ' ',
    ),
    fc.double().map(String),
    fc.record({ fileName: fc.string(), type: fc.string(), size: fc.nat() }),
  )
  const entries = fc.array(fc.tuple(fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.string()), value), {
    maxLength: 20,
  })
  const settings = fc.constantFrom<FormSettings>({}, { rules: 'enforce' }, { emailField: 'a' })

  test('is judged: no field is named that is neither posted nor on the page, and nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(controls), { maxLength: 3 }),
        entries,
        settings,
        fc.string(),
        async (pages, fields, set, refererPath) => {
          const form = formOf(
            pages.map((list, index) => ({ path: `/${index}.html`, controls: list.join('') })),
            set,
          )
          const posted = post(...fields)
          const verdict = await judge(form, posted, { refererPath, language: 'ja' })
          const known = new Set([
            ...fields.map(([name]) => name),
            ...(verdict.variant?.controls ?? []).map(({ name }) => name),
          ])
          for (const { field, code, message } of verdict.errors) {
            expect(fieldErrorCodes).toContain(code)
            expect(field === null ? code : known.has(field)).toBe(field === null ? 'EMPTY' : true)
            expect(message).not.toMatch(/null|undefined|\{label\}/)
          }
          expect(new Set(verdict.observations.map(({ field, code }) => `${field} ${code}`)).size).toBe(
            verdict.observations.length,
          )
          // Judged again, it is the same.
          expect(await judge(form, posted, { refererPath, language: 'ja' })).toEqual(verdict)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('of hostile length takes a moment', async () => {
    const form = formOf([
      '<input type=email name=a multiple pattern=x><input type=number name=n step=0.1 min=0><input type=url name=u><textarea name=t maxlength=5></textarea>',
    ])
    const before = performance.now()
    for (const unit of ['a', '9', 'a@', 'a@b,', ' ', '\r\n', '-', '.', 'a.', '@']) {
      const long = unit.repeat(200_000 / unit.length)
      await judge(form, post(['a', long], ['n', long], ['u', `https://${long}`], ['t', long]))
      await judge(form, post(['a', `${long}!`], ['n', `0.${long}`], ['u', long], ['t', long]))
    }
    expect(performance.now() - before).toBeLessThan(5000)
  })
})
