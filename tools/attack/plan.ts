import type { FormName } from './forms.ts'
import type { Random } from './random.ts'
import { anIpv4 } from './visitor.ts'

const hour = 3_600_000

/** A time in which bots are busy. Milliseconds from the beginning. */
export type Wave = { start: number; end: number; share: number }

/** One address that posts as fast as it can, or for as long as it can. */
export type Flood = { network: string; start: number; end: number; perSecond: number; posts: number; form: FormName }

/** What a seed decides before anybody acts. Times in milliseconds from the beginning. */
export type Plan = {
  posts: number
  people: number
  /** Whether most addresses that bots type exist: then the circuit breaker sees nothing, and only the caps are in their way. */
  careful: boolean
  waves: readonly Wave[]
  floods: readonly Flood[]
  /** Addresses of carriers with bots and people behind them. */
  carriers: readonly string[]
  /** Until when the servers of some domains take nothing: what they owe then must not come all at once. */
  outageUntil: number
  /** When the last bot has gone, and the managers look into their lists. */
  end: number
}

/**
 * Two waves with a day between them, so that windows of a day roll, and what was held in the first wave may come out in
 * the second.
 */
export function planAttack(random: Random, { posts, people }: { posts: number; people: number }): Plan {
  const first = random.between(60, 90) / 100
  const later = 23.5 * hour + random.between(0, 2 * hour)
  const waves = [
    { start: 0, end: random.between(3, 5) * hour, share: first },
    { start: later, end: later + random.between(1, 3) * hour, share: 1 - first },
  ] as const
  const flood = (share: number, perSecond: number, wave: Wave): Flood => {
    const count = Math.round(posts * share)
    const start = random.between(wave.start, wave.end - (wave.end - wave.start) / 3)
    const form = random.pick(['contact', 'quote', 'open'] as const)
    return { network: anIpv4(random), start, end: start + (count / perSecond) * 1000, perSecond, posts: count, form }
  }
  const [one, two] = waves
  return {
    posts,
    people,
    careful: random.chance(0.5),
    waves,
    floods: [flood(0.12, 1000, one), flood(0.09, 1000, two), flood(0.05, 15, one), flood(0.02, 8, two)],
    carriers: Array.from({ length: 5 }, () => anIpv4(random)),
    outageUntil: later - 5 * hour,
    end: waves[1].end + hour,
  }
}
