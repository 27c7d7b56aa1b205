import { describe, expect, test } from 'vitest'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { memoryRates } from './rates.ts'

const window = 10_000

describe('a rate', () => {
  test('is the number of hits within the window, each key apart', async () => {
    const clock = manualClock()
    const rates = memoryRates(clock)
    expect([await rates.hit('a', window), await rates.hit('a', window), await rates.hit('b', window)]).toEqual([
      1, 2, 1,
    ])
    clock.advance(9_999)
    expect(await rates.hit('a', window)).toBe(3)
    clock.advance(1)
    expect(await rates.hit('a', window)).toBe(2)
  })

  test('has no hit older than the window, and misses at most a twentieth of the window', async () => {
    const clock = manualClock()
    const rates = memoryRates(clock)
    const hits: number[] = []
    for (let n = 0; n < 3_000; n += 1) {
      clock.advance((n * 7919) % 60)
      const now = clock.monotonic()
      hits.push(now)
      const count = await rates.hit('a', window)
      const within = (ms: number) => hits.filter((at) => at > now - ms).length
      expect(count).toBeLessThanOrEqual(within(window))
      expect(count).toBeGreaterThanOrEqual(within(window * 0.95))
    }
  })

  test('is counted on where thousands come at once', async () => {
    const rates = memoryRates(manualClock())
    let count = 0
    for (let n = 0; n < 6_001; n += 1) count = await rates.hit('flood', window)
    expect(count).toBe(6_001)
  })

  test('of the key that was quiet for longest is forgotten when there are too many', async () => {
    const rates = memoryRates(manualClock())
    await rates.hit('quiet', window)
    await rates.hit('busy', window)
    for (let n = 0; n < 49_998; n += 1) await rates.hit(`other ${n}`, window)
    expect(await rates.hit('busy', window)).toBe(2)
    await rates.hit('one too many', window)
    expect(await rates.hit('busy', window)).toBe(3)
    expect(await rates.hit('quiet', window)).toBe(1)
  })
})
