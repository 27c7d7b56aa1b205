import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { longestPause, nextTry, standardSchedule } from './retry.ts'

const minute = 60_000
const schedule = standardSchedule()
const message = (attempt: number) => ({ attempt, expiresAt: 48 * 60 * minute })

describe('the retry schedule', () => {
  test('goes 5, 15, 30 minutes, 1, 2, 4, 4 hours without jitter', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7].map((attempt) =>
      nextTry(schedule, message(attempt), { now: 0, reached: true, fraction: 0.5 }),
    )
    expect(pauses).toEqual([5, 15, 30, 60, 120, 240, 240].map((minutes) => minutes * minute))
  })

  test('a first connection that failed is tried again after a minute, a greylisted one not before five', () => {
    expect(nextTry(schedule, message(1), { now: 0, reached: false, fraction: 0.5 })).toBe(minute)
    expect(nextTry(schedule, message(1), { now: 0, reached: true, fraction: 0 })).toBeGreaterThanOrEqual(4 * minute)
  })

  test('jitter stays within a fifth', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, fraction) => {
          const plain = nextTry(schedule, message(attempt), { now: 0, reached: true, fraction: 0.5 }) ?? 0
          const next = nextTry(schedule, message(attempt), { now: 0, reached: true, fraction }) ?? 0
          expect(Math.abs(next - plain)).toBeLessThanOrEqual(plain * 0.2 + 1)
          expect(next).toBeLessThanOrEqual(longestPause(schedule))
        },
      ),
    )
  })

  test('the last attempt is pulled forward to before the end, and after it there is none', () => {
    const expiresAt = 10 * minute
    const late = { attempt: 5, expiresAt }
    expect(nextTry(schedule, late, { now: 0, reached: true, fraction: 0.5 })).toBe(9 * minute)
    expect(nextTry(schedule, late, { now: 9 * minute, reached: true, fraction: 0.5 })).toBeNull()
    expect(nextTry(schedule, late, { now: 20 * minute, reached: true, fraction: 0.5 })).toBeNull()
  })

  test('every message comes to an end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 100, maxLength: 100 }),
        (fractions) => {
          let now = 0
          let attempts = 0
          for (const fraction of fractions) {
            attempts += 1
            const next = nextTry(
              schedule,
              { attempt: attempts, expiresAt: schedule.expiresAfter },
              { now, reached: true, fraction },
            )
            if (next === null) break
            expect(next).toBeGreaterThan(now)
            expect(next).toBeLessThan(schedule.expiresAfter)
            now = next
          }
          expect(attempts).toBeLessThan(30)
        },
      ),
    )
  })

  test('on capture five minutes pass in a second', () => {
    expect(standardSchedule(300).pauses[0]).toBe(1000)
  })
})
