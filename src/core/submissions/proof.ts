import type { AcceptCommand, Deps } from '../deps.ts'

/** What the store is to use up for a solution that came with a post; null where there is none, or none that counts. */
export async function proofIn(deps: Pick<Deps, 'proofs'>, solution: string | null): Promise<AcceptCommand['proof']> {
  if (solution === null) return null
  const checked = await deps.proofs.verify(solution)
  return checked.kind === 'valid' ? { id: checked.id, expiresAt: checked.expiresAt } : null
}
