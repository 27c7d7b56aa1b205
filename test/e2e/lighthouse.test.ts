import type { Browser } from 'playwright-core'
import type { Browser as Remote } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from './browser.ts'
import { connect, inspect } from './lighthouse.ts'
import { freePort, type PublicPage, publicPages } from './public-pages.ts'

/**
 * Budgets of the public pages, by Lighthouse. The categories that are asserted do not depend on how busy the machine is.
 * Of performance, what makes it is asserted: bytes, requests, elements, nothing that blocks or moves the page. The score
 * itself is measured by `npm run screenshots` and stands in `docs/guide/pages.md`.
 */
const budgets = { bytes: 20_000, elements: 120 }

let browser: Browser
let remote: Remote
let pages: PublicPage[]
const endings: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const port = await freePort()
  browser = await startBrowser([`--remote-debugging-port=${port}`])
  endings.push(() => browser.close())
  remote = await connect(port)
  endings.push(() => remote.disconnect())
  pages = await publicPages((end) => endings.push(end))
}, 120_000)

afterAll(async () => {
  for (const end of endings.reverse()) await end()
})

/** Every page in English; of the Japanese ones, one of each kind: they differ in words only, and axe reads them all. */
function chosen({ name, language }: PublicPage): boolean {
  return language === 'en' || /^(demo|form-given-back|status-bounced|stop-question)$/.test(name)
}

/** Nothing at all is not within a budget: then nothing was measured. */
function isWithin(measured: number | null, most: number): boolean {
  return measured === null || (measured > 0 && measured <= most)
}

test('every page keeps its budget', { timeout: 600_000 }, async () => {
  const seen: object[] = []
  for (const target of pages.filter(chosen)) {
    const { scores, failed, renderBlocking, layoutShift, parts, bytes, elements } = await inspect(remote, target, false)
    const { performance: _noisy, ...steady } = scores
    seen.push({
      name: target.name,
      steady,
      failed,
      renderBlocking,
      layoutShift,
      outside: isWithin(bytes, budgets.bytes) && isWithin(elements, budgets.elements) ? null : { bytes, elements },
      parts,
    })
  }
  expect(seen).toEqual(
    pages.filter(chosen).map(({ name, post }) => ({
      name,
      steady: { accessibility: 100, 'best-practices': 100, seo: 100 },
      failed: [],
      renderBlocking: [],
      layoutShift: 0,
      outside: null,
      // With the page that posts.
      parts: post === null ? 1 : 2,
    })),
  )
})
