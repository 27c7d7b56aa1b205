import type { DatabaseSync } from 'node:sqlite'
import { TodokuError } from '../../core/errors.ts'
import { begin } from './migrations/0001-begin.ts'
import { judge } from './migrations/0002-judge.ts'
import type { Migration } from './migrations/migration.ts'

const migrations: readonly Migration[] = [begin, judge]

/**
 * Brings the schema up to date. Safe when two processes start at once: the version is read again under the write lock.
 *
 * @throws TodokuError('data-newer') when the store was written by a newer version
 */
export function migrate(db: DatabaseSync, steps: readonly Migration[] = migrations): void {
  const newest = steps.at(-1)?.number ?? 0
  if (versionOf(db) > newest) throw new TodokuError('data-newer')
  for (const step of steps) {
    if (versionOf(db) >= step.number) continue
    db.exec('BEGIN IMMEDIATE')
    try {
      if (versionOf(db) < step.number) {
        db.exec(step.sql)
        db.exec(`PRAGMA user_version = ${step.number}`)
      }
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  }
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.user_version ?? 0)
}
