import type { Clock } from '../../src/core/deps.ts'

/** A clock that stands still until a test moves it. */
export type ManualClock = Clock & {
  /** Moves on by `ms` and runs what becomes due on the way, in order; each run sees its own due time. */
  advance(ms: number): void
  /** Like `advance`, and lets promises, sockets and files settle before each run and at the end. */
  advanceAsync(ms: number): Promise<void>
  /**
   * Resolves when a timer is waiting that will be due in exactly `ms`. With it a test knows that the code under test has
   * come to a certain wait, however long the network took.
   */
  due(ms: number): Promise<void>
  /** Sets the time of day alone, forwards or back, as an operator or NTP does; timers don't notice. */
  setNow(now: number): void
  /** How many timers wait. */
  readonly timers: number
}

/** @example const clock = manualClock(Date.UTC(2026, 0, 1)) */
export function manualClock(now = Date.UTC(2026, 0, 1)): ManualClock {
  let elapsed = 0
  let offset = now
  let waiting: { due: number; run: () => void }[] = []
  let awaited: { due: number; resolve: () => void }[] = []

  /** Takes the timer that is due first, not later than `end`; among equals the one set first. */
  function takeDue(end: number): { due: number; run: () => void } | null {
    let first: { due: number; run: () => void } | null = null
    for (const timer of waiting) {
      if (timer.due <= end && (first === null || timer.due < first.due)) first = timer
    }
    waiting = waiting.filter((timer) => timer !== first)
    return first
  }

  function runDue(end: number): boolean {
    const timer = takeDue(end)
    if (timer === null) return false
    elapsed = Math.max(elapsed, timer.due)
    timer.run()
    return true
  }

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    after(ms, run) {
      const timer = { due: elapsed + Math.max(0, ms), run }
      waiting.push(timer)
      for (const one of awaited.filter(({ due }) => due === timer.due)) one.resolve()
      awaited = awaited.filter(({ due }) => due !== timer.due)
      return () => {
        waiting = waiting.filter((other) => other !== timer)
      }
    },
    advance(ms) {
      const end = elapsed + ms
      while (runDue(end));
      elapsed = end
    },
    async advanceAsync(ms) {
      const end = elapsed + ms
      do await settled()
      while (runDue(end))
      elapsed = end
      await settled()
    },
    due(ms) {
      const due = elapsed + ms
      if (waiting.some((timer) => timer.due === due)) return Promise.resolve()
      return new Promise((resolve) => awaited.push({ due, resolve }))
    },
    setNow(to) {
      offset = to - elapsed
    },
    get timers() {
      return waiting.length
    },
  }
}

/** Some turns of the event loop: enough for chains of promises, and for what the system has ready. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
