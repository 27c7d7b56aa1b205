import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { type ServerProcess, startServer, temporaryFolder, todoku } from './server.ts'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

const guide = join(import.meta.dirname, '../../docs/guide')

/** Files of the official packages, as npm brought them. */
function packaged(specifier: string, file: string): string {
  return readFileSync(join(dirname(fileURLToPath(import.meta.resolve(specifier))), file), 'utf8')
}

const packages = {
  '/ajax/global.js': packaged('@formspree/ajax', 'global.js'),
  '/ajax/index.mjs': packaged('@formspree/ajax', 'index.mjs'),
  '/core/index.mjs': packaged('@formspree/core', 'index.mjs'),
}

/** Serves files from an origin of their own, as a static host would. */
async function serveSite(files: Record<string, string>): Promise<string> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://site').pathname
    const file = files[path]
    const type = /\.m?js$/.test(path) ? 'text/javascript' : 'text/html; charset=utf-8'
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': type }).end(file)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Todoku, with the form of a page; the page itself lies elsewhere. */
async function serverFor(html: string): Promise<ServerProcess> {
  const site = temporaryFolder('site')
  mkdirSync(site, { recursive: true })
  writeFileSync(join(site, 'index.html'), html)
  return await startServer({ args: ['--site', site] })
}

async function openPage(url: string, options: { javaScriptEnabled?: boolean } = {}): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-US', ...options })
  onTestFinished(async () => await context.close())
  const page = await context.newPage()
  await page.goto(url)
  return page
}

type Submission = {
  reference: string
  entries: { name: string; value?: string; file?: { fileName: string; size: number } }[]
}

async function stored(server: ServerProcess): Promise<Submission[]> {
  const { out } = await todoku(['submissions', 'list', '--data', server.data, '--json'])
  const { items } = JSON.parse(out) as { items: { reference: string }[] }
  return await Promise.all(
    items.map(async ({ reference }) => {
      const shown = await todoku(['submissions', 'show', reference, '--data', server.data, '--json'])
      return JSON.parse(shown.out) as Submission
    }),
  )
}

const fields = `<label>Name <input name="name" required data-fs-field></label><span data-fs-error="name"></span>
<label>E-mail <input name="email" type="email" required data-fs-field></label><span data-fs-error="email"></span>
<label>Document <input name="doc" type="file"></label>
<button type="submit" data-fs-submit-btn>Send</button>`

/** The form as `todoku forms sync` reads it. */
const rules = `<!doctype html><html lang="en"><head><title>Contact</title></head><body>
<form action="/f/contact" method="post" enctype="multipart/form-data">${fields}</form></body></html>`

const file = { name: 'résumé 履歴書.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7 hello') }

describe.each(['script tag', 'ES module'])('@formspree/ajax as a %s, from another origin', (kind) => {
  const config = (origin: string, formId: string) =>
    `{ formElement: '#contact', formId: '${formId}', origin: '${origin}' }`
  const scripts = (origin: string, formId: string) =>
    kind === 'script tag'
      ? `<script>window.formspree = window.formspree || function () { (formspree.q = formspree.q || []).push(arguments) }
formspree('initForm', ${config(origin, formId)})</script><script src="/ajax/global.js" defer></script>`
      : `<script type="importmap">{ "imports": { "@formspree/core": "/core/index.mjs", "@formspree/ajax": "/ajax/index.mjs" } }</script>
<script type="module">import { initForm } from '@formspree/ajax'; initForm(${config(origin, formId)})</script>`

  async function open(formId = 'contact') {
    const server = await serverFor(rules)
    const site = await serveSite({
      ...packages,
      '/': `<!doctype html><html lang="en"><body><form id="contact" novalidate><div data-fs-success></div><div data-fs-error></div>
${fields}</form>${scripts(server.url, formId)}</body></html>`,
    })
    expect(new URL(site).origin).not.toBe(new URL(server.url).origin)
    return { server, page: await openPage(site) }
  }

  test('success, with a file', async () => {
    const { server, page } = await open()
    await page.fill('[name=name]', '山田 花子')
    await page.fill('[name=email]', 'hanako@example.net')
    await page.setInputFiles('[name=doc]', file)
    await page.click('button')
    await page.waitForSelector('[data-fs-success][data-fs-active]')
    expect(await page.textContent('[data-fs-success]')).toBe('Thank you!')
    const [submission] = await stored(server)
    expect(submission?.entries).toMatchObject([
      { name: 'name', value: '山田 花子' },
      { name: 'email', value: 'hanako@example.net' },
      { name: 'doc', file: { fileName: file.name, size: file.buffer.length } },
    ])
  })

  test('errors stand beside their fields', async () => {
    const { server, page } = await open()
    await page.fill('[name=email]', 'nonsense')
    await page.click('button')
    await page.waitForSelector('[data-fs-error=email][data-fs-active]')
    expect(await page.textContent('[data-fs-error=name]')).toBe('Please fill in “Name”.')
    expect(await page.textContent('[data-fs-error=email]')).not.toBe('')
    expect(await page.getAttribute('[name=email]', 'aria-invalid')).toBe('true')
    await page.fill('[name=name]', 'Hanako')
    await page.fill('[name=email]', 'hanako@example.net')
    await page.click('button')
    await page.waitForSelector('[data-fs-success][data-fs-active]')
    expect(await stored(server)).toHaveLength(1)
  })

  test('what is wrong with the whole form is said too', async () => {
    const { page } = await open('nothing')
    await page.fill('[name=name]', 'Hanako')
    await page.fill('[name=email]', 'hanako@example.net')
    await page.click('button')
    await page.waitForSelector('[data-fs-error=""][data-fs-active]')
    expect(await page.textContent('[data-fs-error=""]')).toBe('There is no form at this address.')
  })
})

test('@formspree/core from another origin: success, errors of fields and of the form, a file, a project', async () => {
  const server = await serverFor(rules)
  const site = await serveSite({
    ...packages,
    '/': `<!doctype html><html lang="en"><body><script type="module">
import * as core from '/core/index.mjs'; window.formspreeCore = core</script></body></html>`,
  })
  const page = await openPage(site)
  const results = await page.evaluate(async (endpoint) => {
    const { formspreeCore } = globalThis as unknown as { formspreeCore: typeof import('@formspree/core') }
    const { createClient, isSubmissionError } = formspreeCore
    const said = (result: Awaited<ReturnType<ReturnType<typeof createClient>['submitForm']>>) =>
      isSubmissionError(result)
        ? { form: result.getFormErrors(), fields: result.getAllFieldErrors() }
        : { next: result.next }
    const client = createClient()
    const upload = new FormData()
    upload.set('name', 'b')
    upload.set('email', 'b@example.net')
    upload.set('doc', new File(['hello'], 'hello.txt', { type: 'text/plain' }))
    return {
      json: said(await client.submitForm('contact', { name: 'a', email: 'a@example.net' }, { endpoint })),
      form: said(await client.submitForm('contact', upload, { endpoint })),
      project: said(
        await createClient({ project: '123' }).submitForm(
          'contact',
          { name: 'c', email: 'c@example.net' },
          { endpoint },
        ),
      ),
      invalid: said(await client.submitForm('contact', { name: 'a', email: 'x' }, { endpoint })),
      unknown: said(await client.submitForm('nothing', { name: 'a', email: 'a@example.net' }, { endpoint })),
    }
  }, server.url)
  const accepted = { next: expect.stringContaining(`${server.greeting.publicUrl}/s/`) }
  expect(results).toEqual({
    json: accepted,
    form: accepted,
    project: accepted,
    invalid: { form: [], fields: [['email', [{ code: 'TYPE_EMAIL', message: expect.any(String) }]]] },
    unknown: { form: [{ code: 'FORM_NOT_FOUND', message: 'There is no form at this address.' }], fields: [] },
  })
  const submissions = await stored(server)
  expect(submissions).toHaveLength(3)
  expect(submissions.flatMap(({ entries }) => entries.filter(({ name }) => name === 'doc'))).toHaveLength(1)
})

describe('the page of docs/guide/migrate.md', () => {
  const before = readFileSync(join(guide, 'migrate-formspree.html'), 'utf8')
  const old = 'https://formspree.io/f/'

  /** The one change that the guide tells. */
  async function migrated() {
    expect(before.split(old)).toHaveLength(2)
    const server = await serverFor(before.replace(old, '/f/'))
    const thanks = '<!doctype html><html lang="en"><body><h1>Thanks</h1></body></html>'
    const site = await serveSite({ '/': before.replace(old, `${server.url}/f/`), '/thanks.html': thanks })
    return { server, site }
  }

  async function fill(page: Page) {
    await page.fill('[name=name]', '山田 花子')
    await page.fill('[name=email]', 'hanako@example.net')
    await page.fill('[name=message]', 'Hello')
    await page.setInputFiles('[name=resume]', file)
    await page.click('button')
  }

  test('with its script: posted without leaving the page', async () => {
    const { server, site } = await migrated()
    const page = await openPage(site)
    await fill(page)
    await page.waitForSelector('text=Thank you for your application.')
    expect(page.url()).toBe(`${site}/`)
    const [submission] = await stored(server)
    expect(submission?.entries.map(({ name }) => name)).toEqual(['name', 'email', 'message', 'resume'])
    expect(submission?.entries[3]?.file).toMatchObject({ fileName: file.name, size: file.buffer.length })
  })

  test('its script shows what is wrong', async () => {
    const { site } = await migrated()
    const page = await openPage(site)
    // What browsers let pass and mail does not.
    await page.fill('[name=name]', 'Hanako')
    await page.fill('[name=email]', 'hanako@localhost')
    await page.click('button')
    await page.waitForFunction(() => !['', 'Sending …'].includes(document.getElementById('result')?.textContent ?? ''))
    expect(await page.textContent('#result')).toContain('E-mail')
  })

  test('without script: to the page that _next names', async () => {
    const { server, site } = await migrated()
    const page = await openPage(site, { javaScriptEnabled: false })
    await fill(page)
    expect(await page.textContent('h1')).toBe('Thanks')
    expect(page.url()).toMatch(new RegExp(`^${site}/thanks.html#todoku=`))
    expect(await stored(server)).toHaveLength(1)
  })

  test('`todoku migrate check` says so', async () => {
    const page = join(guide, 'migrate-formspree.html')
    const { code, out } = await todoku(['migrate', 'check', page, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      forms: [
        {
          service: 'Formspree',
          action: { from: `${old}xpzgkqyw`, to: 'https://forms.example.jp/f/xpzgkqyw' },
          fields: [{ name: '_subject', differs: null }, { name: '_next' }, { name: '_gotcha' }],
          notes: [],
        },
      ],
    })
    expect((await todoku(['migrate', 'check', page])).out).toContain('made for Formspree')
    const missing = await todoku(['migrate', 'check', '/nowhere.html', '--json'])
    expect(missing.code).toBe(66)
    expect(JSON.parse(missing.out)).toMatchObject({ code: 'page-unreadable' })
  })
})
