import { sendDigests } from '../core/alarms/digest.ts'
import type { Job } from './schedule.ts'

/** How often it is looked whether the hour has come. */
const everyMs = 5 * 60_000

/** Sends the daily digest. Retry rule: a round that failed stored nothing, and is made again. */
export function digestJob(deps: Parameters<typeof sendDigests>[0]): Job {
  return { name: 'digest', everyMs, run: () => sendDigests(deps) }
}
