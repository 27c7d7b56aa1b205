import type { Ids } from '../deps.ts'

// No letter or digit that looks like another one (no I O Q Z B S U V, no 0 1 2 5 8), and digits in fixed places, so that no
// reference spells a word. 18^6 × 5^3, over four thousand million; the store refuses one that is taken.
const letters = 'ACDEFGHJKLMNPRTWXY'
const digits = '34679'
const shape = 'LLD-LLD-LLD'

/**
 * A new reference, as people read it to each other. Not secret and without a sequence.
 *
 * @example newReference(ids) // 'KD4-MR7-WC3'
 */
export function newReference(ids: Pick<Ids, 'bytes'>): string {
  const places = [...shape].filter((place) => place !== '-')
  // Two bytes a place keep the bias of the remainder far below one in a thousand.
  const random = ids.bytes(places.length * 2)
  let next = 0
  const draw = (alphabet: string) => {
    const value = ((random[next] ?? 0) << 8) | (random[next + 1] ?? 0)
    next += 2
    return alphabet[value % alphabet.length]
  }
  return [...shape].map((place) => (place === '-' ? '-' : draw(place === 'L' ? letters : digits))).join('')
}

/** A reference as somebody typed it (`kd4 mr7wc3`) in its stored form; null when it can't be one. */
export function normalizeReference(typed: string): string | null {
  const compact = typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s\-‐–—ー.]/g, '')
  if (!/^[A-Z0-9]{9}$/.test(compact)) return null
  return [compact.slice(0, 3), compact.slice(3, 6), compact.slice(6)].join('-')
}
