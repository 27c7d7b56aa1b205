import { describe, expect, test } from 'vitest'
import { sampleForm } from '../../../test/contracts/samples.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import { TodokuError } from '../errors.ts'
import { findForms } from '../forms/find-forms.ts'
import type { FormRecord } from '../forms/form.ts'
import { acceptSubmission, type Post } from './accept-submission.ts'
import { openUploads, sealUploads, stagedFor, withStaged } from './staged-uploads.ts'
import type { Entry } from './submission.ts'
import { newTestKey } from './test-key.ts'

const text = (name: string, value: string): Entry => ({ kind: 'text', name, value })
const fields = [text('name', '花子'), text('email', 'hanako@example.net'), text('message', 'hi')]

const post = (changes: Partial<Post> = {}): Post => ({
  entries: fields,
  idempotencyKey: null,
  client: { address: '192.0.2.1', agent: 'browser' },
  pageOrigin: null,
  pagePath: null,
  acceptLanguage: null,
  crowded: false,
  ...changes,
})

async function accepted(deps: ReturnType<typeof testDeps>, form: FormRecord, given: Post) {
  const outcome = await acceptSubmission(deps, form, given)
  if (outcome.kind !== 'accepted') throw new Error(`not accepted but ${outcome.kind}`)
  return outcome
}

describe('an accepted post', () => {
  test('is stored with a confirmation and a notification, and the delivery is told', async () => {
    const deps = testDeps()
    const { submission, statusUrl } = await accepted(deps, sampleForm(), post())
    expect(await deps.submissions.get(submission.reference)).toEqual(submission)
    const messages = await deps.messages.ofSubmission(submission.id)
    expect(messages.map(({ role, recipient }) => [role, recipient])).toEqual([
      ['confirmation', 'hanako@example.net'],
      ['notification', 'office@example.jp'],
    ])
    expect(deps.announced).toBe(1)
    expect(statusUrl).toMatch(/^https:\/\/forms\.example\.jp\/s\/[A-Z0-9]{3}-[A-Z0-9]{3}-[A-Z0-9]{3}\/k1-[a-z2-7]{26}$/)
  })

  test('without an address causes no confirmation', async () => {
    const deps = testDeps()
    const { submission } = await accepted(deps, sampleForm(), post({ entries: [text('message', 'hi')] }))
    expect((await deps.messages.ofSubmission(submission.id)).map(({ role }) => role)).toEqual(['notification'])
  })

  test('causes none where the form does not want one', async () => {
    const deps = testDeps()
    const form = sampleForm({ settings: { confirmation: { enabled: false } } })
    const { submission } = await accepted(deps, form, post())
    expect((await deps.messages.ofSubmission(submission.id)).map(({ role }) => role)).toEqual(['notification'])
  })

  test('goes to the managers that a field’s value chooses, else to the form’s', async () => {
    const settings = {
      managers: ['all@example.jp'],
      route: { field: 'dept', to: { 営業: ['s@example.jp', 't@example.jp'] } },
    }
    const form = sampleForm({ settings })
    const recipients = async (dept: string) => {
      const deps = testDeps()
      const { submission } = await accepted(deps, form, post({ entries: [...fields, text('dept', dept)] }))
      return (await deps.messages.ofSubmission(submission.id)).flatMap(({ role, recipient }) =>
        role === 'notification' ? [recipient] : [],
      )
    }
    expect(await recipients('営業')).toEqual(['s@example.jp', 't@example.jp'])
    expect(await recipients('other')).toEqual(['all@example.jp'])
    expect(await recipients('__proto__')).toEqual(['all@example.jp'])
    expect(await recipients('constructor')).toEqual(['all@example.jp'])
  })

  test('control fields are neither stored nor mailed', async () => {
    const deps = testDeps()
    const entries = [...fields, text('_next', '/x'), text('_gotcha', ''), text('_anything', 'y')]
    const { submission } = await accepted(deps, sampleForm(), post({ entries }))
    expect(submission.entries).toEqual(fields)
  })

  test('of a control field that comes twice the first one with a value counts', async () => {
    const entries = [...fields, text('_next', ''), text('_next', '/first'), text('_redirect', '/second')]
    const { next } = await accepted(testDeps(), sampleForm(), post({ entries, pageOrigin: 'https://www.example.jp' }))
    expect(next).toContain('https://www.example.jp/first#')
  })

  test('keeps neither the client’s address nor its agent', async () => {
    const deps = testDeps()
    const { submission } = await accepted(deps, sampleForm(), post())
    expect(JSON.stringify(submission)).not.toMatch(/192\.0\.2\.1|browser/)
  })

  test('speaks the language it was asked in: field, page, form, browser, instance', async () => {
    const deps = testDeps()
    const variant = { charset: 'utf-8', title: null, controls: [] }
    const form = sampleForm({
      variants: [
        { ...variant, pages: ['/index.html'], language: 'en' },
        { ...variant, pages: ['/ja/index.html'], language: 'ja-JP' },
      ],
    })
    let clients = 0
    const language = async (record: FormRecord, changes: Partial<Post>) => {
      clients += 1
      const client = { address: `192.0.2.${clients}`, agent: '' }
      return (await accepted(deps, record, post({ client, ...changes }))).submission.language
    }
    expect(await language(form, { pagePath: '/ja/' })).toBe('ja')
    expect(await language(form, { pagePath: '/ja/', entries: [...fields, text('_language', 'en')] })).toBe('en')
    expect(await language(form, { acceptLanguage: 'fr, ja;q=0.8' })).toBe('ja')
    expect(await language({ ...form, settings: { language: 'ja' } }, { acceptLanguage: 'en' })).toBe('ja')
    expect(await language(sampleForm(), {})).toBe('en')
  })

  test('gives a receipt that commits to the content and verifies with the published key', async () => {
    const deps = testDeps()
    const { receipt, submission } = await accepted(deps, sampleForm(), post())
    const [head = '', payload = '', signature = ''] = receipt().split('.')
    const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
    expect(decode(head)).toEqual({ alg: 'EdDSA', kid: 'r1' })
    expect(decode(payload)).toMatchObject({ reference: submission.reference, form: 'contact' })
    const [jwk] = deps.crypto.publicKeys().keys
    const key = await crypto.subtle.importKey(
      'jwk',
      { kty: 'OKP', crv: 'Ed25519', x: String(jwk?.x) },
      'Ed25519',
      false,
      ['verify'],
    )
    const signed = Buffer.from(`${head}.${payload}`)
    expect(await crypto.subtle.verify('Ed25519', key, Buffer.from(signature, 'base64url'), signed)).toBe(true)
    const other = await accepted(deps, sampleForm(), post({ entries: [text('message', 'other')] }))
    expect(decode(other.receipt().split('.')[1] ?? '').commitment).not.toBe(decode(payload).commitment)
  })
})

describe('invariant 2: the same post again', () => {
  test('without a key, within two minutes: the same answer, no second mail', async () => {
    const deps = testDeps()
    const first = await accepted(deps, sampleForm(), post())
    deps.clock.advance(110_000)
    const again = await accepted(deps, sampleForm(), post())
    expect(again).toMatchObject({ repeated: true, statusUrl: first.statusUrl })
    expect(again.receipt()).toBe(first.receipt())
    expect((await deps.messages.ofSubmission(first.submission.id)).length).toBe(2)
    deps.clock.advance(20_000)
    expect((await accepted(deps, sampleForm(), post())).repeated).toBe(false)
  })

  test('from another client, with another agent, or with another text: a new submission', async () => {
    const deps = testDeps()
    await accepted(deps, sampleForm(), post())
    expect(
      (await accepted(deps, sampleForm(), post({ client: { address: '192.0.2.2', agent: 'browser' } }))).repeated,
    ).toBe(false)
    expect(
      (await accepted(deps, sampleForm(), post({ client: { address: '192.0.2.1', agent: 'other' } }))).repeated,
    ).toBe(false)
    expect((await accepted(deps, sampleForm(), post({ entries: [...fields, text('x', 'y')] }))).repeated).toBe(false)
  })

  test('what only steers the post does not make it another one', async () => {
    const deps = testDeps()
    await accepted(deps, sampleForm(), post())
    const entries = [...fields, text('_next', '/thanks'), text('_language', 'ja')]
    expect((await accepted(deps, sampleForm(), post({ entries }))).repeated).toBe(true)
  })

  test('without a filled address it is never taken for a repetition', async () => {
    const deps = testDeps()
    const vote = post({ entries: [text('vote', 'yes')] })
    await accepted(deps, sampleForm(), vote)
    expect((await accepted(deps, sampleForm(), vote)).repeated).toBe(false)
  })

  test('with a header key: other content is a conflict, the same is the same', async () => {
    const deps = testDeps()
    await accepted(deps, sampleForm(), post({ idempotencyKey: 'k' }))
    deps.clock.advance(10 * 3_600_000)
    expect((await accepted(deps, sampleForm(), post({ idempotencyKey: 'k' }))).repeated).toBe(true)
    const other = await acceptSubmission(deps, sampleForm(), post({ idempotencyKey: 'k', entries: [text('a', 'b')] }))
    expect(other.kind).toBe('conflict')
  })

  test('with a hidden-field key: other content is a new submission', async () => {
    const deps = testDeps()
    const key = text('_idempotency', 'rendered-once')
    await accepted(deps, sampleForm(), post({ entries: [...fields, key] }))
    expect((await accepted(deps, sampleForm(), post({ entries: [...fields, key] }))).repeated).toBe(true)
    expect((await accepted(deps, sampleForm(), post({ entries: [...fields, text('more', 'x'), key] }))).repeated).toBe(
      false,
    )
  })

  test('two at once are one', async () => {
    const deps = testDeps()
    const outcomes = await Promise.all([1, 2, 3, 4].map(() => accepted(deps, sampleForm(), post())))
    expect(outcomes.filter(({ repeated }) => !repeated)).toHaveLength(1)
    expect(new Set(outcomes.map(({ statusUrl }) => statusUrl)).size).toBe(1)
  })

  test('files count by their content, wherever they were put', async () => {
    const deps = testDeps()
    const file = (blob: string, hash: string): Entry => ({
      kind: 'file',
      name: 'doc',
      file: { blob, fileName: 'a.txt', type: 'text/plain', size: 1, hash },
    })
    await accepted(deps, sampleForm(), post({ entries: [...fields, file('one', 'h')] }))
    expect((await accepted(deps, sampleForm(), post({ entries: [...fields, file('two', 'h')] }))).repeated).toBe(true)
    expect((await accepted(deps, sampleForm(), post({ entries: [...fields, file('three', 'i')] }))).repeated).toBe(
      false,
    )
  })
})

describe('what is not accepted', () => {
  test('a wrong address is told, and nothing is stored', async () => {
    const deps = testDeps()
    const outcome = await acceptSubmission(
      deps,
      sampleForm(),
      post({ entries: [text('email', 'a@example.jp, b@example.jp')] }),
    )
    expect(outcome).toMatchObject({ kind: 'invalid', errors: [{ field: 'email', code: 'TYPE_EMAIL' }] })
    expect((await deps.submissions.list({ limit: 1 })).items).toEqual([])
  })

  test('a store that is away is told to the caller, and no mail is planned', async () => {
    const stores = testDeps()
    const deps = testDeps({
      submissions: { ...stores.submissions, accept: () => Promise.reject(new TodokuError('store-unavailable')) },
    })
    await expect(acceptSubmission(deps, sampleForm(), post())).rejects.toThrow(TodokuError)
    expect(deps.announced).toBe(0)
  })
})

describe('where the browser goes', () => {
  const next = async (wanted: string, changes: Partial<Post> = {}, settings: FormRecord['settings'] = {}) => {
    const outcome = await accepted(
      testDeps(),
      sampleForm({ settings }),
      post({ entries: [...fields, text('_next', wanted)], ...changes }),
    )
    return outcome.next?.replace(/#.*/, '') ?? null
  }
  const origins = ['https://www.example.jp']

  test('to a path of the page’s own origin', async () => {
    expect(await next('/thanks', { pageOrigin: 'https://www.example.jp' }, { origins })).toBe(
      'https://www.example.jp/thanks',
    )
    expect(await next('/thanks', { pageOrigin: 'https://any.example' })).toBe('https://any.example/thanks')
  })

  test('to a URL of an allowed origin, exactly', async () => {
    expect(await next('https://www.example.jp/a?b=c', {}, { origins })).toBe('https://www.example.jp/a?b=c')
    for (const evil of [
      'https://evil.example/',
      'https://www.example.jp.evil.example/',
      'https://www.example.jp@evil.example/',
      'http://www.example.jp/',
      'https://www.example.jp:8443/',
      '//evil.example/',
      '/\\evil.example/',
      '\\\\evil.example',
      'javascript:alert(1)',
      'data:text/html,x',
      ' https://evil.example',
      '/\t/evil.example',
      'relative',
    ]) {
      expect(await next(evil, { pageOrigin: 'https://www.example.jp' }, { origins })).toBeNull()
    }
  })

  test('the status link travels in the fragment', async () => {
    const entries = [...fields, text('_next', '/thanks#top')]
    const outcome = await accepted(testDeps(), sampleForm(), post({ entries, pageOrigin: 'https://www.example.jp' }))
    expect(outcome.next).toBe(`https://www.example.jp/thanks#todoku=${encodeURIComponent(outcome.statusUrl)}`)
  })

  test('the form’s own setting is next, the status page last', async () => {
    const page = { pageOrigin: 'https://www.example.jp' }
    const outcome = await accepted(testDeps(), sampleForm({ settings: { thanks: '/done' } }), post(page))
    expect(outcome.next).toContain('https://www.example.jp/done')
    expect((await accepted(testDeps(), sampleForm(), post(page))).next).toBeNull()
  })

  test('to the form’s own page where the posting page wishes itself somewhere it may not go', async () => {
    const settings = { thanks: 'https://www.example.jp/done', origins }
    expect(await next('https://evil.example/', {}, settings)).toBe('https://www.example.jp/done')
    expect(await next('/elsewhere', { pageOrigin: 'https://www.example.jp' }, settings)).toBe(
      'https://www.example.jp/elsewhere',
    )
  })

  test('without any header, to no page of ours: nobody knows whose path it is', async () => {
    expect(await next('/thanks')).toBeNull()
    expect(await next('', {}, { thanks: '/thanks' })).toBeNull()
    expect(await next('/thanks', {}, { origins })).toBe('https://www.example.jp/thanks')
  })

  test('from a page that tells no origin, to the one site that may post; where there are several, to the status page', async () => {
    expect(await next('/thanks', { pageOrigin: 'null' }, { origins })).toBe('https://www.example.jp/thanks')
    expect(await next('/thanks', { pageOrigin: 'null' }, { origins: [...origins, 'https://b.example'] })).toBeNull()
    expect(await next('/thanks', { pageOrigin: 'null' })).toBeNull()
  })
})

describe('a post that says that it is a test', () => {
  const form = sampleForm({ settings: { doubleOptIn: true } })
  const said = [...fields, text('_test', '1')]

  test('is asked like any other where the submitter is to be asked first', async () => {
    const deps = testDeps()
    for (const idempotencyKey of [null, 'mine', newTestKey(deps, 'other'), newTestKey(testDeps(), '')]) {
      const { submission } = await accepted(deps, form, post({ entries: said, idempotencyKey }))
      expect(submission).toMatchObject({ review: 'unconfirmed', test: false })
      expect((await deps.messages.ofSubmission(submission.id)).map(({ role }) => role)).toEqual(['confirmation'])
      deps.clock.advance(3_600_000)
    }
  })

  test('is one there when it is ours, once', async () => {
    const deps = testDeps()
    const idempotencyKey = newTestKey(deps, form.name)
    const { submission } = await accepted(deps, form, post({ entries: said, idempotencyKey }))
    expect(submission).toMatchObject({ review: 'accepted', test: true })
    expect((await deps.messages.ofSubmission(submission.id)).map(({ role }) => role)).toEqual(['notification'])
    const other = post({ entries: [...said, text('more', 'x')], idempotencyKey })
    expect((await acceptSubmission(deps, form, other)).kind).toBe('conflict')
  })

  test('is one where nobody is to be asked', async () => {
    const none = said.filter(({ name }) => name !== 'email')
    expect((await accepted(testDeps(), form, post({ entries: none }))).submission.test).toBe(true)
    expect((await accepted(testDeps(), sampleForm(), post({ entries: said }))).submission.test).toBe(true)
  })
})

describe('uploads that our error page carries along', () => {
  const upload: Entry = {
    kind: 'file',
    name: 'doc',
    file: { blob: 'b', fileName: 'a.pdf', type: 'application/pdf', size: 1, hash: 'h' },
  }

  test('take the place of a file field left empty', async () => {
    const deps = testDeps()
    const sealed = sealUploads(deps, 'contact', [upload]) ?? ''
    const { submission } = await accepted(deps, sampleForm(), post({ entries: [...fields, text('_uploads', sealed)] }))
    expect(submission.entries).toContainEqual(upload)
  })

  test('give way to a file chosen anew', async () => {
    const deps = testDeps()
    const sealed = sealUploads(deps, 'contact', [upload]) ?? ''
    const fresh: Entry = { ...upload, file: { ...upload.file, blob: 'new' } }
    const { submission } = await accepted(
      deps,
      sampleForm(),
      post({ entries: [...fields, fresh, text('_uploads', sealed)] }),
    )
    expect(submission.entries.filter(({ kind }) => kind === 'file')).toEqual([fresh])
  })

  test('are part of what makes a post the same', async () => {
    const deps = testDeps()
    const sealed = sealUploads(deps, 'contact', [upload]) ?? ''
    await accepted(deps, sampleForm(), post())
    const carried = post({ entries: [...fields, text('_uploads', sealed)] })
    expect((await accepted(deps, sampleForm(), carried)).repeated).toBe(false)
    expect((await accepted(deps, sampleForm(), carried)).repeated).toBe(true)
  })

  test('are nothing when forged, of another form, or too old', async () => {
    const deps = testDeps()
    const sealed = sealUploads(deps, 'contact', [upload]) ?? ''
    const ofOther = sealUploads(deps, 'other', [upload]) ?? ''
    const forged = `${Buffer.from(JSON.stringify({ form: 'contact', until: 9e15, files: [upload] })).toString('base64url')}.${sealed.split('.')[1]}`
    const stored = async (value: string) => {
      const { submission } = await accepted(
        deps,
        sampleForm(),
        post({ entries: [...fields, text('_uploads', value)], client: { address: value.slice(-9), agent: '' } }),
      )
      return submission.entries.filter(({ kind }) => kind === 'file').length
    }
    expect(await stored(ofOther)).toBe(0)
    expect(await stored(forged)).toBe(0)
    expect(await stored('nonsense')).toBe(0)
    deps.clock.advance(stagedFor)
    expect(await stored(sealed)).toBe(0)
  })

  test('keep the time of their upload, however often the page comes back', async () => {
    const deps = testDeps()
    let sealed = sealUploads(deps, 'contact', [upload])
    for (let round = 0; round < 2; round += 1) {
      deps.clock.advance(stagedFor / 2 - 1)
      const staged = openUploads(deps, 'contact', sealed)
      const fresh: Entry = { ...upload, name: `fresh${round}`, file: { ...upload.file, blob: `fresh${round}` } }
      sealed = sealUploads(deps, 'contact', [...withStaged([], staged), fresh], staged)
    }
    const names = () => openUploads(deps, 'contact', sealed).map(({ entry }) => entry.name)
    expect(names()).toEqual(['doc', 'fresh0', 'fresh1'])
    deps.clock.advance(2)
    expect(names()).toEqual(['fresh0', 'fresh1'])
  })

  test.each([
    ['too-many-files', 3, 1, 1],
    ['too-large', 1, 60_000, 60_000],
  ] as const)('count together with those of the post: %s', async (kind, count, size, freshSize) => {
    const deps = testDeps()
    const file = (name: string, bytes: number): Entry => ({
      ...upload,
      name,
      file: { ...upload.file, blob: name, size: bytes },
    })
    const sealed = sealUploads(
      deps,
      'contact',
      Array.from({ length: count }, (_, index) => file(`old${index}`, size)),
    )
    const carried = text('_uploads', sealed ?? '')
    const outcome = (entries: Entry[]) => acceptSubmission(deps, sampleForm(), post({ entries }))
    expect((await outcome([...fields, carried, file('new', freshSize)])).kind).toBe(kind)
    expect((await deps.submissions.list({ limit: 1 })).items).toEqual([])
    expect((await outcome([...fields, carried])).kind).toBe('accepted')
  })
})

describe('an address in _replyto', () => {
  const anonymous = [text('message', 'hi')]
  const emailOf = async (form: FormRecord, replyTo: string, entries = anonymous) =>
    (await accepted(testDeps(), form, post({ entries: [...entries, text('_replyto', replyTo)] }))).submission

  test('counts where the form’s own field gives none, whatever that field is called', async () => {
    for (const settings of [{}, { emailField: 'contact-address' }]) {
      expect(await emailOf(sampleForm({ settings }), ' Taro@Example.JP ')).toMatchObject({
        email: 'Taro@example.jp',
        observations: [],
      })
    }
    expect(await emailOf(sampleForm(), 'taro@example.jp', [...fields])).toMatchObject({ email: 'hanako@example.net' })
  })

  test.each(['nonsense', 'a@localhost', 'a@example.jp, b@example.jp', 'ａ@example.jp'])(
    'that mail can’t go to is noted, and no confirmation is planned: %s',
    async (typed) => {
      const submission = await emailOf(sampleForm(), typed)
      expect(submission.email).toBeNull()
      expect(submission.observations).toEqual([{ field: '_replyto', code: 'ADDRESS_UNUSABLE' }])
    },
  )

  test('is judged by the rules that a page has for it', async () => {
    const page = '<form action=/f/contact><input type=email name=_replyto required><textarea name=message></textarea>'
    const found = findForms(`<html lang=en>${page}</form></html>`, '/')
    if (found.kind !== 'adopted') throw new Error(found.reason)
    const form = sampleForm({ variants: found.forms.map(({ variant }) => variant) })
    const outcome = (value: string) =>
      acceptSubmission(testDeps(), form, post({ entries: [...anonymous, text('_replyto', value)] }))
    expect(await outcome('nonsense')).toMatchObject({ errors: [{ field: '_replyto', code: 'TYPE_EMAIL' }] })
    expect(await outcome('')).toMatchObject({ errors: [{ field: '_replyto', code: 'REQUIRED_FIELD_EMPTY' }] })
    expect(await outcome('taro@example.jp')).toMatchObject({ submission: { email: 'taro@example.jp' } })
  })

  test('that was corrected makes another post: no repetition, and a conflict under the same key', async () => {
    const deps = testDeps()
    const wrong = [...anonymous, text('_replyto', 'tora@example.jp')]
    const right = [...anonymous, text('_replyto', 'taro@example.jp')]
    await accepted(deps, sampleForm(), post({ entries: wrong }))
    expect((await accepted(deps, sampleForm(), post({ entries: right }))).repeated).toBe(false)
    await accepted(deps, sampleForm(), post({ entries: wrong, idempotencyKey: 'k' }))
    const other = await acceptSubmission(deps, sampleForm(), post({ entries: right, idempotencyKey: 'k' }))
    expect(other.kind).toBe('conflict')
  })
})

test('a reference that is taken is drawn anew, until one is free', async () => {
  const deps = testDeps()
  const { accept } = deps.submissions
  const drawn: string[] = []
  deps.submissions.accept = async (command) => {
    drawn.push(command.submission.reference)
    expect(command.messages.every(({ reference }) => reference === command.submission.reference)).toBe(true)
    return drawn.length < 3 ? { kind: 'reference-taken' } : await accept(command)
  }
  const { submission } = await accepted(deps, sampleForm(), post())
  expect(new Set(drawn).size).toBe(3)
  expect(await deps.submissions.get(drawn[2] ?? '')).toEqual(submission)
  expect((await deps.messages.ofSubmission(submission.id)).length).toBe(2)
})
