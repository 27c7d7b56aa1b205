import { createWatch } from '../core/alarms/watch.ts'
import type { Job } from './schedule.ts'

/** Finds out what is wrong. Retry rule: what could not be read is looked at in the next round. */
export function watchJob(deps: Parameters<typeof createWatch>[0]): Job {
  const watch = createWatch(deps)
  return { name: 'watch', everyMs: 15_000, run: () => watch.look() }
}
