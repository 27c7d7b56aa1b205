import type {
  AcceptCommand,
  AcceptResult,
  ResendCommand,
  ResendResult,
  ReviewCommand,
  SubmissionStore,
} from '../../../core/deps.ts'
import type { PlannedMessage } from '../../../core/messages/message.ts'
import { submissionOf } from '../codec.ts'
import type { Database, Row } from '../database.ts'
import { applyCaps, useProof } from './caps.ts'
import { insertMessage, writeMessage } from './messages.ts'

type ForgetCommand = Parameters<SubmissionStore['forget']>[0]

/** Stores a submission with its planned messages, unless it is a repetition, all in one. */
export function acceptSubmission(db: Database, command: AcceptCommand): AcceptResult {
  const before = earlierPost(db, command)
  if (before !== null) return before
  const { submission, messages, capped, idempotency, proof } = command
  if (db.get('SELECT 1 FROM submissions WHERE reference = ?', submission.reference) !== undefined) {
    return { kind: 'reference-taken' }
  }
  if (proof !== null && !useProof(db, proof, submission.receivedAt)) return { kind: 'proof-used' }
  db.run(
    `INSERT INTO submissions (id, reference, form, form_version, received_at, language, review, email, client_key,
       network_key, wider_network_key, token_key, salt, body_hash, entries_json, observations_json, resends_json,
       verdict_json, suspicious, reviewed_at, disowned_at, test, wishes_json)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    submission.id,
    submission.reference,
    submission.form,
    submission.formVersion,
    submission.receivedAt,
    submission.language,
    submission.review,
    submission.email,
    submission.clientKey,
    submission.networkKey,
    submission.widerNetworkKey,
    submission.tokenKey,
    submission.salt,
    submission.bodyHash,
    JSON.stringify(submission.entries),
    JSON.stringify(submission.observations),
    JSON.stringify(submission.resends),
    JSON.stringify(submission.verdict),
    submission.verdict.reasons.length > 0 ? 1 : 0,
    submission.reviewedAt,
    submission.disownedAt,
    submission.test ? 1 : 0,
    JSON.stringify(submission.wishes),
  )
  for (const entry of submission.entries) {
    if (entry.kind !== 'file') continue
    db.run('INSERT OR IGNORE INTO submission_blobs VALUES (?, ?)', entry.file.blob, submission.id)
  }
  const applied = applyCaps(db, messages, capped, submission.receivedAt)
  for (const message of applied.messages) insertMessage(db, message)
  if (idempotency !== null) {
    const { source, key } = idempotency
    db.run(
      'INSERT INTO idempotency_keys VALUES (?, ?, ?, ?, ?, ?)',
      submission.form,
      source,
      key,
      submission.bodyHash,
      submission.id,
      submission.receivedAt,
    )
  }
  db.run(
    `INSERT INTO latest_posts VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (client_key) DO UPDATE SET form = excluded.form, body_hash = excluded.body_hash,
       submission_id = excluded.submission_id, at = excluded.at`,
    submission.clientKey,
    submission.form,
    submission.bodyHash,
    submission.id,
    submission.receivedAt,
  )
  return { kind: 'accepted', held: applied.held }
}

/** Invariant 2: the same key, or without a key the immediate repetition of this client's latest post. */
function earlierPost(db: Database, { submission, idempotency, repetition }: AcceptCommand): AcceptResult | null {
  const { form, bodyHash, clientKey } = submission
  if (idempotency !== null) {
    const { source, key } = idempotency
    const rows = db.all(
      'SELECT body_hash, submission_id FROM idempotency_keys WHERE form = ? AND source = ? AND key = ?',
      form,
      source,
      key,
    )
    const same = rows.find((row) => row.body_hash === bodyHash)
    if (same !== undefined) return repeated(db, same)
    // A page rendered once may be filled in anew; a key that a program chose may not change its meaning.
    return source === 'header' && rows.length > 0 ? { kind: 'conflict' } : null
  }
  if (repetition === null) return null
  const latest = db.get(
    'SELECT submission_id FROM latest_posts WHERE client_key = ? AND form = ? AND body_hash = ? AND at >= ? AND at <= ?',
    clientKey,
    form,
    bodyHash,
    repetition.since,
    // A clock that was put back makes old posts look like later ones.
    submission.receivedAt,
  )
  return latest === undefined ? null : repeated(db, latest)
}

function repeated(db: Database, { submission_id }: Row): AcceptResult | null {
  const row = db.get('SELECT * FROM submissions WHERE id = ?', submission_id as string)
  return row === undefined ? null : { kind: 'repeated', submission: submissionOf(row) }
}

/** Replaces a confirmation that failed, if it is still as it was read. */
export function resendConfirmation(db: Database, command: ResendCommand): ResendResult {
  const { submissionId, resend, oldMessage, knownResends, maxResends, messages, capped, proof, cancel } = command
  const old = db.get('SELECT version, attempts FROM messages WHERE id = ?', oldMessage.id)
  if (old === undefined || Number(old.version) !== oldMessage.version) return { kind: 'stale' }
  const row = db.get('SELECT resends_json FROM submissions WHERE id = ?', submissionId)
  if (row === undefined) return { kind: 'stale' }
  const resends = JSON.parse(String(row.resends_json)) as unknown[]
  if (resends.length >= maxResends) return { kind: 'limit' }
  if (resends.length !== knownResends) return { kind: 'stale' }
  if (proof !== null && !useProof(db, proof, resend.at)) return { kind: 'proof-used' }
  if (cancel !== null) {
    const { id, version } = oldMessage
    const { event, state } = cancel
    writeMessage(db, {
      id,
      version,
      events: [event],
      state,
      dueAt: null,
      attempts: Number(old.attempts),
      lease: 'keep',
    })
  }
  db.run(
    'UPDATE submissions SET email = ?, resends_json = ? WHERE id = ?',
    resend.newEmail,
    JSON.stringify([...resends, resend]),
    submissionId,
  )
  for (const message of applyCaps(db, messages, capped, resend.at).messages) insertMessage(db, message)
  return { kind: 'done' }
}

/** Moves a submission on in its review, with the mails it causes from now on. */
export function reviewSubmission(db: Database, command: ReviewCommand): 'done' | 'stale' {
  const { submissionId, from, to, at, messages, capped } = command
  const changed = db.run(
    'UPDATE submissions SET review = ?, reviewed_at = ? WHERE id = ? AND review = ?',
    to,
    at,
    submissionId,
    from,
  )
  if (changed === 0) return 'stale'
  for (const message of applyCaps(db, messages, capped, at).messages) insertMessage(db, message)
  return 'done'
}

type DisownCommand = { submissionId: string; at: number | null; messages: readonly PlannedMessage[] }

export function disownSubmission(db: Database, { submissionId, at, messages }: DisownCommand): 'done' | 'stale' {
  const changed = db.run(
    'UPDATE submissions SET disowned_at = ? WHERE id = ? AND (disowned_at IS NULL) <> (? IS NULL)',
    at,
    submissionId,
    at,
  )
  if (changed === 0) return 'stale'
  for (const message of messages) insertMessage(db, message)
  return 'done'
}

/** Removes what no later post can be compared with any more; a limited number, so that no command is long. */
export function forgetPosts(db: Database, { latestBefore, keysBefore, limit }: ForgetCommand): number {
  const latest = db.run(
    'DELETE FROM latest_posts WHERE client_key IN (SELECT client_key FROM latest_posts WHERE at < ? LIMIT ?)',
    latestBefore,
    limit,
  )
  const keys = db.run(
    `DELETE FROM idempotency_keys WHERE (form, source, key, body_hash) IN (
       SELECT form, source, key, body_hash FROM idempotency_keys WHERE at < ? LIMIT ?)`,
    keysBefore,
    limit,
  )
  return latest + keys
}
