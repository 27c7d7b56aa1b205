import type { Cap, CappedMessage, MessageStore } from '../../../core/deps.ts'
import type { PlannedMessage } from '../../../core/messages/message.ts'
import type { Database } from '../database.ts'

/**
 * Slices per window. A cap counts whole slices, and one more than a window has, so that no rolling window ever holds more
 * than `max`, also where a mail goes out up to a slice after it was counted; up to two slices' share less may be allowed.
 */
const slicesPerWindow = 48

/** The messages as they are to be stored: those over a cap as their held version; the others are counted. */
export function applyCaps(
  db: Database,
  messages: readonly PlannedMessage[],
  capped: readonly CappedMessage[],
  now: number,
): { messages: PlannedMessage[]; held: string[] } {
  const held: string[] = []
  const stored = messages.map((message) => {
    const limits = capped.find(({ messageId }) => messageId === message.id)
    if (limits === undefined) return message
    if (limits.caps.every((cap) => hasRoom(db, cap, now))) {
      countMessage(db, message.id, limits.caps, now)
      return message
    }
    held.push(message.id)
    return { ...message, ...limits.capped }
  })
  forgetOld(db, now, 10 + 2 * capped.length)
  return { messages: stored, held }
}

function hasRoom(db: Database, { key, max, windowMs }: Cap, now: number): boolean {
  const oldest = sliceOf(windowMs, now) - slicesPerWindow - 1
  const row = db.get('SELECT sum(count) AS used FROM caps WHERE key = ? AND slice >= ?', key, oldest)
  return Number(row?.used ?? 0) < max
}

function count(db: Database, { key, windowMs }: Cap, at: number, by: 1 | -1 = 1): void {
  db.run(
    'INSERT INTO caps VALUES (?, ?, max(?, 0), ?) ON CONFLICT (key, slice) DO UPDATE SET count = max(count + ?, 0)',
    key,
    sliceOf(windowMs, at),
    by,
    at + 2 * windowMs,
    by,
  )
}

function sliceOf(windowMs: number, now: number): number {
  return Math.floor(now / (windowMs / slicesPerWindow))
}

/** A few at a time, so that no command is long; more than one adds, so that they don't grow. */
function forgetOld(db: Database, now: number, limit: number): void {
  db.run('DELETE FROM caps WHERE (key, slice) IN (SELECT key, slice FROM caps WHERE ends_at < ? LIMIT ?)', now, limit)
  db.run(
    'DELETE FROM counted_messages WHERE message_id IN (SELECT message_id FROM counted_messages WHERE ends_at < ? LIMIT ?)',
    now,
    limit,
  )
}

/** Moves what a message was counted as to another time, where every cap has room there. */
export function countLate(
  db: Database,
  { messageId, caps, now }: Parameters<MessageStore['countLate']>[0],
): 'counted' | 'full' {
  const row = db.get('SELECT at FROM counted_messages WHERE message_id = ?', messageId)
  const before = row === undefined ? null : Number(row.at)
  if (before !== null) for (const cap of caps) count(db, cap, before, -1)
  if (caps.every((cap) => hasRoom(db, cap, now))) {
    countMessage(db, messageId, caps, now)
    return 'counted'
  }
  if (before !== null) for (const cap of caps) count(db, cap, before)
  return 'full'
}

function countMessage(db: Database, messageId: string, caps: readonly Cap[], now: number): void {
  for (const cap of caps) count(db, cap, now)
  const endsAt = now + 2 * Math.max(...caps.map(({ windowMs }) => windowMs))
  db.run('INSERT OR REPLACE INTO counted_messages VALUES (?, ?, ?)', messageId, now, endsAt)
}

/** Whether a proof of work is new; it is then used up. */
export function useProof(db: Database, proof: { id: string; expiresAt: number }, now: number): boolean {
  db.run('DELETE FROM used_proofs WHERE id IN (SELECT id FROM used_proofs WHERE expires_at < ? LIMIT 10)', now)
  return db.run('INSERT OR IGNORE INTO used_proofs VALUES (?, ?)', proof.id, proof.expiresAt) === 1
}
