import type { Clock, Rates } from '../../core/deps.ts'

/** Keys remembered at once; beyond it the one that was quiet for longest is forgotten. */
const maxKeys = 50_000

/** Hits within this part of a window are counted together, and forgotten together with the first of them. */
const slicesPerWindow = 20

type Slice = { startedAt: number; count: number }

/** Counts in memory: true for one process, and bounded whatever comes, since a key holds counts and not the hits. */
export function memoryRates(clock: Pick<Clock, 'monotonic'>): Rates {
  /** The map's order is that of the last hit. */
  const slices = new Map<string, Slice[]>()
  return {
    async hit(key, windowMs) {
      const now = clock.monotonic()
      const recent = (slices.get(key) ?? []).filter(({ startedAt }) => startedAt > now - windowMs)
      const last = recent.at(-1)
      if (last !== undefined && now - last.startedAt < windowMs / slicesPerWindow) last.count += 1
      else recent.push({ startedAt: now, count: 1 })
      slices.delete(key)
      slices.set(key, recent)
      if (slices.size > maxKeys) slices.delete(slices.keys().next().value as string)
      return recent.reduce((sum, { count }) => sum + count, 0)
    },
  }
}
