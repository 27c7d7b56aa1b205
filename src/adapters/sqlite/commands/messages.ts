import type { LeaseQuery, MessageStore, MessageWrite } from '../../../core/deps.ts'
import type { Message, MessageEvent, PlannedMessage } from '../../../core/messages/message.ts'
import { eventOf, messageOf } from '../codec.ts'
import type { Database, Row } from '../database.ts'

type PhaseCommand = Parameters<MessageStore['setPhase']>[0]
type RenewCommand = Parameters<MessageStore['renewLease']>[0]

export function insertMessage(db: Database, message: PlannedMessage): void {
  db.run(
    `INSERT INTO messages (id, submission_id, reference, form, form_version, role, recipient, language, created_at,
       expires_at, lane, state, state_json, attempts, due_at, lease_number, version, content_json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, 1, ?)`,
    message.id,
    message.submissionId,
    message.reference,
    message.form,
    message.formVersion,
    message.role,
    message.recipient,
    message.language,
    message.createdAt,
    message.expiresAt,
    message.lane,
    message.state.name,
    JSON.stringify(message.state),
    message.dueAt,
    message.content === null ? null : JSON.stringify(message.content),
  )
  for (const event of message.events) appendEvent(db, message.id, event)
}

/** Stores messages that stand for themselves, once. */
export function addMessages(db: Database, messages: readonly PlannedMessage[]): void {
  for (const message of messages) {
    if (db.get('SELECT 1 FROM messages WHERE id = ?', message.id) === undefined) insertMessage(db, message)
  }
}

/** Stores digests with the time until which they tell, if that is still the one they go on from. */
export function addDigests(
  db: Database,
  { known, until, messages }: Parameters<MessageStore['addDigests']>[0],
): 'done' | 'stale' {
  const row = db.get('SELECT until FROM digested')
  if ((row === undefined ? null : Number(row.until)) !== known) return 'stale'
  addMessages(db, messages)
  db.run('INSERT OR REPLACE INTO digested VALUES (1, ?)', until)
  return 'done'
}

function appendEvent(db: Database, messageId: string, event: MessageEvent): void {
  db.run(
    'INSERT OR IGNORE INTO events (message_id, id, event_json) VALUES (?, ?, ?)',
    messageId,
    event.id,
    JSON.stringify(event),
  )
}

/** A message with its events, from a row of `messages`. */
export function readMessage(db: Database, row: Row): Message {
  const events = db.all('SELECT event_json FROM events WHERE message_id = ? ORDER BY seq', row.id as string)
  return messageOf(row, events.map(eventOf))
}

/**
 * Leases due messages lane by lane. A lane without room costs one step of the index, not a walk over what waits in it:
 * the lanes are found by skipping from one to the next.
 */
export function leaseDue(db: Database, query: LeaseQuery): Message[] {
  const leased: Message[] = []
  for (const lane of dueLanes(db, query.now)) {
    const room = Math.min(query.rooms[lane] ?? query.defaultRoom, query.limit - leased.length)
    if (room <= 0) continue
    const rows = db.all(
      `UPDATE messages SET lease_number = lease_number + 1, lease_until = ?, lease_phase = 'claimed',
         attempts = attempts + 1, version = version + 1
       WHERE seq IN (
         SELECT seq FROM messages
         WHERE lane = ? AND due_at IS NOT NULL AND lease_until IS NULL AND due_at <= ?
         ORDER BY due_at LIMIT ?)
       RETURNING *`,
      query.until,
      lane,
      query.now,
      room,
    )
    leased.push(...rows.map((row) => readMessage(db, row)))
  }
  return leased
}

/** The lanes with something due now. */
export function dueLanes(db: Database, now: number): string[] {
  const rows = db.all(
    `WITH RECURSIVE lanes (lane) AS (
       SELECT min(lane) FROM messages WHERE due_at IS NOT NULL AND lease_until IS NULL
       UNION ALL
       SELECT (SELECT min(lane) FROM messages WHERE due_at IS NOT NULL AND lease_until IS NULL AND lane > lanes.lane)
       FROM lanes WHERE lane IS NOT NULL)
     SELECT lane FROM lanes
     WHERE lane IS NOT NULL AND EXISTS (
       SELECT 1 FROM messages
       WHERE lane = lanes.lane AND due_at IS NOT NULL AND lease_until IS NULL AND due_at <= ?)`,
    now,
  )
  return rows.map((row) => String(row.lane))
}

const phaseOrder = ['claimed', 'rcpt_ok', 'data_final']

/** Moves a lease's phase forward. Each clause is one way in which a holder may have lost its right. */
export function setPhase(db: Database, { id, lease, phase, now, until }: PhaseCommand): 'ok' | 'lost' {
  const earlier = phaseOrder.slice(0, phaseOrder.indexOf(phase)).map((name) => `'${name}'`)
  const changed = db.run(
    `UPDATE messages SET lease_phase = ?, lease_until = max(lease_until, ?)
     WHERE id = ?
       AND lease_number = ?                        -- nobody leased it since
       AND lease_until > ?                         -- it did not run out
       AND lease_phase IN (${earlier.join(', ')})  -- the phase only moves forward`,
    phase,
    until,
    id,
    lease,
    now,
  )
  return changed === 1 ? 'ok' : 'lost'
}

export function renewLease(db: Database, { id, lease, now, until }: RenewCommand): 'ok' | 'lost' {
  const changed = db.run(
    'UPDATE messages SET lease_until = max(lease_until, ?) WHERE id = ? AND lease_number = ? AND lease_until > ?',
    until,
    id,
    lease,
    now,
  )
  return changed === 1 ? 'ok' : 'lost'
}

/** Writes what was computed from a version, if it is still that version. */
export function writeMessage(db: Database, write: MessageWrite): 'ok' | 'stale' {
  const release = write.lease === 'release' ? ', lease_until = NULL, lease_phase = NULL' : ''
  const changed = db.run(
    `UPDATE messages SET state = ?, state_json = ?, due_at = ?, attempts = ?, version = version + 1${release}
     WHERE id = ? AND version = ? AND (? IS NULL OR (lease_number = ? AND lease_phase = ?))`,
    write.state.name,
    JSON.stringify(write.state),
    write.dueAt,
    write.attempts,
    write.id,
    write.version,
    write.whileLease?.number ?? null,
    write.whileLease?.number ?? null,
    write.whileLease?.phase ?? null,
  )
  if (changed === 0) return 'stale'
  for (const event of write.events) appendEvent(db, write.id, event)
  return 'ok'
}
