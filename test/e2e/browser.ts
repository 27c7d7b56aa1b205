import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'

/**
 * Starts the Chromium that comes from npm (or the one `CHROMIUM_PATH` names), with a Japanese font.
 *
 * The package unpacks its binary into the temp folder and takes whatever lies there, so it gets a folder of its own.
 * Its default arguments are not used: `--single-process` ends the browser with the first closed context, and
 * `--disable-web-security` would make every cross-origin test worthless.
 *
 * @param more arguments of Chromium, as `--remote-debugging-port=9222`
 */
export async function startBrowser(more: readonly string[] = []): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), 'todoku-browser-'))
  process.env.FONTCONFIG_FILE = writeFontConfig(folder)
  return await chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? (await unpack(folder)),
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      ...more,
    ],
  })
}

async function unpack(folder: string): Promise<string> {
  const before = process.env.TMPDIR
  process.env.TMPDIR = folder
  try {
    const { default: packaged } = await import('@sparticuz/chromium')
    return await packaged.executablePath()
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

function writeFontConfig(folder: string): string {
  const fonts = dirname(createRequire(import.meta.url).resolve('@expo-google-fonts/noto-sans-jp/package.json'))
  const families = readdirSync(fonts).filter((name) => name.startsWith('400') || name.startsWith('700'))
  const cache = join(folder, 'font-cache')
  mkdirSync(cache)
  const file = join(folder, 'fonts.conf')
  writeFileSync(
    file,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${families.map((name) => `<dir>${join(fonts, name)}</dir>`).join('')}<cachedir>${cache}</cachedir></fontconfig>`,
  )
  return file
}
