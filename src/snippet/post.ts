import type { FieldError } from './errors.ts'
import { request } from './page.ts'
import { isOver, keep, kept } from './storage.ts'

/** The answer of the server to a post, as far as the script uses it. */
export type Answer = {
  ok?: boolean
  code?: string
  reference?: string
  receipt?: { url: string }
  next?: string
  error?: string
  errors?: FieldError[]
  retryUrl?: string
}

/**
 * `lost`: no answer, or one that promises nothing. The post may have been stored or not; only the same key is safe.
 * `refused`: a definite no, the same post will not be taken later either.
 */
export type Outcome = Answer & { kind: 'accepted' | 'refused' | 'lost' }

/** Milliseconds; a post that got no answer by then is worth another try. */
const patience = 30_000
const patienceForFiles = 900_000

/** By action: where the next post gets through while too many come from the visitor's network. */
const again: Record<string, string | undefined> = {}

/** Posts and says what is certain afterwards. */
export async function post(action: string, body: FormData | URLSearchParams): Promise<Outcome> {
  try {
    const url = again[action] ?? action
    const response = await request(url, body, body instanceof FormData ? patienceForFiles : patience)
    const answer = (await response.json().catch(() => null)) as Answer | null
    again[action] = answer?.retryUrl
    if (answer?.ok && answer.receipt) return { ...answer, kind: 'accepted' }
    // Too slow, too early and too many may change, as what is wrong on the server's side (5xx) may.
    return { ...answer, kind: /^4(?!08|25|29)/.test(`${response.status}`) ? 'refused' : 'lost' }
  } catch {
    // A post that the page's policy forbids fails before the browser says so.
    await new Promise((resolve) => setTimeout(resolve, 99))
    return { kind: 'lost' }
  }
}

/** Milliseconds: a post without an answer is the same post for so long, and an accepted one, as it is without script. */
const pending = 86_400_000
const repetition = 120_000

/**
 * The key of a form's next post. The same until an answer is certain, a reload included: a post whose answer was lost is
 * then the same post. The server compares the content too, so that other content is never mistaken for it.
 */
export function keyFor(action: string): string {
  const name = `todoku:key:${action}`
  const known = kept<{ key: string }>(name)
  if (known && !isOver(known)) return known.key
  const key = crypto.getRandomValues(new Uint32Array(4)).join('-')
  keep(name, pending, { key })
  return key
}

/** The post under this key is accepted. Soon the same content means something new, and has another key. */
export function endKey(action: string, key: string): void {
  keep(`todoku:key:${action}`, repetition, { key })
}
