import { createCanary } from '../core/alarms/canary.ts'
import type { Job } from './schedule.ts'

/** Tests the public way of a form. Retry rule: the next test is the next try. */
export function canaryJob(deps: Parameters<typeof createCanary>[0], stopping: () => boolean): Job {
  const canary = createCanary(deps, stopping)
  return { name: 'canary', everyMs: 15_000, run: () => canary.look() }
}
