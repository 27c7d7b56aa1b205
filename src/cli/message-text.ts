import type { Schemas } from '../client/client.ts'

/** A message as people read it. */
export function messageText(message: Schemas['Message']): string {
  const {
    id,
    role,
    recipient,
    reference,
    state,
    class: refusal,
    heldReason,
    cancelReason,
    since,
    nextTryAt,
    attempts,
    lane,
    events,
  } = message
  const name = refusal ?? heldReason ?? cancelReason
  const lines = [
    `${role} to ${recipient} (submission ${reference})`,
    `${state}${name === null ? '' : ` (${name})`} since ${since}${nextTryAt === null ? '' : `, next try ${nextTryAt}`}`,
    `id ${id}, attempts ${attempts}, lane ${lane}`,
    '',
    ...events.flatMap(eventLines),
  ]
  return `${lines.join('\n')}\n`
}

function eventLines(event: Schemas['Event']): string[] {
  const { at, kind, attempt, class: refusal, reason, digest, evidence } = event
  const name = refusal ?? reason
  const head = `${at}  ${kind}${attempt === undefined ? '' : `, attempt ${attempt}`}${name === undefined ? '' : ` (${name})`}${digest === undefined ? '' : `, told by ${digest}`}`
  if (evidence === undefined) return [head]
  const { replyCode, enhancedCode, text, ...rest } = evidence
  const reply = [replyCode, enhancedCode, text].filter((part) => part !== undefined).join(' ')
  const details = Object.entries(rest)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')
  return [head, ...(reply === '' ? [] : [`    ${reply}`]), `    ${details}`]
}
