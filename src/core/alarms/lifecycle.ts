import type { Deps } from '../deps.ts'
import type { Alarm, AlarmKind, Channel, Telling } from './alarm.ts'

type LifecycleDeps = Pick<Deps, 'alarms' | 'clock' | 'log' | 'metrics'>

/** Something that is wrong, as it was found. */
export type Cause = {
  key: string
  kind: AlarmKind
  form: string | null
  /** When it began. What began before the last time it was over is old news, unless a clock that was ahead named that time. */
  since: number
  facts: Alarm['facts']
}

/** Writers of one alarm at the same moment are few; more rounds than this mean that something else is wrong. */
const maxRounds = 10

/**
 * Opens the alarm of a cause, or keeps it open with the newest facts. The same cause seen again, also by another
 * process, changes nothing.
 */
export async function raise(deps: LifecycleDeps, cause: Cause): Promise<void> {
  let isNew = false
  await change(deps, cause.key, (known) => {
    const now = deps.clock.now()
    isNew = known === null || (known.overAt !== null && (cause.since > known.overAt || known.overAt > now))
    if (isNew) {
      const { key, kind, form, since, facts } = cause
      const first: Telling = { told: 0, toldAt: null, next: firstTry('first', now) }
      return { key, kind, form, since, seenAt: now, overAt: null, facts, channels: { mail: first, webhook: first } }
    }
    if (known === null || known.overAt !== null || sameFacts(known.facts, cause.facts)) return null
    return { ...known, seenAt: now, facts: cause.facts }
  })
  if (!isNew) return
  const { kind, form } = cause
  deps.log.error({ code: kind, ...(form === null ? {} : { form }) }, 'an alarm was raised')
  deps.metrics.countFault(`alarm-${kind}`)
}

/** Ends an alarm, if it is open; that is told as its beginning was. */
export async function end(deps: LifecycleDeps, key: string, overAt: number): Promise<void> {
  const ended = await change(deps, key, (known) =>
    known === null || known.overAt !== null
      ? null
      : {
          ...known,
          overAt: Math.max(overAt, known.since),
          channels: {
            mail: { ...known.channels.mail, next: firstTry('over', deps.clock.now()) },
            webhook: { ...known.channels.webhook, next: firstTry('over', deps.clock.now()) },
          },
        },
  )
  if (ended !== null) deps.log.info({ code: ended.kind }, 'an alarm is over')
}

/** Something that is to be told now, and was not tried yet. */
export function firstTry(stage: NonNullable<Telling['next']>['stage'], now: number): NonNullable<Telling['next']> {
  return { stage, attempts: 0, dueAt: now, fault: null }
}

/** An alarm with another standing of one of its channels. */
export function withChannel<T extends Pick<Alarm, 'channels'>>(alarm: T, channel: Channel, telling: Telling): T {
  return { ...alarm, channels: { ...alarm.channels, [channel]: telling } }
}

/** Whether something is still to be told. */
export function isTelling({ channels }: Pick<Alarm, 'channels'>): boolean {
  return channels.mail.next !== null || channels.webhook.next !== null
}

/**
 * Computes an alarm anew from what is stored until nobody came between.
 *
 * @param next null where there is nothing to change
 * @returns what was written; null when nothing was
 */
export async function change(
  deps: Pick<Deps, 'alarms'>,
  key: string,
  next: (known: Alarm | null) => Omit<Alarm, 'version'> | null,
): Promise<Alarm | null> {
  for (let round = 0; round < maxRounds; round += 1) {
    const known = await deps.alarms.get(key)
    const changed = next(known)
    if (changed === null) return null
    const alarm = { ...changed, version: (known?.version ?? 0) + 1 }
    if ((await deps.alarms.put(alarm)) === 'ok') return alarm
  }
  throw new Error(`the alarm ${key} is written by others all the time`)
}

function sameFacts(a: Alarm['facts'], b: Alarm['facts']): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}
