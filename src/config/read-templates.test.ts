import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formsWithTemplates, placeOf } from './read-templates.ts'

function read(files: Record<string, string | Uint8Array>, forms: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'templates-'))
  mkdirSync(join(folder, 'texts'))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, 'texts', name)), { recursive: true })
    writeFileSync(join(folder, 'texts', name), content)
  }
  return { folder, result: formsWithTemplates(forms, join(folder, 'texts'), folder) }
}

const problemsOf = (files: Record<string, string | Uint8Array>, forms: Record<string, unknown> = {}) => {
  const { result } = read(files, forms)
  return result.kind === 'invalid' ? result.problems.map(({ key, rule }) => `${key} ${rule}`) : []
}

describe('the folder of templates', () => {
  test('puts its texts beside the settings of the forms', () => {
    const forms = { contact: { title: 'T', confirmation: { fromName: 'N', subject: { en: 'E' } } }, other: {} }
    const { result } = read(
      {
        'contact/confirmation.ja.md': '---\nsubject: {{ form.title }}: 受付\n---\n本文\n',
        'contact/notification.en.md': 'Only a body\r\nin two lines\r\n',
        'shop/confirmation.en.md': '---\n---\nB',
        'README.md': 'about',
        '.DS_Store': '',
        'contact/confirmation.ja.md~': 'backup',
      },
      forms,
    )
    expect(result).toMatchObject({
      kind: 'ok',
      forms: {
        contact: {
          title: 'T',
          confirmation: { fromName: 'N', subject: { en: 'E', ja: '{{ form.title }}: 受付' }, body: { ja: '本文\n' } },
          notification: { body: { en: 'Only a body\nin two lines\n' } },
        },
        shop: { confirmation: { body: { en: 'B' } } },
        other: {},
      },
    })
  })

  test('is not needed', () => {
    expect(formsWithTemplates({ a: {} }, undefined, '/')).toMatchObject({ kind: 'ok', forms: { a: {} } })
  })

  test('names the file and the line of a key of the settings', () => {
    const { result } = read({ 'contact/confirmation.ja.md': '---\nsubject: S\n---\none\ntwo\n' })
    if (result.kind !== 'ok') throw new Error('it was refused')
    const at = (key: string, line?: number) => placeOf({ key, line }, result.sources)
    expect(at('forms.contact.confirmation.body.ja', 2)).toBe(join('texts/contact/confirmation.ja.md:5'))
    expect(at('forms.contact.confirmation.subject.ja')).toBe(join('texts/contact/confirmation.ja.md:2'))
    expect(at('forms.contact.confirmation.body', 2)).toBe('forms.contact.confirmation.body (line 2)')
    expect(at('forms.contact.managers')).toBe('forms.contact.managers')
  })

  test.each([
    ['', 1, 'has no text; delete the file to have the built-in one'],
    ['---\nsubject: S\n---\n  \n', 4, 'has no text; delete the file to have the built-in one'],
    ['---\nsubject: S\nbody', 1, 'begins a head with --- that nothing ends'],
    ['---\nsubjet: S\n---\nb', 2, 'is not `subject: …`, which is all that a head may hold'],
    ['---\n\nsubject: S\nsubject: T\n---\nb', 4, 'is a second subject'],
    ['---\nsubject:\n---\nb', 2, 'is an empty subject'],
    ['a\n<<<<<<< HEAD\nb', 2, 'is not finished: it holds marks of a merge, or zero bytes'],
    [new Uint8Array([65, 10, 0]), 2, 'is not finished: it holds marks of a merge, or zero bytes'],
    [new Uint8Array([0x82, 0xa0]), 1, 'is not UTF-8'],
    ['x'.repeat(100_001), 1, 'is larger than 100000 bytes'],
  ])('a half-written file is refused with its line: %j', (content, line, rule) => {
    const shown = typeof content === 'string' && content.length > 50 ? 'x' : content
    expect(problemsOf({ 'contact/confirmation.en.md': content }), String(shown)).toEqual([
      `${join('texts/contact/confirmation.en.md')}:${line} ${rule}`,
    ])
  })

  test('a name that is none is told, since its text would be left out', () => {
    expect(
      problemsOf({ 'contact/confirmaton.ja.md': 'x', 'contact/update.ja.md': 'x', 'notes.txt': 'x' }),
    ).toHaveLength(3)
  })

  test.each([[{ confirmation: { body: 'both' } }], [{ confirmation: { body: { en: 'English' } } }]])(
    'what the settings file says too is a conflict: %j',
    (settings) => {
      expect(problemsOf({ 'contact/confirmation.en.md': '\nx' }, { contact: settings })).toEqual([
        `forms.contact.confirmation.body is also in ${join('texts/contact/confirmation.en.md')}:1; keep one of them`,
      ])
      expect(problemsOf({ 'contact/notification.en.md': 'x' }, { contact: settings })).toEqual([])
    },
  )

  test.each([5, 'text', ['list'], { confirmation: 5 }, { confirmation: { body: [1] } }])(
    'settings that are wrong in themselves are left to their own check: %j',
    (settings) => {
      const { result } = read({ 'contact/confirmation.en.md': 'x' }, { contact: settings })
      expect(result).toMatchObject({ kind: 'ok', forms: { contact: settings } })
    },
  )

  test('that is not there, or holds a folder that leads nowhere, is told', () => {
    expect(formsWithTemplates({}, '/nowhere/at/all', '/')).toMatchObject({ kind: 'invalid' })
    const { folder } = read({})
    symlinkSync(join(folder, 'gone'), join(folder, 'texts/contact'))
    expect(formsWithTemplates({}, join(folder, 'texts'), folder)).toMatchObject({ kind: 'invalid' })
  })

  test('every problem is told at once', () => {
    expect(problemsOf({ 'a/confirmation.en.md': '', 'b/confirmation.en.md': '---', 'c/x.md': '' })).toHaveLength(3)
  })
})
