import { create } from './page.ts'
import { isTextKey, say } from './texts.ts'

/** What the script uses of the status JSON. */
type Status = {
  reference: string
  review: string
  email: string | null
  messages: { role: string; state: string; settled: boolean }[]
}

const places = new WeakMap<HTMLFormElement, HTMLElement>()

/** Where a form's fate is told: the page's own element in it, else a new one behind it. A live region (`role=status`). */
export function placeOf(form: HTMLFormElement): HTMLElement {
  let place = places.get(form) ?? form.querySelector<HTMLElement>('[data-todoku-status]')
  if (!place) {
    place = create('div', '', 'status')
    form.after(place)
  }
  place.setAttribute('role', 'status')
  places.set(form, place)
  return place
}

/** Milliseconds: how soon the status is asked for again, at first and at most, and for how long. */
const shortest = 1000
const longest = 10_000
const patience = 600_000

/**
 * Tells in a place that a submission is stored, and what becomes of its confirmation, until no more news is expected.
 * Asks only while the page is visible; ends when something else is shown in the place.
 *
 * @param near where the page's language and texts are taken from
 * @param url of the status page
 */
export function follow(place: Element, near: Element, url: string, reference: string): void {
  const line = create('p', reference && say(near, 'stored', { reference }))
  const link = create('a', say(near, 'status'))
  link.href = url
  place.replaceChildren(line, link)
  const end = Date.now() + patience
  let wait = shortest
  let etag = ''

  const look = async () => {
    if (!line.isConnected || Date.now() > end) return
    if (document.hidden) {
      document.addEventListener('visibilitychange', look, { once: true })
      return
    }
    try {
      const answer = await fetch(`${url}.json`, { headers: { 'If-None-Match': etag }, cache: 'no-store' })
      if (answer.ok) {
        const status = (await answer.json()) as Status
        const confirmation = status.messages.find(({ role }) => role === 'confirmation')
        line.textContent = sentence(near, status, confirmation?.state ?? '')
        if (confirmation?.settled !== false) return
        etag = answer.headers.get('etag') ?? ''
        wait = shortest
      } else if (answer.status === 404) return
    } catch {}
    setTimeout(look, wait)
    wait = Math.min(wait * 1.5, longest)
  }
  void look()
}

function sentence(near: Element, { reference, review, email }: Status, state: string): string {
  const key =
    review === 'quarantined'
      ? review
      : state
          .replace('sending', 'queued')
          .replace('complained', 'delivered')
          .replace(/(bounced|expired|cancelled).*/, 'failed')
  const values = { reference, email, domain: email?.replace(/.*@/, '') }
  const keys = ['stored', key, review === 'unconfirmed' && key !== 'failed' ? review : '']
  return keys
    .filter(isTextKey)
    .map((each) => say(near, each, values))
    .join(' ')
}
