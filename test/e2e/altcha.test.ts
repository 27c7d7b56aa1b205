import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { postForm, type ServerProcess, startServer, statusWhen, temporaryFolder, todoku } from './server.ts'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

/** What a careful site allows, and what the widget needs besides. */
const policy = (server: string) =>
  [
    "default-src 'none'",
    `script-src ${server}`,
    `connect-src ${server}`,
    'form-action *',
    'img-src data:',
    'worker-src blob:',
    "style-src 'unsafe-inline'",
  ].join('; ')

const pageOf = (server: string, lang = 'en') => `<!doctype html><html lang="${lang}"><head><meta charset="utf-8">
<meta http-equiv="content-security-policy" content="${policy(server)}"><title>Contact</title><link rel="icon" href="data:,">
<script src="${server}/altcha.js" defer></script></head><body>
<form action="${server}/f/contact" method="post">
<label>E-mail <input name="email" type="email" required></label>
<altcha-widget challenge="${server}/f/contact/challenge"></altcha-widget>
<button>Send</button></form></body></html>`

/** A server whose form asks for a proof of work. */
async function serverWithProof(): Promise<ServerProcess> {
  const site = temporaryFolder('site')
  writeFileSync(join(site, 'index.html'), pageOf('').replace(/<meta http[^>]*>/, ''))
  const server = await startServer({ args: ['--site', site] })
  const config = join(site, 'todoku.yaml')
  writeFileSync(config, 'forms:\n  contact:\n    confirmation:\n      proof: required\n')
  expect(await todoku(['forms', 'apply', '--config', config, '--data', server.data])).toMatchObject({ code: 0 })
  return server
}

/** The page at an origin of its own; whatever it complains of fails the test. */
async function openElsewhere(html: string): Promise<Page> {
  const host = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html),
  )
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  onTestFinished(async () => {
    await page.close()
    host.close()
    expect(complaints).toEqual([])
  })
  await page.goto(`http://127.0.0.1:${(host.address() as AddressInfo).port}/`)
  return page
}

type Listed = { reference: string; confirmation: string }

async function list(server: ServerProcess, ...flags: string[]): Promise<Listed[]> {
  const { out } = await todoku(['submissions', 'list', '--data', server.data, '--json', ...flags])
  return (JSON.parse(out) as { items: Listed[] }).items
}

test('the widget proves work under a strict policy, from another origin, and the confirmation goes out', async () => {
  const server = await serverWithProof()
  const page = await openElsewhere(pageOf(server.url))
  await page.fill('input[name=email]', 'delivered@simulator.test')
  await page.focus('altcha-widget input[type=checkbox]')
  await page.keyboard.press('Space')
  await page.waitForSelector('altcha-widget [data-state=verified]')
  await page.click('button:text("Send")')
  await page.waitForURL(/\/s\//)
  const [submission] = await list(server)
  expect(submission?.confirmation).not.toBe('held')
}, 60_000)

test('without script the post is stored and its confirmation withheld, and the page says why', async () => {
  const server = await serverWithProof()
  const location = await postForm(server.url, { email: 'delivered@simulator.test' })
  expect(await (await fetch(location)).text()).toContain('Held back')
  expect(await list(server)).toMatchObject([{ confirmation: 'held' }])
}, 30_000)

test('speaks Japanese on a Japanese page', async () => {
  const server = await serverWithProof()
  const page = await openElsewhere(pageOf(server.url, 'ja'))
  await page.waitForSelector('altcha-widget :text("ロボット")')
}, 30_000)

describe('the address is corrected on the status page', () => {
  type Opened = {
    page: Page
    status: string
    complaints: string[]
    requests: string[]
    confirmation: () => Promise<string>
  }

  /** The status page, open while the confirmation to a wrong address comes back. */
  async function openBounced(language: 'en' | 'ja', options: BrowserContextOptions = {}): Promise<Opened> {
    const server = await serverWithProof()
    const status = await postForm(server.url, { email: 'unknown-user@simulator.test', _language: language })
    const page = await browser.newPage(options)
    onTestFinished(() => page.close())
    const complaints: string[] = []
    const requests: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    page.on('request', (request) => requests.push(new URL(request.url()).pathname))
    await page.goto(status)
    const listed = await todoku(['messages', 'list', '--state', 'held', '--data', server.data, '--json'])
    const [held] = (JSON.parse(listed.out) as { items: { id: string }[] }).items
    expect(await todoku(['messages', 'retry', held?.id ?? '', '--data', server.data])).toMatchObject({ code: 0 })
    await statusWhen(status, ({ messages: [first] }) => first?.state === 'bounced_hard')
    const confirmation = async () => (await list(server))[0]?.confirmation ?? ''
    return { page, status, complaints, requests, confirmation }
  }

  test('with the keyboard alone: the browser proves work, and the mail goes out', async () => {
    const { page, status, complaints, requests } = await openBounced('en')
    // News brought the field to a page that was open before.
    await page.waitForSelector('#email')
    expect(requests).not.toContain('/altcha.js')
    await page.focus('#email')
    await page.keyboard.press('Control+A')
    await page.keyboard.type('delivered@simulator.test')
    const posted = page.waitForRequest((request) => request.method() === 'POST')
    await page.keyboard.press('Enter')
    await page.waitForSelector('#correct:text("One moment")')
    expect(await page.textContent('#news')).toBe('One moment …')
    // Whoever presses again while it works changes nothing.
    await page.keyboard.press('Enter')
    expect(new URLSearchParams((await posted).postData() ?? '').getAll('altcha')).toEqual([
      expect.stringMatching(/.{100}/),
    ])
    await statusWhen(status, ({ messages: [first] }) => first?.state === 'delivered')
    await page.waitForSelector('.state:text("Delivered")')
    expect(requests.filter((path) => path.endsWith('/correct'))).toHaveLength(1)
    expect(requests.filter((path) => path === '/altcha.js')).toHaveLength(1)
    expect(complaints).toEqual([])
  }, 60_000)

  test.each([
    ['en', 'waits until the people behind the form let it go', 'Held back'],
    ['ja', 'フォームの担当者が許可するまで保留されます', '保留しています'],
  ] as const)(
    'without script it is held, as the page has said before (%s)',
    async (language, before, after) => {
      const { page, status, confirmation } = await openBounced(language, { javaScriptEnabled: false })
      await page.goto(status)
      expect(await page.textContent('main')).toContain(before)
      await page.fill('#email', 'delivered@simulator.test')
      await page.click('#correct')
      expect(await page.textContent('.state')).toContain(after)
      expect(await confirmation()).toBe('held')
    },
    60_000,
  )

  test('where the widget can’t be had, the correction is kept all the same', async () => {
    const { page, confirmation } = await openBounced('ja')
    await page.route('**/altcha.js', (route) => route.abort())
    await page.waitForSelector('#email')
    await page.fill('#email', 'delivered@simulator.test')
    await page.click('#correct')
    await page.waitForSelector('.state:text("保留")')
    expect(await confirmation()).toBe('held')
  }, 60_000)
})

test('commands list what waits for review, and release it', async () => {
  const server = await serverWithProof()
  await postForm(server.url, { email: 'delivered@simulator.test', _gotcha: 'filled in' })
  await postForm(server.url, { email: 'silent@simulator.test' })
  const [waiting, ...others] = await list(server, '--quarantined')
  expect(others).toEqual([])
  const reference = waiting?.reference ?? ''
  const shown = await todoku(['submissions', 'show', reference, '--data', server.data])
  expect(shown.out).toContain('put aside for review, honeypot: a field that visitors don’t see was filled in')
  const figures = await todoku(['forms', 'show', 'contact', '--data', server.data])
  expect(figures.out).toContain(
    'waiting for review: 1, released: 0\nconfirmations held: 1, stopped by their recipients: 0',
  )
  expect(figures.out).toContain('mails that strangers were saved from: 2')
  expect((await todoku(['submissions', 'release', reference, '--data', server.data])).out).toContain('released')
  expect(await list(server, '--quarantined')).toEqual([])
  expect(await todoku(['submissions', 'release', 'AAA-AAA-AAA', '--data', server.data])).toMatchObject({ code: 66 })
}, 60_000)
