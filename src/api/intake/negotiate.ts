/**
 * Whether the answer is JSON or a page for a browser. In the order that other services established: what a script says
 * of itself, what it accepts, what it sends; then what the browser says of the request (Fetch Metadata). `fetch()`
 * accepts everything, so that only the last tells it from a navigation. Some addresses of other services ask for JSON
 * themselves, whoever posts to them.
 */
export function wantsJson(headers: Headers, url?: string): boolean {
  if (url !== undefined && isJsonAddress(new URL(url))) return true
  if (headers.get('x-requested-with')?.toLowerCase() === 'xmlhttprequest') return true
  const accept = (headers.get('accept') ?? '').toLowerCase()
  const json = accept.search(/\bapplication\/(?:[\w.-]+\+)?json\b/)
  const html = accept.search(/\btext\/html\b|\bapplication\/xhtml\+xml\b/)
  if (json !== -1 && (html === -1 || json < html)) return true
  if (html !== -1) return false
  if (/^application\/json\b/i.test(headers.get('content-type') ?? '')) return true
  const mode = headers.get('sec-fetch-mode')
  return mode !== null && mode !== 'navigate'
}

/** `/ajax/contact`, `/f/contact.json`, `/f/contact?format=json`. */
function isJsonAddress({ pathname, searchParams }: URL): boolean {
  return pathname.startsWith('/ajax/') || pathname.endsWith('.json') || searchParams.get('format') === 'json'
}
