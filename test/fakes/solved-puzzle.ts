import { type Challenge, solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import type { TestDeps } from './test-deps.ts'

/** A puzzle of the test's own, solved: what the widget sends along as `altcha`. */
export async function solved({ deps }: { deps: Pick<TestDeps, 'clock' | 'proofs'> }): Promise<string> {
  // The library looks at the machine's own clock as well.
  deps.clock.advance(Math.max(0, Date.now() - deps.clock.now()))
  const challenge = (await deps.proofs.challenge()) as unknown as Challenge
  const solution = await solveChallenge({ challenge, deriveKey })
  return btoa(JSON.stringify({ challenge, solution }))
}
