import type { Clock } from '../../src/core/deps.ts'

/** A clock that jumps from one due time to the next, as soon as everybody waits. */
export type SimulatedClock = Clock & {
  /** Resolves `ms` later, on the next tick of the simulation. */
  sleep(ms: number): Promise<void>
  /** Lets time pass up to `end` (as `now` gives it); `settle` is awaited after each moment in which something ran. */
  runUntil(end: number, settle: () => Promise<void>): Promise<void>
}

type Timer = { due: number; order: number; run: (() => void) | null }

/**
 * People and bots act on ticks, so that posts of a flood arrive together, as they do at a server, and share a commit.
 * Milliseconds.
 */
const tick = 10

/** The clock of tests (`manualClock`) is made for a handful of timers; here there are thousands, in a heap. */
export function simulatedClock(start: number): SimulatedClock {
  let elapsed = 0
  let drawn = 0
  const heap: Timer[] = []

  function after(ms: number, run: () => void): () => void {
    drawn += 1
    const timer: Timer = { due: elapsed + Math.max(0, ms), order: drawn, run }
    push(heap, timer)
    return () => {
      timer.run = null
    }
  }

  return {
    now: () => start + elapsed,
    monotonic: () => elapsed,
    after,
    sleep(ms) {
      const due = Math.ceil((elapsed + ms) / tick) * tick
      return new Promise((resolve) => after(due - elapsed, resolve))
    },
    async runUntil(end, settle) {
      await settle()
      for (let first = heap[0]; first !== undefined && first.due <= end - start; first = heap[0]) {
        elapsed = Math.max(elapsed, first.due)
        let ran = false
        for (let due = heap[0]; due !== undefined && due.due <= elapsed; due = heap[0]) {
          pop(heap)
          if (due.run === null) continue
          due.run()
          ran = true
        }
        if (ran) await settle()
      }
      elapsed = Math.max(elapsed, end - start)
    },
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order)
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.length
  heap.push(timer)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(timer, heap[parent] as Timer)) break
    heap[at] = heap[parent] as Timer
    at = parent
  }
  heap[at] = timer
}

function pop(heap: Timer[]): void {
  const last = heap.pop() as Timer
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1
    if (!isBefore(heap[child] as Timer, last)) break
    heap[at] = heap[child] as Timer
    at = child
  }
  heap[at] = last
}
