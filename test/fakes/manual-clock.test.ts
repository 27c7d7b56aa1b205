import { expect, test } from 'vitest'
import { manualClock } from './manual-clock.ts'

test('timers run in the order of their time, each at its own', () => {
  const clock = manualClock(1_000)
  const ran: [string, number][] = []
  clock.after(20, () => ran.push(['late', clock.now()]))
  clock.after(10, () => {
    ran.push(['early', clock.now()])
    clock.after(5, () => ran.push(['set on the way', clock.now()]))
  })
  clock.after(100, () => ran.push(['not yet', clock.now()]))
  clock.advance(50)
  expect(ran).toEqual([
    ['early', 1_010],
    ['set on the way', 1_015],
    ['late', 1_020],
  ])
  expect(clock.now()).toBe(1_050)
  expect(clock.timers).toBe(1)
})

test('a cancelled timer does not run', () => {
  const clock = manualClock()
  let ran = false
  const cancel = clock.after(10, () => {
    ran = true
  })
  cancel()
  clock.advance(10)
  expect(ran).toBe(false)
})

test('advanceAsync lets promises set timers between the runs', async () => {
  const clock = manualClock()
  const ran: number[] = []
  clock.after(10, async () => {
    await Promise.resolve()
    clock.after(10, () => ran.push(clock.monotonic()))
  })
  await clock.advanceAsync(30)
  expect(ran).toEqual([20])
})

test('setting the time of day moves no timer', () => {
  const clock = manualClock(1_000)
  let ran = 0
  clock.after(10, () => {
    ran += 1
  })
  clock.setNow(500)
  expect(clock.now()).toBe(500)
  clock.advance(9)
  expect([clock.now(), clock.monotonic(), ran]).toEqual([509, 9, 0])
  clock.advance(1)
  expect(ran).toBe(1)
})

test('due resolves when such a timer waits, also one that is set later', async () => {
  const clock = manualClock()
  clock.after(10, () => {})
  await clock.due(10)
  let found = false
  const later = clock.due(20).then(() => {
    found = true
  })
  clock.after(21, () => {})
  await clock.advanceAsync(0)
  expect(found).toBe(false)
  clock.after(20, () => {})
  await later
})
