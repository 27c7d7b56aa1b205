import { describe, expect, test } from 'vitest'
import { createLanes } from './lanes.ts'
import type { LanePolicy } from './transport.ts'

const policy: LanePolicy = {
  maxConcurrency: 4,
  startConcurrency: 1,
  rate: null,
  breakerAfter: 3,
  breakerPauses: [1000, 2000, 5000],
}

function lanesAt(changes: Partial<LanePolicy> = {}) {
  const clock = { time: 0, monotonic: () => clock.time }
  const lanes = createLanes({ clock, policy: () => ({ ...policy, ...changes }) })
  const attempt = (result: 'success' | 'fault' | 'neutral') => {
    lanes.start('l')
    lanes.end('l', result)
  }
  return { clock, lanes, attempt }
}

describe('a lane', () => {
  test('gives room for as many attempts as its concurrency, and takes it back', () => {
    const { lanes } = lanesAt({ startConcurrency: 2 })
    expect(lanes.room('l')).toBe(2)
    lanes.start('l')
    expect(lanes.room('l')).toBe(1)
    lanes.start('l')
    expect(lanes.room('l')).toBe(0)
    lanes.end('l', 'neutral')
    expect(lanes.room('l')).toBe(1)
  })

  test('grows by one after as many successes as it is wide, up to its limit', () => {
    const { lanes, attempt } = lanesAt()
    const widths = Array.from({ length: 12 }, () => {
      attempt('success')
      return lanes.room('l')
    })
    expect(widths).toEqual([2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4])
  })

  test('halves with a fault', () => {
    const { lanes, attempt } = lanesAt({ startConcurrency: 4 })
    attempt('fault')
    expect(lanes.room('l')).toBe(2)
    attempt('fault')
    expect(lanes.room('l')).toBe(1)
  })

  test('closes after so many faults in a row, opens for one probe, and stays closed longer each time', () => {
    const { clock, lanes, attempt } = lanesAt({ startConcurrency: 4 })
    for (let i = 0; i < 3; i++) attempt('fault')
    expect(lanes.room('l')).toBe(0)
    expect(lanes.opensIn()).toBe(1000)
    clock.time = 1000
    expect(lanes.room('l')).toBe(1)
    attempt('fault')
    expect(lanes.opensIn()).toBe(2000)
    clock.time = 3000
    attempt('fault')
    clock.time = 8000
    attempt('fault')
    expect(lanes.opensIn()).toBe(5000)
    clock.time = 13_000
    attempt('success')
    expect(lanes.room('l')).toBe(2)
    expect(lanes.opensIn()).toBeNull()
  })

  test('attempts under way when the breaker opened do not lengthen its pause', () => {
    const { lanes } = lanesAt({ startConcurrency: 4 })
    for (let i = 0; i < 4; i++) lanes.start('l')
    for (let i = 0; i < 4; i++) lanes.end('l', 'fault')
    expect(lanes.opensIn()).toBe(1000)
  })

  test('a success in between starts the count of faults anew', () => {
    const { lanes, attempt } = lanesAt()
    attempt('fault')
    attempt('fault')
    attempt('success')
    attempt('fault')
    expect(lanes.room('l')).toBe(1)
  })

  test('keeps to its rate, and says when the next attempt may start', () => {
    const { clock, lanes, attempt } = lanesAt({ startConcurrency: 4, rate: { perSecond: 2, burst: 2 } })
    expect(lanes.room('l')).toBe(2)
    attempt('success')
    attempt('success')
    expect(lanes.room('l')).toBe(0)
    expect(lanes.opensIn()).toBe(500)
    clock.time = 500
    expect(lanes.room('l')).toBe(1)
    clock.time = 60_000
    expect(lanes.room('l')).toBe(2)
  })

  test('lanes that were not used for an hour are forgotten', () => {
    const { clock, lanes } = lanesAt()
    for (let i = 0; i < 1000; i++) lanes.room(`lane-${i}`)
    clock.time = 4_000_000
    lanes.room('one more')
    expect(Object.keys(lanes.rooms())).toEqual(['one more'])
  })
})
