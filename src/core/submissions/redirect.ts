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

/**
 * Where a browser may be sent after an accepted post: a path of the page's own origin, or a URL whose origin is allowed
 * exactly. Everything else would make the form an open redirect, and gives null.
 */
export function redirectTarget(wanted: string | null | undefined, context: RedirectContext): string | null {
  if (wanted === null || wanted === undefined || /[\\\p{Cc}]/u.test(wanted)) return null
  const own = new URL(context.publicUrl).origin
  if (wanted.startsWith('/') && !wanted.startsWith('//')) {
    const { origins = [] } = context.settings
    // Our own error page tells no origin (no-referrer); a form that one site alone may post came from there.
    const only = context.pageOrigin === 'null' && origins.length === 1 ? origins[0] : undefined
    const origin = only ?? context.pageOrigin ?? own
    if (!/^https?:\/\//.test(origin) || !mayPost(origin, context)) return null
    return URL.canParse(wanted, origin) ? new URL(wanted, origin).href : null
  }
  if (!/^https?:\/\//i.test(wanted) || !URL.canParse(wanted)) return null
  const url = new URL(wanted)
  const allowed = [own, ...(context.settings.origins ?? []).map((origin) => origin.toLowerCase())]
  return allowed.includes(url.origin) ? url.href : null
}

/** A redirect with the status link in its fragment, where the page's script can find it and no server logs it. */
export function withStatusLink(target: string, statusUrl: string): string {
  const [base] = target.split('#')
  return `${base}#todoku=${encodeURIComponent(statusUrl)}`
}
