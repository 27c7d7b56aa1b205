import { tellAlarms } from '../core/alarms/tell.ts'
import type { Job } from './schedule.ts'

/** Tells what is wrong. Retry rule: each telling has its own pauses, kept with the alarm. */
export function tellJob(deps: Parameters<typeof tellAlarms>[0]): Job {
  return { name: 'tell-alarms', everyMs: 5_000, run: () => tellAlarms(deps) }
}
