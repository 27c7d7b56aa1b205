import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isFolderWithoutSlash, readPages, readStatic } from './static-folder.ts'

function site() {
  const root = mkdtempSync(join(tmpdir(), 'todoku-site-'))
  const folder = join(root, 'site')
  mkdirSync(join(folder, 'ja'), { recursive: true })
  mkdirSync(join(folder, '.git'))
  mkdirSync(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'index.html'), 'front')
  writeFileSync(join(folder, 'about.html'), 'about')
  writeFileSync(join(folder, 'ja', 'index.html'), 'ja')
  writeFileSync(join(folder, '日本.html'), 'nihon')
  writeFileSync(join(folder, 'style.css'), 'css')
  writeFileSync(join(folder, '.git', 'config.html'), 'secret')
  writeFileSync(join(folder, 'node_modules', 'x.html'), 'module')
  writeFileSync(join(root, 'secret.html'), 'secret')
  symlinkSync(join(root, 'secret.html'), join(folder, 'link.html'))
  return folder
}

const read = async (folder: string, path: string) => {
  const file = await readStatic(folder, path)
  return file === null ? null : new TextDecoder().decode(file.content)
}

describe('a folder of pages', () => {
  test('gives files, folders with their index, and pages without their ending', async () => {
    const folder = site()
    expect(await read(folder, '/')).toBe('front')
    expect(await read(folder, '/ja/')).toBe('ja')
    expect(await read(folder, '/about')).toBe('about')
    expect(await read(folder, '/about.html')).toBe('about')
    expect(await read(folder, `/${encodeURIComponent('日本')}.html`)).toBe('nihon')
    expect((await readStatic(folder, '/style.css'))?.type).toBe('text/css; charset=utf-8')
    expect(await isFolderWithoutSlash(folder, '/ja')).toBe(true)
    expect(await isFolderWithoutSlash(folder, '/about')).toBe(false)
  })

  test.each([
    '/../secret.html',
    '/%2e%2e/secret.html',
    '/..%2fsecret.html',
    '/ja/../../secret.html',
    '/link.html',
    '/link',
    '/.git/config.html',
    '/%00',
    '/%',
    '/\\..\\secret.html',
    `/${'a'.repeat(5000)}`,
    '/style.css/x',
  ])('gives nothing for %s', async (path) => {
    expect(await readStatic(site(), path)).toBeNull()
  })

  test('its HTML files are its pages; hidden folders and modules are not', async () => {
    expect((await readPages(site())).map(({ path }) => path)).toEqual([
      '/about.html',
      '/index.html',
      '/ja/index.html',
      '/日本.html',
    ])
  })
})
