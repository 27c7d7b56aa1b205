import { describe, expect, test } from 'vitest'
import { sampleAccept, sampleForm, sampleWrite } from '../../../test/contracts/samples.ts'
import { type TestDeps, testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import { readMail } from '../../mail/read-mail.ts'
import type { OutboundAnswer, OutboundRequest } from '../deps.ts'
import { composeMessage } from '../messages/compose.ts'
import type { Evidence, Message, MessageEvent } from '../messages/message.ts'
import type { Role } from '../messages/roles.ts'
import { submissionStatus } from '../submissions/status.ts'
import { alarmKinds } from './alarm.ts'
import { alarmText } from './alarm-text.ts'
import { end, raise } from './lifecycle.ts'
import { tellAlarms, testAlarmMail, testWebhook } from './tell.ts'
import { createWatch } from './watch.ts'

const minute = 60_000
const hour = 60 * minute
const hook = { url: 'https://hooks.example/x', secret: 'whsec_c2VjcmV0' }

function rig(alarms: Partial<TestDeps['settings']['alarms']> = { webhook: hook }) {
  const requests: OutboundRequest[] = []
  const answers: OutboundAnswer[] = []
  const deps = testDeps({
    settings: { ...testSettings, alarms: { ...testSettings.alarms, ...alarms } },
    outbound: {
      async request(request) {
        requests.push(request)
        return answers.shift() ?? { kind: 'answered', status: 200, body: '' }
      },
    },
  })
  const watch = createWatch(deps)
  return {
    deps,
    requests,
    answers,
    watch,
    types: () => requests.map(({ body }) => JSON.parse(body ?? '').type as string),
    async round() {
      await watch.look()
      await tellAlarms(deps)
    },
  }
}

const evidence: Evidence = { transport: 'test', stage: 'rcpt', replyCode: 550, text: 'no' }

/** Stores a message of a role and writes an event on it, now. */
async function happens(
  deps: TestDeps,
  event: (base: { id: string; at: number }) => MessageEvent,
  role: Role = 'notification',
  known?: Message,
): Promise<Message> {
  let message = known
  if (message === undefined) {
    const command = sampleAccept({}, [{ role, createdAt: deps.clock.now() }])
    await deps.submissions.accept(command)
    ;[message] = await deps.messages.ofSubmission(command.submission.id)
  }
  if (message === undefined) throw new Error('no message')
  const at = deps.clock.now()
  await deps.messages.write(sampleWrite(message, event({ id: `${message.id}.${at}`, at })))
  return (await deps.messages.get(message.id)) as Message
}

const bounced = (base: { id: string; at: number }): MessageEvent => ({
  ...base,
  kind: 'bounced',
  hard: true,
  class: 'unknown-user',
  evidence,
})
const accepted = (base: { id: string; at: number }): MessageEvent => ({
  ...base,
  kind: 'accepted',
  by: 'relay',
  settleAt: base.at + hour,
  evidence,
})
const deferred =
  (name: 'authentication' | 'network' | 'rate-limited', stage: string) =>
  (base: { id: string; at: number }): MessageEvent => ({
    ...base,
    kind: 'deferred',
    turn: 1,
    attempt: 1,
    class: name,
    nextTryAt: base.at + hour,
    evidence: { transport: 'test', stage },
  })

describe('the watch', () => {
  test('a mail to a manager that was taken after a lost one ends the alarm; an older one does not', async () => {
    const { deps, watch } = rig()
    const slow = await happens(deps, accepted)
    deps.clock.advance(minute)
    await happens(deps, bounced)
    await watch.look()
    expect(await deps.alarms.active()).toMatchObject([{ kind: 'notification-failed', overAt: null }])
    expect(slow.state.since).toBeLessThan(deps.clock.now())
    deps.clock.advance(minute)
    await happens(deps, accepted)
    await watch.look()
    expect((await deps.alarms.get('notification-failed:contact:office@example.jp'))?.overAt).toBe(deps.clock.now())
  })

  test('a process that starts anew finds the same, and raises nothing that was over before', async () => {
    const { deps, watch } = rig()
    await happens(deps, bounced)
    await watch.look()
    deps.clock.advance(minute)
    await happens(deps, accepted)
    await watch.look()
    const before = await deps.alarms.list({ limit: 10 })
    await createWatch(deps).look()
    expect(await deps.alarms.list({ limit: 10 })).toEqual(before)

    deps.clock.advance(minute)
    await happens(deps, bounced)
    await createWatch(deps).look()
    expect(await deps.alarms.active()).toMatchObject([
      { since: deps.clock.now(), overAt: null, channels: { webhook: { told: 0 } } },
    ])
  })

  test('many processes that look at once open one alarm', async () => {
    const { deps } = rig()
    await happens(deps, bounced)
    await Promise.all(Array.from({ length: 5 }, () => createWatch(deps).look()))
    expect(await deps.alarms.active()).toHaveLength(1)
  })

  test('when the address gets mails of that form no more, no later one comes, and the alarm is over', async () => {
    const { deps, watch } = rig()
    const key = 'notification-failed:contact:office@example.jp'
    await deps.forms.put(sampleForm())
    await happens(deps, bounced)
    await watch.look()
    await watch.look()
    expect((await deps.alarms.get(key))?.overAt).toBeNull()

    deps.clock.advance(minute)
    await deps.forms.put(sampleForm({ version: 2, settings: { managers: ['right@example.jp'] } }))
    await watch.look()
    expect((await deps.alarms.get(key))?.overAt).toBe(deps.clock.now())
    await createWatch(deps).look()
    expect(await deps.alarms.get(key)).toMatchObject({ overAt: deps.clock.now(), since: deps.clock.now() - minute })

    // Who becomes a manager again is a manager like any other.
    await deps.forms.put(sampleForm({ version: 3, settings: { managers: ['office@example.jp'] } }))
    deps.clock.advance(minute)
    await happens(deps, bounced)
    await watch.look()
    expect(await deps.alarms.get(key)).toMatchObject({ since: deps.clock.now(), overAt: null })
  })

  test.each([
    ['a manager of the form', { managers: ['office@example.jp'] }],
    [
      'one whom a field chooses',
      { managers: ['x@example.jp'], route: { field: 'f', to: { a: ['office@example.jp'] } } },
    ],
    ['one whom a page may wish a copy for', { managers: ['x@example.jp'], cc: ['office@example.jp'] }],
    ['a manager of the instance', { route: { field: 'f', to: { a: ['x@example.jp'] } } }],
  ])('%s still gets mails, so the alarm stays', async (_, settings) => {
    const { deps, watch } = rig()
    await deps.forms.put(sampleForm({ settings }))
    await happens(deps, bounced)
    await watch.look()
    await watch.look()
    expect(await deps.alarms.active()).toMatchObject([{ kind: 'notification-failed', overAt: null }])
  })

  test('an alarm about a mail of an alarm is over when its recipient is no longer told of alarms', async () => {
    const { deps, watch } = rig({ webhook: hook, mailTo: ['office@example.jp'] })
    await happens(deps, bounced, 'alarm')
    await watch.look()
    await watch.look()
    const key = 'alarm-mail-failed:office@example.jp'
    expect((await deps.alarms.get(key))?.overAt).toBeNull()
    const alarms = { ...deps.settings.alarms, mailTo: ['ops@example.jp'] }
    await createWatch({ ...deps, settings: { ...deps.settings, alarms } }).look()
    expect((await deps.alarms.get(key))?.overAt).toBe(deps.clock.now())
  })

  test('what is stored a little after the time it names is not missed, also behind a thousand other news', async () => {
    const { deps, watch } = rig()
    const state = (name: 'delivered' | 'bounced_hard', since: number) => ({ state: { name, since, event: 'e' } })
    const at = deps.clock.now()
    const others = Array.from({ length: 1000 }, () => ({ role: 'confirmation' as const, ...state('delivered', at) }))
    await deps.submissions.accept(sampleAccept({}, others))
    const look = async () => {
      const over = watch.look()
      // It lets others take their turn.
      await deps.clock.advanceAsync(minute)
      await over
    }
    await look()
    await deps.submissions.accept(sampleAccept({}, [state('bounced_hard', at - 1)]))
    await look()
    expect(await deps.alarms.active()).toMatchObject([{ kind: 'notification-failed', overAt: null }])
  })

  test('after the clock was ahead for a while it sees as much as before, whatever was taken meanwhile', async () => {
    const { deps, watch } = rig()
    const at = deps.clock.now()
    await happens(deps, bounced)
    await watch.look()
    deps.clock.setNow(at + 24 * hour)
    await happens(deps, accepted)
    await watch.look()
    expect(await deps.alarms.active()).toMatchObject([{ overAt: at + 24 * hour }])
    deps.clock.setNow(at + minute)
    await happens(deps, bounced)
    const mails = [await happens(deps, deferred('authentication', 'auth'))]
    mails.push(await happens(deps, deferred('authentication', 'auth')))
    await watch.look()
    deps.clock.advance(11 * minute)
    for (const mail of mails) await happens(deps, deferred('authentication', 'auth'), 'notification', mail)
    await watch.look()
    const open = (await deps.alarms.active()).filter(({ overAt }) => overAt === null)
    expect(open.map(({ kind }) => kind).sort()).toEqual(['notification-failed', 'transport-refusing'])
  })

  test('what a confirmation suffers is no alarm of a manager', async () => {
    const { deps, watch } = rig()
    await happens(deps, bounced, 'confirmation')
    await watch.look()
    expect(await deps.alarms.active()).toEqual([])
  })

  test('a queue is stuck when its oldest due mail waits for too long, but not right after a start', async () => {
    const { deps, watch } = rig()
    await deps.submissions.accept(sampleAccept({}, [{ dueAt: deps.clock.now(), createdAt: deps.clock.now() }]))
    deps.clock.advance(14 * minute)
    await watch.look()
    expect(await deps.alarms.active()).toEqual([])
    await createWatch(deps).look()
    deps.clock.advance(2 * minute)
    await createWatch(deps).look()
    expect(await deps.alarms.active()).toEqual([])
    await watch.look()
    expect(await deps.alarms.active()).toMatchObject([{ kind: 'queue-stuck' }])

    const [leased] = await deps.messages.leaseDue({
      now: deps.clock.now(),
      until: deps.clock.now() + minute,
      limit: 1,
      rooms: {},
      defaultRoom: 1,
    })
    await happens(deps, accepted, 'notification', leased)
    await watch.look()
    expect((await deps.alarms.get('queue-stuck'))?.overAt).toBe(deps.clock.now())
  })

  test.each([
    ['a login that is refused', deferred('authentication', 'auth')],
    ['no connection', deferred('network', 'connect')],
  ])('a transport that refuses several mails for long, with %s, is told until it takes one', async (_name, refused) => {
    const { deps, watch } = rig()
    await happens(deps, refused)
    await happens(deps, refused, 'confirmation')
    await watch.look()
    deps.clock.advance(9 * minute)
    await watch.look()
    expect(await deps.alarms.active()).toEqual([])
    deps.clock.advance(2 * minute)
    await watch.look()
    expect(await deps.alarms.active()).toMatchObject([{ kind: 'transport-refusing' }])
    deps.clock.advance(minute)
    await happens(deps, accepted, 'confirmation')
    await watch.look()
    expect((await deps.alarms.get('transport-refusing'))?.overAt).toBe(deps.clock.now())
  })

  test('a transport that is slow, or that took a mail meanwhile, refuses nothing', async () => {
    const { deps, watch } = rig()
    await happens(deps, deferred('rate-limited', 'rcpt'))
    await happens(deps, deferred('network', 'final-dot'))
    await happens(deps, deferred('authentication', 'auth'))
    await happens(deps, deferred('authentication', 'auth'))
    deps.clock.advance(5 * minute)
    await happens(deps, accepted, 'confirmation')
    deps.clock.advance(20 * minute)
    await watch.look()
    expect(await deps.alarms.get('transport-refusing')).toBeNull()
  })

  test('confirmations that the breaker holds are told, of their form, until it closes', async () => {
    const { deps, watch } = rig()
    for (let n = 0; n < 25; n += 1) await happens(deps, n < 5 ? bounced : accepted, 'confirmation')
    await watch.look()
    expect(await deps.alarms.active()).toMatchObject([{ key: 'confirmation-breaker:contact', form: 'contact' }])
    deps.clock.advance(deps.settings.schedule.breakerWindow + minute)
    await watch.look()
    expect((await deps.alarms.get('confirmation-breaker:contact'))?.overAt).toBe(deps.clock.now())
  })

  test('a confirmation that bounced is told to the managers by mail where their form wants it, once', async () => {
    const { deps, watch } = rig()
    await deps.forms.put(sampleForm({ settings: { notification: { bounces: 'mail' } } }))
    const command = sampleAccept({}, [{ role: 'confirmation', recipient: 'hanako@example.jp' }])
    await deps.submissions.accept(command)
    const [message] = await deps.messages.ofSubmission(command.submission.id)
    await happens(deps, bounced, 'confirmation', message)
    await watch.look()
    await watch.look()
    await createWatch(deps).look()
    const updates = (await deps.messages.ofSubmission(command.submission.id)).filter(({ role }) => role === 'update')
    expect(updates).toMatchObject([{ recipient: 'office@example.jp', reference: command.submission.reference }])
    const { mail } = await composeMessage(deps, updates[0] as Message, sampleForm(), command.submission)
    const { subject, text } = await readMail(mail)
    expect(subject).toContain(`the confirmation of ${command.submission.reference} came back`)
    expect(text).toContain('the address hanako@example.jp does not work')
    // The submitter, who reads the status page, is told of the bounce itself, not of the mail about it.
    const status = await submissionStatus(deps, command.submission)
    expect(status.messages.map(({ role }) => role)).toEqual(['confirmation'])
  })

  test('without that setting it is not, nor while the submission waits for review', async () => {
    const { deps, watch } = rig()
    await happens(deps, bounced, 'confirmation')
    await deps.forms.put(sampleForm({ settings: { notification: { bounces: 'mail' } } }))
    const command = sampleAccept({ review: 'quarantined' }, [{ role: 'confirmation', recipient: 'hanako@example.jp' }])
    await deps.submissions.accept(command)
    const [message] = await deps.messages.ofSubmission(command.submission.id)
    await happens(deps, bounced, 'confirmation', message)
    await watch.look()
    expect((await deps.messages.ofSubmission(command.submission.id)).map(({ role }) => role)).toEqual(['confirmation'])
  })
})

describe('telling', () => {
  const cause = (since: number) => ({ key: 'queue-stuck', kind: 'queue-stuck', form: null, since, facts: {} }) as const

  test('a webhook that fails is tried again after longer and longer pauses, with the same id, until it takes it', async () => {
    const { deps, requests, answers } = rig()
    await raise(deps, cause(deps.clock.now()))
    const down: OutboundAnswer = { kind: 'failed', fault: 'ECONNREFUSED' }
    answers.push(down, { kind: 'answered', status: 500, body: '' }, { kind: 'answered', status: 302, body: '' })
    await tellAlarms(deps)
    await tellAlarms(deps)
    expect(requests).toHaveLength(1)
    expect((await deps.alarms.get('queue-stuck'))?.channels.webhook.next).toMatchObject({
      ...{ attempts: 1, fault: 'ECONNREFUSED' },
    })
    for (const pause of [5_000, 30_000, 120_000]) {
      deps.clock.advance(pause)
      await tellAlarms(deps)
    }
    expect(requests).toHaveLength(4)
    expect(new Set(requests.map(({ webhook }) => webhook?.id)).size).toBe(1)
    expect(await deps.alarms.get('queue-stuck')).toMatchObject({ channels: { webhook: { next: null, told: 1 } } })
  })

  test('a webhook that stays away holds up no mail: first, reminders and end go out, each once, over any restart', async () => {
    const { deps, answers, requests } = rig({ webhook: hook, mailTo: ['ops@elsewhere.example'] })
    const down: OutboundAnswer = { kind: 'failed', fault: 'ECONNREFUSED' }
    answers.push(...Array.from({ length: 500 }, () => down))
    await raise(deps, cause(deps.clock.now()))
    // Nothing is kept in between but what is stored, as after a restart.
    const later = async (ms: number) => {
      deps.clock.advance(ms)
      for (let round = 0; round < 3; round += 1) await tellAlarms({ ...deps })
    }
    const subjects = async () =>
      (await deps.messages.list({ role: 'alarm', limit: 50 })).items.map(({ content }) => content?.subject).toReversed()
    const title = 'Mail waits and is not sent'
    await later(0)
    await later(59 * minute)
    expect(await subjects()).toEqual([`[Todoku] Alarm: ${title}`])
    for (let day = 0; day < 3; day += 1) await later(24 * hour)
    await end(deps, 'queue-stuck', deps.clock.now())
    await later(0)
    expect(await subjects()).toEqual([
      `[Todoku] Alarm: ${title}`,
      `[Todoku] Alarm (still): ${title}`,
      `[Todoku] Alarm (still): ${title}`,
      `[Todoku] Alarm (still): ${title}`,
      `[Todoku] Over: ${title}`,
    ])
    expect(new Set(requests.map(({ webhook }) => webhook?.id)).size).toBe(2)
  })

  test('the same the other way round: without anybody to mail to, or with their mail lost, the webhook goes on', async () => {
    const { deps, types } = rig({ webhook: hook, mailTo: ['ops@elsewhere.example'] })
    await raise(deps, { ...cause(deps.clock.now()), key: 'alarm-mail-failed:x', kind: 'alarm-mail-failed' })
    await tellAlarms(deps)
    deps.clock.advance(2 * hour)
    await tellAlarms(deps)
    await end(deps, 'alarm-mail-failed:x', deps.clock.now())
    await tellAlarms(deps)
    expect(types()).toEqual(['alarm.first', 'alarm.again', 'alarm.over'])
    expect((await deps.messages.list({ role: 'alarm', limit: 50 })).items).toEqual([])
    expect(await deps.alarms.active()).toEqual([])
    expect((await deps.alarms.get('alarm-mail-failed:x'))?.channels.mail.told).toBe(0)
  })

  test('of many alarms one asks a webhook that is away, so that none waits for the time limits of the others', async () => {
    const { deps, answers, requests } = rig({ webhook: hook, mailTo: ['ops@elsewhere.example'] })
    for (let n = 0; n < 20; n += 1) await raise(deps, { ...cause(deps.clock.now()), key: `stuck:${n}` })
    answers.push({ kind: 'failed', fault: 'timeout' })
    await tellAlarms(deps)
    expect(requests).toHaveLength(1)
    expect((await deps.messages.list({ role: 'alarm', limit: 50 })).items).toHaveLength(20)
    deps.clock.advance(5_000)
    await tellAlarms(deps)
    expect(requests).toHaveLength(21)
  })

  test('two processes tell it once', async () => {
    const { deps, requests } = rig()
    await raise(deps, cause(deps.clock.now()))
    await Promise.all([tellAlarms(deps), tellAlarms(deps), tellAlarms(deps)])
    expect(requests).toHaveLength(1)
  })

  test('what is over before it was told is told as over', async () => {
    const { deps, types, answers } = rig()
    await raise(deps, cause(deps.clock.now()))
    answers.push({ kind: 'failed', fault: 'timeout' })
    await tellAlarms(deps)
    await end(deps, 'queue-stuck', deps.clock.now())
    await tellAlarms(deps)
    expect(types()).toEqual(['alarm.first', 'alarm.over'])
    expect(await deps.alarms.active()).toEqual([])
  })

  test('without any way an alarm stays open, untold, and is told when there is one', async () => {
    const { deps, types } = rig({})
    await raise(deps, cause(deps.clock.now()))
    await tellAlarms(deps)
    expect(await deps.alarms.active()).toMatchObject([{ channels: { webhook: { told: 0 } }, overAt: null }])
    const later = { ...deps, settings: { ...deps.settings, alarms: { ...deps.settings.alarms, webhook: hook } } }
    await tellAlarms(later)
    expect(types()).toEqual(['alarm.first'])
    const other = rig({})
    await raise(other.deps, cause(0))
    await end(other.deps, 'queue-stuck', 1)
    await tellAlarms(other.deps)
    expect(await other.deps.alarms.active()).toEqual([])
  })

  test('410 switches the webhook off, which is told by mail; a test that is answered switches it on again', async () => {
    const { deps, requests, answers } = rig({ webhook: hook, mailTo: ['ops@elsewhere.example'] })
    await raise(deps, cause(deps.clock.now()))
    answers.push({ kind: 'answered', status: 410, body: '' })
    await tellAlarms(deps)
    await tellAlarms(deps)
    expect(requests).toHaveLength(1)
    expect(await deps.alarms.get('webhook-gone')).toMatchObject({ overAt: null, channels: { mail: { told: 1 } } })
    const mails = (await deps.messages.list({ role: 'alarm', limit: 10 })).items
    expect(mails.map(({ content }) => content?.subject)).toEqual([
      '[Todoku] Alarm: The webhook for alarms is gone',
      '[Todoku] Alarm: Mail waits and is not sent',
    ])

    answers.push({ kind: 'answered', status: 500, body: '' })
    expect(await testWebhook(deps)).toBe('it answered 500')
    expect((await deps.alarms.get('webhook-gone'))?.overAt).toBeNull()
    expect(await testWebhook(deps)).toBeNull()
    expect((await deps.alarms.get('webhook-gone'))?.overAt).not.toBeNull()
  })

  test('another address than the one that is gone is used', async () => {
    const { deps, requests, answers } = rig()
    await raise(deps, cause(deps.clock.now()))
    answers.push({ kind: 'answered', status: 410, body: '' })
    await tellAlarms(deps)
    const alarms = { ...deps.settings.alarms, webhook: { ...hook, url: 'https://hooks.example/new' } }
    await end(deps, 'queue-stuck', deps.clock.now())
    await tellAlarms({ ...deps, settings: { ...deps.settings, alarms } })
    expect(requests.at(-1)).toMatchObject({ url: 'https://hooks.example/new' })
    expect((await deps.alarms.get('webhook-gone'))?.overAt).not.toBeNull()
  })

  test('tests of the ways say what became of them', async () => {
    const none = rig({})
    expect(await testWebhook(none.deps)).toBe('none')
    expect(await testAlarmMail(none.deps)).toEqual([])
    const both = rig({ webhook: hook, mailTo: ['ops@elsewhere.example'] })
    expect(await testAlarmMail(both.deps)).toEqual(['ops@elsewhere.example'])
    expect(await testWebhook(both.deps)).toBeNull()
    expect(both.types()).toEqual(['alarm.test'])
  })

  test('a secret never stands in what is sent', async () => {
    const { deps, requests } = rig()
    await raise(deps, cause(deps.clock.now()))
    await tellAlarms(deps)
    expect(requests[0]?.body).not.toContain('c2VjcmV0')
    expect(JSON.stringify(deps.lines)).not.toContain('hooks.example')
  })
})

test('every kind of alarm has its words in both languages, with and without facts', () => {
  for (const kind of alarmKinds) {
    for (const language of ['en', 'ja'] as const) {
      for (const facts of [
        {},
        { recipient: 'a@b.example', reference: 'ABC', class: 'network', reply: 'x', step: 'post' },
      ]) {
        const { title, sentence, next } = alarmText({ kind, form: 'contact', facts }, language)
        for (const text of [title, sentence, next]) {
          expect(text).not.toBe('')
          expect(text).not.toMatch(/undefined|null/)
        }
      }
    }
  }
})
