import type { Clock } from '../../core/deps.ts'

/** `setTimeout` takes no longer than this; a longer wait is cut into pieces. */
const longestTimer = 2_000_000_000

/** The machine's clock. Timers do not keep the process alive. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(ms, run) {
      let timer: NodeJS.Timeout
      const wait = (left: number) => {
        timer = setTimeout(
          () => (left > longestTimer ? wait(left - longestTimer) : run()),
          Math.min(left, longestTimer),
        )
        timer.unref()
      }
      wait(Math.max(0, ms))
      return () => clearTimeout(timer)
    },
  }
}
