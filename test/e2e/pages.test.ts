import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { startServer, statusWhen, temporaryFolder } from './server.ts'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

const en = { locale: 'en-US' }
const ja = { locale: 'ja-JP' }
const scriptless = { javaScriptEnabled: false }

/** A page whose complaints (script errors, broken policies) fail the test. */
async function openPage(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // An answer that is an error by intent is told in the console too.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  onTestFinished(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })
  return page
}

async function fill(page: Page, email: string): Promise<void> {
  await page.fill('[name=name]', '山田 花子')
  await page.fill('[name=email]', email)
  await page.fill('[name=message]', 'こんにちは。\nよろしくお願いします。')
  await page.click('button[type=submit]')
}

describe('without script', () => {
  test('the demo in Japanese: posted, bounced, corrected, delivered', async () => {
    const { url } = await startServer()
    const page = await openPage({ ...ja, ...scriptless })
    await page.goto(`${url}/ja/`)
    await fill(page, 'unknown-user@simulator.test')
    expect(await page.textContent('h1')).toBe('送信内容を保存しました')
    expect(await page.getAttribute('html', 'lang')).toBe('ja')
    await statusWhen(page.url(), (status) => !status.open)
    await page.reload()
    expect(await page.textContent('main')).toContain('このメールアドレスは存在しないようです')
    await page.fill('[name=email]', 'hanako@example.jp')
    await page.click('button[type=submit]')
    await statusWhen(page.url(), (status) => !status.open)
    await page.reload()
    expect(await page.textContent('main')).toContain('example.jp のメールサーバーに届きました。')
    expect(await page.title()).toContain('到着')
  })

  test('while something is open the page looks again by itself; then no more', async () => {
    const { url } = await startServer()
    const page = await openPage({ ...en, ...scriptless })
    await page.goto(url)
    await fill(page, 'deferred@simulator.test')
    expect(await page.locator('meta[http-equiv=refresh]').count()).toBe(1)
    await statusWhen(page.url(), (status) => !status.open)
    await page.reload()
    expect(await page.locator('meta[http-equiv=refresh]').count()).toBe(0)
    expect(await page.locator('a.button').count()).toBe(0)
  })

  test('a refused form comes back with everything, uploads included, and goes through when it is corrected', async () => {
    const site = temporaryFolder('site')
    writeFileSync(
      join(site, 'index.html'),
      `<!doctype html><html lang="ja"><head><meta charset="utf-8"><title>応募</title></head><body>
      <form action="/f/apply" method="post" enctype="multipart/form-data" novalidate>
      <label>お名前 <input name="name" required></label>
      <label>メール <input name="email" type="email" required></label>
      <label>区分 <select name="kind"><option value="">選択<option value="新規">新規<option value="既存">既存</select></label>
      <label>内容 <textarea name="message"></textarea></label>
      <label><input type="checkbox" name="agree" required> 同意する</label>
      <label>書類 <input type="file" name="doc"></label>
      <button>送信</button></form></body></html>`,
    )
    const { url } = await startServer({ args: ['--site', site] })
    const page = await openPage({ ...ja, ...scriptless })
    await page.goto(url)
    await page.fill('[name=email]', 'hanako@example.jp')
    await page.selectOption('[name=kind]', '既存')
    await page.fill('[name=message]', '一行目\n二行目')
    await page.setInputFiles('[name=doc]', {
      name: '履歴書.pdf',
      mimeType: 'application/pdf',
      buffer: Buffer.from('pdf'),
    })
    await page.click('button')

    expect(await page.textContent('h1')).toBe('入力内容を確認してください。')
    expect(await page.inputValue('[name=email]')).toBe('hanako@example.jp')
    expect(await page.inputValue('[name=kind]')).toBe('既存')
    expect(await page.inputValue('[name=message]')).toBe('一行目\n二行目')
    expect(await page.textContent('main')).toContain('履歴書.pdf')
    expect(await page.locator('[aria-invalid=true]').count()).toBe(2)
    // Each error is tied to its field for a screen reader.
    for (const field of await page.locator('[aria-invalid=true]').all()) {
      const id = await field.getAttribute('aria-describedby')
      expect(await page.locator(`#${id}`).textContent()).not.toBe('')
    }
    await page.fill('[name=name]', '山田')
    await page.check('[name=agree]')
    await page.click('button')
    expect(await page.textContent('h1')).toBe('送信内容を保存しました')
    expect(await page.textContent('main')).toContain('書類（ファイル 1 件）')
  })

  test('reloading or going back after a post causes no second submission', async () => {
    const { url } = await startServer()
    const page = await openPage({ ...en, ...scriptless })
    await page.goto(url)
    await fill(page, 'delivered@simulator.test')
    // The browser may still be changing from one page to the other when the click is done.
    await page.waitForURL(/\/s\//)
    await page.waitForSelector('text=Confirmation to you')
    const status = page.url()
    await page.goBack({ waitUntil: 'load' })
    await page.click('button[type=submit]')
    await page.waitForURL(/\/s\//)
    expect(page.url()).toBe(status)
  })
})

describe('with script', () => {
  test('the status page follows the mails without a reload, favicon and title included', async () => {
    const { url } = await startServer()
    const page = await openPage(en)
    let loads = 0
    page.on('load', () => {
      loads += 1
    })
    await page.goto(url)
    await fill(page, 'deferred@simulator.test')
    const waiting = await page.getAttribute('link[rel=icon]', 'href')
    await page.waitForSelector('text=Delivered to the mail server of simulator.test.')
    expect(await page.getAttribute('link[rel=icon]', 'href')).not.toBe(waiting)
    expect(await page.title()).toContain('arrived')
    expect(loads).toBe(2)
  })

  test('the page asks less and less often while its server answers nothing that helps', async () => {
    const { url } = await startServer()
    const page = await openPage(en)
    await page.clock.install()
    await page.goto(url)
    await fill(page, 'deferred@simulator.test')
    const status = new URL(page.url()).pathname
    let looks = 0
    await page.route(`**${status}.json`, async (route) => {
      looks += 1
      await route.fulfill({ status: 200, contentType: 'application/json', body: '{}' })
    })
    await page.route(`**${status}`, (route) => route.fulfill({ status: 503, body: 'busy' }))
    for (let half = 0; half < 20; half += 1) {
      await page.clock.runFor(500)
      // What a look asked for is answered before this is.
      for (let turn = 0; turn < 3; turn += 1) await page.evaluate(async () => await (await fetch('/healthz')).text())
    }
    // After 1, 2.5, 4.75 and about 8 seconds.
    expect(looks).toBeGreaterThan(2)
    expect(looks).toBeLessThan(6)
  })

  test('what somebody types into the correction is not taken away by news', async () => {
    // The manager's mail is still open when the visitor corrects the address.
    const { url } = await startServer({ env: { TODOKU_MANAGERS: 'deferred@simulator.test' } })
    const page = await openPage(en)
    await page.goto(url)
    await fill(page, 'unknown-user@simulator.test')
    await page.waitForSelector('text=Correct and send again')
    await page.fill('#email', 'hana')
    const told = page.waitForResponse((answer) => answer.url().endsWith('.json') && answer.status() === 200)
    await statusWhen(page.url(), (status) => status.messages[1]?.state === 'delivered')
    await told
    expect(await page.inputValue('#email')).toBe('hana')
    // As soon as it is put back, the page goes on.
    await page.fill('#email', 'unknown-user@simulator.test')
    await page.waitForSelector('text=Delivered to the mail server.')
    await page.fill('#email', 'hanako@example.jp')
    await page.click('text=Correct and send again')
    await page.waitForSelector('text=Delivered to the mail server of example.jp.')
  })

  test('a page of another origin posts by fetch, reads errors, and is redirected with the status in the fragment', async () => {
    const config = join(temporaryFolder('config'), 'todoku.yaml')
    const host = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' })
      response.end('<!doctype html><title>site</title><h1>site</h1>')
    })
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      host.closeAllConnections()
      host.close()
    })
    const origin = `http://127.0.0.1:${(host.address() as AddressInfo).port}`
    writeFileSync(config, `forms: { contact: { origins: ["${origin}"] } }`)
    const { url, data } = await startServer({ args: ['--config', config] })
    const { todoku } = await import('./server.ts')
    expect((await todoku(['forms', 'apply', '--config', config, '--data', data])).code).toBe(0)

    const page = await openPage(en)
    await page.goto(origin)
    const refused = await page.evaluate(async (action) => {
      const answer = await fetch(action, {
        method: 'POST',
        body: new FormData(),
        headers: { Accept: 'application/json' },
      })
      return { status: answer.status, body: (await answer.json()) as { errors: { field: string }[] } }
    }, `${url}/f/contact`)
    expect(refused.status).toBe(422)
    expect(refused.body.errors.map(({ field }) => field)).toEqual(['name', 'email', 'message'])

    await page.setContent(
      `<form action="${url}/f/contact" method="post"><input name="name" value="x"><input name="email" value="a@example.jp"><input name="message" value="m"><input type="hidden" name="_next" value="/thanks"><button>send</button></form>`,
    )
    await page.click('button')
    await page.waitForURL(`${origin}/thanks#todoku=*`)
    const link = decodeURIComponent(new URL(page.url()).hash.slice('#todoku='.length))
    const status = await page.evaluate(
      async (address) => await (await fetch(address)).json(),
      `${url}${new URL(link).pathname}.json`,
    )
    expect(status).toMatchObject({ review: 'accepted' })
  })
})

describe('the mailbox', () => {
  test('shows a mail as it would have arrived, as text, with its headers; the keyboard is enough', async () => {
    const { url, greeting } = await startServer()
    const visitor = await openPage(en)
    await visitor.goto(url)
    await fill(visitor, 'hanako@example.jp')
    await statusWhen(visitor.url(), (status) => !status.open)

    const page = await openPage(en)
    await page.goto(greeting.enterUrl)
    expect(new URL(page.url()).pathname).toBe('/app/')
    await page.waitForSelector('nav li')
    expect(await page.locator('nav li').count()).toBe(2)
    await page.locator('nav a', { hasText: 'hanako@example.jp' }).focus()
    await page.keyboard.press('Enter')
    const frame = page.frameLocator('iframe')
    await frame.locator('text=has arrived here and is stored').waitFor()
    expect(new URL(page.url()).pathname).toMatch(/^\/app\/mailbox\/[a-z2-7]{26}$/)
    await page.click('button:has-text("Headers")')
    expect(await page.textContent('pre')).toContain('Auto-Submitted: auto-generated')
    await page.click('button:has-text("Text")')
    expect(await page.textContent('pre')).toContain('Reference:')
    // The address can be loaded again, and going back closes the mail.
    await page.reload()
    await page.waitForSelector('article')
    await page.goBack()
    await page.waitForSelector('text=Choose a mail.')
  })

  test('that could not be emptied keeps its mails and says so', async () => {
    const { url, greeting } = await startServer()
    const visitor = await openPage(en)
    await visitor.goto(url)
    await fill(visitor, 'hanako@example.jp')
    await statusWhen(visitor.url(), (status) => !status.open)
    const page = await openPage(en)
    const broken = { status: 503, contentType: 'application/problem+json', body: '{"code":"store-unavailable"}' }
    await page.route('**/api/v1/mailbox', async (route) =>
      route.request().method() === 'DELETE' ? await route.fulfill(broken) : await route.continue(),
    )
    await page.goto(greeting.enterUrl)
    await page.waitForSelector('nav li')
    await page.click('nav button')
    await page.waitForSelector('.fault')
    expect(await page.locator('nav li').count()).toBe(2)
    await page.unroute('**/api/v1/mailbox')
    await page.click('nav button')
    await page.waitForFunction(() => document.querySelectorAll('nav li').length === 0)
  })

  test('a mail cannot do anything in it', async () => {
    const { url, greeting } = await startServer()
    const visitor = await openPage(en)
    await visitor.goto(url)
    await visitor.fill('[name=name]', '<img src=x onerror="parent.hacked=1"><script>parent.hacked=1</script>')
    await visitor.fill('[name=email]', 'hanako@example.jp')
    await visitor.fill('[name=message]', '[x](javascript:alert(1))')
    await visitor.click('button[type=submit]')
    await statusWhen(visitor.url(), (status) => !status.open)
    const page = await openPage(en)
    await page.goto(greeting.enterUrl)
    await page.locator('nav a', { hasText: 'manager@' }).click()
    await page.frameLocator('iframe').locator('text=<img src=x').waitFor()
    expect(await page.frameLocator('iframe').locator('img, script').count()).toBe(0)
    expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBeUndefined()
  })
})

describe('every page', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  type Visit = (page: Page, url: string, enterUrl: string) => Promise<unknown>
  const post =
    (path: string, email: string): Visit =>
    async (page, url) => {
      await page.goto(`${url}${path}`)
      await fill(page, email)
      await statusWhen(page.url(), (status) => !status.open || status.messages[0]?.state === 'accepted')
      await page.reload()
    }
  const pages: [name: string, visit: Visit][] = [
    ['demo', (page, url) => page.goto(url)],
    ['demo in Japanese', (page, url) => page.goto(`${url}/ja/`)],
    ['status, delivered', post('/', 'delivered@simulator.test')],
    ['status, bounced, in Japanese', post('/ja/', 'unknown-user@simulator.test')],
    ['status, full', post('/', 'mailbox-full@simulator.test')],
    ['status, handed over', post('/ja/', 'silent@simulator.test')],
    [
      'refused form',
      async (page, url) => {
        await page.goto(`${url}/ja/`)
        await page.evaluate(() => {
          for (const form of document.forms) form.noValidate = true
        })
        await page.click('button[type=submit]')
      },
    ],
    ['unknown form', (page, url) => page.goto(`${url}/f/nothing`)],
    ['endpoint', (page, url) => page.goto(`${url}/f/contact`)],
    ['sign in', (page, url) => page.goto(`${url}/app/`)],
    [
      'mailbox',
      async (page, url, enterUrl) => {
        await post('/', `a.very.long.address.that.does.not.end@${'long-label.'.repeat(4)}example.jp`)(
          page,
          url,
          enterUrl,
        )
        await page.goto(enterUrl)
        await page.waitForSelector('nav li')
      },
    ],
  ]

  test.each(pages)('%s: passes axe in light and dark, and fits into 320 pixels', async (_name, visit) => {
    const { url, greeting } = await startServer()
    const page = await openPage({ ...(_name.includes('Japanese') ? ja : en), viewport: { width: 320, height: 600 } })
    await visit(page, url, greeting.enterUrl)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(overflow).toBe(0)
      // Evaluated by the debugger, so that the page's own policy stays as strict as it is.
      const violations = await page.evaluate(
        `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))`,
      )
      expect(violations).toEqual([])
    }
  })
})
