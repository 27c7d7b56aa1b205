import type { Deps } from '../deps.ts'
import { type Conclusion, concludeDeadLease, concludeExpiry } from './conclude.ts'
import { finalLeaseMs } from './deliver.ts'
import type { Message } from './message.ts'
import { longestPause } from './retry.ts'

type RecoverDeps = Pick<Deps, 'messages' | 'settings' | 'clock' | 'ids' | 'log'>

/** Messages looked at in one round, so that a round stays short. */
const batch = 200

/**
 * Finds what would otherwise wait for ever and gives it an end or a due time (invariant 4): leases that ran out with
 * their process, messages past their expiry, and due times so far away that the clock must have been wrong.
 *
 * @returns how many messages it moved
 */
export async function recover(deps: RecoverDeps): Promise<number> {
  const now = deps.clock.now()
  const context = { now, schedule: deps.settings.schedule, fraction: deps.ids.fraction() }
  let moved = 0

  for (const message of await deps.messages.withDeadLease({ now, latest: now + 2 * finalLeaseMs, limit: batch })) {
    const conclusion = concludeDeadLease(message, context)
    moved += await write(deps, message, conclusion, 'release')
    deps.log.warn(
      {
        messageId: message.id,
        role: message.role,
        attempt: message.attempts,
        phase: message.lease?.phase ?? 'claimed',
        state: conclusion.state.name,
      },
      'a lease ran out',
    )
  }

  const latest = now + 2 * longestPause(deps.settings.schedule)
  for (const message of await deps.messages.overdue({ now, latest, limit: batch })) {
    const { state, attempts } = message
    const conclusion =
      now >= message.expiresAt ? concludeExpiry(message, now) : { events: [], state, dueAt: now, attempts }
    moved += await write(deps, message, conclusion, 'keep')
  }
  return moved
}

/** A message that changed meanwhile is looked at again in the next round. */
async function write(
  deps: RecoverDeps,
  message: Message,
  conclusion: Conclusion,
  lease: 'keep' | 'release',
): Promise<number> {
  const { id, version } = message
  const { events, state, dueAt, attempts } = conclusion
  return (await deps.messages.write({ id, version, events, state, dueAt, attempts, lease })) === 'ok' ? 1 : 0
}
