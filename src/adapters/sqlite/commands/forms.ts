import type { FormRecord } from '../../../core/forms/form.ts'
import type { Database } from '../database.ts'

/** Adds a version if the one before it is still the newest. */
export function putForm(db: Database, record: FormRecord): { kind: 'stored' } | { kind: 'stale' } {
  const newest = db.get('SELECT max(version) AS version FROM forms WHERE name = ?', record.name)
  if (Number(newest?.version ?? 0) !== record.version - 1) return { kind: 'stale' }
  db.run(
    'INSERT INTO forms (name, version, created_at, origin, settings_json, variants_json) VALUES (?, ?, ?, ?, ?, ?)',
    record.name,
    record.version,
    record.createdAt,
    record.origin,
    JSON.stringify(record.settings),
    JSON.stringify(record.variants),
  )
  return { kind: 'stored' }
}
