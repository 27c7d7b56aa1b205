import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { testSettings } from '../../../test/fakes/test-deps.ts'
import type { FormStore } from '../deps.ts'
import type { FormRecord } from './form.ts'
import { type SitePage, syncForms } from './sync-forms.ts'

/** A store of every version, which keeps records as a database would: as JSON. */
function memoryStore() {
  const versions: string[] = []
  const newest = (name: string): FormRecord | null =>
    versions.map((json) => JSON.parse(json) as FormRecord).findLast((record) => record.name === name) ?? null
  const store: FormStore = {
    get: async (name) => newest(name),
    getVersion: async () => null,
    list: async () =>
      [...new Set(versions.map((json) => (JSON.parse(json) as FormRecord).name))].flatMap((name) => newest(name) ?? []),
    put: async (record) => {
      if ((newest(record.name)?.version ?? 0) !== record.version - 1) return { kind: 'stale' }
      versions.push(JSON.stringify(record))
      return { kind: 'stored' }
    },
  }
  return { store, versions, newest }
}

const clock = { now: () => 1_775_000_000_000, monotonic: () => 0, after: () => () => {} }
const patterns = {
  assess: async (source: string) => (source.includes('+)+') ? ('risky' as const) : ('safe' as const)),
  matches: async () => true,
}

const settings = testSettings

let memory: ReturnType<typeof memoryStore>
beforeEach(() => {
  memory = memoryStore()
})

const bytes = (text: string) => new TextEncoder().encode(text)
const page = (path: string, html: string): SitePage => ({ path, bytes: bytes(html) })
const form = (controls: string, name = 'a') => `<form action=/f/${name} method=post>${controls}</form>`
const sync = async (...pages: SitePage[]) => await syncForms({ forms: memory.store, patterns, clock, settings }, pages)

/** What a second sync says that changes one page. */
async function differences(before: string, after: string): Promise<readonly string[]> {
  memory = memoryStore()
  await sync(page('index.html', form(before)))
  const { forms } = await sync(page('index.html', form(after)))
  return forms[0]?.differences ?? []
}

describe('a sync', () => {
  test('stores the forms of all pages, with their rules', async () => {
    const fixtures = ['index.html', 'en/index.html', 'booking.html', 'old/catalog.html']
    const report = await sync(...fixtures.map((path) => ({ path, bytes: readFileSync(`test/fixtures/pages/${path}`) })))
    expect(report).toEqual({
      forms: [
        {
          name: 'booking',
          version: 1,
          change: 'new',
          differences: [
            'on /booking.html, with "date", "time", "guests", "budget", "has_coupon", "coupon", "photos", "invite", "phone"',
          ],
        },
        {
          name: 'catalog',
          version: 1,
          change: 'new',
          differences: ['on /old/catalog.html, with "name", "mail", "copies", "note", "send"'],
        },
        {
          name: 'contact',
          version: 1,
          change: 'new',
          differences: [
            'on /en/index.html, with "name", "email", "message"',
            'on /index.html, with "name", "kana", "email", "tel", "topic", "branch", "message", "agree", "via"',
          ],
        },
        { name: 'newsletter', version: 1, change: 'new', differences: ['on /en/index.html, with "email"'] },
        expect.objectContaining({ name: 'waiting-list' }),
      ],
      notAdopted: [],
      warnings: [
        {
          page: '/index.html',
          form: 'contact',
          text: 'field "tel": its pattern is not a regular expression with the v flag, so it is ignored, as browsers do',
        },
      ],
    })
    expect(memory.newest('catalog')).toMatchObject({
      origin: 'pages',
      createdAt: clock.now(),
      settings: {},
      variants: [{ charset: 'shift_jis', title: '資料請求', language: 'ja' }],
    })
  })

  test('again of the same pages, in whatever order, changes nothing', async () => {
    const pages = [
      page('a.html', form('<input name=n>')),
      page('b.html', `<title>t</title>${form('<input name=n>')}`),
      page('c.html', form('<input name=m>')),
    ]
    await sync(...pages)
    const stored = [...memory.versions]
    const { forms } = await sync(...pages.toReversed())
    expect(forms).toEqual([{ name: 'a', version: 1, change: 'same', differences: [] }])
    expect(memory.versions).toEqual(stored)
  })

  test('says the same whatever the order of the files', async () => {
    const pages = [
      page('b.html', ''),
      page('a.html', '<form action=/f/a></form><p'),
      page('d.html', '<form action=/f/a></form>'),
      page('c.html', '<form action=/f/a></form>'),
    ]
    const report = await sync(...pages)
    memory = memoryStore()
    expect(await sync(...pages.toReversed())).toEqual(report)
    expect(report.notAdopted.map(({ page: path }) => path)).toEqual(['/a.html', '/b.html'])
    expect(report.warnings.map(({ page: path }) => path)).toEqual(['/c.html', '/d.html'])
  })

  test('makes one variant of pages with equal rules, and keeps a title they share', async () => {
    const contact = form('<label>Name <input name=n></label>')
    await sync(
      page('b.html', `<title>B</title>${contact}`),
      page('a.html', `<title>A</title>${contact}`),
      page('ja.html', `<html lang=ja><title>B</title>${contact}</html>`),
    )
    expect(memory.newest('a')?.variants).toMatchObject([
      { pages: ['/a.html', '/b.html'], language: null, title: null },
      { pages: ['/ja.html'], language: 'ja', title: 'B' },
    ])
  })

  test('keeps the settings of a form, and one that only settings know', async () => {
    const base = { version: 1, createdAt: 0, origin: 'settings' as const, variants: [] }
    await memory.store.put({ ...base, name: 'a', settings: { rules: 'enforce' } })
    await memory.store.put({ ...base, name: 'b', settings: {} })
    const { forms } = await sync(page('index.html', form('<input name=n>')))
    expect(forms).toMatchObject([{ name: 'a', version: 2, change: 'new' }])
    expect(memory.newest('a')?.settings).toEqual({ rules: 'enforce' })
  })

  test('assesses each pattern once, and warns of those that may take long', async () => {
    const asked: string[] = []
    const assess = async (source: string) => {
      asked.push(source)
      return await patterns.assess(source)
    }
    const html = form('<input name=m pattern=x><input name=n pattern="(a+)+"><input name=o pattern=x>')
    const { warnings } = await syncForms({ forms: memory.store, patterns: { ...patterns, assess }, clock, settings }, [
      page('a.html', html),
      page('b.html', html),
    ])
    expect(asked).toEqual(['x', '(a+)+'])
    expect(memory.newest('a')?.variants[0]?.controls.map(({ pattern }) => pattern?.safety)).toEqual([
      'safe',
      'risky',
      'safe',
    ])
    expect(warnings.map(({ page: path, text }) => [path, text.slice(0, 40)])).toEqual([
      ['/a.html', 'field "n": its pattern can take very lon'],
      ['/b.html', 'field "n": its pattern can take very lon'],
    ])
  })

  test('runs in the box what the assessor can’t read', async () => {
    await syncForms(
      { forms: memory.store, patterns: { ...patterns, assess: async () => 'invalid' }, clock, settings },
      [page('a.html', form('<input name=n pattern=x>'))],
    )
    expect(memory.newest('a')?.variants[0]?.controls[0]?.pattern?.safety).toBe('risky')
  })
})

describe('what changed', () => {
  test.each([
    ['<input name=n>', '<input name=n required>', ['field "n": now required']],
    ['<input name=n required>', '<input name=n>', ['field "n": no longer required']],
    ['<input name=n>', '<input name=n><input name=m required>', ['field "m": added (text, required)']],
    ['<input name=n><input name=m>', '<input name=n>', ['field "m": removed']],
    ['<input name=n>', '<input name=n type=tel>', ['field "n": now tel, was text']],
    ['<input name=n>', '<input name=n><input name=n>', ['field "n": now 2 times in the form, was once in the form']],
    ['<input name=n><input name=m>', '<input name=m><input name=n>', ['the order of the fields changed']],
    [
      '<input name=n maxlength=5>',
      '<input name=n maxlength=9 minlength=1>',
      ['field "n": minlength 1 added', 'field "n": maxlength changed from 5 to 9'],
    ],
    ['<input name=n pattern=a>', '<input name=n pattern=b>', ['field "n": pattern changed from "a" to "b"']],
    ['<input name=n pattern=a>', '<input name=n pattern=a title=t>', ['field "n": pattern title "t" added']],
    ['<input name=n pattern=a>', '<input name=n>', ['field "n": pattern "a" removed']],
    [
      '<label>A <input name=n></label>',
      '<label>B <input name=n></label>',
      ['field "n": label changed from "A" to "B"'],
    ],
    [
      '<input type=date name=n min=2026-01-01>',
      '<input type=date name=n max=2026-01-01 step=7>',
      ['field "n": min "2026-01-01" removed', 'field "n": max "2026-01-01" added', 'field "n": step "7" added'],
    ],
    [
      '<input type=number name=n value=1>',
      '<input type=number name=n value=2>',
      ['field "n": start of its steps changed from "1" to "2"'],
    ],
    [
      '<input type=file name=n accept=.a>',
      '<input type=file name=n accept=.b multiple>',
      [
        'field "n": now takes several values',
        'field "n": accepted file type ".b" added',
        'field "n": accepted file type ".a" removed',
      ],
    ],
    [
      '<select name=n><option>a<option>b</select>',
      '<select name=n><option>b<option>gold</select>',
      ['field "n": option "gold" added', 'field "n": option "a" removed'],
    ],
    [
      '<select name=n><option>a<option>b</select>',
      '<select name=n><option>b<option>a</select>',
      ['the order of its options changed'].map((text) => `field "n": ${text}`),
    ],
    [
      '<select name=n></select>',
      `<select name=n>${Array.from({ length: 11 }, (_, i) => `<option>${i}`).join('')}</select>`,
      ['field "n": options changed: 11 added, 0 removed'],
    ],
    [
      '<input type=checkbox name=n value=a required><input type=checkbox name=n value=b>',
      '<input type=checkbox name=n value=a><input type=checkbox name=n value=b required>',
      ['field "n": required option "b" added', 'field "n": required option "a" removed'],
    ],
  ])('is said in sentences: %s → %s', async (before, after, expected) => {
    expect(await differences(before, after)).toEqual(expected)
  })

  test('is said once for all pages, or with the page it is about', async () => {
    const two = (ja: string, en: string) => [
      page('en.html', `<html lang=en>${form(en)}</html>`),
      page('ja.html', `<html lang=ja>${form(ja)}</html>`),
    ]
    await sync(...two('<input name=n>', '<input name=n>'))
    expect((await sync(...two('<input name=n required>', '<input name=n required>'))).forms[0]?.differences).toEqual([
      'field "n": now required',
    ])
    expect((await sync(...two('<input name=n>', '<input name=n required>'))).forms[0]?.differences).toEqual([
      '/ja.html: field "n": no longer required',
    ])
  })

  test('tells of pages that came and went', async () => {
    await sync(page('a.html', form('<input name=n>')), page('b.html', form('<input name=n>')))
    const { forms } = await sync(page('a.html', form('<input name=n>')), page('c.html', form('')))
    expect(forms[0]).toMatchObject({
      change: 'changed',
      version: 2,
      differences: ['on /c.html, without fields', 'no longer on /b.html'],
    })
  })

  test('tells of a second form on a page', async () => {
    await sync(page('a.html', form('<input name=n>')))
    const { forms } = await sync(page('a.html', form('<input name=n>') + form('<input name=n><input name=m>')))
    expect(forms[0]?.differences).toContain('on /a.html: now with 2 sets of rules, was with one set of rules')
  })
})

describe('a page that is not adopted', () => {
  const good = form('<input name=n required>')

  test('is named, and leaves its forms as they are stored', async () => {
    await sync(page('a.html', `<title>T</title>${good}`), page('b.html', `<title>T</title>${good}`))
    const stored = [...memory.versions]
    const report = await sync(
      page('a.html', `<title>T</title>${good}`),
      page('b.html', `<title>T</title>${good.slice(0, -4)}`),
    )
    expect(report.notAdopted).toEqual([
      { page: '/b.html', reason: expect.stringContaining('it ends in the middle of the markup') },
    ])
    expect(report.forms).toEqual([{ name: 'a', version: 1, change: 'same', differences: [] }])
    expect(memory.versions).toEqual(stored)
  })

  test('keeps its rules while those of other pages change', async () => {
    await sync(page('a.html', good), page('b.html', good))
    const { forms } = await sync(page('a.html', form('<input name=n>')), page('b.html', ''))
    expect(forms).toMatchObject([{ change: 'changed', differences: ['/a.html: field "n": no longer required'] }])
    expect(memory.newest('a')?.variants).toMatchObject([
      { pages: ['/a.html'], controls: [{ required: false }] },
      { pages: ['/b.html'], controls: [{ required: true }] },
    ])
  })

  test('adds nothing when it is new', async () => {
    const { forms, notAdopted } = await sync(page('a.html', `${good}<form action=/f/b>`))
    expect({ forms, pages: notAdopted.map(({ page: path }) => path) }).toEqual({ forms: [], pages: ['/a.html'] })
    expect(memory.versions).toEqual([])
  })
})

test('a form that is on no page any more is kept and named, also the next time', async () => {
  await sync(page('a.html', form('<input name=n>')))
  for (const _ of [1, 2]) {
    expect((await sync(page('a.html', '<p>x'))).forms).toEqual([
      { name: 'a', version: 1, change: 'gone', differences: [] },
    ])
  }
  expect(memory.newest('a')?.variants).toHaveLength(1)
})

describe('when another writer comes in between', () => {
  test('nothing that it wrote is lost', async () => {
    await sync(page('a.html', form('<input name=n>')))
    const rival: FormStore = {
      ...memory.store,
      put: async (record) => {
        const current = memory.newest('a')
        if (current?.version === 1)
          await memory.store.put({ ...current, version: 2, origin: 'settings', settings: { title: 'New' } })
        return await memory.store.put(record)
      },
    }
    const { forms } = await syncForms({ forms: rival, patterns, clock, settings }, [
      page('a.html', form('<input name=m>')),
    ])
    expect(forms).toMatchObject([{ version: 3, change: 'changed' }])
    expect(memory.newest('a')).toMatchObject({
      version: 3,
      settings: { title: 'New' },
      variants: [{ controls: [{ name: 'm' }] }],
    })
  })

  test('every time, the sync gives up', async () => {
    const rival: FormStore = { ...memory.store, put: async () => ({ kind: 'stale' }) }
    await expect(syncForms({ forms: rival, patterns, clock, settings }, [page('a.html', form(''))])).rejects.toThrow(
      'form a kept changing',
    )
  })
})

describe('any sites', () => {
  const controls = fc.array(
    fc.constantFrom(
      '<input name=n>',
      '<input name=n required>',
      '<input name=m pattern="(a+)+">',
      '<select name=s><option>1</select>',
      '<select name=s><option>2</select>',
      '<label>L <input name=n></label>',
    ),
    { maxLength: 3 },
  )
  const content = fc.oneof(
    fc
      .tuple(controls, fc.constantFrom('a', 'b'), fc.constantFrom('', '<title>T</title>', '<title>U</title>'))
      .map(([list, name, title]) => title + form(list.join(''), name)),
    fc.constantFrom('', '<p>x', '<form action=/f/a>', form('') + form('<input name=n>')),
  )
  const site = fc
    .uniqueArray(fc.tuple(fc.constantFrom('index.html', '/a.html', 'b/c.html', '日本.html'), content), {
      selector: ([path]) => path,
    })
    .map((list) => list.map(([path, html]) => page(path, html)))

  test('a page whose rules become those of another page is told, though that page did not change', async () => {
    const empty = { path: 'b.html', bytes: bytes('<form action=/f/a method=post></form>') }
    const filled = (path: string) => ({ path, bytes: bytes('<form action=/f/a method=post><input name=n></form>') })
    await sync(filled('a.html'), empty)
    const { forms } = await sync(filled('a.html'), filled('b.html'))
    expect(forms[0]).toMatchObject({ change: 'changed', differences: ['/b.html: field "n": added (text)'] })
  })

  test('one after the other leave the second time nothing to do, and tell what they did', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(site, { minLength: 1, maxLength: 4 }), async (sites) => {
        memory = memoryStore()
        for (const pages of sites) {
          const { forms } = await sync(...pages)
          for (const { change, differences: texts } of forms) {
            expect(texts.length > 0, `${change}: ${texts}`).toBe(change === 'new' || change === 'changed')
            expect(texts.join()).not.toMatch(/null|undefined/)
          }
          const stored = memory.versions.length
          const again = await sync(...pages.toReversed())
          expect(again.forms.every(({ change }) => change === 'same' || change === 'gone')).toBe(true)
          expect(memory.versions.length).toBe(stored)
        }
      }),
      { numRuns: 300 },
    )
  })
})
