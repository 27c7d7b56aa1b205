import { signal } from '@preact/signals'

export type View =
  | { name: 'mailbox'; id: string | null }
  | { name: 'forms' }
  | { name: 'form'; form: string; waiting: boolean }
  | { name: 'submission'; reference: string }

/** What is shown: it stands in the address, so that it can be reloaded and sent to somebody. Null: what comes first. */
export const view = signal<View | null>(viewIn(location))

/** The address of a view. */
export function addressOf(wanted: View): string {
  switch (wanted.name) {
    case 'mailbox':
      return wanted.id === null ? '/app/mailbox' : `/app/mailbox/${wanted.id}`
    case 'forms':
      return '/app/#/forms'
    case 'form':
      return `/app/#/forms/${encodeURIComponent(wanted.form)}${wanted.waiting ? '/waiting' : ''}`
    case 'submission':
      return `/app/#/submissions/${encodeURIComponent(wanted.reference)}`
  }
}

/** Shows another view; the way back leads to this one. */
export function go(wanted: View): void {
  history.pushState(null, '', addressOf(wanted))
  view.value = wanted
}

/** Keeps to the address when it is changed by hand or by going back. */
export function followAddress(): void {
  addEventListener('popstate', () => {
    view.value = viewIn(location)
  })
}

function viewIn({ pathname, hash }: Pick<Location, 'pathname' | 'hash'>): View | null {
  const [, first, second = '', third] = hash.split('/')
  if (first === 'forms' && second === '') return { name: 'forms' }
  if (first === 'forms') return { name: 'form', form: decoded(second), waiting: third === 'waiting' }
  if (first === 'submissions' && second !== '') return { name: 'submission', reference: decoded(second) }
  if (!pathname.startsWith('/app/mailbox')) return null
  return { name: 'mailbox', id: /^\/app\/mailbox\/([a-z2-7]{26})$/.exec(pathname)?.[1] ?? null }
}

/** An address that somebody cut may end within an escape. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
