import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { renderStatus, type StatusMail, type StatusProps } from '../../src/pages/status.tsx'
import { renderConfirm, renderStop } from '../../src/pages/stop.tsx'
import { startBrowser } from './browser.ts'
import { postForm, startServer, statusWhen } from './server.ts'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})

afterAll(() => browser.close())

async function openPage(javaScriptEnabled: boolean, width = 900): Promise<Page> {
  const context = await browser.newContext({ javaScriptEnabled, viewport: { width, height: 640 } })
  onTestFinished(() => context.close())
  return await context.newPage()
}

/** A link in the only confirmation of the mailbox to this address, as its reader gets it. */
async function linkIn(enterUrl: string, recipient: string): Promise<string> {
  const page = await openPage(true)
  await page.goto(enterUrl)
  const text = await page.evaluate(async (to) => {
    const { items } = (await (await fetch('/api/v1/mailbox')).json()) as { items: { id: string; to: string }[] }
    const id = items.find((mail) => mail.to === to)?.id
    return ((await (await fetch(`/api/v1/mailbox/${id}`)).json()) as { text: string }).text
  }, recipient)
  return /^https?:\S+\/stop\/\S+$/m.exec(text)?.[0] ?? ''
}

test('from the mail to “this wasn’t me” and back, without script, by keyboard', async () => {
  const { url, greeting, log } = await startServer()
  const status = await postForm(url, { name: 'x', email: 'stranger@simulator.test', message: 'x' })
  await statusWhen(status, ({ open }) => !open)
  const link = await linkIn(greeting.enterUrl, 'stranger@simulator.test')
  const page = await openPage(false)
  await page.goto(link)
  expect(await page.textContent('h1')).toBe('This wasn’t you?')
  await page.focus('button')
  await page.keyboard.press('Enter')
  await page.waitForSelector('h1:has-text("Thank you for telling us")')
  expect(page.url()).toBe(link)
  // What is stopped is not sent; the manager still gets theirs.
  const again = await postForm(url, { name: 'y', email: 'Stranger+1@simulator.test', message: 'y' })
  const { messages } = await statusWhen(again, (status) => status.messages[0]?.state === 'held')
  expect(messages.map(({ state }) => state)).toEqual(['held', 'delivered'])
  await page.reload()
  await page.click('button')
  await page.waitForSelector('h1:has-text("This wasn’t you?")')
  const last = await postForm(url, { name: 'z', email: 'stranger@simulator.test', message: 'z' })
  expect((await statusWhen(last, ({ open }) => !open)).messages[0]?.state).toBe('delivered')
  expect(log()).not.toContain(link.slice(-26))
})

test('“did you mean …?”: one press, without script, and the mail is at the other address', async () => {
  const { url } = await startServer()
  const status = await postForm(url, { name: 'x', email: 'hanako@gmial.com', message: 'x' })
  const page = await openPage(false)
  await statusWhen(status, ({ messages }) => messages[0]?.state === 'held')
  await page.goto(status)
  await page.click('text=Yes, send it there')
  await page.waitForSelector('text=Yes, send it there', { state: 'detached' })
  await statusWhen(status, ({ open }) => !open)
  await page.goto(status)
  expect(await page.textContent('main')).toContain('Delivered to the mail server of gmail.com.')
})

describe('every state of these pages', () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  const mail = (changes: Partial<StatusMail>): StatusMail => ({
    role: 'confirmation',
    state: 'held',
    reason: null,
    heldReason: null,
    suggestion: null,
    inDigest: false,
    settled: false,
    nextTryAt: null,
    ...changes,
  })
  const status = (language: 'en' | 'ja', first: StatusMail, changes: Partial<StatusProps> = {}) =>
    renderStatus({
      language,
      reference: 'KD4-MR7-WC3',
      title: 'Contact',
      receivedAt: '1 January 2026 at 09:00',
      review: 'accepted',
      toConfirm: false,
      stored: [{ label: 'E-mail', files: 0 }],
      mails: [first],
      email: 'a.rather.long.address.for.a.small.screen@gmial.com',
      actions: { correct: false, resend: false, left: 3 },
      proof: null,
      open: false,
      path: '/s/x/y',
      etag: 'x',
      problem: null,
      ...changes,
    })
  const inDoubt = mail({
    heldReason: 'doubtful-address',
    suggestion: 'a.rather.long.address.for.a.small.screen@gmail.com',
    nextTryAt: '09:10',
  })
  const both = { actions: { correct: true, resend: true, left: 3 } }
  const stop = {
    title: 'Contact',
    receivedAt: '1 January 2026 at 09:00',
    path: '/stop/x',
    undone: false,
    disowned: true,
    asks: false,
    managersKnow: true,
  }
  const confirm = {
    title: 'Contact',
    receivedAt: '1 January 2026 at 09:00',
    path: '/confirm/x',
    statusPath: '/s/x',
    stopPath: '/stop/x',
  }

  const pages = (['en', 'ja'] as const).flatMap((language): [string, string][] => [
    [`in doubt (${language})`, status(language, inDoubt, both)],
    [`in doubt without a suggestion (${language})`, status(language, mail({ ...inDoubt, suggestion: null }), both)],
    [
      `bounced with a suggestion (${language})`,
      status(language, mail({ ...inDoubt, state: 'bounced_hard', heldReason: null }), both),
    ],
    ...['no-proof', null].map((heldReason): [string, string] => [
      `held: ${heldReason} (${language})`,
      status(language, mail({ heldReason })),
    ]),
    [
      `unconfirmed (${language})`,
      status(language, mail({ state: 'delivered' }), { review: 'unconfirmed', toConfirm: true }),
    ],
    [`gathered (${language})`, status(language, mail({ role: 'notification', heldReason: 'flood' }))],
    [
      `told in a digest (${language})`,
      status(language, mail({ role: 'notification', state: 'delivered', settled: true, inDigest: true })),
    ],
    [`unasked (${language})`, status(language, mail({}), { review: 'quarantined', toConfirm: true })],
    [`stop (${language})`, renderStop({ ...stop, language, disowned: false, asks: true, stoppedUntil: null })],
    [
      `taken back (${language})`,
      renderStop({ ...stop, language, undone: true, disowned: false, asks: true, stoppedUntil: null }),
    ],
    [`stopped (${language})`, renderStop({ ...stop, language, stoppedUntil: '1 April 2026 at 09:00' })],
    [`no longer stopped (${language})`, renderStop({ ...stop, language, asks: true, stoppedUntil: null })],
    ...(['open', 'confirmed', 'disowned'] as const).map((standing): [string, string] => [
      `confirm: ${standing} (${language})`,
      renderConfirm({ ...confirm, language, standing }),
    ]),
  ])

  test('passes axe in light and dark, and fits into 320 pixels', async () => {
    const page = await openPage(true, 320)
    const faults: string[] = []
    for (const [name, html] of pages) {
      await page.setContent(html)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        )
        if (overflow > 0) faults.push(`${name}: ${overflow} pixels too wide`)
        const violations = (await page.evaluate(
          `${axe}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html).join(' ')))`,
        )) as string[]
        faults.push(...violations.map((violation) => `${name}, ${colorScheme}: ${violation}`))
      }
    }
    expect(faults).toEqual([])
  })
})
