import type { Deps } from '../deps.ts'
import { fold } from './fold.ts'
import type { MessageEvent, PlannedMessage } from './message.ts'
import type { Role } from './roles.ts'
import type { Transport } from './transport.ts'

/**
 * A mail as every mail begins: due at once. `about`: the submission it tells of, and `form` the form it concerns, where there
 * are such; `now`: the time of the plan it belongs to.
 */
export function plannedMessage(
  { settings }: Pick<Deps, 'settings'>,
  mail: Pick<PlannedMessage, 'id' | 'role' | 'recipient' | 'language' | 'content' | 'lane'> & {
    form: { name: string; version: number } | null
    about: { id: string; reference: string } | null
    now: number
  },
): PlannedMessage {
  const { id, role, recipient, language, content, lane, form, about, now } = mail
  const events: MessageEvent[] = [{ id: `${id}.queued`, at: now, kind: 'queued', turn: 0, dueAt: now }]
  return {
    id,
    submissionId: about?.id ?? '',
    reference: about?.reference ?? '',
    form: form?.name ?? '',
    formVersion: form?.version ?? 0,
    content,
    role,
    recipient,
    language,
    createdAt: now,
    expiresAt: now + settings.schedule.expiresAfter,
    lane,
    state: fold(events),
    events,
    dueAt: now,
  }
}

/** By which way mails of a role go: alarms by their own, where there is one. */
export function transportFor(deps: Pick<Deps, 'transport' | 'alarmTransport'>, role: Role): Transport {
  return role === 'alarm' ? (deps.alarmTransport ?? deps.transport) : deps.transport
}
