import type { Alarm } from '../../../core/alarms/alarm.ts'
import { isTelling } from '../../../core/alarms/lifecycle.ts'
import type { Database } from '../database.ts'

/** Writes an alarm, if what is there is the version before it. */
export function putAlarm(db: Database, alarm: Alarm): 'ok' | 'stale' {
  const { key, since, overAt, version } = alarm
  const active = overAt === null || isTelling(alarm) ? 1 : 0
  const known = Number(db.get('SELECT version FROM alarms WHERE key = ?', key)?.version ?? 0)
  if (known !== version - 1) return 'stale'
  db.run('INSERT OR REPLACE INTO alarms VALUES (?, ?, ?, ?, ?)', key, since, active, JSON.stringify(alarm), version)
  return 'ok'
}
