import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Browser, BrowserContextOptions, Page, Request, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { startServer, temporaryFolder, todoku } from './server.ts'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

/** No inline style, no inline script, nothing from elsewhere: what a careful site sends along. */
const policy = (server: string) =>
  `default-src 'none'; img-src data:; script-src ${server}; connect-src ${server}; form-action 'self' ${server}`

const fields = `
<p><label>Name <input name="name" required></label></p>
<p><label>E-mail <input name="email" type="email" required></label></p>
<p><label>Message <textarea name="message"></textarea></label></p>
<button>Send</button>`

type PageOptions = { attributes?: string; inside?: string; lang?: string; server?: string; policy?: string }

/** A page with one form and the script, as somebody would write it. */
function htmlOf({ attributes = '', inside = fields, lang = 'en', server = '', policy: own }: PageOptions = {}): string {
  return `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><title>Contact</title>
<meta http-equiv="content-security-policy" content="${own ?? policy(server || "'self'")}"><link rel="icon" href="data:,"><script src="${server}/todoku.js" defer></script></head><body>
<form action="${server}/f/contact" method="post" ${attributes}>${inside}</form></body></html>`
}

const thanks = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Thanks</title>
<script src="/todoku.js" defer></script></head><body><h1>Thanks</h1><div data-todoku-status></div></body></html>`

/** The server with a site of its own. */
async function serveSite(page: string) {
  const site = temporaryFolder('site')
  writeFileSync(join(site, 'index.html'), page)
  writeFileSync(join(site, 'thanks.html'), thanks)
  const server = await startServer({ args: ['--site', site] })
  return { url: server.greeting.publicUrl, stored: () => storedIn(server.data) }
}

type Stored = { reference: string; entries: { name: string; value?: string; file?: { fileName: string } }[] }

/** What was stored, newest first. */
async function storedIn(data: string): Promise<Stored[]> {
  const list = JSON.parse((await todoku(['submissions', 'list', '--data', data, '--json'])).out) as { items: Stored[] }
  const shown = list.items.map(({ reference }) => todoku(['submissions', 'show', reference, '--data', data, '--json']))
  return (await Promise.all(shown)).map(({ out }) => JSON.parse(out) as Stored)
}

/** A browser of somebody who takes a minute and is not a robot; what the page complains of fails the test. */
async function openPage(options: BrowserContextOptions & { allowed?: RegExp } = {}): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-US', ...options })
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false })
    const now = performance.now.bind(performance)
    performance.now = () => now() + 60_000
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return
    if (options.allowed?.test(message.text()) !== true) complaints.push(message.text())
  })
  onTestFinished(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })
  return page
}

async function fill(page: Page, email = 'hanako@example.jp'): Promise<void> {
  await page.fill('[name=name]', '山田 花子')
  await page.fill('[name=email]', email)
  await page.fill('[name=message]', 'こんにちは。\nよろしく。')
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What assistive technology would stumble over; evaluated by the debugger, so that the page's policy stays as it is. */
const violations = (page: Page) =>
  page.evaluate(
    `${axe}; axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] }).then(({ violations }) => violations.map(({ id }) => id))`,
  )

const send = (page: Page) => page.click('button:not([type=button])')
const status = (page: Page) => page.locator('[role=status]')
const alert = (page: Page) => page.locator('[role=alert]')
const isPost = (request: Request) => request.method() === 'POST' && request.url().endsWith('/f/contact')
const bodyOf = (request: Request) => new URLSearchParams(request.postData() ?? '')
const posts = (page: Page) => {
  const seen: Request[] = []
  page.on('request', (request) => {
    if (isPost(request)) seen.push(request)
  })
  return seen
}

test('the script is smaller than 5 kB compressed, and needs nothing', () => {
  const script = readFileSync(join(import.meta.dirname, '../../dist/snippet/todoku.js'))
  expect(gzipSync(script, { level: 9 }).length).toBeLessThan(5000)
  expect(script.toString()).not.toMatch(/\bimport\b|\brequire\(|https?:\/\/|\.style\b|innerHTML/)
})

describe('an unchanged form', () => {
  test('is sent in place, by the keyboard alone, and tells what becomes of it', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    await page.goto(url)
    await page.focus('[name=name]')
    await page.keyboard.type('Hanako')
    await page.keyboard.press('Tab')
    await page.keyboard.type('deferred@simulator.test')
    await page.keyboard.press('Enter')
    await status(page)
      .getByText(/^Your message is stored\. Reference: [A-Z0-9-]+\./)
      .waitFor()
    await status(page).getByText('Confirmation: delivered to the mail server of simulator.test.').waitFor()
    expect(page.url()).toBe(`${url}/`)
    expect(await page.inputValue('[name=name]')).toBe('')
    const [submission, ...others] = await stored()
    expect(others).toEqual([])
    expect(await status(page).textContent()).toContain(submission?.reference)
    // What the script adds is for the judge and never stored.
    expect(submission?.entries.map(({ name }) => name)).toEqual(['name', 'email', 'message'])
    await page.click('[role=status] a')
    expect(await page.textContent('h1')).toBe('Your message is stored')
  })

  test('speaks Japanese on a Japanese page, and the page’s own words where it has them', async () => {
    const { url } = await serveSite(htmlOf({ lang: 'ja', attributes: 'data-todoku-text-delivered="{domain} に到着"' }))
    const page = await openPage()
    await page.goto(url)
    await fill(page)
    await send(page)
    await status(page).getByText('送信内容を保存しました。').waitFor()
    await status(page).getByText('example.jp に到着').waitFor()
  })

  test('sends what the browser would send, and how long the page was there', async () => {
    const { url, stored } = await serveSite(
      htmlOf({
        inside: fields.replace(
          '<button>',
          '<button name="kind" value="a" id="a">A</button><button name="kind" value="b">',
        ),
      }),
    )
    const page = await openPage()
    const seen = posts(page)
    await page.goto(url)
    await fill(page)
    await page.click('text=Send')
    await status(page).getByText('stored').waitFor()
    const body = bodyOf(seen[0] as Request)
    expect(Number(body.get('_loaded'))).toBeGreaterThan(60_000)
    expect(body.has('_webdriver')).toBe(false)
    expect(body.get('message')).toBe('こんにちは。\r\nよろしく。')
    expect((await stored())[0]?.entries.at(-1)).toMatchObject({ name: 'kind', value: 'b' })
  })

  test('a form that posts elsewhere, asks by GET or opens another window is left alone', async () => {
    const other = (attributes: string) => `<form ${attributes}><button>Go</button></form>`
    for (const attributes of [
      'action="/elsewhere" method="post"',
      'action="/f/contact"',
      'action="/f/contact" method="post" target="_blank"',
    ]) {
      const { url } = await serveSite(htmlOf().replace('</body>', `${other(attributes)}</body>`))
      const page = await openPage()
      await page.goto(url)
      const [request] = await Promise.all([page.context().waitForEvent('request'), page.click('text=Go')])
      expect(request.isNavigationRequest(), attributes).toBe(true)
    }
  })

  test('works without the script, and where the page’s policy keeps scripts from posting', async () => {
    const plain = await serveSite(htmlOf())
    const blocked = await openPage()
    await blocked.route('**/todoku.js', (route) => route.abort())
    await blocked.goto(plain.url)
    await fill(blocked)
    await send(blocked)
    await blocked.waitForURL('**/s/**')
    expect(await plain.stored()).toHaveLength(1)

    const strict = await serveSite(
      htmlOf({ policy: "default-src 'none'; img-src data:; script-src 'self'; form-action 'self'" }),
    )
    const page = await openPage({ allowed: /Content Security Policy|Fetch API cannot load/ })
    await page.goto(strict.url)
    await fill(page)
    await send(page)
    await page.waitForURL('**/s/**')
    expect(await strict.stored()).toHaveLength(1)
  })

  test('when the script itself fails before sending, the browser sends', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    await page.goto(url)
    await page.evaluate(() => {
      globalThis.FormData = class {
        constructor() {
          throw new TypeError('not today')
        }
      } as unknown as typeof FormData
    })
    await fill(page)
    await send(page)
    await page.waitForURL('**/s/**')
    expect(await stored()).toHaveLength(1)
  })

  test('a button with an action, method or target of its own is obeyed', async () => {
    const inside = `${fields.replace('required', '').replace('required', '')}<button formaction="/f/contact?by=button">Other</button>
<button formmethod="get" formaction="/thanks.html">Get</button>`
    const { url } = await serveSite(htmlOf({ inside }))
    const page = await openPage()
    await page.goto(url)
    await page.fill('[name=message]', 'x')
    const [request] = await Promise.all([page.waitForRequest('**/f/contact?by=button'), page.click('text=Other')])
    expect(request.isNavigationRequest()).toBe(false)
    await status(page).getByText('stored').waitFor()
    await page.click('button:text-is("Get")')
    await page.waitForURL('**/thanks.html?**')
  })

  test('uploads a file', async () => {
    const inside = fields.replace('<button>', '<label>File <input type="file" name="doc"></label><button>')
    const { url, stored } = await serveSite(htmlOf({ inside, attributes: 'enctype="multipart/form-data"' }))
    const page = await openPage()
    await page.goto(url)
    await fill(page)
    await page.setInputFiles('[name=doc]', {
      name: '履歴書.pdf',
      mimeType: 'application/pdf',
      buffer: Buffer.from('pdf'),
    })
    await send(page)
    await status(page).getByText('stored').waitFor()
    expect((await stored())[0]?.entries.at(-1)).toMatchObject({ name: 'doc', file: { fileName: '履歴書.pdf' } })
  })

  test('on another origin: posts, reads errors and follows the fate from there', async () => {
    const server = await startServer({ args: ['--site', temporaryFolder('site')] })
    const { publicUrl } = server.greeting
    const site = temporaryFolder('pages')
    writeFileSync(join(site, 'index.html'), htmlOf({ server: publicUrl }))
    expect((await todoku(['forms', 'sync', site, '--data', server.data])).code).toBe(0)
    const host = createServer((_request, response) => {
      response.writeHead(200, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy': policy(publicUrl),
      })
      response.end(htmlOf({ server: publicUrl, attributes: 'novalidate' }))
    })
    await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      host.closeAllConnections()
      host.close()
    })
    const page = await openPage()
    await page.goto(`http://127.0.0.1:${(host.address() as AddressInfo).port}/`)
    await send(page)
    await alert(page).getByText('Some fields need your attention.').waitFor()
    // The question comes from the server itself.
    await fill(page, 'hanako@gmial.com')
    await send(page)
    await page.getByText('Did you mean hanako@gmail.com?').waitFor()
    await page.fill('[name=email]', 'deferred@simulator.test')
    expect(await page.locator('.todoku-suggestion').count()).toBe(0)
    await send(page)
    await status(page).getByText('Confirmation: delivered to the mail server').waitFor()
    expect(await storedIn(server.data)).toHaveLength(1)
  })
})

describe('errors', () => {
  test('stand beside their fields, have the focus, and go when the field changes', async () => {
    const inside = `${fields}<p data-todoku-error="email" hidden></p>`
    const { url, stored } = await serveSite(htmlOf({ inside, attributes: 'novalidate' }))
    const page = await openPage()
    await page.goto(url)
    await page.evaluate(() => {
      const told: string[] = []
      Object.assign(globalThis, { told })
      for (const name of ['todoku:sent', 'todoku:error'])
        document.addEventListener(name, (event) => {
          const { errors, reference, url: address } = (event as CustomEvent).detail
          told.push(errors?.map(({ field }: { field: string }) => field).join() ?? typeof reference + typeof address)
        })
    })
    await page.fill('[name=email]', 'nonsense')
    await send(page)
    await alert(page).getByText('Some fields need your attention.').waitFor()
    const name = page.locator('[name=name]')
    expect(await name.getAttribute('aria-invalid')).toBe('true')
    expect(await name.evaluate((element) => element === document.activeElement)).toBe(true)
    const id = await name.getAttribute('aria-describedby')
    expect(await page.locator(`p#${id}`).textContent()).toContain('Name')
    const own = page.locator('[data-todoku-error=email]')
    expect(await own.isVisible()).toBe(true)
    expect(await page.locator('[name=email]').getAttribute('aria-describedby')).toBe(await own.getAttribute('id'))
    expect(await violations(page)).toEqual([])

    await page.keyboard.type('H')
    expect(await page.locator(`#${id}`).count()).toBe(0)
    expect(await name.getAttribute('aria-invalid')).toBeNull()
    expect(await name.getAttribute('aria-describedby')).toBeNull()
    expect(await own.isVisible()).toBe(true)
    await page.fill('[name=email]', 'hanako@example.jp')
    expect(await own.isVisible()).toBe(false)
    await send(page)
    await status(page).getByText('stored').waitFor()
    expect(await alert(page).count()).toBe(0)
    expect(await stored()).toHaveLength(1)
    expect(await page.evaluate(() => (globalThis as unknown as { told: string[] }).told)).toEqual([
      'name,email',
      'stringstring',
    ])
  })

  test('of the browser’s own check come first', async () => {
    const { url } = await serveSite(htmlOf())
    const page = await openPage()
    const seen = posts(page)
    await page.goto(url)
    await send(page)
    expect(await page.locator('[name=name]:invalid').count()).toBe(1)
    expect(await page.locator('[aria-busy=true]').count()).toBe(0)
    expect(seen).toEqual([])
  })

  test('are text, whatever the server says', async () => {
    const { url } = await serveSite(htmlOf())
    const page = await openPage()
    await page.route('**/f/contact', (route) =>
      route.fulfill({
        status: 422,
        json: {
          ok: false,
          error: '<img src=x>',
          errors: [
            { field: 'name', code: 'X', message: '<b>bold</b>' },
            { field: '"]', code: 'X', message: 'of no field' },
            { field: null, code: 'X', message: 'of the whole' },
          ],
        },
      }),
    )
    await page.goto(url)
    await fill(page)
    await send(page)
    expect(await alert(page).textContent()).toBe('<img src=x> of no field of the whole')
    expect(await page.locator('img, b').count()).toBe(0)
    expect(await page.inputValue('[name=message]')).toContain('こんにちは')
  })
})

describe('sent once', () => {
  /** Lets the post reach the server and loses its answer. */
  const loseAnswer = async (route: Route) => {
    await route.fetch()
    await route.abort()
  }

  test('a double click is one post, and the button is never disabled', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    const seen = posts(page)
    let answer = () => {}
    const pressed = new Promise<void>((resolve) => {
      answer = resolve
    })
    await page.route('**/f/contact', async (route) => {
      await pressed
      await route.continue()
    })
    await page.goto(url)
    await fill(page)
    await page.dblclick('button')
    await status(page).getByText('Sending').waitFor()
    await page.keyboard.press('Enter')
    expect(await page.getAttribute('form', 'aria-busy')).toBe('true')
    expect(await page.isEnabled('button')).toBe(true)
    answer()
    await status(page).getByText('stored').waitFor()
    expect(await page.getAttribute('form', 'aria-busy')).toBe('false')
    expect(seen).toHaveLength(1)
    expect(await stored()).toHaveLength(1)
  })

  test('a lost answer: everything stays, and sending again, after a reload too, gives the same submission', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    await page.goto(url)
    await page.route('**/f/contact', loseAnswer, { times: 2 })
    await fill(page)
    await send(page)
    await alert(page).getByText('No answer came.').waitFor()
    expect(await page.inputValue('[name=name]')).toBe('山田 花子')
    const failed = page.waitForEvent('requestfailed')
    await send(page)
    await failed
    await alert(page).getByText('No answer came.').waitFor()
    await page.reload()
    await fill(page)
    await send(page)
    await status(page).getByText('stored').waitFor()
    expect(await stored()).toHaveLength(1)
  })

  test.each([429, 503])('a %d promises nothing: the same key is sent again', async (code) => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    const seen = posts(page)
    await page.route('**/f/contact', (route) => route.fulfill({ status: code, json: { error: 'Not now.' } }), {
      times: 1,
    })
    await page.goto(url)
    await fill(page)
    await send(page)
    await alert(page).getByText('Not now.').waitFor()
    await send(page)
    await status(page).getByText('stored').waitFor()
    const keys = seen.map((request) => bodyOf(request).get('_idempotency'))
    expect(keys[0]).toMatch(/^[\d-]{10,}$/)
    expect(keys[1]).toBe(keys[0])
    expect(await stored()).toHaveLength(1)
  })

  test('in a crowd the next press goes where it gets through, and only that one', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    const seen: string[] = []
    page.on('request', (request) => {
      if (request.method() === 'POST' && /\/f\/contact(\?|$)/.test(request.url())) seen.push(request.url())
    })
    const action = new URL('/f/contact', url).href
    const crowded = { error: 'Too many.', retryUrl: `${action}?turn=x` }
    await page.route('**/f/contact', (route) => route.fulfill({ status: 429, json: crowded }), { times: 1 })
    await page.goto(url)
    await fill(page)
    await send(page)
    await alert(page).getByText('Too many.').waitFor()
    await send(page)
    await status(page).getByText('stored').waitFor()
    await fill(page, 'taro@example.jp')
    await send(page)
    await expect.poll(() => seen.length).toBe(3)
    expect(seen).toEqual([action, crowded.retryUrl, action])
    await expect.poll(async () => (await stored()).length, { timeout: 25_000 }).toBe(2)
  })

  test('a visitor whose form asks first is told to confirm', async () => {
    const { url } = await serveSite(htmlOf())
    const page = await openPage()
    const messages = [{ role: 'confirmation', state: 'delivered', settled: true }]
    const unconfirmed = { reference: 'KD4-MR7-WC3', review: 'unconfirmed', email: 'hanako@example.jp', messages }
    await page.route('**/s/**.json', (route) => route.fulfill({ json: unconfirmed }))
    await page.goto(url)
    await fill(page)
    await send(page)
    await status(page).getByText('Please confirm it there.').waitFor()
  })

  test('other content is another submission; the same content some minutes later too', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    await page.clock.install()
    await page.goto(url)
    const again = async () => {
      await send(page)
      await page.waitForSelector('[aria-busy=false]')
      await status(page).getByText('stored').waitFor()
    }
    await fill(page)
    await again()
    await fill(page)
    await again()
    expect(await stored()).toHaveLength(1)
    await fill(page, 'taro@example.jp')
    await again()
    expect(await stored()).toHaveLength(2)
    await page.clock.fastForward('03:00')
    await fill(page, 'taro@example.jp')
    await again()
    expect(await stored()).toHaveLength(3)
  })
})

describe('the page’s own thank-you page', () => {
  test('is gone to, and shows the fate; going back and sending again makes nothing new', async () => {
    const inside = `${fields}<input type="hidden" name="_next" value="/thanks.html">`
    const { url, stored } = await serveSite(htmlOf({ inside }))
    const page = await openPage()
    await page.goto(url)
    await fill(page)
    await send(page)
    await page.waitForURL('**/thanks.html#todoku=*')
    await status(page).getByText('Confirmation: delivered to the mail server of example.jp.').waitFor()
    const reference = (await status(page).textContent())?.match(/Reference: ([A-Z0-9-]+)/)?.[1]
    await page.goBack()
    await fill(page)
    await send(page)
    await page.waitForURL('**/thanks.html#todoku=*')
    await status(page).getByText(`${reference}`).waitFor()
    expect(await stored()).toHaveLength(1)
  })

  test('believes no link to anywhere else', async () => {
    const { url } = await serveSite(htmlOf())
    for (const link of [
      'https://evil.example/s/AAA/k1-a',
      'javascript:alert(1)',
      `${url}.evil.example/s/AAA/k1-a`,
      `${url}/f/contact`,
    ]) {
      const page = await openPage()
      await page.goto(`${url}/thanks.html#todoku=${encodeURIComponent(link)}`)
      await page.waitForLoadState('networkidle')
      expect(await page.locator('[data-todoku-status]').innerHTML(), link).toBe('')
    }
  })

  test('has nothing to say of the fragments of other pages, whatever they are', async () => {
    const { url } = await serveSite(htmlOf())
    for (const fragment of ['#50%', '#%', '#%E0%A4%A', '#todoku=%', '#top']) {
      for (const path of ['/', '/thanks.html']) {
        // A page whose script throws fails the test.
        const page = await openPage()
        await page.goto(`${url}${path}${fragment}`)
        await page.waitForLoadState('networkidle')
        expect(await page.locator('[role=status]').count(), fragment).toBe(0)
      }
    }
  })
})

describe('address help', () => {
  /** The endpoint that knows the slips, played. */
  async function withSuggestion(page: Page, suggestion: string | null): Promise<string[]> {
    const asked: string[] = []
    await page.route('**/f/contact/suggest', async (route) => {
      asked.push((route.request().postDataJSON() as { email: string }).email)
      await route.fulfill({ json: { suggestion } })
    })
    return asked
  }

  test('asks before sending and changes nothing by itself; “keep mine” sends what was typed', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    const seen = posts(page)
    const asked = await withSuggestion(page, 'hanako@gmail.com')
    await page.goto(url)
    await fill(page, 'hanako@gmial.com')
    // Somebody in a hurry: the second Enter chooses nothing.
    await page.focus('[name=email]')
    await page.keyboard.press('Enter')
    await page.getByText('Did you mean hanako@gmail.com?').waitFor()
    expect(await page.inputValue('[name=email]')).toBe('hanako@gmial.com')
    expect(await violations(page)).toEqual([])
    await page.keyboard.press('Enter')
    expect(seen).toEqual([])
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await page.textContent(':focus')).toBe('Keep mine and send')
    await page.keyboard.press('Enter')
    await status(page).getByText('stored').waitFor()
    expect(await page.locator('.todoku-suggestion').count()).toBe(0)
    expect(asked).toEqual(['hanako@gmial.com'])
    expect((await stored())[0]?.entries[1]).toMatchObject({ value: 'hanako@gmial.com' })
  })

  test('“use it” sends the other address; sending once more is an answer too', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    await withSuggestion(page, 'hanako@gmail.com')
    await page.goto(url)
    await fill(page, 'hanako@gmial.com')
    await send(page)
    await page.click('text=Use it and send')
    await status(page).getByText('stored').waitFor()
    expect((await stored())[0]?.entries[1]).toMatchObject({ value: 'hanako@gmail.com' })

    await fill(page, 'hanako@gmeil.com')
    await send(page)
    await page.getByText('Did you mean').waitFor()
    await page.click('button:text-is("Send")')
    await status(page).getByText('stored').waitFor()
    expect((await stored())[0]?.entries[1]).toMatchObject({ value: 'hanako@gmeil.com' })
  })

  test.each(['no answer', 'an error', 'nonsense'])('%s holds nobody up', async (kind) => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    await page.route('**/f/contact/suggest', async (route) => {
      if (kind === 'an error') await route.fulfill({ status: 500, body: 'x' })
      if (kind === 'nonsense') await route.fulfill({ json: [] })
    })
    await page.goto(url)
    await fill(page)
    await send(page)
    await status(page).getByText('stored').waitFor()
    expect(await stored()).toHaveLength(1)
  })
})

describe('a draft', () => {
  const inside = `${fields}<input type="password" name="secret"><input name="card" data-todoku-private>
<input type="hidden" name="page" value="p"><input name="_gotcha"><select name="plan"><option>free<option>pro</select>
<label><input type="checkbox" name="news" value="yes" checked> News</label>
<label><input type="radio" name="size" value="s"> S</label><label><input type="radio" name="size" value="l"> L</label>`
  const kept = (page: Page) => page.evaluate(() => JSON.stringify(localStorage))

  test('is kept only where the page asks for it', async () => {
    const { url } = await serveSite(htmlOf({ inside }))
    const page = await openPage()
    await page.goto(url)
    await fill(page)
    expect(await kept(page)).toBe('{}')
  })

  test('comes back after a reload without what is secret, and is gone when it was accepted', async () => {
    const { url } = await serveSite(htmlOf({ inside, attributes: 'data-todoku-draft autocomplete="off"' }))
    const page = await openPage()
    await page.goto(url)
    await fill(page)
    await page.fill('[name=secret]', 'sesame')
    await page.fill('[name=card]', '4111')
    await page.fill('[name=_gotcha]', 'honey')
    await page.selectOption('[name=plan]', 'pro')
    await page.uncheck('[name=news]')
    await page.check('[value=l]')
    expect(await kept(page)).not.toMatch(/sesame|4111|honey|\\"page\\"/)
    // Another tab, in which the browser itself restores nothing.
    const other = await page.context().newPage()
    await other.goto(url)
    expect(await other.inputValue('[name=message]')).toBe('こんにちは。\nよろしく。')
    expect(await other.inputValue('[name=plan]')).toBe('pro')
    expect(await other.isChecked('[name=news]')).toBe(false)
    expect(await other.isChecked('[value=l]')).toBe(true)
    expect(await other.inputValue('[name=secret]')).toBe('')
    await other.fill('[name=_gotcha]', '')
    await send(other)
    await status(other).getByText('stored').waitFor()
    expect(await kept(other)).not.toContain('花子')
    await other.reload()
    expect(await other.inputValue('[name=name]')).toBe('')
  })

  test.each([
    ['', '23:00:00', '26:00:00'],
    ['7d', '160:00:00', '170:00:00'],
    ['30m', '00:29:00', '00:31:00'],
  ])('with the lifetime “%s” is there after %s and gone after %s', async (lifetime, before, after) => {
    const { url } = await serveSite(htmlOf({ attributes: `data-todoku-draft="${lifetime}"` }))
    const first = await openPage()
    await first.clock.install({ time: 0 })
    await first.goto(url)
    await fill(first)
    const later = async (time: string) => {
      const page = await first.context().newPage()
      const [hours = 0, minutes = 0] = time.split(':').map(Number)
      await page.clock.setFixedTime((hours * 60 + minutes) * 60_000)
      await page.goto(url)
      return page
    }
    expect(await (await later(before)).inputValue('[name=name]')).toBe('山田 花子')
    const gone = await later(after)
    expect(await gone.inputValue('[name=name]')).toBe('')
    expect(await kept(gone)).toBe('{}')
  })
})

describe('offline', () => {
  test('without the attribute: a message, and everything stays', async () => {
    const { url, stored } = await serveSite(htmlOf())
    const page = await openPage()
    await page.goto(url)
    await fill(page)
    await page.context().setOffline(true)
    await send(page)
    await alert(page).getByText('No answer came.').waitFor()
    expect(await page.inputValue('[name=name]')).toBe('山田 花子')
    await page.context().setOffline(false)
    await send(page)
    await status(page).getByText('stored').waitFor()
    expect(await stored()).toHaveLength(1)
  })

  test('with it: each post waits and is sent once, with its reference, when the network is back', async () => {
    const { url, stored } = await serveSite(htmlOf({ attributes: 'data-todoku-offline' }))
    const page = await openPage()
    await page.goto(url)
    await page.context().setOffline(true)
    for (const email of ['one@example.jp', 'two@example.jp']) {
      await fill(page, email)
      await send(page)
      await expect.poll(() => page.inputValue('[name=name]'), { timeout: 25_000 }).toBe('')
      await status(page).getByText('Not sent yet').waitFor()
    }
    expect(await stored()).toHaveLength(0)
    await page.context().setOffline(false)
    await status(page).getByText('stored. Reference:').waitFor()
    await expect
      .poll(async () => (await stored()).map(({ entries }) => entries[1]?.value).sort(), { timeout: 25_000 })
      .toEqual(['one@example.jp', 'two@example.jp'])
    await expect
      .poll(() => page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes('queue'))), {
        timeout: 25_000,
      })
      .toEqual([])
  })

  test('a lost answer waits with its key, is sent from another visit, and makes no second submission', async () => {
    const { url, stored } = await serveSite(htmlOf({ attributes: 'data-todoku-offline', lang: 'ja' }))
    const page = await openPage()
    await page.goto(url)
    await page.route(
      '**/f/contact',
      async (route) => {
        await route.fetch()
        await route.abort()
      },
      { times: 1 },
    )
    await fill(page)
    await send(page)
    await status(page).getByText('まだ送信していません').waitFor()
    const later = await page.context().newPage()
    await later.goto(url)
    await status(later).getByText('受付番号').waitFor()
    expect(await stored()).toHaveLength(1)
    expect(await status(later).textContent()).toContain((await stored())[0]?.reference)
  })

  test.each([
    ['refused by the server', 'This form has changed.'],
    ['older than it may be', 'No answer came.'],
  ])('what was %s goes back into the form', async (kind, told) => {
    const { url } = await serveSite(htmlOf({ attributes: 'data-todoku-offline="2h"' }))
    const page = await openPage()
    await page.goto(url)
    await page.context().setOffline(true)
    await fill(page)
    await send(page)
    await status(page).getByText('Not sent yet').waitFor()
    await page.close({ runBeforeUnload: false })
    await page.context().setOffline(false)
    const later = await page.context().newPage()
    await later.route('**/f/contact', (route) =>
      route.fulfill({ status: 422, json: { error: 'This form has changed.', errors: [] } }),
    )
    if (kind.startsWith('older')) await later.clock.setFixedTime(Date.now() + 3 * 3_600_000)
    await later.goto(url)
    await alert(later).getByText(told).waitFor()
    expect(await later.inputValue('[name=message]')).toBe('こんにちは。\nよろしく。')
    expect(await later.evaluate(() => JSON.stringify(localStorage))).not.toContain('queue')
  })

  test('what waits is sent from a form with a field called action, and beside one whose address is none', async () => {
    const inside = `${fields}<input type="hidden" name="action" value="send">`
    const broken = '<form action="http://" method="post"><button type="button">Other</button></form>'
    const { url, stored } = await serveSite(
      htmlOf({ attributes: 'data-todoku-offline', inside }).replace('<form', `${broken}<form`),
    )
    const page = await openPage()
    await page.goto(url)
    await page.context().setOffline(true)
    await fill(page)
    await send(page)
    await status(page).getByText('Not sent yet').waitFor()
    await page.context().setOffline(false)
    await status(page).getByText('stored. Reference:').waitFor()
    expect(await stored()).toHaveLength(1)
  })

  test('what is too old waits for its form as long again, and is then removed wherever the script runs', async () => {
    const { url } = await serveSite(htmlOf({ attributes: 'data-todoku-offline="2h"' }))
    const page = await openPage()
    await page.goto(url)
    await page.context().setOffline(true)
    await fill(page)
    await send(page)
    await status(page).getByText('Not sent yet').waitFor()
    await page.close({ runBeforeUnload: false })
    await page.context().setOffline(false)
    for (const [hours, waits] of [
      [3, true],
      [5, false],
    ] as const) {
      const later = await page.context().newPage()
      await later.clock.setFixedTime(Date.now() + hours * 3_600_000)
      await later.goto(`${url}/thanks.html`)
      await later.waitForLoadState('networkidle')
      expect(await later.evaluate(() => Object.keys(localStorage).some((key) => key.includes('queue')))).toBe(waits)
      await later.close()
    }
  })

  test('files can’t wait, and the person is told', async () => {
    const inside = fields.replace('<button>', '<input type="file" name="doc"><button>')
    const attributes = 'data-todoku-offline enctype="multipart/form-data"'
    const { url } = await serveSite(htmlOf({ inside, attributes }))
    const page = await openPage()
    await page.goto(url)
    await fill(page)
    await page.setInputFiles('[name=doc]', { name: 'a.pdf', mimeType: 'application/pdf', buffer: Buffer.from('pdf') })
    await page.context().setOffline(true)
    await send(page)
    await alert(page).getByText('files can’t wait here').waitFor()
    expect(await page.inputValue('[name=doc]')).toContain('a.pdf')
  })
})
