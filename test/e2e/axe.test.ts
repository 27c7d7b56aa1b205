import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { type PublicPage, publicPages, visit } from './public-pages.ts'

/** The rules of WCAG 2.2 that a machine can check, on every public page in every state; and what a keyboard needs. */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let browser: Browser
let pages: PublicPage[]
const endings: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  browser = await startBrowser()
  endings.push(() => browser.close())
  pages = await publicPages((end) => endings.push(end))
}, 120_000)

afterAll(async () => {
  for (const end of endings.reverse()) await end()
})

const languages = ['en', 'ja'] as const

async function openPage(language: 'en' | 'ja', options: BrowserContextOptions = {}): Promise<Page> {
  const locale = language === 'ja' ? 'ja-JP' : 'en-GB'
  const context = await browser.newContext({ locale, viewport: { width: 320, height: 640 }, ...options })
  onTestFinished(() => context.close())
  return await context.newPage()
}

async function show(page: Page, target: PublicPage): Promise<void> {
  await visit(page, target, () => page.waitForEvent('framenavigated'))
  await page.waitForLoadState()
}

async function eachPage(language: 'en' | 'ja', page: Page, look: (target: PublicPage) => Promise<void>): Promise<void> {
  for (const target of pages.filter((target) => target.language === language)) {
    await show(page, target)
    await look(target)
  }
}

/** axe is a script itself, so it can't run where none does: what only a browser without script shows is shown instead. */
async function showAsWithoutScript(page: Page): Promise<void> {
  await page.evaluate(() => {
    for (const part of document.body.querySelectorAll('noscript')) {
      const shown = document.createElement('div')
      shown.innerHTML = part.textContent ?? ''
      part.replaceWith(shown)
    }
  })
}

function pageNamed(name: string, language: 'en' | 'ja' = 'en'): PublicPage {
  const found = pages.find((target) => target.name === name && target.language === language)
  if (found === undefined) throw new Error(`no page is called ${name}`)
  return found
}

describe.each(languages)('every page, %s', (language) => {
  test.each(['with script', 'without script'])(
    '%s: axe finds nothing in light, dark and at 320 pixels',
    {
      timeout: 120_000,
    },
    async (script) => {
      const page = await openPage(language)
      const found: string[] = []
      await eachPage(language, page, async ({ name }) => {
        if (script === 'without script') await showAsWithoutScript(page)
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          // Evaluated by the debugger, so that the page's own policy stays as strict as it is.
          const violations = (await page.evaluate(
            `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))`,
          )) as string[]
          found.push(...violations.map((violation) => `${name} ${colorScheme}: ${violation}`))
        }
      })
      expect(found).toEqual([])
    },
  )

  test('is in its language, has one heading of the first rank, and nothing sticks out at 320 or 1280 pixels', {
    timeout: 120_000,
  }, async () => {
    const page = await openPage(language)
    await eachPage(language, page, async ({ name }) => {
      expect(await page.getAttribute('html', 'lang'), name).toBe(language)
      expect(await page.locator('h1').count(), name).toBe(1)
      for (const width of [320, 1280]) {
        await page.setViewportSize({ width, height: 640 })
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        expect(overflow, `${name} at ${width}`).toBe(0)
      }
    })
  })

  test('nothing moves, and everything that can be pressed is at least 24 pixels high', {
    timeout: 120_000,
  }, async () => {
    const page = await openPage(language, { reducedMotion: 'no-preference' })
    await eachPage(language, page, async ({ name }) => {
      const seen = await page.evaluate(() => ({
        moving: [...document.querySelectorAll('*')].filter((element) => {
          const { animationName, transitionDuration } = getComputedStyle(element)
          return animationName !== 'none' || !/^0s(, 0s)*$/.test(transitionDuration)
        }).length,
        small: [...document.querySelectorAll('button, input:not([type=hidden]), select, textarea, a.button')]
          .filter((control) => control.checkVisibility() && control.getBoundingClientRect().height < 24)
          .map((control) => control.outerHTML),
      }))
      expect(seen, name).toEqual({ moving: 0, small: [] })
    })
  })
})

describe('with the keyboard alone', () => {
  /** What Tab leads to, from the top of the page to its end, and whether each stop can be seen. */
  async function stops(page: Page): Promise<{ seen: string[]; unmarked: string[] }> {
    // Where a reader is who has just come: before everything, also where a field has the focus already.
    await page.evaluate(() => {
      const top = Object.assign(document.createElement('span'), { tabIndex: -1 })
      document.body.prepend(top)
      top.focus()
    })
    const seen: string[] = []
    const unmarked: string[] = []
    for (;;) {
      await page.keyboard.press('Tab')
      const stop = await page.evaluate(() => {
        const active = document.activeElement
        if (active === null || active === document.body) return null
        const { outlineStyle, outlineWidth } = getComputedStyle(active)
        const label = active instanceof HTMLInputElement ? (active.labels?.[0]?.textContent ?? '') : active.textContent
        const index = [...document.querySelectorAll('*')].indexOf(active)
        return {
          label: (label ?? '').trim(),
          marked: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
          index,
        }
      })
      const key = stop === null ? '' : `${stop.index} ${stop.label}`
      if (stop === null || seen.includes(key)) break
      seen.push(key)
      if (!stop.marked) unmarked.push(key)
    }
    return { seen, unmarked }
  }

  test.each(languages)(
    'every control of every page is reached in reading order, and is marked (%s)',
    {
      timeout: 120_000,
    },
    async (language) => {
      const page = await openPage(language, { viewport: { width: 900, height: 700 } })
      await eachPage(language, page, async ({ name }) => {
        const controls = await page.evaluate(
          () =>
            [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea')].filter(
              (control) => control.getClientRects().length > 0,
            ).length,
        )
        const { seen, unmarked } = await stops(page)
        expect(seen.length, name).toBe(controls)
        expect(unmarked, name).toEqual([])
        const places = seen.map((stop) => Number.parseInt(stop, 10))
        expect(places, name).toEqual([...places].sort((a, b) => a - b))
      })
    },
  )

  test.each([
    ['with script', true],
    ['without script', false],
  ])('%s a form that is given back begins at its first wrong field', async (_name, javaScriptEnabled) => {
    const page = await openPage('en', { javaScriptEnabled })
    await show(page, pageNamed('form-given-back'))
    const focused = page.locator(':focus')
    expect(await focused.getAttribute('name')).toBe('email')
    expect(await focused.inputValue()).toBe('hanako＠example')
    const described = await focused.getAttribute('aria-describedby')
    expect(await page.locator(`[id="${described}"]`).textContent()).toContain('must be one e-mail address')
  })

  test('an address that is still wrong is where the page begins, with its reason', async () => {
    const page = await openPage('en')
    await show(page, pageNamed('status-still-wrong'))
    const focused = page.locator(':focus')
    expect(await focused.inputValue()).toBe('hanako@example')
    expect(await page.locator(`[id="${await focused.getAttribute('aria-describedby')}"]`).textContent()).toContain(
      'This is not an e-mail address.',
    )
  })
})

describe('news of a status page', () => {
  test('is read out once, and leaves the focus where it was', async () => {
    const page = await openPage('en')
    const target = pageNamed('status-handed-over')
    // The page that the server gave a moment ago, before the answer came.
    let first = true
    await page.route(target.url, async (route) => {
      const answer = await route.fetch()
      const text = await answer.text()
      const older = text
        .replace(/data-etag="[^"]*"/, 'data-etag="&quot;old&quot;"')
        .replace('<div id="fate"', '<div id="fate" data-older')
        .replace('Handed over for delivery. There is no word yet that it arrived.', 'On its way.')
        .replace('<h1>', '<h1 id="resend" tabindex="-1">')
      const newer = text.replace('<h1>', '<h1 id="resend" tabindex="-1">')
      await route.fulfill({ response: answer, body: first ? older : newer })
      first = false
    })
    await page.goto(target.url)
    await page.focus('#resend')
    await page.waitForFunction(() => document.querySelector('[data-older]') === null)
    expect(await page.textContent('#news')).toBe(
      'Confirmation to you: Handed over for delivery. There is no word yet that it arrived.',
    )
    expect(await page.getAttribute(':focus', 'id')).toBe('resend')
  })
})

describe('on paper', () => {
  test.each(languages)(
    'a status page is a receipt: what, when, which states; nothing to press (%s)',
    {
      timeout: 60_000,
    },
    async (language) => {
      const page = await openPage(language, { viewport: { width: 700, height: 900 }, colorScheme: 'dark' })
      await page.emulateMedia({ media: 'print' })
      const statuses = pages.filter((target) => target.language === language && target.name.startsWith('status-'))
      expect(statuses.length).toBeGreaterThan(10)
      for (const target of statuses) {
        await show(page, target)
        const printed = await page.evaluate(() => ({
          pressable: [...document.querySelectorAll('a, button, input, select, textarea')].filter(
            (control) => control.getClientRects().length > 0,
          ).length,
          ink: getComputedStyle(document.body).color,
          text: document.querySelector('main')?.innerText ?? '',
          states: [...document.querySelectorAll('.state')].map((state) => (state as HTMLElement).innerText),
        }))
        expect(printed.pressable, target.name).toBe(0)
        expect(printed.ink).toBe('rgb(0, 0, 0)')
        expect(printed.text, target.name).toMatch(/[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}/)
        expect(printed.text, target.name).toContain(String(new Date().getFullYear()))
        for (const state of printed.states) expect(printed.text).toContain(state)
        expect(printed.states.length, target.name).toBeGreaterThan(0)
      }
    },
  )
})

describe('in forced colours', () => {
  test('cards, buttons and the mark of a wrong field keep a border', async () => {
    const page = await openPage('en', { forcedColors: 'active' })
    await show(page, pageNamed('form-given-back'))
    expect(
      await page
        .locator('button')
        .first()
        .evaluate((button) => getComputedStyle(button).borderTopStyle),
    ).toBe('solid')
    expect(
      await page
        .locator('[aria-invalid=true]')
        .first()
        .evaluate((field) => getComputedStyle(field).borderTopStyle),
    ).toBe('double')
    await show(page, pageNamed('status-delivered'))
    expect(
      await page
        .locator('.mail')
        .first()
        .evaluate((card) => getComputedStyle(card).borderTopWidth),
    ).toBe('1px')
  })
})
