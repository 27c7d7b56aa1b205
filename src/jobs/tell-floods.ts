import { tellFloods } from '../core/messages/flood.ts'
import type { Job } from './schedule.ts'

/**
 * Gathers the notifications of flooded forms into digests. Retry rule: the next round; what a round left goes out by itself
 * in the end.
 */
export function floodJob(deps: Parameters<typeof tellFloods>[0]): Job {
  // Often enough that a digest is little later than it may be.
  const everyMs = Math.max(1_000, deps.settings.schedule.floodPause / 15)
  return { name: 'tell-floods', everyMs, run: () => tellFloods(deps) }
}
