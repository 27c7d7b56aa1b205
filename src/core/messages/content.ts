import { base32 } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import type { Language } from '../language.ts'
import type { Content, PlannedMessage } from './message.ts'
import { plannedMessage, transportFor } from './planned-message.ts'
import type { Role } from './roles.ts'

/**
 * A value as Markdown that means nothing but itself. Every ASCII punctuation mark may be escaped (CommonMark §2.4); that
 * also keeps Liquid from seeing its braces.
 */
export function markdownText(value: string): string {
  return value.replace(/\s+/g, ' ').replace(/[!-/:-@[-`{-~]/g, '\\$&')
}

/** An id that the same facts give again, so that the same mail is stored once: 26 characters of lower-case base32. */
export function contentId(deps: Pick<Deps, 'crypto'>, ...facts: readonly (string | number)[]): string {
  return base32(deps.crypto.sha256(JSON.stringify(facts))).slice(0, 26)
}

/** A mail with a text of its own, due now. `about`: the submission it tells of, if it is one. */
export function planContent(
  deps: Pick<Deps, 'clock' | 'settings' | 'transport' | 'alarmTransport'>,
  mail: {
    id: string
    role: Extract<Role, 'update' | 'alarm'>
    recipient: string
    language: Language
    form: { name: string; version: number } | null
    about: { id: string; reference: string } | null
    content: Content
  },
): PlannedMessage {
  const lane = transportFor(deps, mail.role).lane(mail.recipient)
  return plannedMessage(deps, { ...mail, lane, now: deps.clock.now() })
}
