import { mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { contactPage, good, testApp, testOrigin } from '../../../test/fakes/test-app.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import { folderBlobs } from '../../adapters/filesystem/blobs.ts'
import { TodokuError } from '../../core/errors.ts'

const json = { accept: 'application/json' }

/** The sealed list of uploads in an error page; empty when there is none. */
const sealedIn = (page: string) => /name="_uploads" value="([^"]+)"/.exec(page)?.[1] ?? ''

async function blobsOf({ blobs, clock }: ReturnType<typeof testDeps>): Promise<string[]> {
  const keys: string[] = []
  for await (const key of blobs.olderThan(Math.max(clock.now(), Date.now()) + 1000)) keys.push(key)
  return keys
}

describe('an accepted post', () => {
  test('sends a browser to the status page with 303', async () => {
    const { post } = await testApp()
    const answer = await post(good)
    expect(answer.status).toBe(303)
    expect(answer.headers.get('location')).toMatch(/^https:\/\/forms\.example\.jp\/s\/[A-Z0-9-]{11}\/k1-[a-z2-7]{26}$/)
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('gives a script the fields that clients of other services look for', async () => {
    const { post } = await testApp()
    const answer = await post(good, json)
    expect(answer.status).toBe(200)
    const body = (await answer.json()) as Record<string, unknown>
    expect(body).toMatchObject({
      ok: true,
      success: true,
      status: 'success',
      code: 200,
      mail: { confirmation: 'queued' },
    })
    expect(body.next).toBe(body.redirect_url)
    expect(body.receipt).toMatchObject({ url: body.next, signature: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/) })
    expect(body.reference).toMatch(/^[A-Z0-9-]{11}$/)
  })

  test('of a form that asks first tells a script that the visitor has to confirm', async () => {
    for (const [language, sentence] of [
      ['en', /open the mail .* confirm that it was you/],
      ['ja', /メールを開き、ご自身の送信であることを確認/],
    ] as const) {
      const { post } = await testApp({ settings: { doubleOptIn: true } })
      const body = (await (await post({ ...good, _language: language }, json)).json()) as Record<string, unknown>
      expect(body).toMatchObject({ ok: true, review: 'unconfirmed', mail: { confirmation: 'queued' } })
      expect(body.message).toMatch(sentence)
    }
  })

  test('keeps the order of fields and repeated names', async () => {
    const { request, stored } = await testApp()
    await request('/f/contact', {
      method: 'POST',
      body: 'name=a&email=a%40example.jp&tag=1&other=x&tag=2',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(
      (await stored())[0]?.entries.map((entry) => (entry.kind === 'text' ? [entry.name, entry.value] : [])),
    ).toEqual([
      ['name', 'a'],
      ['email', 'a@example.jp'],
      ['tag', '1'],
      ['other', 'x'],
      ['tag', '2'],
    ])
  })

  test('may be JSON: texts, numbers, truth values and lists', async () => {
    const { postJson, stored } = await testApp()
    const answer = await postJson({ ...good, count: 3, agree: true, tags: ['a', 'b'], nothing: null })
    expect(answer.status).toBe(200)
    const entries = (await stored())[0]?.entries ?? []
    expect(entries.map((entry) => (entry.kind === 'text' ? `${entry.name}=${entry.value}` : '')).slice(3)).toEqual([
      'count=3',
      'agree=true',
      'tags=a',
      'tags=b',
      'nothing=',
    ])
  })

  test('repeated gives the same answer again, and says so', async () => {
    const { post } = await testApp()
    const [first, again] = [await post(good), await post(good)]
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  test('the answer comes only after the commit, and nobody outside was asked', async () => {
    const deps = testDeps()
    const committed = Promise.withResolvers<void>()
    const { accept } = deps.submissions
    deps.submissions.accept = async (command) => {
      await committed.promise
      return await accept(command)
    }
    const { post } = await testApp({ deps })
    let answered = false
    const answer = post(good).then((response) => {
      answered = true
      return response
    })
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expect(answered).toBe(false)
    committed.resolve()
    expect((await answer).status).toBe(303)
  })
})

describe('a page or JSON', () => {
  test.each([
    ['script of old', { 'x-requested-with': 'XMLHttpRequest', accept: '*/*' }, true],
    ['asks for JSON', { accept: 'application/json' }, true],
    ['asks for a problem document', { accept: 'application/problem+json, */*' }, true],
    ['browser', { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }, false],
    ['prefers HTML', { accept: 'text/html, application/json' }, false],
    ['fetch with its defaults', { accept: '*/*', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }, true],
    ['navigation', { accept: '*/*', 'sec-fetch-mode': 'navigate' }, false],
    ['curl', { accept: '*/*' }, false],
    ['nothing', {}, false],
  ])('%s', async (_who, headers, expected) => {
    const { request } = await testApp()
    const answer = await request('/f/contact', { method: 'POST', body: new URLSearchParams(good), headers })
    expect(answer.status).toBe(expected ? 200 : 303)
    expect(answer.headers.get('vary')).toContain('Sec-Fetch-Mode')
  })

  test('JSON in, JSON out, unless HTML is asked for', async () => {
    const { postJson } = await testApp()
    expect((await postJson(good)).status).toBe(200)
    expect((await postJson({ ...good, message: 'x' }, { accept: 'text/html' })).status).toBe(303)
  })
})

describe('a post that is not valid', () => {
  test('gives a script every error with its field', async () => {
    const { post, stored } = await testApp()
    const answer = await post({ email: 'nonsense' }, json)
    expect(answer.status).toBe(422)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(await answer.json()).toMatchObject({
      ok: false,
      success: false,
      status: 422,
      code: 'validation-failed',
      errors: [
        { field: 'name', code: 'REQUIRED_FIELD_MISSING' },
        { field: 'email', code: 'TYPE_EMAIL' },
      ],
    })
    expect(await stored()).toEqual([])
  })

  test('gives a browser everything back that was typed, in the right controls', async () => {
    const { post } = await testApp()
    const answer = await post({
      name: '',
      email: 'x"><script>alert(1)</script>',
      message: 'a\r\nb',
      plan: 'pro',
      agree: 'yes',
      _next: '/thanks',
      extra: 'kept',
    })
    expect(answer.status).toBe(422)
    const page = await answer.text()
    expect(page).toContain('value="x&quot;>&lt;script>alert(1)&lt;/script>"')
    expect(page).not.toContain('<script>alert')
    expect(page).toMatch(/<textarea id="[^"]*" name="message">a\r?\nb<\/textarea>/)
    expect(page).toMatch(/<option value="pro" selected(?:="")?>/)
    expect(page).toMatch(/<input type="checkbox" name="agree" value="yes" checked/)
    expect(page).toContain('<input type="hidden" name="_next" value="/thanks"/>')
    expect(page).toContain('value="kept"')
    expect(page).toContain('Please fill in “Name”.')
  })

  test('keeps uploads: the corrected post does not choose them again', async () => {
    const { postForm, post, stored, deps } = await testApp()
    const form = new FormData()
    form.set('name', '')
    form.set('email', 'hanako@example.net')
    form.set('doc', new File(['hello'], '履歴書.pdf', { type: 'application/pdf' }))
    const answer = await postForm(form)
    expect(answer.status).toBe(422)
    const page = await answer.text()
    expect(page).toContain('履歴書.pdf')
    const sealed = /name="_uploads" value="([^"]+)"/.exec(page)?.[1] ?? ''
    expect((await post({ name: '花子', email: 'hanako@example.net', _uploads: sealed })).status).toBe(303)
    const file = (await stored())[0]?.entries.find((entry) => entry.kind === 'file')
    if (file?.kind !== 'file') throw new Error('no upload')
    expect(file.file).toMatchObject({ fileName: '履歴書.pdf', size: 5 })
    expect(new TextDecoder().decode((await deps.blobs.read(file.file.blob)) ?? undefined)).toBe('hello')
  })

  test('keeps the uploads of earlier tries also when a try fails for another reason', async () => {
    const { postForm, post, deps } = await testApp()
    const form = new FormData()
    form.set('name', '')
    form.set('doc', new File(['hello'], 'cv.pdf', { type: 'application/pdf' }))
    const _uploads = sealedIn(await (await postForm(form)).text())
    deps.submissions.accept = () => Promise.reject(new TodokuError('store-unavailable'))
    const page = await (await post({ ...good, _uploads })).text()
    expect(page).toContain('cv.pdf')
    expect(sealedIn(page)).not.toBe('')
  })

  test('keeps an upload for a day from when it came, however often the form comes back', async () => {
    const { postForm, post, deps } = await testApp()
    const form = new FormData()
    form.set('name', '')
    form.set('doc', new File(['hello'], 'cv.pdf', { type: 'application/pdf' }))
    let page = await (await postForm(form)).text()
    for (const isKept of [true, true, false]) {
      deps.clock.advance(11 * 3_600_000)
      page = await (await post({ name: '', email: 'a@example.jp', _uploads: sealedIn(page) })).text()
      expect(page.includes('cv.pdf')).toBe(isKept)
    }
  })

  test('more files over several tries than one post may have are refused; those of the earlier tries stay', async () => {
    const { postForm, post, stored, deps } = await testApp()
    const files = (names: string[], _uploads: string) => {
      const form = new FormData()
      form.set('name', '')
      if (_uploads !== '') form.set('_uploads', _uploads)
      for (const name of names) form.append(name, new File([name], `${name}.pdf`, { type: 'application/pdf' }))
      return form
    }
    const first = sealedIn(await (await postForm(files(['a', 'b'], ''))).text())
    const answer = await postForm(files(['c', 'd'], first))
    expect(answer.status).toBe(413)
    const page = await answer.text()
    expect(page).toContain('too-many-files')
    expect(['a.pdf', 'b.pdf', 'c.pdf', 'd.pdf'].filter((name) => page.includes(name))).toEqual(['a.pdf', 'b.pdf'])
    // What was refused lies nowhere any more.
    expect(await blobsOf(deps)).toHaveLength(2)
    expect((await post({ ...good, _uploads: sealedIn(page) })).status).toBe(303)
    expect((await stored())[0]?.entries.filter(({ kind }) => kind === 'file')).toHaveLength(2)
  })

  test('comes back in the language it was refused in', async () => {
    const { post } = await testApp({ settings: { language: 'ja' }, page: contactPage.replace('lang="en"', '') })
    const page = await (await post({ email: 'a@example.jp' })).text()
    expect(page).toContain('<input type="hidden" name="_language" value="ja"/>')
    const wished = await (await post({ email: 'a@example.jp', _language: 'en-GB' })).text()
    expect(wished.match(/name="_language" value="[^"]*"/g)).toEqual(['name="_language" value="en"'])
  })

  test('the key of the page it was filled in on is left out, and the answer may lead to any site', async () => {
    const { post } = await testApp()
    const answer = await post({ email: 'x', _idempotency: 'rendered-once', _next: '/thanks' })
    const page = await answer.text()
    expect(page).not.toContain('rendered-once')
    expect(page).toContain('value="/thanks"')
    expect(answer.headers.get('content-security-policy')).toContain("form-action 'self' https: http:;")
  })

  test('a field that the form does not take is shown, and not posted again', async () => {
    const { postForm, post, deps } = await testApp({ settings: { rules: 'enforce' } })
    const form = new FormData()
    for (const [name, value] of Object.entries({ ...good, extra: 'long text' })) form.set(name, value)
    form.set('other', new File(['x'], 'other.pdf'))
    const answer = await postForm(form)
    expect(answer.status).toBe(422)
    const page = await answer.text()
    expect(page).toContain('This form has no field “extra”.')
    expect(page).toContain('<p><bdi>long text</bdi></p>')
    expect(page).toContain('This form has no field “other”.')
    expect(page).not.toMatch(/name="(?:extra|other|_uploads)"/)
    const again = Object.fromEntries(
      [...page.matchAll(/<input [^>]*name="(\w+)"[^>]* value="([^"]*)"/g)].map((m) => m.slice(1)),
    )
    expect((await post({ ...again, message: 'hi' })).status).toBe(303)
    expect(deps.announced).toBe(1)
  })

  test('gives back line breaks, boxes and passwords as they were', async () => {
    const page = `<!doctype html><html lang="en"><title>t</title><form action="/f/contact" method="post"><label>Name <input name="name" required></label>
      <fieldset><legend>Topics</legend><label><input type="checkbox" name="topic" value="red"> R</label>
      <label><input type="checkbox" name="topic" value="blue"> B</label></fieldset>
      <label><input type="checkbox" name="news"> News</label>
      <label>Word <input type="password" name="word"></label><textarea name="message"></textarea></form></html>`
    const { post } = await testApp({ page })
    const back = await (await post({ topic: 'blue', word: 'secret', message: '\r\nsecond line' })).text()
    // The first line break after the tag is not part of the text.
    expect(back).toMatch(/<textarea[^>]*>\n\nsecond line<\/textarea>/)
    expect(back).toContain('<input type="checkbox" name="topic" value="blue" checked/><span>Topics: blue</span>')
    expect(back).toContain('<input type="checkbox" name="topic" value="red"/><span>Topics: red</span>')
    expect(back).toContain('<input type="checkbox" name="news" value="on"/><span>News</span>')
    expect(back).toMatch(/<input [^>]*name="word" type="password" value="secret"/)
  })

  test('an address in _replyto that the page’s rules refuse can be corrected', async () => {
    const page =
      '<html lang="en"><form action="/f/contact" method="post"><label>Mail <input type="email" name="_replyto"></label><input name="name"></form></html>'
    const { post, stored } = await testApp({ page })
    const back = await (await post({ name: 'x', _replyto: 'nonsense' })).text()
    expect(back.match(/name="_replyto"/g)).toHaveLength(1)
    expect(back).toMatch(/<label for="[^"]*">Mail<\/label><input [^>]*name="_replyto" type="text" value="nonsense"/)
    await post({ name: 'x', _replyto: 'taro@example.jp' })
    expect((await stored())[0]).toMatchObject({ email: 'taro@example.jp', observations: [] })
  })

  test('speaks the language of the form', async () => {
    const { post } = await testApp({ settings: { language: 'ja' } })
    const page = await (await post({ email: 'a@example.jp' }, { 'accept-language': 'ja' })).text()
    expect(page).toContain('<html lang="ja">')
    expect(page).toContain('「Name」を入力してください。')
  })

  test('an empty post is told so, with or without a type', async () => {
    const { request } = await testApp()
    for (const init of [{ body: new URLSearchParams({}) }, {}]) {
      const answer = await request('/f/contact', { method: 'POST', ...init, headers: json })
      expect(answer.status).toBe(422)
      expect(((await answer.json()) as { errors: unknown[] }).errors.length).toBeGreaterThan(0)
    }
  })
})

describe('multipart', () => {
  const boundary = 'X-BOUNDARY'
  const raw = (parts: (string | Uint8Array)[], headers: Record<string, string> = {}) => {
    const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
    return {
      method: 'POST',
      body,
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, accept: 'application/json', ...headers },
    }
  }
  const field = (name: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const file = (name: string, fileName: string, content: string, type = 'application/pdf') =>
    `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${fileName}"\r\nContent-Type: ${type}\r\n\r\n${content}\r\n`
  const end = `--${boundary}--\r\n`
  /** A body as a slow connection brings it. */
  const pieces = (body: Uint8Array, length: number) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < body.length; at += length)
          controller.enqueue(new Uint8Array(body.subarray(at, at + length)))
        controller.close()
      },
    })
  const start = [field('name', '花子'), field('email', 'a@example.jp')]

  test('texts, and files in the blob store; a file field that was left empty is nothing', async () => {
    const { request, stored, deps } = await testApp()
    const content = 'あ'.repeat(5000)
    const body = raw([
      ...start,
      file('doc', '報告.pdf', content),
      file('doc', '', ''),
      file('empty', 'empty.txt', ''),
      end,
    ])
    expect((await request('/f/contact', body)).status).toBe(200)
    const entries = (await stored())[0]?.entries ?? []
    expect(entries.map(({ name }) => name)).toEqual(['name', 'email', 'doc', 'empty'])
    const [, , upload, empty] = entries
    if (upload?.kind !== 'file' || empty?.kind !== 'file') throw new Error('no file')
    expect(upload.file).toMatchObject({ fileName: '報告.pdf', type: 'application/pdf', size: 15_000 })
    expect(new TextDecoder().decode((await deps.blobs.read(upload.file.blob)) ?? undefined)).toBe(content)
    expect(await deps.blobs.read(empty.file.blob)).toHaveLength(0)
  })

  test('names of files: quotes, paths, escapes and other encodings', async () => {
    const { request, stored } = await testApp()
    const names = ['a%22b.pdf', 'C:\\fakepath\\c.pdf', '../../etc/passwd', 'sch\\"ön.pdf']
    for (const [index, name] of names.entries()) {
      await request('/f/contact', raw([...start, field('n', String(index)), file('x', name, '1'), end]))
    }
    const shown = (await stored())
      .reverse()
      .flatMap(({ entries }) => entries.flatMap((entry) => (entry.kind === 'file' ? [entry.file.fileName] : [])))
    expect(shown).toEqual(['a"b.pdf', 'c.pdf', 'passwd', 'sch"ön.pdf'])
  })

  test('a page in Shift_JIS: texts, names and file names, also where a character ends in a backslash', async () => {
    const page = contactPage.replace('<head>', '<head><meta charset="shift_jis">')
    const { request, stored } = await testApp({ page })
    const sjis = (text: string) => {
      const bytes: Record<string, number[]> = { 表: [0x95, 0x5c], 名: [0x96, 0xbc], ソ: [0x83, 0x5c] }
      return Buffer.from([...text].flatMap((char) => bytes[char] ?? [char.charCodeAt(0)]))
    }
    const disposition = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="doc"; filename="`),
      sjis('表'),
      Buffer.from('"\r\n\r\nx\r\n'),
    ])
    const name = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="name"\r\n\r\n`),
      sjis('ソ表名'),
      Buffer.from('\r\n'),
    ])
    const answer = await request('/f/contact', raw([name, field('email', 'a@example.jp'), disposition, end]))
    expect(answer.status).toBe(200)
    const entries = (await stored())[0]?.entries ?? []
    expect(entries[0]).toMatchObject({ name: 'name', value: 'ソ表名' })
    expect(entries[2]).toMatchObject({ file: { fileName: '表' } })
  })

  test.each([
    [
      'too many files',
      [file('a', '1', 'x'), file('a', '2', 'x'), file('a', '3', 'x'), file('a', '4', 'x')],
      413,
      'too-many-files',
    ],
    ['a file that is too large', [file('a', '1', 'x'.repeat(20_001))], 413, 'file-too-large'],
    ['a text that is too large', [field('a', 'x'.repeat(10_001))], 413, 'too-large'],
    ['too many fields', Array.from({ length: 60 }, (_, i) => field(`f${i}`, 'x')), 413, 'too-many-fields'],
    [
      'everything together too large',
      [file('a', '1', 'x'.repeat(19_000)), field('pad', 'y'.repeat(90_000))],
      413,
      'too-large',
    ],
    ['a part without a name', [`--${boundary}\r\nContent-Disposition: form-data\r\n\r\nx\r\n`], 400, 'malformed-body'],
    [
      'a part that is no form data',
      [`--${boundary}\r\nContent-Disposition: attachment; name="a"\r\n\r\nx\r\n`],
      400,
      'malformed-body',
    ],
    ['headers without end', [`--${boundary}\r\n${'X: y\r\n'.repeat(10_000)}`], 400, 'malformed-body'],
  ])('%s', async (_what, parts, status, code) => {
    const { request, stored } = await testApp()
    const answer = await request('/f/contact', raw([...start, ...parts, end]))
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code })
    expect(await stored()).toEqual([])
  })

  test('a body that breaks off is refused, wherever it does, and leaves no upload behind', async () => {
    const whole = [...start, file('doc', 'a.pdf', 'x'.repeat(500)), end].join('')
    const folder = mkdtempSync(join(tmpdir(), 'todoku-blobs-'))
    const deps = testDeps({ blobs: folderBlobs(folder) })
    const { request, stored } = await testApp({ deps })
    const files = () => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    for (let cut = 0; cut < whole.length - 4; cut += 7) {
      const client = { 'x-test-client': `198.51.100.${cut % 250}` }
      const answer = await request('/f/contact', raw([whole.slice(0, cut)], client))
      expect([400, 422], `cut at ${cut}`).toContain(answer.status)
      expect(await stored()).toEqual([])
      expect(files(), `cut at ${cut}`).toEqual([])
    }
    // Where files would be, if there were any.
    expect((await request('/f/contact', raw([whole]))).status).toBe(200)
    expect(files()).toHaveLength(1)
  })

  test('any bytes get an answer', async () => {
    const { default: fc } = await import('fast-check')
    const piece = fc.oneof(
      fc.constantFrom(
        `--${boundary}`,
        `--${boundary}--`,
        '\r\n',
        '\r\n\r\n',
        'Content-Disposition: form-data; name="a"',
        'Content-Disposition: form-data; name="a"; filename="b"',
        '--',
        boundary,
      ),
      fc.string({ maxLength: 20 }),
    )
    const { request } = await testApp({ host: { client: () => ({ address: '127.0.0.1' }) } })
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
        const answer = await request('/f/contact', raw(pieces))
        expect([200, 400, 413, 422]).toContain(answer.status)
      }),
      { numRuns: 300 },
    )
  })

  test('parts that are neither a field nor a file are counted too', async () => {
    const { request } = await testApp()
    const flood = raw([...start, file('doc', '', '').repeat(60), end])
    const answer = await request('/f/contact', flood)
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({ code: 'too-many-fields' })
    expect((await request('/f/contact', raw([...start, file('doc', '', '').repeat(20), end]))).status).toBe(200)
  })

  test('texts that are too large only together', async () => {
    const { request } = await testApp()
    const body = raw([...start, ...Array.from({ length: 6 }, (_, i) => field(`f${i}`, 'x'.repeat(9_000))), end])
    const answer = await request('/f/contact', body)
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({ code: 'too-large' })
  })

  test('a body that declares too much is refused whatever comes', async () => {
    const { request } = await testApp()
    const small = raw([...start, end], { 'content-length': '100001' })
    expect((await request('/f/contact', small)).status).toBe(413)
    expect((await request('/f/contact', raw([...start, end], { 'content-length': '100000' }))).status).toBe(200)
  })

  test('uploads of a repeated post and of a conflict are deleted, those of the first one stay', async () => {
    const { request, deps } = await testApp()
    const post = (text: string, key: Record<string, string> = {}) =>
      request('/f/contact', raw([...start, field('message', text), file('doc', 'a.pdf', 'x'), end], key))
    expect((await post('one')).status).toBe(200)
    expect((await post('one')).headers.get('idempotent-replayed')).toBe('true')
    expect(await blobsOf(deps)).toHaveLength(1)
    expect((await post('two', { 'idempotency-key': 'k' })).status).toBe(200)
    expect((await post('three', { 'idempotency-key': 'k' })).status).toBe(422)
    expect(await blobsOf(deps)).toHaveLength(2)
  })

  test.each([
    ['create', 'store-unavailable', 503],
    ['commit', 'store-unavailable', 503],
    ['create', 'a defect', 500],
  ])(
    'a blob store that fails at %s (%s) is told, and the page of another origin can read it',
    async (step, reason, status) => {
      const deps = testDeps()
      const failure = () =>
        Promise.reject(reason === 'a defect' ? new Error(reason) : new TodokuError('store-unavailable'))
      const { create } = deps.blobs
      deps.blobs.create = async (key) =>
        step === 'create' ? await failure() : { ...(await create(key)), commit: failure }
      const { request, stored } = await testApp({ deps })
      const headers = { accept: 'text/html', origin: 'https://site.example' }
      // The texts after the file come back as well.
      const { body, ...init } = raw(
        [...start, file('doc', 'a.pdf', 'x'.repeat(500)), field('message', 'typed last'), end],
        headers,
      )
      const answer = await request('/f/contact', { ...init, body: pieces(body, 50), duplex: 'half' })
      expect(answer.status).toBe(status)
      expect(answer.headers.get('access-control-allow-origin')).toBe('https://site.example')
      const page = await answer.text()
      expect(page.includes('typed last') && page.includes('value="花子"')).toBe(status === 503)
      expect(await stored()).toEqual([])
    },
  )

  test('without a boundary, or with an absurd one, is malformed', async () => {
    const { request } = await testApp()
    for (const type of ['multipart/form-data', `multipart/form-data; boundary=${'b'.repeat(300)}`]) {
      expect((await request('/f/contact', raw([end], { 'content-type': type }))).status).toBe(400)
    }
  })
})

describe('encodings', () => {
  const urlencoded = (body: string, type = 'application/x-www-form-urlencoded') => ({
    method: 'POST',
    body,
    headers: { 'content-type': type, accept: 'application/json' },
  })

  test('invalid UTF-8 is refused rather than stored as mojibake', async () => {
    const { request } = await testApp()
    const answer = await request('/f/contact', urlencoded('name=%8E%52&email=a%40example.jp'))
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ code: 'bad-charset' })
  })

  test.each([
    ['_charset_', 'name=%8ER%93c&email=a%40example.jp&_charset_=Shift_JIS', 'application/x-www-form-urlencoded'],
    ['the type', 'name=%8ER%93c&email=a%40example.jp', 'application/x-www-form-urlencoded; charset=shift_jis'],
    ['EUC-JP', 'name=%BB%B3%C5%C4&email=a%40example.jp&_charset_=euc-jp', 'application/x-www-form-urlencoded'],
    [
      'ISO-2022-JP',
      'name=%1B%24B%3B3ED%1B%28B&email=a%40example.jp&_charset_=iso-2022-jp',
      'application/x-www-form-urlencoded',
    ],
  ])('understood by %s', async (_how, body, type) => {
    const { request, stored } = await testApp()
    expect((await request('/f/contact', urlencoded(body, type))).status).toBe(200)
    expect((await stored())[0]?.entries[0]).toMatchObject({ value: '山田' })
  })

  test('JSON that is not UTF-8 is refused', async () => {
    const { request } = await testApp()
    const answer = await request('/f/contact', {
      method: 'POST',
      body: Buffer.from('{"name":"\x8e\x52"}', 'latin1'),
      headers: { 'content-type': 'application/json' },
    })
    expect(await answer.json()).toMatchObject({ code: 'bad-charset' })
  })
})

describe('what is sent wrongly', () => {
  test('an unknown form gets a page that says what to do, and a script a problem', async () => {
    const { post } = await testApp()
    const page = await post(good, { 'accept-language': 'ja' }, '/f/nothing')
    expect(page.status).toBe(404)
    const told = await page.text()
    expect(told).toContain('フォームはありません')
    expect(told).toContain('<code class="inline">todoku forms sync</code>')
    expect(told).not.toContain('`')
    expect(await (await post(good, json, '/f/nothing')).json()).toMatchObject({ code: 'form-not-found', ok: false })
    expect((await post(good, {}, '/f/%2e%2e')).status).toBe(404)
    expect((await post(good, {}, `/f/${'x'.repeat(300)}`)).status).toBe(404)
  })

  test('GET on the endpoint explains itself', async () => {
    const { request } = await testApp()
    const answer = await request('/f/contact', { headers: { accept: 'text/html' } })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS')
    expect(await answer.text()).toContain('method=&quot;post&quot;')
  })

  test.each([
    ['text/plain', 'name=x', 415, 'unsupported-type'],
    ['application/xml', '<a/>', 415, 'unsupported-type'],
    ['application/json', '{"name":', 400, 'malformed-body'],
    ['application/json', '[1,2]', 400, 'malformed-body'],
    ['application/json', '"text"', 400, 'malformed-body'],
    ['application/json', '{"a":{"b":1}}', 400, 'malformed-body'],
    ['application/json', `{"a":"${'x'.repeat(10_001)}"}`, 413, 'too-large'],
    [
      'application/json',
      JSON.stringify(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, 1]))),
      413,
      'too-many-fields',
    ],
    [
      'application/x-www-form-urlencoded',
      Array.from({ length: 10_000 }, (_, i) => `f${i}=x`)
        .join('&')
        .slice(0, 49_000),
      413,
      'too-many-fields',
    ],
    ['application/x-www-form-urlencoded', `a=${'x'.repeat(10_001)}`, 413, 'too-large'],
    ['application/x-www-form-urlencoded', `a=${'x'.repeat(60_000)}`, 413, 'too-large'],
  ])('%s: %.20s', async (type, body, status, code) => {
    const { request, stored } = await testApp()
    const answer = await request('/f/contact', {
      method: 'POST',
      body,
      headers: { 'content-type': type, accept: 'application/json' },
    })
    expect(answer.status).toBe(status)
    expect(await answer.json()).toMatchObject({ code })
    expect(await stored()).toEqual([])
  })

  test('a body without a declared length is cut off at the limit too', async () => {
    const { request } = await testApp()
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 10_000
        if (sent > 50_000_000) controller.close()
        else controller.enqueue(new TextEncoder().encode('x'.repeat(10_000)))
      },
    })
    const answer = await request('/f/contact', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    })
    expect(answer.status).toBe(413)
    expect(sent).toBeLessThan(1_000_000)
  })

  test('a body that is somewhat too large is read to its end, so that the browser sees our answer', async () => {
    const { request } = await testApp()
    const post = async (headers: Record<string, string>) => {
      let isRead = false
      let left = 15
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          left -= 1
          if (left >= 0) controller.enqueue(new TextEncoder().encode('x'.repeat(10_000)))
          else {
            isRead = true
            controller.close()
          }
        },
      })
      const init = { method: 'POST', body, duplex: 'half' as const, headers: { ...json, ...headers } }
      expect((await request('/f/contact', init)).status).toBe(413)
      return isRead
    }
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await post(type)).toBe(true)
    expect(await post({ ...type, 'content-length': '150000' })).toBe(true)
    expect(await post({ 'content-type': 'multipart/form-data; boundary=b', 'content-length': '150000' })).toBe(true)
  })

  test('a body that declares too much is refused whatever comes', async () => {
    const { request } = await testApp()
    const post = (length: number) =>
      request('/f/contact', {
        method: 'POST',
        body: new URLSearchParams(good),
        headers: { ...json, 'content-length': String(length) },
      })
    expect((await post(50_001)).status).toBe(413)
    expect((await post(50_000)).status).toBe(200)
  })

  test('a body that comes too slowly is given up', async () => {
    const { request, deps } = await testApp()
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('name=')),
    })
    const answer = request('/f/contact', {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    })
    await deps.clock.due(30_000)
    deps.clock.advance(30_000)
    expect((await answer).status).toBe(408)
  })

  test('an Idempotency-Key that can’t be used is refused; quoted ones are the same as bare ones', async () => {
    const { post } = await testApp()
    for (const key of ['', '""', 'with space', 'x'.repeat(201)]) {
      expect((await post(good, { ...json, 'idempotency-key': key })).status).toBe(400)
    }
    const first = await post(good, { 'idempotency-key': 'k' })
    const again = await post(good, { 'idempotency-key': '"k"' })
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    const other = await post({ ...good, message: 'other' }, { ...json, 'idempotency-key': 'k' })
    expect(other.status).toBe(422)
    expect(await other.json()).toMatchObject({ code: 'idempotency-conflict' })
  })

  test('a store that is away: 503, Retry-After, and everything typed comes back', async () => {
    const deps = testDeps()
    deps.submissions.accept = () => Promise.reject(new TodokuError('store-unavailable'))
    const { post, stored } = await testApp({ deps })
    const answer = await post(good)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('10')
    expect(await answer.text()).toContain('value="花子"')
    const machine = await post(good, json)
    expect(machine.status).toBe(503)
    expect(await machine.json()).toMatchObject({ code: 'store-unavailable' })
    expect(await stored()).toEqual([])
  })

  test('a post while the server stops: 503, and everything typed comes back', async () => {
    const { post } = await testApp({ host: { stopping: () => true } })
    const answer = await post(good)
    expect(answer.status).toBe(503)
    expect(await answer.text()).toContain('value="花子"')
  })

  test('a page of an origin that is not allowed gets its success, and the post waits for review', async () => {
    const { post, stored } = await testApp({ settings: { origins: ['https://www.example.jp'] } })
    const answer = await post(good, { ...json, origin: 'https://evil.example' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://evil.example')
    expect(await answer.json()).toMatchObject({ ok: true, mail: { confirmation: 'held' } })
    expect((await stored())[0]).toMatchObject({ review: 'quarantined', verdict: { reasons: [{ rule: 'origin' }] } })
    await post({ ...good, name: 'other' }, { ...json, origin: 'https://www.example.jp' })
    expect((await stored())[0]?.review).toBe('accepted')
  })
})

describe('the page that posted', () => {
  test('is known by its path; that of another origin’s front page says nothing, since browsers leave it out', async () => {
    const deps = testDeps()
    const { post, stored } = await testApp({ deps })
    const form = await deps.forms.get('contact')
    const [variant] = form?.variants ?? []
    if (form === null || variant === undefined) throw new Error('no form')
    const variants = [
      { ...variant, pages: ['/index.html'], language: 'ja' },
      { ...variant, pages: ['/en/index.html'], language: 'en' },
    ]
    await deps.forms.put({ ...form, version: form.version + 1, variants })
    let posts = 0
    const language = async (referer: string) => {
      posts += 1
      await post({ ...good, message: String(posts) }, { referer, 'accept-language': 'en' })
      return (await stored())[0]?.language
    }
    expect(await language(`${testOrigin}/`)).toBe('ja')
    expect(await language('https://site.example/index.html')).toBe('ja')
    expect(await language('https://site.example/')).toBe('en')
  })
})

describe('a page of another origin', () => {
  test('can read every answer, errors included', async () => {
    const { post, request } = await testApp()
    const origin = 'https://site.example'
    for (const answer of [
      await post(good, { ...json, origin }),
      await post({}, { ...json, origin }),
      await post(good, { ...json, origin }, '/f/nothing'),
    ]) {
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin)
      expect(answer.headers.get('vary')).toContain('Origin')
    }
    const preflight = await request('/f/contact', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toContain('formspree-client')
  })
})

test('a forged Host is refused, and no link is made of it', async () => {
  const { request, post } = await testApp()
  expect((await request('/', { headers: { host: 'evil.example' } })).status).toBe(421)
  expect((await post(good, { host: 'evil.example' })).status).toBe(421)
  expect((await request('/healthz', { headers: { host: '10.0.0.7:4180' } })).status).toBe(200)
  const answer = await post(good, { 'x-forwarded-host': 'evil.example' })
  expect(answer.headers.get('location')).toMatch(new RegExp(`^${testOrigin}/`))
})

test('where a post comes from is looked at once, also where the form is given back; a puzzle is no post', async () => {
  const seen: string[] = []
  let asked = 0
  const host = {
    client: () => {
      asked += 1
      return { address: `192.0.2.${asked}`, isForwarded: true }
    },
    seePost: ({ address }: { address: string }) => void seen.push(address),
  }
  const { post, request, stored } = await testApp({ host })
  expect((await post(good)).status).toBe(303)
  expect((await post({ ...good, email: 'nonsense' })).status).toBe(422)
  expect([asked, seen]).toEqual([2, ['192.0.2.1', '192.0.2.2']])
  expect((await request('/f/contact/challenge')).status).toBe(200)
  expect(seen).toHaveLength(2)
  expect(await stored()).toHaveLength(1)
})
