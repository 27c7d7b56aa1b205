import type { ProxyWatch } from '../core/alarms/proxy-watch.ts'
import type { Job } from './schedule.ts'

/** Tells of a proxy that is not named. Retry rule: what could not be stored is stored in the next round. */
export function proxyJob(watch: ProxyWatch): Job {
  return { name: 'proxy-watch', everyMs: 5_000, run: () => watch.look() }
}
