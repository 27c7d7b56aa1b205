import type { Deps } from '../core/deps.ts'
import type { Job } from './schedule.ts'

type HeartbeatDeps = Pick<Deps, 'messages' | 'outbound' | 'settings' | 'clock' | 'log' | 'metrics'>

/** The delivery loop comes round twice a minute at least. Milliseconds. */
const stuckAfter = 2 * 60_000

/**
 * Asks a URL every minute while the process works: the store answers, and the delivery loop comes round. Who watches that
 * URL from outside notices when it does not, be it for a fault, a stuck loop or a dead machine. Retry rule: the next minute.
 */
export function heartbeatJob(deps: HeartbeatDeps, delivery: { lastRound(): number }): Job {
  return {
    name: 'heartbeat',
    everyMs: 60_000,
    async run() {
      const { heartbeat, allowPrivate } = deps.settings.alarms
      if (heartbeat === null) return
      if (deps.clock.monotonic() - delivery.lastRound() > stuckAfter) {
        deps.log.error({ code: 'heartbeat' }, 'the delivery loop does not come round; no heartbeat is sent')
        deps.metrics.countFault('delivery-stuck')
        return
      }
      await deps.messages.counts(deps.clock.now())
      const answer = await deps.outbound.request({ method: 'GET', url: heartbeat, allowPrivate })
      if (answer.kind === 'answered' && answer.status >= 200 && answer.status <= 299) return
      const why = answer.kind === 'failed' ? answer.fault : `it answered ${answer.status}`
      deps.log.warn({ code: 'heartbeat' }, `the heartbeat was not taken: ${why}`)
      deps.metrics.countFault('heartbeat')
    },
  }
}
