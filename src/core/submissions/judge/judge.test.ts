import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sampleForm } from '../../../../test/contracts/samples.ts'
import { testDeps } from '../../../../test/fakes/test-deps.ts'
import type { ControlRule, FormSettings } from '../../forms/form.ts'
import { splitControls } from '../control-fields.ts'
import type { Entry, VerdictRule } from '../submission.ts'
import { judge } from './judge.ts'
import { reasonSentence } from './sentences.ts'

type Fields = Record<string, string>
type Given = {
  deps?: ReturnType<typeof testDeps>
  pageOrigin?: string | null
  network?: string | null
  widerNetwork?: string | null
  form?: string
}

const control = (name: string, kind: ControlRule['kind']): ControlRule => ({
  name,
  kind,
  label: null,
  required: false,
  multiple: false,
  minLength: null,
  maxLength: null,
  pattern: null,
  min: null,
  max: null,
  step: null,
  accept: null,
  options: null,
})

async function judged(values: Fields, settings: FormSettings = {}, given: Given = {}, controls: ControlRule[] = []) {
  const {
    deps = testDeps(),
    pageOrigin = null,
    network = 'network',
    widerNetwork = null,
    form: name = 'contact',
  } = given
  const page = { pages: ['/'], language: null, charset: 'utf-8', title: null, controls }
  const form = sampleForm({ name, settings, variants: controls.length === 0 ? [] : [page] })
  const entries = Object.entries(values).map(([name, value]): Entry => ({ kind: 'text', name, value }))
  return await judge(deps, form, {
    ...splitControls(entries, form),
    pageOrigin,
    network,
    widerNetwork,
    getsConfirmation: true,
    crowded: false,
  })
}

async function reasons(...given: Parameters<typeof judged>): Promise<string[]> {
  return (await judged(...given)).verdict.reasons.map(({ rule, detail }) =>
    detail === '' ? rule : `${rule} ${detail}`,
  )
}

const long = 'We would like to know more about your work and what it would cost us next year.'

describe('each rule', () => {
  test('honeypot: a trap that is filled in, of any convention or of the form’s own', async () => {
    expect(await reasons({ _gotcha: 'x' })).toEqual(['honeypot 1'])
    expect(await reasons({ website2: 'x', _honey: 'y' }, { spam: { honeypot: ['website2'] } })).toEqual(['honeypot 2'])
    expect(await reasons({ _gotcha: '' })).toEqual([])
  })

  test('too-fast: what the page’s script measured, where it says something sensible', async () => {
    expect(await reasons({ _loaded: '900' })).toEqual(['too-fast 0.9'])
    expect(await reasons({ _loaded: '1999' })).toEqual(['too-fast 2.0'])
    for (const neutral of ['2000', '-5', 'NaN', '1e3', '', '99999999999999', '0x10'])
      expect(await reasons({ _loaded: neutral })).toEqual([])
    expect(await reasons({})).toEqual([])
    expect(await reasons({ _loaded: '2500' }, { spam: { minSeconds: 3 } })).toEqual(['too-fast 2.5'])
    expect(await reasons({ _loaded: '0' }, { spam: { minSeconds: 0 } })).toEqual([])
  })

  test('automated-browser: only shown, unless the form names other rules to be on trial', async () => {
    const { review, verdict } = await judged({ _webdriver: '1' })
    expect([review, verdict]).toEqual([
      'accepted',
      { reasons: [], shadow: [{ rule: 'automated-browser', detail: '' }] },
    ])
    expect(await reasons({ _webdriver: '1' }, { spam: { shadow: [] } })).toEqual(['automated-browser'])
  })

  test('origin: another page than those listed; one that tells none is not judged', async () => {
    const settings = { origins: ['https://www.example.jp'] }
    const from = (pageOrigin: string | null) => reasons({}, settings, { pageOrigin })
    expect(await from('https://evil.example')).toEqual(['origin'])
    expect(await from('https://www.example.jp.evil.example')).toEqual(['origin'])
    for (const known of ['https://www.example.jp', 'https://forms.example.jp', null, 'null'])
      expect(await from(known)).toEqual([])
    expect(await reasons({}, {}, { pageOrigin: 'https://any.example' })).toEqual([])
  })

  test('client-rate: many posts of one network within ten minutes', async () => {
    const deps = testDeps()
    const post = (network = 'one') => reasons({}, { spam: { perClient: 3 } }, { deps, network })
    for (let n = 0; n < 3; n += 1) expect(await post()).toEqual([])
    expect(await post()).toEqual(['client-rate 4'])
    expect(await post('other')).toEqual([])
    deps.clock.advance(10 * 60_000)
    expect(await post()).toEqual([])
  })

  test('client-rate: an office that uses several forms is not taken for a bot, until it is very many posts', async () => {
    const deps = testDeps()
    const post = (form: string) => reasons({}, {}, { deps, network: 'office', form })
    for (let n = 0; n < 20; n += 1) for (const form of ['a', 'b', 'c', 'd', 'e']) expect(await post(form)).toEqual([])
    expect(await post('f')).toEqual(['client-rate 101'])
    // Who allows more to one form means it.
    expect(await reasons({}, { spam: { perClient: 200 } }, { deps, network: 'office', form: 'g' })).toEqual([])
    expect(await reasons({}, {}, { deps, network: 'other', form: 'f' })).toEqual([])
    deps.clock.advance(10 * 60_000)
    expect(await post('f')).toEqual([])
  })

  test('client-rate: who has a network for each post is told from people of one company by the number', async () => {
    const deps = testDeps()
    let drawn = 0
    const post = (widerNetwork: string, form = 'contact') => {
      drawn += 1
      return reasons({}, { spam: { perClient: 3 } }, { deps, network: `network ${drawn}`, widerNetwork, form })
    }
    for (let n = 0; n < 30; n += 1) expect(await post('one')).toEqual([])
    expect(await post('one')).toEqual(['client-rate 31'])
    expect(await post('other')).toEqual([])
    // Over all forms it is ten times as many as of one network, too.
    for (let n = 0; n < 969; n += 1) expect(await post('one', `form ${n % 50}`)).toEqual([])
    expect(await post('one', 'last')).toEqual(['client-rate 1001'])
    deps.clock.advance(10 * 60_000)
    expect(await post('one')).toEqual([])
  })

  test('repeated-content: the same long text, however it is spaced and spelt; short ones come from many', async () => {
    const deps = testDeps()
    const settings = { spam: { repeated: 2, perClient: 1000 } }
    const typed = [control('message', 'textarea'), control('name', 'text')]
    const post = (message: string) => reasons({ message, name: `${Math.random()}` }, settings, { deps }, typed)
    await post(long)
    await post(long.toUpperCase())
    expect(await post(long.replaceAll(' ', '\n \n'))).toEqual(['repeated-content 3'])
    expect(await post(`${long} And now?`)).toEqual([])
    for (let n = 0; n < 5; n += 1) expect(await post('Please call me back.')).toEqual([])
  })

  test('repeated-content: what the page itself fills in says nothing', async () => {
    const deps = testDeps()
    const settings = { spam: { repeated: 1, perClient: 1000 } }
    const controls = [control('page', 'hidden'), control('plan', 'select')]
    for (let n = 0; n < 4; n += 1)
      expect(await reasons({ page: long, plan: `${long} Plan` }, settings, { deps }, controls)).toEqual([])
  })

  test('links: too many, written for programs, or where no link belongs', async () => {
    const links = (count: number) => Array.from({ length: count }, (_, n) => `http://a${n}.example`).join(' ')
    expect(await reasons({ message: links(10) })).toEqual([])
    expect(await reasons({ message: links(10), more: 'www.example.com' })).toEqual(['links 11'])
    expect(await reasons({ message: 'https://www.example.com' }, { spam: { links: 0 } })).toEqual(['links 1'])
    expect(await reasons({ message: '[URL=http://a.example]this[/url]' })).toEqual(['links markup'])
    expect(await reasons({ name: 'Win now http://a.example' })).toEqual(['links name'])
    expect(await reasons({ お名前: 'ｈｔｔｐ：//a.example' })).toEqual(['links name'])
    expect(await reasons({ rueckruf: 'www.a.example' }, {}, {}, [control('rueckruf', 'tel')])).toEqual(['links name'])
    expect(await reasons({ name: 'booking.com K.K.', message: 'My <b>site</b> [1] a.example' })).toEqual([])
    expect(await reasons({ site: links(30) }, {}, {}, [control('site', 'url')])).toEqual([])
  })

  test('links: one HTML link in a message says nothing alone; a second one, another reason, or a name does', async () => {
    const one = 'My <a class="x" href="http://a.example">link</a> is broken in your preview.'
    expect(await reasons({ message: one })).toEqual([])
    expect(await reasons({ message: `${one} ${one}` })).toEqual(['links markup'])
    expect(await reasons({ message: one, more: one })).toEqual(['links markup'])
    expect(await reasons({ message: one, _gotcha: 'x' })).toEqual(['honeypot 1', 'links markup'])
    expect(await reasons({ message: `${one} [url=http://a.example]this[/url]` })).toEqual(['links markup'])
    expect(await reasons({ name: '<a href=//a.example>x</a>' })).toEqual(['links markup'])
    // A rule on trial changes nothing.
    expect((await judged({ message: one, _webdriver: '1' })).verdict).toEqual({
      reasons: [],
      shadow: [{ rule: 'automated-browser', detail: '' }],
    })
  })

  test('words: the form’s own list, whole words in Latin letters, in any width and case', async () => {
    const settings = { spam: { words: ['SEO', '副業', 'cheap pills'] } }
    expect(await reasons({ message: 'We do ｓｅｏ and Cheap Pills' }, settings)).toEqual(['words 2'])
    expect(await reasons({ message: '簡単な副業です' }, settings)).toEqual(['words 1'])
    expect(await reasons({ message: 'SEOで一位に' }, settings)).toEqual(['words 1'])
    expect(await reasons({ message: 'Hello from Seoul and Museo' }, settings)).toEqual([])
  })
})

test('in shadow everything is accepted, and what would have been is written down', async () => {
  const values = { _gotcha: 'x', _loaded: '1', message: '[url=x]y[/url]' }
  const { review, verdict } = await judged(values, { spam: { shadow: true } })
  expect(review).toBe('accepted')
  expect(verdict.reasons).toEqual([])
  expect(verdict.shadow.map(({ rule }) => rule)).toEqual(['honeypot', 'too-fast', 'links'])
  expect((await judged(values, { spam: { shadow: ['honeypot'] } })).verdict).toMatchObject({
    reasons: [{ rule: 'too-fast' }, { rule: 'links' }],
    shadow: [{ rule: 'honeypot' }],
  })
})

test('whoever posts from this machine is not judged by speed or number', async () => {
  const deps = testDeps()
  for (let n = 0; n < 100; n += 1)
    expect(await reasons({ _loaded: '1', message: long }, {}, { deps, network: null })).toEqual([])
})

test('a form that asks the address first waits for its answer, unless the post waits for review anyway', async () => {
  expect((await judged({}, { doubleOptIn: true })).review).toBe('unconfirmed')
  expect((await judged({ _gotcha: 'x' }, { doubleOptIn: true })).review).toBe('quarantined')
})

test('no verdict holds a word of what was typed, and each of its reasons has a sentence', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 3, unit: 'grapheme' }), async (typed) => {
      const secret = `§${typed}§`
      const { verdict } = await judged(
        { _gotcha: secret, name: `http://${secret}`, message: `[url]${secret}`, _loaded: '1', _webdriver: secret },
        { spam: { words: ['url'], shadow: [] }, origins: ['https://a.example'] },
        { pageOrigin: `https://b.example/${secret}` },
      )
      expect(JSON.stringify(verdict)).not.toContain('§')
      const rules: VerdictRule[] = ['honeypot', 'too-fast', 'automated-browser', 'origin', 'links', 'words']
      expect(verdict.reasons.map(({ rule }) => rule)).toEqual(rules)
      for (const reason of verdict.reasons) {
        const { en, ja } = reasonSentence(reason)
        expect(en).toMatch(/^[a-z0-9]/)
        expect(ja).not.toBe('')
      }
    }),
    { numRuns: 50 },
  )
})

test('hostile text costs time in proportion to its length', async () => {
  const deps = testDeps()
  const settings = { spam: { words: Array.from({ length: 50 }, (_, n) => `${'a'.repeat(60)}b${n}`) } }
  const time = async (length: number) => {
    const begin = performance.now()
    for (const piece of ['a', '<a ', 'www.', '[url', 'ﷺ', ' \n']) {
      await judged({ message: piece.repeat(length / piece.length), name: piece.repeat(length / 4) }, settings, { deps })
    }
    return performance.now() - begin
  }
  const best = async (length: number) => Math.min(await time(length), await time(length), await time(length))
  await time(1_000)
  const [short, eightfold] = [await best(40_000), await best(320_000)]
  // Quadratic work would take 64 times as long.
  expect(eightfold / short).toBeLessThan(32)
})
