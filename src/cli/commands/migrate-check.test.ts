import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { run } from './migrate-check.ts'

const old =
  '<!doctype html><body><form action="https://formspree.io/f/abc" method="post"><input name="_gotcha"></form></body>'

/** A folder with files, and what the command says of one of them. */
function site(files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'migrate-'))
  for (const [name, content] of Object.entries({ 'todoku.yaml': '', ...files })) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return async (path: string, flags: Record<string, string | boolean> = {}) => {
    let text = ''
    const out = (more: string) => {
      text += more
    }
    const context = { terminal: { out, error: out }, arguments: [join(folder, path)] }
    const status = await run({ ...context, flags: { config: join(folder, 'todoku.yaml'), ...flags } })
    return { status, text: text.replaceAll(folder, '') }
  }
}

test('the new address begins with publicUrl, unless another server is named', async () => {
  const check = site({ 'todoku.yaml': 'publicUrl: https://mail.example.com\n', 'a.html': old })
  expect((await check('a.html')).text).toContain('action="https://mail.example.com/f/abc"')
  expect((await check('a.html', { server: 'https://other.example/' })).text).toContain(
    'action="https://other.example/f/abc"',
  )
})

test('where neither is known, it says so', async () => {
  const check = site({ 'a.html': old })
  const { text } = await check('a.html')
  expect(text).toContain('action="https://forms.example.jp/f/abc"')
  expect(text).toContain('--server')
  expect((await check('a.html', { server: 'https://x.example' })).text).not.toContain('--server')
})

test('settings that are wrong are told, and don’t matter to those who name the server', async () => {
  const check = site({ 'todoku.yaml': 'publicUrl: nonsense\n', 'a.html': old })
  await expect(check('a.html')).rejects.toMatchObject({ code: 'config-invalid' })
  expect((await check('a.html', { server: 'https://x.example' })).status).toBe(0)
})

test('a page that posts here already is right as it is', async () => {
  const check = site({
    'todoku.yaml': 'publicUrl: https://mail.example.com\n',
    'a.html': old.replace('https://formspree.io', 'https://mail.example.com'),
  })
  const { text } = await check('a.html')
  expect(text).toContain('/a.html, line 1: posts here already')
  expect(text).toContain('action="https://mail.example.com/f/abc" is right as it is')
  expect(text).not.toContain('Formspree')
})

test('a button’s own address is among the changes', async () => {
  const check = site({
    'a.html': old.replace('<input', '<button formaction="https://formspree.io/f/b">Send</button><input'),
  })
  expect((await check('a.html')).text).toContain('to     formaction="https://forms.example.jp/f/b"')
})

test('of a folder all pages are checked; one that can’t be read is named, and the command fails', async () => {
  const files = { 'a.html': old, 'ja/b.html': old.replace('abc', 'xyz'), 'plain.html': '<!doctype html><p>Hello</p>' }
  const whole = await site(files)('.')
  expect(whole.status).toBe(0)
  expect(whole.text).toContain('/f/abc')
  expect(whole.text).toContain('ja/b.html, line 1')
  expect(whole.text).toContain('3 pages, 2 with something to say')

  const broken = site({ ...files, 'half.html': '<!doctype html><body><form action="x"><input name="' })
  expect(await broken('.')).toMatchObject({ status: 66, text: expect.stringContaining('half.html: can’t be read') })
  const { status, text } = await broken('.', { json: true })
  expect(status).toBe(66)
  expect(JSON.parse(text)).toMatchObject({
    ok: false,
    code: 'page-unreadable',
    pages: { length: 3 },
    unreadable: { length: 1 },
  })
})

test('a folder without pages has none', async () => {
  expect(await site({ 'a.txt': '' })('.')).toMatchObject({ status: 0, text: expect.stringContaining('0 pages') })
})
