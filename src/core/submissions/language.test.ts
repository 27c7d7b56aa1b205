import { describe, expect, test } from 'vitest'
import { testApp, testOrigin } from '../../../test/fakes/test-app.ts'
import { testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import type { FormRecord } from '../forms/form.ts'
import { syncForms } from '../forms/sync-forms.ts'

const page = (language: string) =>
  `<!doctype html><html lang="${language}"><form action="/f/contact" method="post"><input name="email" type="email"></form>`

type Visit = {
  /** `lang` of the form's pages, by path. */
  pages: Record<string, string>
  settings?: FormRecord['settings']
  /** The page that posted. */
  from?: string
  accepts?: string
  wants?: string
  instance?: 'en' | 'ja'
}

/** The language of the submission, and those of its confirmation and its notification. */
async function languagesOf({ pages, settings, from, accepts, wants, instance = 'en' }: Visit) {
  const deps = testDeps({ settings: { ...testSettings, language: instance } })
  const { post, stored } = await testApp({ deps, page: null })
  const bytes = (text: string) => new TextEncoder().encode(text)
  await syncForms(
    deps,
    Object.entries(pages).map(([path, language]) => ({ path, bytes: bytes(page(language)) })),
  )
  const form = await deps.forms.get('contact')
  if (form !== null && settings !== undefined) await deps.forms.put({ ...form, version: form.version + 1, settings })
  await post(
    { email: 'hanako@example.net', ...(wants === undefined ? {} : { _language: wants }) },
    {
      ...(from === undefined ? {} : { referer: `${testOrigin}${from}` }),
      ...(accepts === undefined ? {} : { 'accept-language': accepts }),
    },
  )
  const [submission] = await stored()
  if (submission === undefined) throw new Error('nothing was stored')
  const [confirmation, notification] = await deps.messages.ofSubmission(submission.id)
  return `${submission.language} ${confirmation?.language} ${notification?.language}`
}

describe('the language of a visitor, their confirmation, and the managers’ notification', () => {
  const both = { '/ja/index.html': 'ja', '/en/index.html': 'en-GB' }
  const ja = { '/index.html': 'ja-JP' }
  const fr = { '/index.html': 'fr' }
  const german = 'de, fr;q=0.9'

  test.each([
    ['_language goes before all', { pages: ja, settings: { language: 'ja' }, accepts: 'ja', wants: 'en' }, 'en en ja'],
    [
      'then the page that posted',
      { pages: both, from: '/en/', settings: { language: 'ja' }, accepts: 'ja' },
      'en en ja',
    ],
    ['then the form’s setting', { pages: both, settings: { language: 'ja' }, accepts: 'en' }, 'ja ja ja'],
    ['then the one language of all its pages', { pages: ja, accepts: 'en' }, 'ja ja en'],
    ['then the browser', { pages: both, accepts: 'ja,en;q=0.8' }, 'ja ja en'],
    ['the browser’s order is by weight', { pages: both, accepts: 'en;q=0.1, ja;q=0.9' }, 'ja ja en'],
    ['then the instance', { pages: both, accepts: german, instance: 'ja' }, 'ja ja ja'],
    ['a page in another language leaves it to the browser', { pages: fr, from: '/', accepts: 'ja' }, 'ja ja en'],
    ['a wish that is no language of ours is none', { pages: ja, accepts: 'en', wants: 'fr' }, 'ja ja en'],
    ['a hostile wish is none', { pages: ja, wants: '"><script>\r\nX: y' }, 'ja ja en'],
    [
      'managers read the form’s language, whatever the visitor speaks',
      { pages: ja, settings: { language: 'en' }, from: '/' },
      'ja ja en',
    ],
  ] satisfies [string, Visit, string][])('%s', async (_name, visit, expected) => {
    expect(await languagesOf(visit)).toBe(expected)
  })
})
