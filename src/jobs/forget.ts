import type { Deps } from '../core/deps.ts'

const day = 24 * 3_600_000

/** How long what is only needed for comparing is kept. */
const kept = { latestPosts: day, idempotencyKeys: 30 * day, budgets: 2 * day }

/** Rows per command, so that posts need not wait for it. */
const limit = 500

/** Removes what nothing can be compared with any more: clients' latest posts, idempotency keys, spent budgets. */
export async function forget(deps: Pick<Deps, 'submissions' | 'budgets' | 'clock'>): Promise<void> {
  const now = deps.clock.now()
  const posts = { latestBefore: now - kept.latestPosts, keysBefore: now - kept.idempotencyKeys, limit }
  while ((await deps.submissions.forget(posts)) > 0);
  while ((await deps.budgets.forget({ before: now - kept.budgets, limit })) > 0);
}
