/** Classes of a refusal, bounce or other answer about a mail. What each means to people and to retries stands in `core/messages/classes.ts`. */
export const refusalClasses = [
  'unknown-user',
  'mailbox-disabled',
  'mailbox-full',
  'domain-no-mail',
  'filtered-by-recipient',
  'blocked-reputation',
  'rate-limited',
  'content-policy',
  'authentication',
  'too-large',
  'relaying-denied',
  'network',
  'expired',
  'auto-reply',
  'complaint',
  'unclassified',
] as const
export type RefusalClass = (typeof refusalClasses)[number]
