import { navigation } from 'lighthouse'
import desktop from 'lighthouse/core/config/desktop-config.js'
import puppeteer, { type Browser, type Page } from 'puppeteer-core'
import { type PublicPage, visit } from './public-pages.ts'

/** What Lighthouse says of one page. Scores are 0 to 100; null where its navigation mode does not give one. */
export type Verdict = {
  scores: Readonly<Record<'performance' | 'accessibility' | 'best-practices' | 'seo', number>>
  /** What does not depend on how busy the machine is. */
  bytes: number
  /** All of them, a status page's own look for news included. */
  requests: number
  /** What the page is made of: everything but such looks, which depend on how long one watches. */
  parts: number
  /** Null for the answer to a post: Lighthouse leaves such a page at its end, and can't come back to it. */
  elements: number | null
  layoutShift: number
  renderBlocking: readonly string[]
  /** Names of the audits behind the scores that are not passed, performance aside. */
  failed: readonly string[]
}

/** A browser that Lighthouse can drive: `port` is what Chromium was started with as `--remote-debugging-port`. */
export async function connect(port: number): Promise<Browser> {
  return await puppeteer.connect({ browserURL: `http://127.0.0.1:${port}`, defaultViewport: null })
}

/**
 * Lighthouse's desktop preset on one page.
 *
 * @param patient waits, as for a page that answers a post, for a quiet network and processor, as Lighthouse does by itself: for a performance score to record.
 */
export async function inspect(browser: Browser, target: PublicPage, patient: boolean): Promise<Verdict> {
  const page = await browser.newPage()
  try {
    const headers = { 'accept-language': target.language }
    const hasten = { pauseAfterFcpMs: 250, pauseAfterLoadMs: 250, networkQuietThresholdMs: 0, cpuQuietThresholdMs: 0 }
    const settings = {
      ignoreStatusCode: true,
      extraHeaders: headers,
      ...(patient || target.post !== null ? {} : hasten),
    }
    const config = { ...desktop, settings: { ...desktop.settings, ...settings, skipAudits: [...unfit(target)] } }
    const answer = await navigation(page, requestOf(page, target), { config })
    if (answer === undefined || answer.lhr.runtimeError !== undefined)
      throw new Error(`${target.name}: ${answer?.lhr.runtimeError?.message}`)
    // Looked too soon: nothing had been painted yet, and what depends on the paint was left out.
    if (answer.lhr.categories.performance?.score === null && !patient) return await inspect(browser, target, true)
    const elements = target.post === null ? await page.evaluate(() => document.querySelectorAll('*').length) : null
    return verdictOf(answer.lhr, elements)
  } finally {
    await page.close()
  }
}

/** An answer that is an error by intent is told in the console too; a page that nobody may find can't be found. */
function unfit({ name, indexed }: PublicPage): readonly string[] {
  const isError = /^error-|given-back|still-wrong|sign-in/.test(name)
  return [
    ...(isError ? ['errors-in-console', 'http-status-code'] : []),
    ...(indexed ? [] : ['is-crawlable', 'meta-description']),
  ]
}

function requestOf(page: Page, target: PublicPage): string | (() => Promise<void>) {
  return target.post === null ? target.url : () => visit(page, target, () => page.waitForNavigation())
}

/** An audit that could not be made gives its category no score, and is no pass. */
function isPassed(audit: Report['audits'][string] | undefined): boolean {
  return audit?.scoreDisplayMode !== 'error' && (audit?.score ?? 1) === 1
}

type Report = NonNullable<Awaited<ReturnType<typeof navigation>>>['lhr']

function verdictOf({ categories, audits }: Report, elements: number | null): Verdict {
  const items = (id: string) => (audits[id]?.details as { items?: Record<string, unknown>[] } | undefined)?.items ?? []
  const score = (id: string) => Math.round((categories[id]?.score ?? 0) * 100)
  const documents = items('network-requests').filter(({ url }) => !String(url).startsWith('data:'))
  return {
    scores: {
      performance: score('performance'),
      accessibility: score('accessibility'),
      'best-practices': score('best-practices'),
      seo: score('seo'),
    },
    bytes: documents.reduce((sum, { transferSize }) => sum + Number(transferSize), 0),
    requests: documents.length,
    parts: documents.filter(({ resourceType }) => resourceType !== 'Fetch').length,
    elements,
    layoutShift: audits['cumulative-layout-shift']?.numericValue ?? Number.NaN,
    renderBlocking: items('render-blocking-insight').map(({ url }) => String(url)),
    failed: ['accessibility', 'best-practices', 'seo'].flatMap((id) =>
      (categories[id]?.auditRefs ?? [])
        .filter((ref) => ref.weight > 0 && !isPassed(audits[ref.id]))
        .map((ref) => ref.id),
    ),
  }
}
