import { describe, expect, test } from 'vitest'
import { good, testApp } from '../../test/fakes/test-app.ts'

describe('GET /todoku.js', () => {
  test('is for pages of any origin, and is kept for some minutes', async () => {
    const app = await testApp()
    const answer = await app.request('/todoku.js')
    expect(await answer.text()).toBe('snippet')
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      etag: '"s"',
      'cache-control': 'public, max-age=600',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    })
  })

  test('is not there where it was not built', async () => {
    const app = await testApp({ host: { snippetFile: async () => null } })
    expect((await app.request('/todoku.js')).status).toBe(404)
  })
})

test('a page of another origin may ask for the status by its entity tag', async () => {
  const app = await testApp()
  const posted = await app.post(good)
  const path = new URL(posted.headers.get('location') ?? '').pathname
  const answer = await app.request(`${path}.json`, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://www.example.jp',
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'if-none-match',
    },
  })
  expect(answer.status).toBe(204)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
  expect(answer.headers.get('access-control-allow-headers')).toBe('if-none-match')
  // The page itself, with what can be done there, is for nobody else's script.
  expect((await app.request(path, { method: 'OPTIONS' })).headers.get('access-control-allow-origin')).toBeNull()
})
