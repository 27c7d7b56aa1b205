import type { Deps } from '../../core/deps.ts'
import { TodokuError } from '../../core/errors.ts'
import type { FormRecord } from '../../core/forms/form.ts'
import type { StateName } from '../../core/messages/message.ts'
import { alarmOf, formOf, messageOf, newsOf, submissionOf } from './codec.ts'
import { addSecret, forgetBudgets, removeSecret, spendBudget, takeSecret } from './commands/access.ts'
import { putAlarm } from './commands/alarms.ts'
import { countLate } from './commands/caps.ts'
import { putForm } from './commands/forms.ts'
import { addMail, clearMailbox, doneFeedback } from './commands/mailbox.ts'
import {
  addDigests,
  addMessages,
  dueLanes,
  leaseDue,
  readMessage,
  renewLease,
  setPhase,
  writeMessage,
} from './commands/messages.ts'
import { addStop, removeStop } from './commands/stops.ts'
import {
  acceptSubmission,
  disownSubmission,
  forgetPosts,
  resendConfirmation,
  reviewSubmission,
} from './commands/submissions.ts'
import { asStoreError, type Database, openForReading, openForWriting, type Row } from './database.ts'
import { migrate } from './migrate.ts'
import { createWriter } from './writer.ts'

export type SqliteStores = Pick<
  Deps,
  'forms' | 'submissions' | 'messages' | 'mailbox' | 'access' | 'budgets' | 'stops' | 'alarms'
> & {
  /** Resolves when the store answers. */
  ping(): Promise<void>
  close(): void
}

/** As its index has it: notifications that wait for a digest. */
const isFlooded = `state = 'held' AND role = 'notification' AND lease_until IS NULL
  AND json_extract(state_json, '$.heldReason') = 'flood'`

/** Forms kept in memory, so that a post does not read its rules from the disk; they change rarely. */
const cachedForms = 500

/**
 * Opens the stores on one SQLite file (`:memory:` for tests). One process at a time: the caller holds the data folder's
 * lock, so that what is cached here is true.
 *
 * @throws TodokuError('data-newer'), TodokuError('store-unavailable')
 */
export function openSqliteStores({ file }: { file: string }): SqliteStores {
  const { db, reader } = open(file)
  const writer = createWriter(db)
  const forms = new Map<string, FormRecord>()

  /** Point reads and short lists, on the connection that can't write. */
  async function read<T>(query: (db: Database) => T): Promise<T> {
    try {
      return query(reader)
    } catch (error) {
      throw asStoreError(error)
    }
  }

  return {
    forms: {
      async get(name) {
        const cached = forms.get(name)
        if (cached !== undefined) return cached
        const row = await read((r) => r.get('SELECT * FROM forms WHERE name = ? ORDER BY version DESC LIMIT 1', name))
        if (row === undefined) return null
        const form = formOf(row)
        if (forms.size >= cachedForms) forms.clear()
        forms.set(name, form)
        return form
      },
      async getVersion(name, version) {
        const cached = forms.get(name)
        if (cached?.version === version) return cached
        const row = await read((r) => r.get('SELECT * FROM forms WHERE name = ? AND version = ?', name, version))
        return row === undefined ? null : formOf(row)
      },
      async list() {
        const rows = await read((r) =>
          r.all(
            'SELECT f.* FROM forms f WHERE version = (SELECT max(version) FROM forms WHERE name = f.name) ORDER BY name',
          ),
        )
        return rows.map(formOf)
      },
      async put(record) {
        const result = await writer.submit(putForm, record)
        forms.delete(record.name)
        return result
      },
    },

    submissions: {
      accept: (command) => writer.submit(acceptSubmission, command),
      async get(reference) {
        const row = await read((r) => r.get('SELECT * FROM submissions WHERE reference = ?', reference))
        return row === undefined ? null : submissionOf(row)
      },
      async list({ form, review, limit, before }) {
        const where = ['seq < ?']
        const values: (string | number)[] = [position(before)]
        if (form !== undefined) {
          where.push('form = ?')
          values.push(form)
        }
        if (review !== undefined) {
          // Written out for what is rare, so that its index is used.
          where.push(review === 'accepted' ? 'review = ?' : "review <> 'accepted' AND review = ?")
          values.push(review)
        }
        const rows = await read((r) =>
          r.all(
            `SELECT * FROM submissions WHERE ${where.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
            ...values,
            limit + 1,
          ),
        )
        return page(rows, limit, submissionOf)
      },
      review: (command) => writer.submit(reviewSubmission, command),
      disown: (command) => writer.submit(disownSubmission, command),
      async countWaiting({ form, received, suspicious }) {
        const row = await read((r) =>
          r.get(
            // Written out, so that the index of what is rare is used.
            `SELECT count(*) AS count FROM submissions
             WHERE review <> 'accepted' AND review = 'quarantined' AND form = ?
               AND coalesce(reviewed_at, received_at) >= ? AND coalesce(reviewed_at, received_at) < ?
               AND suspicious BETWEEN ? AND ?`,
            form,
            received?.from ?? 0,
            received?.until ?? Number.MAX_SAFE_INTEGER,
            suspicious === true ? 1 : 0,
            suspicious === false ? 0 : 1,
          ),
        )
        return Number(row?.count ?? 0)
      },
      async countReviews(form) {
        const rows = await read((r) =>
          r.all('SELECT review, count(*) AS count FROM submissions WHERE form = ? GROUP BY review', form),
        )
        return Object.fromEntries(rows.map((row) => [String(row.review), Number(row.count)]))
      },
      resend: (command) => writer.submit(resendConfirmation, command),
      forget: (command) => writer.submit(forgetPosts, command),
      async holdsBlob(blob) {
        return (await read((r) => r.get('SELECT 1 FROM submission_blobs WHERE blob = ?', blob))) !== undefined
      },
    },

    messages: {
      async get(id) {
        return await read((r) => {
          const row = r.get('SELECT * FROM messages WHERE id = ?', id)
          return row === undefined ? null : readMessage(r, row)
        })
      },
      async ofSubmission(submissionId) {
        return await read((r) =>
          r
            .all('SELECT * FROM messages WHERE submission_id = ? ORDER BY seq', submissionId)
            .map((row) => readMessage(r, row)),
        )
      },
      async list({ state, role, limit, before }) {
        return await read((r) => {
          const where = ['seq < ?']
          const values: (string | number)[] = [position(before)]
          if (state === 'sending') where.push("lease_until IS NOT NULL AND state IN ('queued', 'deferred', 'held')")
          else if (state !== undefined) {
            if (isWorkingName(state)) where.push('lease_until IS NULL')
            where.push('state = ?')
            values.push(state)
          }
          if (role !== undefined) {
            where.push('role = ?')
            values.push(role)
          }
          const rows = r.all(
            `SELECT * FROM messages WHERE ${where.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
            ...values,
            limit + 1,
          )
          return page(rows, limit, (row) => readMessage(r, row))
        })
      },
      async leaseDue(query) {
        // Most looks at the queue find nothing; they must not cost a sync of the disk.
        const lanes = await read((r) => dueLanes(r, query.now))
        if (!lanes.some((lane) => (query.rooms[lane] ?? query.defaultRoom) > 0)) return []
        return await writer.submit(leaseDue, query)
      },
      async nextDueAt() {
        const row = await read((r) =>
          r.get('SELECT min(due_at) AS due FROM messages WHERE due_at IS NOT NULL AND lease_until IS NULL'),
        )
        return row?.due == null ? null : Number(row.due)
      },
      setPhase: (command) => writer.submit(setPhase, command),
      renewLease: (command) => writer.submit(renewLease, command),
      write: (command) => writer.submit(writeMessage, command),
      add: (messages) => writer.submit(addMessages, messages),
      countLate: (command) => writer.submit(countLate, command),
      async countConfirmations({ form, since, notHeldFor }) {
        // Only where it is asked for: the reason is not in the index.
        const but =
          notHeldFor === undefined ? '' : "AND NOT (state = 'held' AND json_extract(state_json, '$.heldReason') = ?)"
        const excluded = notHeldFor === undefined ? [] : [notHeldFor]
        const rows = await read((r) =>
          form === null
            ? r.all(
                // Form by form, so that the index is read from `since` on and not from its beginning.
                `WITH RECURSIVE names (name) AS (
                   SELECT min(form) FROM messages WHERE role = 'confirmation'
                   UNION ALL
                   SELECT (SELECT min(form) FROM messages WHERE role = 'confirmation' AND form > name)
                   FROM names WHERE name IS NOT NULL)
                 SELECT state, count(*) AS count FROM names CROSS JOIN messages
                 WHERE form = name AND role = 'confirmation' AND created_at >= ? ${but} GROUP BY state`,
                since,
                ...excluded,
              )
            : r.all(
                `SELECT state, count(*) AS count FROM messages
                 WHERE role = 'confirmation' AND form = ? AND created_at >= ? ${but} GROUP BY state`,
                form,
                since,
                ...excluded,
              ),
        )
        return Object.fromEntries(rows.map((row) => [String(row.state), Number(row.count)]))
      },
      async floods({ before }) {
        const rows = await read((r) =>
          r.all(
            `SELECT form, recipient FROM messages INDEXED BY messages_flooded WHERE ${isFlooded}
             GROUP BY form, recipient HAVING min(created_at) <= ?`,
            before,
          ),
        )
        return rows.map((row) => ({ form: String(row.form), recipient: String(row.recipient) }))
      },
      async flooded({ form, recipient, limit, after = '' }) {
        const rows = await read((r) =>
          r.all(
            `SELECT id, version, reference, created_at FROM messages INDEXED BY messages_flooded
             WHERE ${isFlooded} AND form = ? AND recipient = ? AND id > ? ORDER BY id LIMIT ?`,
            form,
            recipient,
            after,
            limit,
          ),
        )
        return rows.map((row) => ({
          id: String(row.id),
          version: Number(row.version),
          reference: String(row.reference),
          createdAt: Number(row.created_at),
        }))
      },
      async withDeadLease({ now, latest, limit }) {
        return await read((r) =>
          r
            .all(
              'SELECT * FROM messages WHERE lease_until IS NOT NULL AND (lease_until <= ? OR lease_until > ?) LIMIT ?',
              now,
              latest,
              limit,
            )
            .map((row) => readMessage(r, row)),
        )
      },
      async overdue({ now, latest, limit }) {
        // Two questions, each with an index of its own; as one they would become a walk over all messages.
        return await read((r) => {
          const expired = r.all(
            `SELECT * FROM messages INDEXED BY messages_expiring
             WHERE state IN ('queued', 'deferred', 'held') AND lease_until IS NULL AND expires_at <= ?
               AND (attempts > 0 OR due_at IS NULL) LIMIT ?`,
            now,
            limit,
          )
          const far = r.all(
            'SELECT * FROM messages WHERE due_at IS NOT NULL AND lease_until IS NULL AND due_at > ? AND expires_at > ? LIMIT ?',
            latest,
            now,
            limit - expired.length,
          )
          return [...expired, ...far].map((row) => readMessage(r, row))
        })
      },
      async news({ from, after = '', limit }) {
        const rows = await read((r) =>
          r.all(
            `SELECT * FROM messages WHERE state <> 'queued' AND state_since >= ? AND (state_since > ? OR id > ?)
             ORDER BY state_since, id LIMIT ?`,
            from,
            from,
            after,
            limit,
          ),
        )
        return rows.map((row) => newsOf(messageOf(row, [])))
      },
      async digestedUntil() {
        const row = await read((r) => r.get('SELECT until FROM digested'))
        return row === undefined ? null : Number(row.until)
      },
      addDigests: (command) => writer.submit(addDigests, command),
      async counts(now) {
        return await read((r) => {
          const states: Partial<Record<StateName, number>> = {}
          for (const row of r.all('SELECT state, count FROM message_counts'))
            states[row.state as StateName] = Number(row.count)
          // What is being sent is told as such, and only so.
          const leased = r.all(
            'SELECT state, count(*) AS count FROM messages WHERE lease_until IS NOT NULL GROUP BY state',
          )
          states.sending = 0
          for (const row of leased) {
            const name = row.state as StateName
            if (!isWorkingName(name)) continue
            states.sending += Number(row.count)
            states[name] = (states[name] ?? 0) - Number(row.count)
          }
          const oldest = r.get(
            'SELECT min(due_at) AS due FROM messages WHERE due_at IS NOT NULL AND lease_until IS NULL AND due_at <= ?',
            now,
          )
          return { states, oldestDueAt: oldest?.due == null ? null : Number(oldest.due) }
        })
      },
    },

    mailbox: {
      add: (mail, feedback, keep) => writer.submit(addMail, { mail, feedback, keep }),
      async list({ limit, before }) {
        const rows = await read((r) =>
          r.all(
            'SELECT seq, id, message_id, attempt, at, sender, recipient, subject FROM mailbox WHERE seq < ? ORDER BY seq DESC LIMIT ?',
            position(before),
            limit + 1,
          ),
        )
        return page(rows, limit, captured)
      },
      async get(id) {
        const row = await read((r) => r.get('SELECT * FROM mailbox WHERE id = ?', id))
        return row === undefined ? null : { ...captured(row), raw: row.raw as Uint8Array }
      },
      clear: () => writer.submit(clearMailbox, undefined),
      async dueFeedback(now) {
        const rows = await read((r) =>
          r.all('SELECT * FROM simulated_feedback WHERE due_at <= ? ORDER BY due_at LIMIT 100', now),
        )
        return rows.map((row) => ({
          messageId: String(row.message_id),
          kind: row.kind as 'bounce' | 'complaint' | 'auto-reply',
          dueAt: Number(row.due_at),
        }))
      },
      doneFeedback: (messageId) => writer.submit(doneFeedback, messageId),
    },

    access: {
      add: (secret) => writer.submit(addSecret, secret),
      use: (secret) => writer.submit(takeSecret, secret),
      remove: (hash) => writer.submit(removeSecret, hash),
    },

    stops: {
      add: (stop) => writer.submit(addStop, stop),
      async get(address, now) {
        const row = await read((r) => r.get('SELECT * FROM stops WHERE address = ? AND until > ?', address, now))
        if (row === undefined) return null
        return { address, since: Number(row.since), until: Number(row.until), messageId: String(row.message_id) }
      },
      remove: (address) => writer.submit(removeStop, address),
    },

    alarms: {
      async active() {
        return (await read((r) => r.all('SELECT alarm_json FROM alarms WHERE active = 1 ORDER BY since'))).map(alarmOf)
      },
      async list({ limit }) {
        return (await read((r) => r.all('SELECT alarm_json FROM alarms ORDER BY since DESC LIMIT ?', limit))).map(
          alarmOf,
        )
      },
      async get(key) {
        const row = await read((r) => r.get('SELECT alarm_json FROM alarms WHERE key = ?', key))
        return row === undefined ? null : alarmOf(row)
      },
      put: (alarm) => writer.submit(putAlarm, alarm),
    },

    budgets: {
      spend: (command) => writer.submit(spendBudget, command),
      forget: (command) => writer.submit(forgetBudgets, command),
    },

    async ping() {
      if (writer.failedLately()) throw new TodokuError('store-unavailable')
      await writer.submit(touch, undefined)
    },
    close() {
      writer.close()
      if (reader !== db) reader.raw.close()
      db.raw.close()
    },
  }
}

function open(file: string): { db: Database; reader: Database } {
  try {
    const db = openForWriting(file)
    migrate(db.raw)
    return { db, reader: file === ':memory:' ? db : openForReading(file) }
  } catch (error) {
    throw asStoreError(error)
  }
}

/** States in which an attempt may be under way. */
function isWorkingName(name: StateName): boolean {
  return name === 'queued' || name === 'deferred' || name === 'held'
}

/** Writes something small: a store that can't be written takes no post. */
function touch(db: Database): void {
  db.run('INSERT INTO pings VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET count = count + 1')
}

/** Lists go by insertion, newest first; a cursor is the position of the last row of the page before. */
function position(cursor: string | undefined): number {
  return cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor)
}

function page<T>(rows: readonly Row[], limit: number, of: (row: Row) => T): { items: T[]; cursor: string | null } {
  const shown = rows.slice(0, limit)
  return { items: shown.map(of), cursor: rows.length > limit ? String(shown.at(-1)?.seq) : null }
}

function captured(row: Row) {
  return {
    id: String(row.id),
    messageId: String(row.message_id),
    attempt: Number(row.attempt),
    at: Number(row.at),
    from: String(row.sender),
    to: String(row.recipient),
    subject: String(row.subject),
  }
}
