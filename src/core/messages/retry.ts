import type { Schedule } from '../settings.ts'

/**
 * When the next attempt is due after attempt number `attempt` (1 is the first) failed for a reason that may pass, or
 * null when the message has no further attempt before it expires. The last attempt is pulled forward so that it is
 * still made before the end.
 *
 * `reached` says whether the attempt got as far as the recipient; a first one that did not is tried again sooner.
 */
export function nextTry(
  schedule: Schedule,
  message: { expiresAt: number; attempt: number },
  context: { now: number; reached: boolean; fraction: number },
): number | null {
  const { pauses, jitter, unreachedPause } = schedule
  const first = !context.reached && message.attempt === 1
  const pause = first ? unreachedPause : (pauses[Math.min(message.attempt, pauses.length) - 1] ?? unreachedPause)
  const next = context.now + Math.round(pause * (1 + jitter * (2 * context.fraction - 1)))
  const lastCall = message.expiresAt - unreachedPause
  if (next <= lastCall) return next
  return context.now < lastCall - unreachedPause ? lastCall : null
}

/** The longest pause that a plan may contain; a due time further away means that the clock was wrong once. */
export function longestPause(schedule: Schedule): number {
  const { unknownPause, unreachedPause, doubtPause, breakerPause, floodFallback, pauses, jitter } = schedule
  return Math.max(unknownPause, unreachedPause, doubtPause, 4 * breakerPause, floodFallback, ...pauses) * (1 + jitter)
}

const minute = 60_000
const hour = 60 * minute

/**
 * The plan for mail that answers a form: quicker than RFC 5321 §4.5.4.1 suggests, since a person waits for it, and
 * over after two days, since a confirmation that comes later helps nobody.
 *
 * `speed` divides every time: 300 on `capture`, where five minutes pass in a second.
 */
export function standardSchedule(speed = 1, expiresAfter = 48 * hour): Schedule {
  const scale = (ms: number) => Math.round(ms / speed)
  return {
    pauses: [5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour].map(scale),
    unreachedPause: scale(minute),
    jitter: 0.2,
    expiresAfter: scale(expiresAfter),
    unknownPause: scale(15 * minute),
    settlesAfter: scale(5 * 24 * hour),
    doubtPause: scale(10 * minute),
    breakerPause: scale(15 * minute),
    breakerWindow: scale(24 * hour),
    // Both well before a mail expires, however soon that is.
    floodPause: scale(Math.min(15 * minute, expiresAfter / 8)),
    floodFallback: scale(Math.min(2 * hour, expiresAfter / 2)),
  }
}
