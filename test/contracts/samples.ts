import type { AcceptCommand } from '../../src/core/deps.ts'
import type { FormRecord } from '../../src/core/forms/form.ts'
import { fold } from '../../src/core/messages/fold.ts'
import type { Message, MessageEvent, PlannedMessage } from '../../src/core/messages/message.ts'
import type { Submission } from '../../src/core/submissions/submission.ts'

/** Small valid records for the contract suites; each call gives new ids. */

let drawn = 0

export function sampleId(): string {
  drawn += 1
  return `sample${String(drawn).padStart(20, 'a')}`
}

export function sampleForm(changes: Partial<FormRecord> = {}): FormRecord {
  return { name: 'contact', version: 1, createdAt: 1000, origin: 'pages', settings: {}, variants: [], ...changes }
}

export function sampleSubmission(changes: Partial<Submission> = {}): Submission {
  const id = sampleId()
  return {
    id,
    reference: `REF-${id.slice(-8)}`,
    form: 'contact',
    formVersion: 1,
    receivedAt: 1_000_000,
    language: 'ja',
    review: 'accepted',
    verdict: { reasons: changes.review === 'quarantined' ? [{ rule: 'honeypot', detail: '1' }] : [], shadow: [] },
    reviewedAt: null,
    disownedAt: null,
    test: false,
    wishes: { subject: null, senderName: null, cc: [] },
    entries: [
      { kind: 'text', name: 'name', value: '花子' },
      { kind: 'text', name: 'name', value: 'また花子' },
    ],
    observations: [{ field: 'name', code: 'FIELD_UNKNOWN' }],
    email: 'hanako@example.jp',
    clientKey: 'client',
    networkKey: 'network',
    widerNetworkKey: 'wider network',
    tokenKey: 'k1',
    salt: 'salt',
    bodyHash: `hash-${id}`,
    resends: [],
    ...changes,
  }
}

export function sampleMessage(submission: Submission, changes: Partial<PlannedMessage> = {}): PlannedMessage {
  const id = changes.id ?? sampleId()
  const createdAt = changes.createdAt ?? 1_000_000
  const dueAt = changes.dueAt ?? createdAt
  const events: MessageEvent[] = [{ id: `${id}.queued`, at: createdAt, kind: 'queued', turn: 0, dueAt }]
  return {
    id,
    submissionId: submission.id,
    reference: submission.reference,
    form: submission.form,
    formVersion: submission.formVersion,
    content: null,
    role: 'notification',
    recipient: 'office@example.jp',
    language: 'en',
    createdAt,
    expiresAt: createdAt + 1_000_000,
    lane: 'lane',
    state: fold(events),
    events,
    dueAt,
    ...changes,
  }
}

/** A submission with as many messages as changes are given (one by default). */
export function sampleAccept(
  changes: Partial<Submission> = {},
  messages: Partial<PlannedMessage>[] = [{}],
  more: Partial<Omit<AcceptCommand, 'submission' | 'messages'>> = {},
): AcceptCommand {
  const submission = sampleSubmission(changes)
  return {
    submission,
    messages: messages.map((message) => sampleMessage(submission, message)),
    capped: [],
    proof: null,
    idempotency: null,
    repetition: null,
    ...more,
  }
}

/** The write that an event causes on a message. */
export function sampleWrite(message: Message, event: MessageEvent, lease: 'keep' | 'release' = 'release') {
  const state = fold([...message.events, event])
  const { id, version, attempts } = message
  return { id, version, events: [event], state, dueAt: null, attempts, lease }
}
