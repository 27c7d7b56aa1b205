import type { FormSettings } from '../forms/form.ts'

export type RedirectContext = {
  publicUrl: string
  /** Origin of the page that posted: `Origin` header, else the referrer's; null when the browser told neither. */
  pageOrigin: string | null
  settings: Pick<FormSettings, 'origins'>
}

/** Whether a page of this origin may post to a form. A browser that does not tell its origin is not refused. */
export function mayPost(origin: string | null, { publicUrl, settings }: Omit<RedirectContext, 'pageOrigin'>): boolean {
  if (origin === null || origin === 'null') return true
  const { origins = [] } = settings
  return (
    origins.length === 0 ||
    origin === new URL(publicUrl).origin ||
    origins.some((allowed) => allowed.toLowerCase() === origin)
  )
}

/** Longer addresses are none that a page means. Characters. */
const maxTarget = 2000

/**
 * Where a browser may be sent after a post: a path of the page's own origin, or a URL whose origin is the page's own or
 * one of the form's `origins`, exactly. Everything else would make the form an open redirect, and gives null.
 *
 * The page's own origin is what the browser says in `Origin` or `Referer`: to send its visitors back to itself gives a
 * page nothing that it could not do alone.
 */
export function redirectTarget(wanted: string | null | undefined, context: RedirectContext): string | null {
  if (wanted === null || wanted === undefined || wanted.length > maxTarget || /[\\\p{Cc}]/u.test(wanted)) return null
  const own = new URL(context.publicUrl).origin
  const page = context.pageOrigin ?? 'null'
  const { origins = [] } = context.settings
  const isPageAllowed = /^https?:\/\//.test(page) && mayPost(page, context)
  if (wanted.startsWith('/') && !wanted.startsWith('//')) {
    // Our own error page tells no origin (no-referrer), and some privacy tools take both headers away. A form that one site
    // alone may post came from there; else nobody knows whose path it is, and ours would most likely be a page not found.
    const only = page === 'null' && origins.length === 1 ? origins[0] : undefined
    const base = only ?? (isPageAllowed ? page : null)
    return base !== null && URL.canParse(wanted, base) ? new URL(wanted, base).href : null
  }
  if (!/^https?:\/\//i.test(wanted) || !URL.canParse(wanted)) return null
  const url = new URL(wanted)
  // A name and a password in an address are there to make it look like another one.
  if (url.username !== '' || url.password !== '') return null
  const allowed = [own, ...origins.map((origin) => origin.toLowerCase())]
  return allowed.includes(url.origin) || (isPageAllowed && url.origin === page) ? url.href : null
}

/** A redirect with the status link in its fragment, where the page's script can find it and no server logs it. */
export function withStatusLink(target: string, statusUrl: string): string {
  const [base] = target.split('#')
  return `${base}#todoku=${encodeURIComponent(statusUrl)}`
}

/** A redirect after a refusal, with the error's code in its fragment: the page's script can say what was wrong. */
export function withErrorCode(target: string, code: string): string {
  const [base] = target.split('#')
  return `${base}#todoku-error=${encodeURIComponent(code)}`
}
