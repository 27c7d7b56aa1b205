/** What can be wrong so that somebody must be told through another way than the one that fails. */
export const alarmKinds = [
  'notification-failed',
  'queue-stuck',
  'transport-refusing',
  'canary-missing',
  'confirmation-breaker',
  'alarm-mail-failed',
  'webhook-gone',
  'proxy-not-trusted',
  'test',
] as const
export type AlarmKind = (typeof alarmKinds)[number]

/** The ways by which alarms are told. */
export const alarmChannels = ['mail', 'webhook'] as const
export type Channel = (typeof alarmChannels)[number]

/** How far an alarm is told through one channel. */
export type Telling = {
  /** How often it was told, and when last. */
  told: number
  toldAt: number | null
  /** What is still to be told; tried until it is, or until something newer replaces it. */
  next: { stage: 'first' | 'again' | 'over'; attempts: number; dueAt: number; fault: string | null } | null
}

/**
 * Something that is wrong, from when it was first seen until it is over. One record per thing (`key`), however often
 * it is seen: it is told once when it begins, again after a while, and when it is over.
 */
export type Alarm = {
  /** What it is about, such as `notification-failed:contact:office@example.jp`. */
  key: string
  kind: AlarmKind
  /** Null where it concerns the whole instance. */
  form: string | null
  since: number
  seenAt: number
  /** Null while it lasts. */
  overAt: number | null
  /** Facts for its sentences: class, recipient, reference, since when. */
  facts: Readonly<Record<string, string | number>>
  /** By each channel for itself, so that one that fails does not hold up the other. */
  channels: Readonly<Record<Channel, Telling>>
  /** Grows with every write. */
  version: number
}
