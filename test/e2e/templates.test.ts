import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { startServer, temporaryFolder, todoku } from './server.ts'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

/** A folder with settings and texts, as somebody keeps it beside the site. */
function project(texts: Record<string, string>, settings = 'forms:\n  contact:\n    title: Contact\n') {
  const folder = temporaryFolder('project')
  writeFileSync(join(folder, 'todoku.yaml'), `templates: texts\ndata: data\n${settings}`)
  mkdirSync(join(folder, 'texts/contact'), { recursive: true })
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, 'texts/contact', name), text)
  return { folder, run: (...args: string[]) => todoku(args, { cwd: folder }) }
}

const text = '---\nsubject: Hello ({{ reference }})\n---\nThank you.\n'

describe('texts in a folder', () => {
  test('are previewed before they are applied, applied as a version, and shown as drift when they change', async () => {
    const { folder, run } = project({ 'confirmation.en.md': text })
    const preview = await run('forms', 'preview', 'contact', '--lang', 'en', '--html', 'mail.html')
    expect(preview).toMatchObject({ code: 0, error: '' })
    expect(preview.out).toMatch(/^Subject: Hello \([A-Z0-9-]{11}\)$/m)
    expect(preview.out).toContain('Thank you.')
    expect(readFileSync(join(folder, 'mail.html'), 'utf8')).toContain('<p>Thank you.</p>')
    expect(await run('forms', 'preview', 'contact', '--applied')).toMatchObject({ code: 66 })

    expect(await run('forms', 'apply', '--dry-run')).toMatchObject({ code: 2 })
    expect((await run('forms', 'apply')).out).toBe('contact: new, version 1 (confirmation, title)\n')
    expect((await run('forms', 'apply', '--dry-run')).out).toBe('contact: same, version 1\n')
    writeFileSync(join(folder, 'texts/contact/confirmation.en.md'), text.replace('Thank', 'We thank'))
    expect((await run('forms', 'apply', '--dry-run')).out).toBe('contact: would be changed, version 2 (confirmation)\n')
    expect((await run('forms', 'preview', 'contact', '--lang', 'en')).out).toContain('We thank you.')
    const applied = await run('forms', 'preview', 'contact', '--lang', 'en', '--applied', '--json')
    expect(JSON.parse(applied.out)).toMatchObject({ text: expect.stringContaining('Thank you.'), posted: false })
  })

  test('that are not applied are told at the start of the server', async () => {
    const { folder } = project({ 'confirmation.en.md': text })
    const config = join(folder, 'todoku.yaml')
    const templates = join(folder, 'texts')
    const server = await startServer({ args: ['--config', config], env: { TODOKU_TEMPLATES: templates } })
    expect(server.greeting.drift).toEqual(['contact'])
    writeFileSync(join(templates, 'contact/confirmation.en.md'), '')
    const again = await startServer({ args: ['--config', config], env: { TODOKU_TEMPLATES: templates } })
    expect(again.greeting.drift).toBe('invalid')
  })

  test('that are half written refuse the whole, with file and line', async () => {
    const { run } = project({
      'confirmation.en.md': '---\nsubject: x\n---\none\n\n{% if email %}',
      'notification.ja.md': 'a\n{{ nobody }}\n',
    })
    const refused = await run('forms', 'apply')
    expect(refused.code).toBe(78)
    expect(refused.out).toContain('texts/contact/confirmation.en.md:6 is not a template')
    expect(refused.out).toContain('texts/contact/notification.ja.md:2 uses {{ nobody }}, which does not exist')
    expect((await run('forms', 'list', '--json')).out).not.toContain('contact')

    const preview = await run('forms', 'preview', 'contact', '--lang', 'en')
    expect(preview.code).toBe(1)
    expect(preview.out).toContain('! texts/contact/confirmation.en.md:6 is not a template')
    expect(preview.out).toContain('Thank you. What you sent')
  })

  test('that say what todoku.yaml says too are a conflict', async () => {
    const settings = 'forms:\n  contact:\n    confirmation:\n      subject: S\n'
    const { run } = project({ 'confirmation.en.md': text }, settings)
    const { code, error } = await run('forms', 'apply')
    expect(code).toBe(78)
    expect(error).toContain(
      'forms.contact.confirmation.subject is also in texts/contact/confirmation.en.md:2; keep one of them',
    )
  })
})

describe('a mail on a telephone', () => {
  test('is not wider than its screen, whatever was typed', async () => {
    const server = await startServer()
    const values = {
      name: 'דנה',
      long: `דנה ${'x'.repeat(200)}`,
      email: 'hanako@example.net',
      message: `https://example.jp/${'a'.repeat(500)}\n葛飾区${'花'.repeat(300)}`,
      [`field-${'n'.repeat(150)}`]: '👩‍👩‍👧‍👦'.repeat(60),
    }
    const answer = await fetch(`${server.url}/f/contact`, {
      method: 'POST',
      body: new URLSearchParams(values),
      headers: { accept: 'application/json' },
    })
    expect(answer.status).toBe(200)
    for (const role of ['notification', 'confirmation']) {
      const file = join(temporaryFolder('mail'), `${role}.html`)
      const { code } = await todoku([
        'forms',
        'preview',
        'contact',
        '--role',
        role,
        '--html',
        file,
        '--data',
        server.data,
      ])
      expect(code).toBe(0)
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await browser.newPage({ viewport: { width: 320, height: 640 }, colorScheme })
        await page.goto(pathToFileURL(file).href)
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320)
        if (role === 'notification') {
          // Each name and value has room enough to be read.
          const widths = await page.$$eval('th, td', (cells) => cells.map((cell) => cell.clientWidth))
          expect(Math.min(...widths)).toBeGreaterThan(60)
        }
        await page.close()
      }
    }
  })
})

describe('/app/preview/{form}', () => {
  test('shows both parts of the mail, and its frame runs and loads nothing', async () => {
    const server = await startServer()
    const page = await browser.newPage({ viewport: { width: 320, height: 640 }, locale: 'en-US' })
    const complaints: string[] = []
    page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
    const locked = await page.goto(`${server.url}/app/preview/contact`)
    expect(locked?.status()).toBe(401)
    await page.goto(server.greeting.enterUrl)
    complaints.length = 0
    await page.goto(`${server.greeting.publicUrl}/app/preview/contact?role=notification&language=ja`)
    expect(await page.textContent('h1')).toContain('Mails of')
    expect(await page.textContent('pre')).toContain('送信がありました')
    expect(await page.frameLocator('iframe').locator('body').innerText()).toContain('送信がありました')
    expect(await page.getAttribute('iframe', 'sandbox')).toBe('')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(320)
    expect(complaints).toEqual([])
    await page.close()
  })
})
