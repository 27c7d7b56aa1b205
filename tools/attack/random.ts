/** Numbers that a seed decides: the same seed gives the same attack. Good enough for a simulation, for nothing else. */
export type Random = {
  /** In [0, 1). */
  fraction(): number
  /** A whole number from `min` up to `max`, both included. */
  between(min: number, max: number): number
  chance(share: number): boolean
  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T
  bytes(count: number): Uint8Array
  /** Lower-case letters. */
  word(length: number): string
  /** A time until the next of events that come as they like, `mean` apart. Milliseconds. */
  pause(mean: number): number
  /** Numbers of its own, which only its name and the seed decide. */
  fork(name: string): Random
}

/** @example randomFrom('7').between(1, 6) */
export function randomFrom(seed: string): Random {
  let state = hash(seed)

  // A Weyl sequence whose values are mixed: 2^32 numbers before it repeats.
  function next(): number {
    state = (state + 0x9e3779b9) >>> 0
    return mix(state)
  }

  const random: Random = {
    fraction: () => next() / 2 ** 32,
    between: (min, max) => min + Math.floor(random.fraction() * (max - min + 1)),
    chance: (share) => random.fraction() < share,
    pick(list) {
      if (list.length === 0) throw new RangeError('there is nothing to pick')
      return list[random.between(0, list.length - 1)] as (typeof list)[number]
    },
    bytes: (count) => Uint8Array.from({ length: count }, () => next() >>> 24),
    word: (length) => Array.from({ length }, () => String.fromCharCode(random.between(97, 122))).join(''),
    pause: (mean) => Math.round(-Math.log(1 - random.fraction()) * mean),
    fork: (name) => randomFrom(`${seed}/${name}`),
  }
  return random
}

function mix(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}

function hash(text: string): number {
  let sum = 0
  for (const byte of new TextEncoder().encode(text)) sum = mix((sum ^ byte) + 0x9e3779b9)
  return sum
}
