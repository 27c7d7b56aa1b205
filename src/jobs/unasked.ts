import { createUnaskedWatch } from '../core/submissions/unasked.ts'
import type { Job } from './schedule.ts'

/** Lets managers see whose submitter could not be asked. Retry rule: what could not be read is looked at in the next round. */
export function unaskedJob(deps: Parameters<typeof createUnaskedWatch>[0]): Job {
  const watch = createUnaskedWatch(deps)
  return { name: 'unasked', everyMs: 5_000, run: () => watch.look() }
}
