/**
 * Makes the pictures of `docs/guide/pages.md` and measures its table: `npm run screenshots`. Starts the built server, lets
 * every story of the public pages happen, and takes each page in both languages and both themes. `--pictures` leaves the
 * measuring out.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { startBrowser } from '../test/e2e/browser.ts'
import { connect, inspect } from '../test/e2e/lighthouse.ts'
import { freePort, type PublicPage, publicPages, visit } from '../test/e2e/public-pages.ts'
import { launchServer, postForm, statusWhen, todoku } from '../test/e2e/server.ts'

const root = join(import.meta.dirname, '..')
const images = join(root, 'docs/guide/images')
const document = join(root, 'docs/guide/pages.md')

/** Wide enough for the text column and its margins. */
const viewport = { width: 720, height: 480 }

/** What differs from run to run, and what stands in the pictures instead. */
const fixed = `(() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const node = texts.currentNode
    node.data = node.data
      .replace(/\\b[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}\\b/g, 'KD4-MR7-WC3')
      .replace(/\\d{1,2} [A-Z][a-z]+ \\d{4}/g, '1 April 2027')
      .replace(/\\d{4}年\\d{1,2}月\\d{1,2}日/g, '2027年4月1日')
      .replace(/[A-Z][a-z]{2} \\d{1,2}, \\d{4}/g, '1 Apr 2027')
      .replace(/\\d{4}\\/\\d{1,2}\\/\\d{1,2}/g, '2027/04/01')
      .replace(/\\b\\d{1,2}:\\d{2}(:\\d{2})?\\b/g, (_time, seconds) => (seconds ? '10:24:00' : '10:24'))
  }
})()`

/** Measured once each; the others are made of the same parts. */
const measured =
  /^(demo|status-on-its-way|status-delivered|status-bounced|status-doubtful|form-given-back|error-not-found|stop-question|review-question)$/

/** Views below `/app/`, by name, and what stands behind the # of their addresses. */
const appViews = [
  ['app-mailbox', null],
  ['app-forms', '/forms'],
  ['app-form', '/forms/contact'],
  ['app-submission', '/submissions/REFERENCE'],
] as const

let canvas: Page | null = null
const endings: (() => Promise<unknown>)[] = []
try {
  const port = await freePort()
  const browser = await startBrowser([`--remote-debugging-port=${port}`, '--font-render-hinting=none'])
  endings.push(() => browser.close())
  const pages = await publicPages((end) => endings.push(end))
  rmSync(images, { recursive: true, force: true })
  mkdirSync(images, { recursive: true })
  for (const language of ['en', 'ja'] as const) {
    const instance = await startInstance(language, (end) => endings.push(end))
    for (const colorScheme of ['light', 'dark'] as const) {
      const locale = language === 'ja' ? 'ja-JP' : 'en-GB'
      const context = await browser.newContext({ viewport, colorScheme, locale, deviceScaleFactor: 1 })
      const page = await context.newPage()
      for (const target of pages.filter((page) => page.language === language)) {
        await takePicture(page, target, join(images, `${target.name}-${language}-${colorScheme}.png`))
      }
      for (const [name, hash] of appViews) {
        const path = join(images, `${name}-${language}-${colorScheme}.png`)
        await takeAppPicture(page, instance, hash, path)
      }
      await context.close()
    }
  }
  if (!process.argv.includes('--pictures')) {
    const remote = await connect(port)
    endings.push(() => remote.disconnect())
    const rows: string[] = []
    for (const target of pages.filter(({ name, language }) => language === 'en' && measured.test(name))) {
      const first = await inspect(remote, target, true)
      const again = [await inspect(remote, target, true), await inspect(remote, target, true)]
      const middle = [first, ...again].map(({ scores }) => scores.performance).sort((a, b) => a - b)[1]
      const { scores, bytes, requests } = first
      const seo = target.indexed ? scores.seo : '–'
      rows.push(
        `| \`${target.name}\` | ${middle} | ${scores.accessibility} | ${scores['best-practices']} | ${seo} | ${(bytes / 1000).toFixed(1)} kB | ${requests} |`,
      )
      process.stdout.write(`${rows.at(-1)}\n`)
    }
    record(rows)
  }
} finally {
  for (const end of endings.reverse()) await end()
}

type Instance = Awaited<ReturnType<typeof launchServer>> & { waiting: string }

/** An instance with some posts in one language, one of which waits for review. */
async function startInstance(language: 'en' | 'ja', atEnd: (end: () => Promise<void>) => void): Promise<Instance> {
  const server = await launchServer({ env: { TODOKU_TIME_ZONE: 'Asia/Tokyo' } }, atEnd)
  const name = language === 'ja' ? '山田 花子' : 'Hanako Yamada'
  const message =
    language === 'ja' ? '見積もりをお願いします。\n部数は 300 です。' : 'Please send an offer.\n300 copies.'
  const post = async (more: Record<string, string>) =>
    await postForm(server.url, { name, message, _language: language, ...more })
  for (const email of ['hanako@example.jp', 'unknown-user@simulator.test']) {
    await statusWhen(await post({ email }), ({ open }) => !open)
  }
  const waiting = /\/s\/([^/]+)\//.exec(await post({ email: 'taro@example.jp', _gotcha: 'x' }))?.[1] ?? ''
  return { ...server, waiting }
}

async function takeAppPicture(page: Page, instance: Instance, hash: string | null, path: string): Promise<void> {
  if (hash === null) {
    const { out } = await todoku(['token', 'link', '--data', instance.data, '--json'])
    await page.goto((JSON.parse(out) as { url: string }).url)
  } else {
    await page.goto(`${instance.greeting.publicUrl}/app/#${hash.replace('REFERENCE', instance.waiting)}`)
  }
  await page.waitForSelector(hash === null ? '.list li' : '.rows, .posted')
  await page.evaluate(fixed)
  writeFileSync(path, await withPalette(page, await page.screenshot({ fullPage: true, animations: 'disabled' })))
}

async function takePicture(page: Page, target: PublicPage, path: string): Promise<void> {
  await visit(page, target, () => page.waitForEvent('framenavigated'))
  await page.waitForLoadState()
  await page.evaluate(fixed)
  const picture = await page.screenshot({ fullPage: true, animations: 'disabled', caret: 'hide' })
  writeFileSync(path, await withPalette(page, picture))
}

/**
 * The same picture with a palette, a fifth of the size: pages have few colours, which stay as they are, and what smooths the
 * letters is rounded to 16 levels. Chromium reads the pixels; the file is a PNG of colour type 3 (RFC 2083).
 */
async function withPalette(page: Page, picture: Buffer): Promise<Buffer> {
  const pixels = await (await canvasOf(page)).evaluate(async (encoded) => {
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0))
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d')
    context?.drawImage(image, 0, 0)
    const data = context?.getImageData(0, 0, image.width, image.height).data ?? []
    const exact: number[] = []
    for (let at = 0; at < data.length; at += 4) {
      exact.push(((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0))
    }
    const counts = new Map<number, number>()
    for (const colour of exact) counts.set(colour, (counts.get(colour) ?? 0) + 1)
    const often = [...counts].sort(([, one], [, other]) => other - one).slice(0, 32)
    const colours = new Map(often.map(([colour], index) => [colour, index]))
    let indexes = ''
    for (const colour of exact) {
      const level = (shift: number) => Math.round(((colour >> shift) & 255) / 17) * 17
      const rounded = colours.has(colour) ? colour : (level(16) << 16) | (level(8) << 8) | level(0)
      const index = colours.get(rounded) ?? (colours.size < 256 ? colours.size : 0)
      if (!colours.has(rounded) && colours.size < 256) colours.set(rounded, index)
      indexes += String.fromCharCode(index)
    }
    return { width: image.width, height: image.height, colours: [...colours.keys()], indexes: btoa(indexes) }
  }, picture.toString('base64'))
  const { width, height, colours } = pixels
  const indexes = Buffer.from(pixels.indexes, 'base64')
  const rows = Array.from({ length: height }, (_row, y) =>
    Buffer.concat([Buffer.of(0), indexes.subarray(y * width, (y + 1) * width)]),
  )
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(colours.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]))),
    chunk('IDAT', deflateSync(Buffer.concat(rows), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** A blank page to read pixels in: the pages themselves forbid it by their policy. */
async function canvasOf(page: Page): Promise<Page> {
  canvas ??= (await page.context().browser()?.newPage()) ?? page
  return canvas
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  const check = Buffer.alloc(4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

/** Puts the table between its two marks in the document. */
function record(rows: readonly string[]): void {
  const day = new Date().toISOString().slice(0, 10)
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`
  const table = [
    `Measured on ${day} (${machine}), desktop preset, performance as the median of three runs:`,
    '',
    '| page | performance | accessibility | best practices | SEO | bytes | requests |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
  const text = readFileSync(document, 'utf8')
  const [before = '', rest = ''] = text.split('<!-- measured -->\n')
  const [, after = ''] = rest.split('<!-- /measured -->')
  writeFileSync(document, `${before}<!-- measured -->\n${table}\n<!-- /measured -->${after}`)
}
