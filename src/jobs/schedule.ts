import type { Deps } from '../core/deps.ts'
import { bringSimulatedFeedback } from '../core/messages/mailbox.ts'
import { recover } from '../core/messages/recover.ts'
import { forget } from './forget.ts'
import { measureQueue } from './measure-queue.ts'
import { removeOrphanBlobs } from './remove-orphan-blobs.ts'

type ScheduleDeps = Pick<
  Deps,
  | 'messages'
  | 'submissions'
  | 'mailbox'
  | 'budgets'
  | 'blobs'
  | 'queue'
  | 'settings'
  | 'transport'
  | 'clock'
  | 'ids'
  | 'log'
  | 'metrics'
>

export type Job = { name: string; everyMs: number; run: (deps: ScheduleDeps) => Promise<unknown> }

/** Everything that happens by the clock. Each job may run twice or late: it looks at what is there. */
export const schedule: readonly Job[] = [
  { name: 'recover', everyMs: 5_000, run: recoverAndAnnounce },
  { name: 'simulated-feedback', everyMs: 500, run: simulatedFeedback },
  { name: 'measure-queue', everyMs: 15_000, run: measureQueue },
  { name: 'forget', everyMs: 3_600_000, run: forget },
  { name: 'remove-orphan-blobs', everyMs: 24 * 3_600_000, run: removeOrphanBlobs },
]

/**
 * Runs the jobs until stopped, each one after its own pause. Retry rule: a job that fails is told in the log and runs
 * again at its next time.
 */
export function startSchedule(deps: ScheduleDeps, jobs: readonly Job[] = schedule): { stop(): Promise<void> } {
  let stopped = false
  const cancels = new Map<string, () => void>()
  const running = new Map<string, Promise<void>>()

  function plan(job: Job, afterMs: number): void {
    if (stopped) return
    cancels.set(
      job.name,
      deps.clock.after(afterMs, () => {
        const work = runOne(job).finally(() => {
          running.delete(job.name)
          plan(job, job.everyMs)
        })
        running.set(job.name, work)
      }),
    )
  }

  async function runOne(job: Job): Promise<void> {
    try {
      await job.run(deps)
    } catch (error) {
      deps.log.error({ code: job.name, err: error }, 'a scheduled job failed')
      deps.metrics.countFault(job.name)
    }
  }

  // At once after the start: what a process that died left behind should not wait.
  for (const job of jobs) plan(job, 0)
  return {
    async stop() {
      stopped = true
      for (const cancel of cancels.values()) cancel()
      await Promise.all(running.values())
    },
  }
}

async function recoverAndAnnounce(deps: ScheduleDeps): Promise<void> {
  if ((await recover(deps)) > 0) deps.queue.announce()
}

async function simulatedFeedback(deps: ScheduleDeps): Promise<void> {
  if (deps.transport.name === 'capture') await bringSimulatedFeedback(deps)
}
