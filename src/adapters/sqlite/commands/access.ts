import type { AccessStore, BudgetStore } from '../../../core/deps.ts'
import type { Database } from '../database.ts'

type AddCommand = Parameters<AccessStore['add']>[0]
type UseCommand = Parameters<AccessStore['use']>[0]
type SpendCommand = Parameters<BudgetStore['spend']>[0]

export function addSecret(db: Database, { hash, kind, expiresAt }: AddCommand): void {
  db.run('INSERT OR REPLACE INTO access VALUES (?, ?, ?)', hash, kind, expiresAt)
}

/** Whether a secret is good. Expired ones are cleaned up on the way; a link is gone with its use. */
export function takeSecret(db: Database, { hash, kind, now }: UseCommand): boolean {
  db.run('DELETE FROM access WHERE expires_at <= ?', now)
  if (kind === 'link') return db.run("DELETE FROM access WHERE hash = ? AND kind = 'link'", hash) === 1
  return db.get('SELECT 1 FROM access WHERE hash = ? AND kind = ?', hash, kind) !== undefined
}

export function removeSecret(db: Database, hash: string): void {
  db.run('DELETE FROM access WHERE hash = ?', hash)
}

/** Counts a subject against a key's budget of distinct ones. */
export function spendBudget(db: Database, { key, subject, max, now, since }: SpendCommand): 'allowed' | 'exhausted' {
  db.run('DELETE FROM budgets WHERE key = ? AND at < ?', key, since)
  if (db.get('SELECT 1 FROM budgets WHERE key = ? AND subject = ?', key, subject) !== undefined) return 'allowed'
  const spent = Number(db.get('SELECT count(*) AS count FROM budgets WHERE key = ?', key)?.count)
  if (spent >= max) return 'exhausted'
  db.run('INSERT INTO budgets VALUES (?, ?, ?)', key, subject, now)
  return 'allowed'
}

/** Removes what is older than any budget looks back; a limited number, so that no command is long. */
export function forgetBudgets(db: Database, { before, limit }: { before: number; limit: number }): number {
  return db.run(
    'DELETE FROM budgets WHERE (key, subject) IN (SELECT key, subject FROM budgets WHERE at < ? LIMIT ?)',
    before,
    limit,
  )
}
