import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { freePort } from './public-pages.ts'
import { postForm, type ServerProcess, startServer, statusWhen, todoku } from './server.ts'

/** The pages of managers: the review link, which needs no account and no script, and the views below `/app/`. */

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

/** A page whose complaints (script errors, broken policies) fail the test. */
async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 900, height: 700 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (line) => {
    // Answers that are no success are a test's subject, and their words are on the page.
    const isAnswer = line.text().startsWith('Failed to load resource')
    if ((line.type() === 'error' || line.type() === 'warning') && !isAnswer) complaints.push(line.text())
  })
  onTestFinished(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })
  return page
}

const suspicious = { name: 'Hanako', email: 'hanako@example.jp', message: '<b>Hello</b>', _gotcha: 'x' }

/** Signs in and waits for the first view. */
async function enter(page: Page, server: ServerProcess): Promise<void> {
  const { out } = await todoku(['token', 'link', '--data', server.data, '--json'])
  await page.goto((JSON.parse(out) as { url: string }).url)
  await page.waitForSelector('.ways a')
}

async function reviewLink(server: ServerProcess): Promise<string> {
  const { out } = await todoku(['submissions', 'list', '--quarantined', '--data', server.data, '--json'])
  const { items } = JSON.parse(out) as { items: { reviewUrl: string }[] }
  return items[0]?.reviewUrl ?? ''
}

test('a manager without an account releases what waits, without script, by keyboard; its mails go out', async () => {
  const server = await startServer()
  const status = await postForm(server.url, suspicious)
  const link = await reviewLink(server)
  const page = await openPage({ javaScriptEnabled: false })
  await page.goto(link)
  expect(await page.textContent('h1')).toBe('Is this message genuine?')
  expect(await page.textContent('.posted')).toContain('<b>Hello</b>')
  expect((await statusWhen(status, () => true)).messages).toEqual([])
  await page.focus('button')
  await page.keyboard.press('Enter')
  await page.waitForSelector('h1:has-text("Released")')
  expect(page.url()).toBe(link)
  const { messages } = await statusWhen(status, ({ open }) => !open)
  expect(messages.map(({ state }) => state)).toEqual(['delivered', 'delivered'])
  await page.reload()
  expect(await page.textContent('main')).toContain('delivered to the recipient’s server')
  expect(await page.locator('button').count()).toBe(0)
  expect(server.log()).not.toContain(link.slice(-26))
})

test('every command that tells of a waiting submission gives the link', async () => {
  const server = await startServer()
  await postForm(server.url, suspicious)
  const link = new URL(await reviewLink(server)).pathname.replace(/-[a-z2-7]{26}$/, '').replace(/-[0-9a-z]+$/, '')
  const reference = link.replace('/review/', '')
  for (const command of [
    ['submissions', 'list', '--quarantined'],
    ['submissions', 'show', reference],
    ['explain', reference],
  ]) {
    expect((await todoku([...command, '--data', server.data])).out, command.join(' ')).toContain(link)
  }
})

describe('the views of forms', () => {
  test('from the list to a waiting post and its release, and back by the browser’s own button', async () => {
    const server = await startServer()
    await postForm(server.url, { name: 'Taro', email: 'delivered@simulator.test', message: 'x' })
    await postForm(server.url, suspicious)
    const page = await openPage()
    await enter(page, server)
    // The mailbox comes first where there is one.
    expect(await page.textContent('h1')).toBe('Mailbox')
    await page.click('text=Forms · 1 waits for review')
    await page.waitForSelector('.card .rows')
    expect(await page.locator('.card').first().locator('.rows li').count()).toBe(2)
    await page.click('text=1 post waits for your review')
    await page.waitForSelector('.rows')
    expect(new URL(page.url()).hash).toBe('#/forms/contact/waiting')
    expect(await page.locator('.rows li').count()).toBe(1)
    await page.locator('.rows a').focus()
    await page.keyboard.press('Enter')
    await page.waitForSelector('.posted')
    expect(await page.textContent('.posted')).toContain('<b>Hello</b>')
    expect(await page.textContent('main')).toContain('a field that visitors don’t see was filled in')
    await page.click('button:has-text("It is genuine: send its mails")')
    await page.waitForSelector('[role=status]:has-text("released")')
    await page.waitForSelector('text=The notification to manager@simulator.test was delivered')
    expect(await page.locator('button.main').count()).toBe(0)
    await page.click('summary')
    expect(await page.textContent('.story')).toContain('A person released it')

    // What is shown stands in the address.
    await page.reload()
    await page.waitForSelector('.posted')
    await page.goBack()
    await page.waitForSelector('text=Nothing waits for review.')
    await page.goBack()
    await page.waitForSelector('.card')
    await page.goBack()
    await page.waitForSelector('h1:has-text("Mailbox")')
  })

  test('a test travels the real way, and its fate is followed until it arrives', async () => {
    const server = await startServer()
    const page = await openPage()
    await enter(page, server)
    await page.goto(`${server.greeting.publicUrl}/app/#/forms`)
    await page.click('button:has-text("Send a test")')
    await page.waitForSelector('text=The test arrived: its notification was taken.')
    await page.click('.test a')
    await page.waitForSelector('.posted')
    expect(await page.textContent('main')).toContain('a test')
  })

  test('a test whose notification is refused says so, with the state in words', async () => {
    const server = await startServer({ env: { TODOKU_MANAGERS: 'unknown-user@simulator.test' } })
    const page = await openPage()
    await enter(page, server)
    await page.goto(`${server.greeting.publicUrl}/app/#/forms/contact`)
    await page.click('button:has-text("Send a test")')
    await page.waitForSelector('.test .bad:has-text("its notification to unknown-user@simulator.test did not arrive")')
  })

  test('where losses would not be noticed, that is said; a test of the alarms says that nobody would be told', async () => {
    const port = String(await freePort())
    const server = await startServer({
      args: ['--port', port],
      env: {
        TODOKU_TRANSPORT: 'smtp',
        TODOKU_SMTP_HOST: '127.0.0.1',
        TODOKU_SMTP_PORT: '9',
        TODOKU_SMTP_SECURITY: 'none',
        TODOKU_PUBLIC_URL: `http://127.0.0.1:${port}`,
        TODOKU_FROM_ADDRESS: 'office@example.com',
        TODOKU_MANAGERS: 'manager@example.com',
        TODOKU_DNS_CHECK: 'false',
      },
    })
    const page = await openPage({ locale: 'ja-JP' })
    await enter(page, server)
    // Without a mailbox the forms come first.
    await page.waitForSelector('.hints')
    expect(await page.textContent('h1')).toBe('フォーム')
    expect(await page.textContent('.hints')).toContain('通知メールが届かなくても、誰にも知らされません。')
    expect(await page.textContent('.hints')).not.toContain('`')
    expect(await page.locator('.hints code').allTextContents()).toContain('alarms.webhook')
    expect(await page.textContent('.ways')).not.toContain('メールボックス')
    await page.click('button:has-text("警報をテストする")')
    await page.waitForSelector('text=第二の連絡手段がなく、誰にも知らされません。')
  })

  test('when the session is over, the page says what to do', async () => {
    const server = await startServer()
    const page = await openPage()
    await enter(page, server)
    await page.goto(`${server.greeting.publicUrl}/app/#/forms`)
    await page.waitForSelector('.card')
    const gone = { status: 401, contentType: 'application/problem+json', body: '{"code":"not-signed-in"}' }
    await page.route('**/api/v1/alarms/test', (route) => route.fulfill(gone))
    await page.click('button:has-text("Test alarms")')
    await page.waitForSelector('.fault:has-text("Your session is over")')
    expect(await page.locator('button:has-text("Test alarms")').isEnabled()).toBe(true)
  })

  test('without script there is a sentence', async () => {
    const server = await startServer()
    const page = await openPage({ javaScriptEnabled: false })
    const { out } = await todoku(['token', 'link', '--data', server.data, '--json'])
    await page.goto((JSON.parse(out) as { url: string }).url)
    expect(await page.textContent('body')).toContain('npx todoku submissions list')
  })
})

describe('every view', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

  test.each(['en', 'ja'])('%s: axe finds nothing in light and dark, and it fits into 320 pixels', async (language) => {
    const server = await startServer()
    await postForm(server.url, {
      name: 'Taro',
      email: 'unknown-user@simulator.test',
      message: 'x',
      _language: language,
    })
    await postForm(server.url, {
      ...suspicious,
      email: 'a.rather.long.address.for.a.small.screen@department.example.co.jp',
      message: `${'x'.repeat(300)}\nhttps://example.com/${'y'.repeat(200)}`,
    })
    const page = await openPage({
      locale: language === 'ja' ? 'ja-JP' : 'en-GB',
      viewport: { width: 320, height: 640 },
    })
    await enter(page, server)
    const found: string[] = []
    const inspect = async (name: string) => {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        if (overflow > 0) found.push(`${name}: ${overflow} pixels too wide`)
        const violations = (await page.evaluate(
          `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))`,
        )) as string[]
        found.push(...violations.map((violation) => `${name} ${colorScheme}: ${violation}`))
      }
    }
    await page.waitForSelector('.list li')
    await inspect('mailbox')
    await page.locator('.ways a').nth(1).click()
    await page.locator('.test button').click()
    await page.waitForSelector('.test .good')
    await page.locator('[aria-labelledby=alarm-test] button').click()
    await page.waitForSelector('[aria-labelledby=alarm-test] .bad')
    await inspect('forms')
    await page.locator('.standing a').click()
    await page.waitForSelector('.rows li')
    await inspect('form')
    await page.locator('.rows a').click()
    await page.waitForSelector('.posted')
    await page.locator('summary').click()
    await inspect('submission')
    await page.locator('button.main').click()
    await page.waitForSelector('button.main', { state: 'detached' })
    await inspect('released')
    expect(found).toEqual([])
  })
})
