import type { Alarm } from '../../core/alarms/alarm.ts'
import type { MessageNews } from '../../core/deps.ts'
import type { FormRecord } from '../../core/forms/form.ts'
import type { Message, MessageEvent, Phase } from '../../core/messages/message.ts'
import type { Submission } from '../../core/submissions/submission.ts'
import type { Row } from './database.ts'

/** Rows to records. What is written stands beside each command; what is read stands here. */

const text = (value: Row[string] | undefined) => String(value)
const json = (value: Row[string] | undefined) => JSON.parse(String(value))

export function formOf(row: Row): FormRecord {
  return {
    name: text(row.name),
    version: Number(row.version),
    createdAt: Number(row.created_at),
    origin: row.origin as FormRecord['origin'],
    settings: json(row.settings_json),
    variants: json(row.variants_json),
  }
}

export function submissionOf(row: Row): Submission {
  return {
    id: text(row.id),
    reference: text(row.reference),
    form: text(row.form),
    formVersion: Number(row.form_version),
    receivedAt: Number(row.received_at),
    language: row.language as Submission['language'],
    review: row.review as Submission['review'],
    verdict: json(row.verdict_json),
    reviewedAt: row.reviewed_at === null ? null : Number(row.reviewed_at),
    disownedAt: row.disowned_at === null ? null : Number(row.disowned_at),
    test: Number(row.test) === 1,
    wishes: json(row.wishes_json),
    email: row.email === null ? null : text(row.email),
    clientKey: text(row.client_key),
    networkKey: text(row.network_key),
    widerNetworkKey: row.wider_network_key === null ? null : text(row.wider_network_key),
    tokenKey: text(row.token_key),
    salt: text(row.salt),
    bodyHash: text(row.body_hash),
    entries: json(row.entries_json),
    observations: json(row.observations_json),
    resends: json(row.resends_json),
  }
}

export function messageOf(row: Row, events: readonly MessageEvent[]): Message {
  return {
    id: text(row.id),
    submissionId: text(row.submission_id),
    reference: text(row.reference),
    form: text(row.form),
    formVersion: Number(row.form_version),
    content: row.content_json === null ? null : json(row.content_json),
    role: row.role as Message['role'],
    recipient: text(row.recipient),
    language: row.language as Message['language'],
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    lane: text(row.lane),
    state: json(row.state_json),
    events,
    attempts: Number(row.attempts),
    dueAt: row.due_at === null ? null : Number(row.due_at),
    lease:
      row.lease_until === null
        ? null
        : { number: Number(row.lease_number), until: Number(row.lease_until), phase: row.lease_phase as Phase },
    version: Number(row.version),
  }
}

export function newsOf(message: Message): MessageNews {
  const { id, submissionId, reference, form, formVersion, role, recipient, createdAt, state } = message
  return { id, submissionId, reference, form, formVersion, role, recipient, createdAt, state }
}

export function eventOf(row: Row): MessageEvent {
  return json(row.event_json)
}

export function alarmOf(row: Row): Alarm {
  return json(row.alarm_json)
}
