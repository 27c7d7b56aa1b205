import type { Deps } from '../core/deps.ts'
import { stagedFor } from '../core/submissions/staged-uploads.ts'

/**
 * Removes uploads that no submission holds: of posts that were refused, repeated or broken off. Those of an error page
 * that may still be sent again are left alone.
 */
export async function removeOrphanBlobs(deps: Pick<Deps, 'blobs' | 'submissions' | 'clock' | 'log'>): Promise<void> {
  let removed = 0
  for await (const blob of deps.blobs.olderThan(deps.clock.now() - 2 * stagedFor)) {
    if (await deps.submissions.holdsBlob(blob)) continue
    await deps.blobs.delete(blob)
    removed += 1
  }
  if (removed > 0) deps.log.info({ count: removed }, 'uploads without a submission were removed')
}
