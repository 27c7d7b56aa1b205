import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Every folder that a test makes in `tmpdir()` lies in one folder of the run, and goes with it. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'todoku-test-'))
  process.env.TMPDIR = folder
  // A browser may still be writing its profile while it ends.
  return () => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
}
