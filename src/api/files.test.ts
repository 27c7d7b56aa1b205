import { describe, expect, test } from 'vitest'
import { good, testApp, testToken } from '../../test/fakes/test-app.ts'
import { fileLinkUrl, linksEnd } from '../core/files/links.ts'

const page = `<!doctype html><html lang="en"><title>Contact</title>
<form action="/f/contact" method="post" enctype="multipart/form-data">
<input name="name"><input name="email" type="email"><textarea name="message"></textarea>
<input type="file" name="doc" multiple></form>`

async function posted(...files: File[]) {
  const app = await testApp({ page })
  const form = new FormData()
  for (const [name, value] of Object.entries(good)) form.append(name, value)
  for (const file of files) form.append('doc', file)
  expect((await app.postForm(form)).status).toBe(303)
  const [submission] = await app.stored()
  if (submission === undefined) throw new Error('nothing was stored')
  const until = linksEnd(app.deps, app.deps.clock.now())
  const pathOf = (index: number) => new URL(fileLinkUrl(app.deps, submission, index, until)).pathname
  const indexes = submission.entries.flatMap((entry, index) => (entry.kind === 'file' ? [index] : []))
  return { ...app, submission, until, pathOf, indexes }
}

describe('a link to a file', () => {
  test('is given to managers with a session or token in the same way', async () => {
    const { stored, postForm, request } = await testApp()
    const form = new FormData()
    for (const [name, value] of Object.entries(good)) form.set(name, value)
    form.set('doc', new File(['%PDF-1.7'], "a\u202efdp('1').exe"))
    await postForm(form)
    const [submission] = await stored()
    const headers = { authorization: `Bearer ${testToken}` }
    const answer = await request(`/api/v1/submissions/${submission?.reference}/files/1`, { headers })
    expect(await answer.text()).toBe('%PDF-1.7')
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '8',
      'content-disposition': "attachment; filename*=UTF-8''afdp%28%271%27%29.exe",
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    expect((await request(`/api/v1/submissions/${submission?.reference}/files/2`, { headers })).status).toBe(404)
  })

  test('gives its bytes to be saved under its name, and never to be shown', async () => {
    const content = Uint8Array.from({ length: 15_000 }, (_, index) => index % 256)
    const { request, pathOf, indexes, deps } = await posted(
      new File([content], "見積書 (1)'s.html", { type: 'text/html' }),
    )
    const answer = await request(pathOf(indexes[0] as number))
    expect(answer.status).toBe(200)
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(content)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '15000',
      'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent('見積書 ')}%281%29%27s.html`,
      'content-security-policy': "default-src 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex',
    })
    // Invariant 13: the route is in the log, the path is not.
    expect(JSON.stringify(deps.lines)).toContain('/files/:token')
    expect(JSON.stringify(deps.lines)).not.toContain(pathOf(indexes[0] as number).slice(-26))
  })

  test('reads nothing for a client that wants no body, and stops for one that goes away', async () => {
    const content = new Uint8Array(15_000)
    const { request, pathOf, indexes, deps } = await posted(new File([content], 'a.pdf'))
    const events: string[] = []
    const { stream } = deps.blobs
    deps.blobs.stream = async (key) => {
      const pieces = await stream(key)
      return pieces === null
        ? null
        : (async function* () {
            events.push('opened')
            try {
              yield new Uint8Array(10)
              yield* pieces
            } finally {
              events.push('closed')
            }
          })()
    }
    const path = pathOf(indexes[0] as number)
    const head = await request(path, { method: 'HEAD' })
    expect([head.status, await head.text(), events]).toEqual([200, '', []])
    const reader = (await request(path)).body?.getReader()
    await reader?.read()
    await reader?.cancel()
    expect(events).toEqual(['opened', 'closed'])
  })

  test('gives a long text as a file, whole', async () => {
    const { request, pathOf, submission } = await posted()
    const index = submission.entries.findIndex(({ name }) => name === 'name')
    const answer = await request(pathOf(index))
    expect(await answer.text()).toBe('花子')
    expect(answer.headers.get('content-disposition')).toContain(`${submission.reference}.txt`)
    expect(answer.headers.get('content-type')).toBe('application/octet-stream')
  })

  test('that is over says where the file is; one that never was says what may be wrong with it', async () => {
    const { request, pathOf, indexes, deps, until } = await posted(new File(['x'], 'a.pdf'))
    const path = pathOf(indexes[0] as number)
    for (const wrong of [`${path}a`, path.slice(0, -1), '/files/x', '/files/..%2f..%2fetc%2fpasswd']) {
      const answer = await request(wrong, { headers: { accept: 'text/html' } })
      expect(answer.status, wrong).toBe(404)
      expect(await answer.text()).toContain('This link does not lead to a file.')
    }
    deps.clock.advance(until - deps.clock.now())
    const answer = await request(path, { headers: { accept: 'text/html', 'accept-language': 'ja' } })
    expect(answer.status).toBe(410)
    expect(await answer.text()).toContain('有効期限が切れています')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('x-robots-tag')).toBe('noindex')
  })

  test('to an upload that is gone leads nowhere, without an error', async () => {
    const { request, pathOf, indexes, deps, submission } = await posted(new File(['x'], 'a.pdf'))
    const entry = submission.entries[indexes[0] as number]
    if (entry?.kind === 'file') await deps.blobs.delete(entry.file.blob)
    expect((await request(pathOf(indexes[0] as number))).status).toBe(404)
  })
})

describe('an upload', () => {
  test('is stored with what its bytes show', async () => {
    const { submission } = await posted(
      new File([`MZ\0\0${'\0'.repeat(100)}`], 'photo.png', { type: 'image/png' }),
      new File(['plain'], 'a.txt', { type: 'text/plain' }),
    )
    const files = submission.entries.flatMap((entry) => (entry.kind === 'file' ? [entry.file] : []))
    expect(files.map(({ content }) => content)).toEqual([{ type: 'application/x-executable' }, {}])
  })

  test.each([
    ['observe', 303],
    ['enforce', 422],
  ] as const)('that is not what the page asks for is FILE_TYPE, with rules: %s', async (rules, status) => {
    const images = page.replace('type="file"', 'type="file" accept="image/*"')
    const { postForm, stored } = await testApp({ page: images, settings: { rules } })
    const form = new FormData()
    for (const [name, value] of Object.entries(good)) form.append(name, value)
    form.append('doc', new File([`MZ\0\0${'\0'.repeat(100)}`], 'photo.png', { type: 'image/png' }))
    const answer = await postForm(form)
    expect(answer.status).toBe(status)
    const [submission] = await stored()
    expect(submission?.observations ?? []).toEqual(rules === 'observe' ? [{ field: 'doc', code: 'FILE_TYPE' }] : [])
  })
})
