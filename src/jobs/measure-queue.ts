import type { Deps } from '../core/deps.ts'

/** Puts the state of the queue into the metrics; its age is what an operator watches. */
export async function measureQueue(deps: Pick<Deps, 'messages' | 'clock' | 'metrics'>): Promise<void> {
  const now = deps.clock.now()
  const { states, oldestDueAt } = await deps.messages.counts(now)
  deps.metrics.setMessages(states, oldestDueAt === null ? 0 : Math.max(0, (now - oldestDueAt) / 1000))
}
