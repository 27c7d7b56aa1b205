import { base64url } from '../base-encoding.ts'
import type { Deps, OutboundAnswer } from '../deps.ts'
import { contentId, markdownText, planContent } from '../messages/content.ts'
import { type Alarm, alarmChannels, type Channel, type Telling } from './alarm.ts'
import { alarmText, alarmTimes } from './alarm-text.ts'
import { change, end, firstTry, raise, withChannel } from './lifecycle.ts'

type TellDeps = Pick<
  Deps,
  | 'alarms'
  | 'messages'
  | 'queue'
  | 'settings'
  | 'transport'
  | 'alarmTransport'
  | 'outbound'
  | 'crypto'
  | 'clock'
  | 'log'
  | 'metrics'
>

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** Pauses before a webhook is tried again; the last one repeats. */
const pauses: readonly number[] = [5 * second, 30 * second, 2 * minute, 10 * minute, 30 * minute, hour, 4 * hour]

/** News that something is over is worth this many tries; what lasts is tried until it is told. */
const maxOverAttempts = 20

const goneKey = 'webhook-gone'

/**
 * Tells what is to be told, by mail and through the webhook, each if it is set and not itself what the alarm is about:
 * the failure of an alarm's mail is never told by mail, so that no failure feeds itself. Each channel has its own stages,
 * reminders and tries, and mails go first: what one can't do never keeps the other from it.
 *
 * A telling is claimed before it goes out, so that of two processes one does it; a claim whose process died is made again
 * after its pause. The webhook's id and the mail's are those of the telling, so that a receiver knows a repetition.
 */
export async function tellAlarms(deps: TellDeps): Promise<void> {
  for (const channel of alarmChannels) {
    for (const alarm of await deps.alarms.active()) {
      const now = deps.clock.now()
      const telling = alarm.channels[channel]
      const next = telling.next ?? (isDueAgain(deps, alarm, telling, now) ? firstTry('again', now) : null)
      if (next === null || next.dueAt > now) continue
      const isReached = await tellOne(deps, { channel, next, alarm: withChannel(alarm, channel, { ...telling, next }) })
      // Nobody is there: the others wait for the next round, since each would wait as long in vain.
      if (!isReached) break
    }
  }
}

function isDueAgain({ settings }: TellDeps, { overAt }: Alarm, { told, toldAt }: Telling, now: number): boolean {
  const { tellAgainAfter } = settings.alarms
  const pause = tellAgainAfter[Math.min(told, tellAgainAfter.length) - 1]
  return overAt === null && toldAt !== null && pause !== undefined && now >= toldAt + pause
}

/** What is told now of an alarm, through one channel. */
type Due = { alarm: Alarm; channel: Channel; next: NonNullable<Telling['next']> }

/** @returns whether the other side was reached, whatever it said */
async function tellOne(deps: TellDeps, due: Due): Promise<boolean> {
  if (!(await isUsable(deps, due))) {
    // Nobody can be told. What is over need not wait for somebody; what lasts is told when there is a way.
    if (due.next.stage === 'over') await settle(deps, due, 'dropped')
    return true
  }
  const claimed = await claim(deps, due)
  if (claimed === null) return true
  if (due.channel === 'mail') {
    await mail(deps, claimed)
    await settle(deps, claimed, 'told')
    return true
  }
  const { fault, isReached } = await callWebhook(deps, claimed)
  if (fault !== null)
    deps.log.warn({ code: due.alarm.kind, stage: due.next.stage }, `an alarm could not be told: ${fault}`)
  await settle(deps, claimed, fault === null ? 'told' : { fault })
  return isReached
}

async function isUsable(deps: TellDeps, { channel, alarm }: Due): Promise<boolean> {
  const { webhook, mailTo } = deps.settings.alarms
  if (channel === 'mail') return mailTo.length > 0 && alarm.kind !== 'alarm-mail-failed'
  return webhook !== null && alarm.kind !== 'webhook-gone' && !(await isGone(deps, webhook.url))
}

/** Takes the telling for this process, and plans the next try should this one come to nothing. */
async function claim(deps: TellDeps, { alarm, channel, next }: Due): Promise<Due | null> {
  const pause = pauses[Math.min(next.attempts, pauses.length - 1)] ?? hour
  const taken = { ...next, attempts: next.attempts + 1, dueAt: deps.clock.now() + pause }
  const telling = { ...alarm.channels[channel], next: taken }
  const written = { ...withChannel(alarm, channel, telling), version: alarm.version + 1 }
  return (await deps.alarms.put(written)) === 'ok' ? { alarm: written, channel, next: taken } : null
}

/** Records what became of a telling, unless something newer is to be told meanwhile. */
async function settle(
  deps: TellDeps,
  { alarm, channel, next }: Due,
  result: 'told' | 'dropped' | { fault: string },
): Promise<void> {
  const { stage, attempts } = next
  await change(deps, alarm.key, (known) => {
    const telling = known?.channels[channel]
    if (known?.since !== alarm.since || telling?.next?.stage !== stage) return null
    if (result === 'told')
      return withChannel(known, channel, { told: telling.told + 1, toldAt: deps.clock.now(), next: null })
    if (result === 'dropped' || (stage === 'over' && attempts >= maxOverAttempts))
      return withChannel(known, channel, { ...telling, next: null })
    return withChannel(known, channel, { ...telling, next: { ...telling.next, ...result } })
  })
}

/** The mail of a telling; a second try stores the same one, once. */
async function mail(deps: TellDeps, { alarm, next: { stage } }: Due): Promise<void> {
  const { language, timeZone, publicUrl } = deps.settings
  const { title, sentence, next } = alarmText(alarm, language)
  const over = stage === 'over'
  const marks = {
    first: { en: 'Alarm', ja: '警報' },
    again: { en: 'Alarm (still)', ja: '警報（継続中）' },
    over: { en: 'Over', ja: '解消' },
  }
  const body = [
    sentence,
    alarmTimes(alarm, language, timeZone),
    ...(over ? [{ en: 'It is over now.', ja: '現在は解消しています。' }[language]] : [next]),
  ]
  await deps.messages.add(
    deps.settings.alarms.mailTo.map((recipient) =>
      planContent(deps, {
        id: contentId(deps, 'alarm', alarm.key, alarm.since, stage, alarm.channels.mail.told, recipient),
        role: 'alarm',
        recipient,
        language,
        form: null,
        about: null,
        content: {
          subject: `[Todoku] ${marks[stage][language]}: ${title}`,
          body: `${body.map(markdownText).join('\n\n')}\n\n<${publicUrl}/app/>\n`,
        },
      }),
    ),
  )
  deps.queue.announce()
}

// --- webhook ----------------------------------------------------------------------------------------------------

/** @returns why it was not told, null when it was; and whether anything answered */
async function callWebhook(
  deps: TellDeps,
  { alarm, next: { stage } }: Due,
): Promise<{ fault: string | null; isReached: boolean }> {
  const id = `msg_${contentId(deps, 'webhook', alarm.key, alarm.since, stage, alarm.channels.webhook.told)}`
  const answer = await post(deps, id, `alarm.${stage}`, alarm)
  const fault = faultOf(answer)
  if (answer.kind !== 'answered' || answer.status !== 410) return { fault, isReached: answer.kind === 'answered' }
  const { webhook } = deps.settings.alarms
  const facts = { target: targetOf(deps, webhook?.url ?? '') }
  await raise(deps, { key: goneKey, kind: 'webhook-gone', form: null, since: deps.clock.now(), facts })
  // Nobody will ever hear it there; mails and pages tell it.
  return { fault: null, isReached: true }
}

/**
 * Sends a test through the webhook, as an alarm would go. One that answers again is used again, also after a 410.
 *
 * @returns why it did not arrive; null when it did; `none` when no webhook is set
 */
export async function testWebhook(deps: TellDeps & Pick<Deps, 'ids'>): Promise<string | null | 'none'> {
  if (deps.settings.alarms.webhook === null) return 'none'
  const fault = await tryWebhook(deps, `msg_${deps.ids.next()}`)
  if (fault === null) await end(deps, goneKey, deps.clock.now())
  return fault
}

/**
 * Sends a test to the webhook, shaped as an alarm is, and does nothing more.
 *
 * @param id of the request, for receivers that know a repetition by it
 * @returns why it did not arrive; null when it did
 */
export async function tryWebhook(
  deps: Pick<Deps, 'settings' | 'clock' | 'outbound'>,
  id: string,
): Promise<string | null> {
  const since = deps.clock.now()
  const test = { key: 'test', kind: 'test', form: null, since, overAt: null, facts: {} } as const
  return faultOf(await post(deps, id, 'alarm.test', test))
}

/** Queues a test mail to everybody who is told of alarms. @returns its recipients */
export async function testAlarmMail(deps: TellDeps & Pick<Deps, 'ids'>): Promise<readonly string[]> {
  const { mailTo } = deps.settings.alarms
  const { language } = deps.settings
  const { title, sentence, next } = alarmText({ kind: 'test', form: null, facts: {} }, language)
  const content = { subject: `[Todoku] ${title}`, body: `${markdownText(sentence)}\n\n${markdownText(next)}\n` }
  await deps.messages.add(
    mailTo.map((recipient) =>
      planContent(deps, { id: deps.ids.next(), role: 'alarm', recipient, language, form: null, about: null, content }),
    ),
  )
  if (mailTo.length > 0) deps.queue.announce()
  return mailTo
}

/** A Standard Webhook: thin enough for a chat bot, with the sentence that a person needs. */
async function post(
  deps: Pick<Deps, 'settings' | 'clock' | 'outbound'>,
  id: string,
  type: string,
  alarm: Pick<Alarm, 'key' | 'kind' | 'form' | 'since' | 'overAt' | 'facts'>,
): Promise<OutboundAnswer> {
  const { alarms, language } = deps.settings
  if (alarms.webhook === null) return { kind: 'failed', fault: 'no webhook is set' }
  const now = deps.clock.now()
  const { title, sentence, next } = alarmText(alarm, language)
  const { key, kind, form, since, overAt, facts } = alarm
  return await deps.outbound.request({
    method: 'POST',
    url: alarms.webhook.url,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      type,
      timestamp: iso(now),
      data: {
        key,
        kind,
        form,
        since: iso(since),
        overAt: overAt === null ? null : iso(overAt),
        title,
        sentence,
        next,
        reference: facts.reference ?? null,
        recipient: facts.recipient ?? null,
        class: facts.class ?? null,
      },
    }),
    allowPrivate: alarms.allowPrivate,
    webhook: { id, at: now, secret: alarms.webhook.secret },
  })
}

function faultOf(answer: OutboundAnswer): string | null {
  if (answer.kind === 'failed') return answer.fault
  return answer.status >= 200 && answer.status <= 299 ? null : `it answered ${answer.status}`
}

async function isGone(deps: TellDeps, url: string): Promise<boolean> {
  const gone = await deps.alarms.get(goneKey)
  if (gone === null || gone.overAt !== null) return false
  if (gone.facts.target === targetOf(deps, url)) return true
  // Another address was set since.
  await end(deps, goneKey, deps.clock.now())
  return false
}

/** The address itself may hold a secret, so it is kept as its hash. */
function targetOf(deps: Pick<Deps, 'crypto'>, url: string): string {
  return base64url(deps.crypto.sha256(url)).slice(0, 22)
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
