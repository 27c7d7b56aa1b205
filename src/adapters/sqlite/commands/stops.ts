import type { Stop } from '../../../core/deps.ts'
import type { Database } from '../database.ts'

export function addStop(db: Database, { address, since, until, messageId }: Stop): void {
  db.run('INSERT OR REPLACE INTO stops VALUES (?, ?, ?, ?)', address, since, until, messageId)
}

export function removeStop(db: Database, address: string): void {
  db.run('DELETE FROM stops WHERE address = ?', address)
}
