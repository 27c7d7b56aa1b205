import type { RefusalClass } from '../../mail/refusal-classes.ts'
import type { Deps, MessageNews } from '../deps.ts'
import { confirmationBreaker } from '../messages/breaker.ts'
import { isLost, isTaken } from '../messages/fold.ts'
import type { MessageState } from '../messages/message.ts'
import { followNews } from '../messages/news.ts'
import { mayBeNotified } from '../messages/plan.ts'
import type { AlarmKind } from './alarm.ts'
import { tellBounce } from './bounce-note.ts'
import { end, raise } from './lifecycle.ts'

type WatchDeps = Pick<Deps, 'messages' | 'alarms' | 'settings' | 'clock' | 'log' | 'metrics'> &
  Parameters<typeof tellBounce>[0]

export interface Watch {
  /** Looks at what changed since the last look, and opens and ends alarms by it. */
  look(): Promise<void>
}

/** A bounce that is older is not told by mail any more, should the form's setting come only now. */
const bounceIsNews = 24 * 3_600_000

/** Refused messages that are remembered; more of them say nothing new. */
const maxRefusals = 1000

/**
 * Whether a manager has to be told in another way. What is for them must not wait for a person either; but what waits for a
 * digest of a flood is told by that, whose own loss is one. What was cancelled was meant to be. What may have arrived is told
 * in the daily digest, except a digest itself: that one is told nowhere else.
 */
function isToldOf({ role, reference, state }: MessageNews): boolean {
  if (state.name === 'held') return state.heldReason !== 'flood'
  if (state.name === 'unknown') return role === 'update' && reference === ''
  return isLost(state) && state.name !== 'cancelled'
}

/** We are refused, whatever the mail and whoever its recipient. */
const refusing: ReadonlySet<RefusalClass> = new Set(['authentication', 'relaying-denied', 'network'])

/** Stages of an attempt in which nothing of the mail was said yet. */
const early: ReadonlySet<string> = new Set(['connect', 'greeting', 'ehlo', 'starttls', 'auth'])

/**
 * Finds out what is wrong, from what is stored: so it does not matter who sent the mails, how often it looks, or
 * whether it was restarted in between.
 *
 * | alarm | begins | is over |
 * |---|---|---|
 * | notification-failed | a mail to a manager is lost | a later one to the same manager was taken, or they get no more of them |
 * | alarm-mail-failed | a mail of an alarm is lost | a later one to the same address was taken, or it gets no more of them |
 * | transport-refusing | several mails are refused for what we are, for long | a mail was taken |
 * | confirmation-breaker | the breaker holds confirmations of a form, or of all | it does not |
 * | queue-stuck | the oldest due mail waits for too long | none does |
 */
export function createWatch(deps: WatchDeps): Watch {
  const readNews = followNews(deps)
  const startedAt = deps.clock.monotonic()
  const refusals = createRefusals()

  async function look(): Promise<void> {
    const now = deps.clock.now()
    refusals.forgetAfter(now)
    /** Of each manager's mails: the last that was lost, and the last that was taken after it. */
    const latest = new Map<string, { lost: MessageNews | null; taken: MessageNews | null }>()
    /** Forms whose confirmations failed; null stands for all forms together. */
    const failing = new Set<string | null>()
    for await (const news of readNews()) {
      for (const item of news) {
        // By a clock that was ahead; then it was seen. Now it would be later than everything that happens.
        if (item.state.since > now) continue
        if (item.role !== 'alarm') await refusals.see(deps, item)
        if (item.role === 'confirmation' && item.state.name === 'bounced_hard' && item.state.since > now - bounceIsNews)
          await tellBounce(deps, item)
        if (item.role === 'confirmation' && (item.state.name === 'bounced_hard' || item.state.name === 'complained'))
          failing.add(item.form).add(null)
        if (item.role === 'confirmation') continue
        if (isToldOf(item)) latest.set(keyOf(item), { lost: item, taken: null })
        else if (isTaken(item.state))
          latest.set(keyOf(item), { lost: latest.get(keyOf(item))?.lost ?? null, taken: item })
      }
    }
    for (const [key, { lost, taken }] of latest) {
      // A lost one is told also when a later one arrived before we looked.
      if (lost !== null) await judgeManager(deps, key, lost)
      if (taken !== null) await judgeManager(deps, key, taken)
    }
    await endOfFormerRecipients(deps)
    await judgeBreakers(deps, failing)
    await judgeTransport(now)
    await judgeQueue(now)
  }

  async function judgeTransport(now: number): Promise<void> {
    const { since, count, class: name } = refusals.now()
    if (count >= 2 && since <= now - deps.settings.alarms.refusingAfter) {
      await raise(deps, { key: transportKey, kind: 'transport-refusing', form: null, since, facts: { class: name } })
    }
    const open = await deps.alarms.get(transportKey)
    const takenAt = refusals.takenAt()
    if (open !== null && takenAt > open.since && count === 0) await end(deps, transportKey, takenAt)
  }

  async function judgeQueue(now: number): Promise<void> {
    const { stuckAfter } = deps.settings.alarms
    const { oldestDueAt } = await deps.messages.counts(now)
    if (oldestDueAt === null || oldestDueAt > now - stuckAfter) {
      await end(deps, queueKey, now)
    } else if (deps.clock.monotonic() - startedAt >= stuckAfter) {
      // What a process finds waiting when it starts is not stuck before it had its time.
      await raise(deps, { key: queueKey, kind: 'queue-stuck', form: null, since: now, facts: {} })
    }
  }

  return { look }
}

const transportKey = 'transport-refusing'
const queueKey = 'queue-stuck'

function keyOf({ role, form, recipient }: MessageNews): string {
  const kind: AlarmKind = role === 'alarm' ? 'alarm-mail-failed' : 'notification-failed'
  return role === 'alarm' ? `${kind}:${recipient}` : `${kind}:${form}:${recipient}`
}

async function judgeManager(deps: WatchDeps, key: string, item: MessageNews): Promise<void> {
  const { role, form, recipient, reference, state } = item
  if (isTaken(state)) return await end(deps, key, state.since)
  const kind = role === 'alarm' ? 'alarm-mail-failed' : 'notification-failed'
  const facts = { recipient, reference, state: state.name, ...reasonOf(state), ...(await replyOf(deps, item)) }
  await raise(deps, { key, kind, form: form === '' ? null : form, since: state.since, facts })
}

/**
 * Whoever corrects an address does what the alarm asked for. No later mail to the old one is ever taken, so that its alarm
 * would stay for good.
 */
async function endOfFormerRecipients(deps: WatchDeps): Promise<void> {
  for (const { key, kind, form, facts, overAt } of await deps.alarms.active()) {
    if (overAt !== null || typeof facts.recipient !== 'string') continue
    const { recipient } = facts
    const isFormer =
      kind === 'alarm-mail-failed'
        ? !deps.settings.alarms.mailTo.includes(recipient)
        : kind === 'notification-failed' &&
          !mayBeNotified(deps, form === null ? null : await deps.forms.get(form), recipient)
    if (isFormer) await end(deps, key, deps.clock.now())
  }
}

/** The breaker keeps no state of its own: those that may have opened are asked, and those whose alarm is open. */
async function judgeBreakers(deps: WatchDeps, failing: ReadonlySet<string | null>): Promise<void> {
  const active = await deps.alarms.active()
  const known = active.filter(({ kind, overAt }) => kind === 'confirmation-breaker' && overAt === null)
  for (const form of new Set([...failing, ...known.map((alarm) => alarm.form)])) {
    const key = form === null ? 'confirmation-breaker' : `confirmation-breaker:${form}`
    const { open } = await confirmationBreaker(deps, form)
    const now = deps.clock.now()
    if (open) await raise(deps, { key, kind: 'confirmation-breaker', form, since: now, facts: {} })
    else await end(deps, key, now)
  }
}

function reasonOf({ class: name }: MessageState): { class?: RefusalClass } {
  return name === undefined ? {} : { class: name }
}

/** The other side's own words, cut to a line. */
async function replyOf(deps: WatchDeps, { id, state }: MessageNews): Promise<{ reply?: string }> {
  const message = await deps.messages.get(id)
  const event = message?.events.find((one) => one.id === state.event)
  const evidence = event !== undefined && 'evidence' in event ? event.evidence : undefined
  const words = [evidence?.replyCode, evidence?.enhancedCode, evidence?.text, evidence?.fault]
    .filter((word) => word !== undefined && word !== '')
    .join(' ')
    .replace(/\s+/g, ' ')
    .slice(0, 200)
  return words === '' ? {} : { reply: words }
}

/** Which mails are refused for what we are, since the last one that was taken. */
function createRefusals() {
  const first = new Map<string, { at: number; class: RefusalClass }>()
  let takenAt = 0

  return {
    takenAt: () => takenAt,
    /** Drops what a clock that was ahead named. */
    forgetAfter(now: number): void {
      if (takenAt > now) takenAt = 0
      for (const [refused, { at }] of first) if (at > now) first.delete(refused)
    },
    now(): { since: number; count: number; class: RefusalClass } {
      let oldest: { at: number; class: RefusalClass } | null = null
      for (const refusal of first.values()) if (oldest === null || refusal.at < oldest.at) oldest = refusal
      return { since: oldest?.at ?? 0, count: first.size, class: oldest?.class ?? 'network' }
    },
    async see(deps: WatchDeps, { id, state }: MessageNews): Promise<void> {
      if (isTaken(state)) {
        takenAt = Math.max(takenAt, state.since)
        for (const [refused, { at }] of first) if (at <= takenAt) first.delete(refused)
        return
      }
      if (state.name !== 'deferred' && state.name !== 'failed') return
      const { class: name } = state
      if (name === undefined || !refusing.has(name) || state.since <= takenAt) return
      if (first.has(id) || first.size >= maxRefusals) return
      if (name === 'network' && !(await failedEarly(deps, id, state.event))) return
      first.set(id, { at: state.since, class: name })
    },
  }
}

async function failedEarly(deps: WatchDeps, id: string, eventId: string): Promise<boolean> {
  const event = (await deps.messages.get(id))?.events.find((one) => one.id === eventId)
  return event?.kind === 'deferred' && early.has(event.evidence.stage ?? '')
}
