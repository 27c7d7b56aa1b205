import type { Deps } from '../core/deps.ts'
import { statusScript } from '../pages/status-script.ts'
import { styles } from '../pages/styles.ts'

type PageOptions = {
  /** Where forms of the page may lead, redirects included (CSP `form-action`). */
  formAction?: string
  /** Address of the widget that proves work, where a page may come to need it. It works in a worker that it makes itself. */
  proofScript?: string
  /** Seconds. */
  retryAfter?: number
}

/** A public page as an answer. */
export function pageResponse(
  deps: Pick<Deps, 'crypto'>,
  page: string,
  status: number,
  options: PageOptions = {},
): Response {
  return new Response(page, { status, headers: pageHeaders(deps, options) })
}

/**
 * Headers of every public page: nothing is loaded but what is in it, nothing may frame it, no cache keeps it and no
 * other site learns its address (invariant 13).
 */
export function pageHeaders(
  deps: Pick<Deps, 'crypto'>,
  { formAction = "'self'", proofScript, retryAfter }: PageOptions = {},
): Record<string, string> {
  const hash = (text: string) => `'sha256-${btoa(String.fromCharCode(...deps.crypto.sha256(text)))}'`
  const policy = [
    "default-src 'none'",
    `style-src ${hash(styles)}`,
    `script-src ${hash(statusScript({ proof: proofScript !== undefined }))}${proofScript === undefined ? '' : ` ${proofScript}`}`,
    ...(proofScript === undefined ? [] : ['worker-src blob:']),
    'img-src data:',
    "connect-src 'self'",
    `form-action ${formAction}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Robots-Tag': 'noindex',
    ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
  }
}
