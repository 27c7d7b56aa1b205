import type { Deps } from '../deps.ts'
import { type Conclusion, concludeDeadLease, concludeExpiry, wasTried } from './conclude.ts'
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
  const latest = now + 2 * longestPause(deps.settings.schedule)
  let moved = await endLeases(deps, { now, latest: now + 2 * finalLeaseMs })
  for (const message of await deps.messages.overdue({ now, latest, limit: batch })) {
    const { state, attempts, dueAt } = message
    const expired = now >= message.expiresAt
    // It has its due time, and gets its one attempt.
    if (expired && dueAt !== null && dueAt <= now && !wasTried(message)) continue
    const conclusion =
      expired && (dueAt === null || wasTried(message))
        ? concludeExpiry(message, now)
        : { events: [], state, dueAt: now, attempts }
    moved += await write(deps, message, conclusion, 'keep')
  }
  return moved
}

/**
 * Ends every lease there is. For a host that has the store for itself, when it starts: whoever held them is dead, and
 * nobody needs to wait until they run out.
 */
export async function recoverAtStart(deps: RecoverDeps): Promise<void> {
  // Each round frees what it found, so that the next one finds others.
  while ((await endLeases(deps, { now: Number.MAX_SAFE_INTEGER, latest: Number.MAX_SAFE_INTEGER })) > 0);
}

async function endLeases(deps: RecoverDeps, times: { now: number; latest: number }): Promise<number> {
  let moved = 0
  for (const message of await deps.messages.withDeadLease({ ...times, limit: batch })) {
    const conclusion = concludeDeadLease(message, {
      now: deps.clock.now(),
      schedule: deps.settings.schedule,
      fraction: deps.ids.fraction(),
    })
    moved += await write(deps, message, conclusion, 'release')
    deps.log.warn(
      {
        messageId: message.id,
        role: message.role,
        attempt: message.attempts,
        phase: message.lease?.phase ?? 'claimed',
        state: conclusion.state.name,
      },
      'a lease ended with its holder',
    )
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
  const write = { id, version, events, state, dueAt, attempts, lease }
  return (await deps.messages.write(message.lease === null ? write : { ...write, whileLease: message.lease })) === 'ok'
    ? 1
    : 0
}
