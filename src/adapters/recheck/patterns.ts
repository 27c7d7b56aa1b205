import { check } from 'recheck'
import type { Patterns } from '../../core/deps.ts'

/** How long the analysis of one pattern may take. */
const timeoutMs = 5_000

/**
 * Whether a pattern can take very long on some input (ReDoS).
 *
 * The analyser does not know the `v` flag: what it can't read, or can't decide in time, counts as risky and runs in
 * the box. So does a pattern whose meaning may differ between `u` and `v`; safety needs no more.
 */
export async function assessPattern(source: string): ReturnType<Patterns['assess']> {
  try {
    new RegExp(`^(?:${source})$`, 'v')
  } catch {
    return 'invalid'
  }
  const { status } = await check(`^(?:${source})$`, 'u', { timeout: timeoutMs })
  return status === 'safe' ? 'safe' : 'risky'
}
