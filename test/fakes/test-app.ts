import type { ApiHost } from '../../src/api/api-types.ts'
import { createApp } from '../../src/api/app.ts'
import type { FormRecord } from '../../src/core/forms/form.ts'
import { syncForms } from '../../src/core/forms/sync-forms.ts'
import { type TestDeps, testDeps } from './test-deps.ts'

export const testOrigin = 'https://forms.example.jp'
export const testToken = 'operator-token'

/** The page most tests post from: the rules of form `contact`. */
export const contactPage = `<!doctype html><html lang="en"><head><title>Contact</title></head><body>
<form action="/f/contact" method="post" enctype="multipart/form-data">
<label>Name <input name="name" required></label>
<label>E-mail <input name="email" type="email" required></label>
<label>Message <textarea name="message"></textarea></label>
<label>Plan <select name="plan"><option>free<option>pro</select></label>
<label><input type="checkbox" name="agree" value="yes"> I agree</label>
<label>Document <input type="file" name="doc" accept=".pdf"></label>
</form></body></html>`

/** The whole HTTP side on stores in memory. */
export async function testApp(
  options: { deps?: TestDeps; page?: string | null; settings?: FormRecord['settings']; host?: Partial<ApiHost> } = {},
) {
  const deps = options.deps ?? testDeps()
  if (options.page !== null) {
    const bytes = new TextEncoder().encode(options.page ?? contactPage)
    await syncForms(deps, [{ path: '/index.html', bytes }])
    if (options.settings !== undefined) {
      const form = await deps.forms.get('contact')
      if (form !== null) await deps.forms.put({ ...form, version: form.version + 1, settings: options.settings })
    }
  }
  const app = createApp({
    ...deps,
    host: {
      client: (_env, headers) => ({ address: headers.get('x-test-client') ?? '192.0.2.1' }),
      seePost() {},
      hosts: ['forms.example.jp'],
      isOperatorToken: (token) => token === testToken,
      isMetricsToken: (token) => token === 'metrics',
      stopping: () => false,
      ready: async () => {},
      sitePage: async () => null,
      dashboardFile: async () => new Response('dashboard'),
      snippetFile: async () => new Response('snippet', { headers: { ETag: '"s"', 'Cache-Control': 'no-cache' } }),
      ...options.host,
    },
  })

  async function request(path: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    if (!headers.has('host')) headers.set('host', 'forms.example.jp')
    return await app.fetch(new Request(new URL(path, testOrigin), { ...init, headers }))
  }

  return {
    app,
    deps,
    request,
    /** Posts fields urlencoded, as a browser without script would. */
    post: (fields: Record<string, string>, headers: Record<string, string> = {}, path = '/f/contact') =>
      request(path, {
        method: 'POST',
        body: new URLSearchParams(fields),
        headers: { accept: 'text/html', ...headers },
      }),
    postJson: (fields: unknown, headers: Record<string, string> = {}) =>
      request('/f/contact', {
        method: 'POST',
        body: JSON.stringify(fields),
        headers: { 'content-type': 'application/json', ...headers },
      }),
    postForm: (form: FormData, headers: Record<string, string> = {}) =>
      request('/f/contact', { method: 'POST', body: form, headers: { accept: 'text/html', ...headers } }),
    /** Everything that was stored, newest first. */
    stored: async () => (await deps.submissions.list({ limit: 100 })).items,
  }
}

export const good = { name: '花子', email: 'hanako@example.net', message: 'hi' }
