import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { snippetFiles } from './snippet.ts'

const script = 'console.log("hello");'.repeat(200)

function rig() {
  const folder = mkdtempSync(join(tmpdir(), 'todoku-snippet-'))
  const write = (text: string) => writeFileSync(join(folder, 'todoku.js'), text)
  write(script)
  const files = snippetFiles(folder)
  const ask = async (headers: Record<string, string>, path = '/todoku.js') =>
    await files(new Request(`https://forms.example.jp${path}`, { headers }))
  return { write, ask }
}

describe('the script', () => {
  test.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['br;q=0, GZIP;q=0.5', 'gzip'],
    ['gzip;q=0.0', null],
    ['identity', null],
    ['brotli, xgzip', null],
    ['', null],
  ])('for a browser that takes %j is sent as %s, under its own entity tag', async (accepted, encoding) => {
    const { ask } = rig()
    const answer = await ask({ 'accept-encoding': accepted })
    expect(answer?.headers.get('content-encoding')).toBe(encoding)
    expect(answer?.headers.get('vary')).toBe('Accept-Encoding')
    expect(answer?.headers.get('content-type')).toBe('text/javascript; charset=utf-8')
    const bytes = Buffer.from((await answer?.arrayBuffer()) ?? new ArrayBuffer())
    const plain = encoding === 'br' ? brotliDecompressSync(bytes) : encoding === 'gzip' ? gunzipSync(bytes) : bytes
    expect(plain.toString()).toBe(script)
    if (encoding !== null) expect(bytes.length).toBeLessThan(script.length / 10)
    const etag = answer?.headers.get('etag') ?? ''
    expect((await ask({ 'accept-encoding': accepted, 'if-none-match': etag }))?.status).toBe(304)
    const other = encoding === null ? 'br' : 'identity'
    expect((await ask({ 'accept-encoding': other, 'if-none-match': etag }))?.status).toBe(200)
  })

  test('that was replaced is sent as it is now', async () => {
    const { write, ask } = rig()
    await ask({ 'accept-encoding': 'gzip' })
    write('console.log("other")')
    const answer = await ask({ 'accept-encoding': 'gzip' })
    expect(gunzipSync(Buffer.from((await answer?.arrayBuffer()) ?? new ArrayBuffer())).toString()).toBe(
      'console.log("other")',
    )
  })

  test('that is not there is null', async () => {
    expect(await rig().ask({}, '/altcha.js')).toBeNull()
  })
})
