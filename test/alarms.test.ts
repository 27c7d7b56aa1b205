import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSmtpTransport } from '../src/adapters/smtp/transport.ts'
import { httpOutbound } from '../src/adapters/webhook/outbound.ts'
import { tellAlarms } from '../src/core/alarms/tell.ts'
import { createWatch } from '../src/core/alarms/watch.ts'
import type { Settings } from '../src/core/settings.ts'
import { explain } from '../src/core/submissions/explain.ts'
import { submissionStatus } from '../src/core/submissions/status.ts'
import { heartbeatJob } from '../src/jobs/heartbeat.ts'
import { engineRig, smtpEngineRig } from './fakes/engine-rig.ts'
import { type Script, startScriptedSmtpServer } from './fakes/scripted-smtp-server.ts'
import { testSettings } from './fakes/test-deps.ts'

const secret = `whsec_${Buffer.from('a secret of thirty-two bytes !!!').toString('base64')}`
const minute = 60_000

type Told = { headers: Record<string, string | string[] | undefined>; body: string }

/** A receiver of webhooks and heartbeats on this machine. */
async function startReceiver(): Promise<{ url: string; told: Told[]; statuses: number[] }> {
  const told: Told[] = []
  const statuses: number[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      told.push({ headers: request.headers, body })
      response.writeHead(statuses.shift() ?? 204).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, told, statuses }
}

/** The engine with a relay that refuses managers, and a second way of alarms: webhook, and mail by another relay. */
async function watchedRig(main: Script | readonly Script[], second: Script = {}) {
  const receiver = await startReceiver()
  const alarmServer = await startScriptedSmtpServer(second)
  const alarms: Settings['alarms'] = {
    ...testSettings.alarms,
    webhook: { url: receiver.url, secret },
    mailTo: ['ops@elsewhere.example'],
    allowPrivate: true,
  }
  const rig = await smtpEngineRig(main, {
    settings: { alarms },
    wrap: (deps) => {
      const transport = createSmtpTransport(
        {
          host: '127.0.0.1',
          port: alarmServer.port,
          security: 'none',
          auth: null,
          heloName: 'a.test',
          source: 'alarms',
          idleMs: 0,
        },
        deps,
      )
      onTestFinished(async () => {
        const closed = transport.close()
        await alarmServer.close()
        await closed
      })
      return { alarmTransport: transport, outbound: httpOutbound(deps) }
    },
  })
  const watch = createWatch(rig.deps)
  /** The mails that alarms caused, once none of them is on its way any more. */
  const alarmMails = async () => {
    for (;;) {
      const { items } = await rig.deps.messages.list({ role: 'alarm', limit: 50 })
      if (items.every(({ dueAt, lease }) => dueAt === null && lease === null)) return items
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const round = async () => {
    await watch.look()
    await tellAlarms(rig.deps)
    await alarmMails()
  }
  return { ...rig, receiver, alarmServer, round, alarmMails }
}

const noSuchUser: Script = { rcpt: '550 5.1.1 no such user here' }

describe('invariant 5', () => {
  test('a failed notification raises an alarm through another channel, and its fate is visible to the manager', async () => {
    const { deps, receiver, alarmServer, server, round, alarmMails, post, ended } = await watchedRig(noSuchUser)
    const submission = await post()
    expect((await ended(submission, 'notification')).state.name).toBe('bounced_hard')
    await round()

    // By webhook, signed, thin, with a sentence and a next step.
    expect(receiver.told).toHaveLength(1)
    const [{ headers, body } = { headers: {}, body: '' }] = receiver.told
    const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
    mac.update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    expect(headers['webhook-signature']).toBe(`v1,${mac.digest('base64')}`)
    expect(JSON.parse(body)).toMatchObject({
      type: 'alarm.first',
      data: { kind: 'notification-failed', form: 'contact', reference: submission.reference, class: 'unknown-user' },
    })
    expect(JSON.parse(body).data.sentence).toContain('no such user here')
    expect(body.length).toBeLessThan(20_000)

    // By mail, through the other relay alone.
    expect((await alarmMails()).map(({ state }) => state.name)).toEqual(['accepted'])
    expect(alarmServer.dots('ops@elsewhere.example')).toBe(1)
    expect(server.mails.map(({ rcpt }) => rcpt).join()).not.toContain('ops@')
    expect(String(alarmServer.mails[0]?.content)).toContain('[Todoku] Alarm: office@example.jp gets no mail')

    // Visible where managers look.
    const story = await explain(deps, submission, 'en')
    expect(story.now.join()).toContain('The notification to office@example.jp came back')
    const status = await submissionStatus(deps, submission)
    expect(status.messages.find(({ role }) => role === 'notification')?.state).toBe('bounced_hard')
    expect(await deps.alarms.active()).toMatchObject([
      { kind: 'notification-failed', overAt: null, channels: { mail: { told: 1 }, webhook: { told: 1 } } },
    ])
  })

  test('it is told once, again while it lasts, and when it is over', async () => {
    const { deps, clock, receiver, round, post, ended } = await watchedRig([noSuchUser, noSuchUser, {}])
    const first = await post()
    await ended(first, 'confirmation')
    await ended(first, 'notification')
    const types = () => receiver.told.map(({ body }) => JSON.parse(body).type)
    await round()
    await round()
    clock.advance(30 * minute)
    await round()
    expect(types()).toEqual(['alarm.first'])
    clock.advance(31 * minute)
    await round()
    await round()
    expect(types()).toEqual(['alarm.first', 'alarm.again'])
    clock.advance(2 * 60 * minute)
    await round()
    expect(types()).toHaveLength(2)
    clock.advance(24 * 60 * minute)
    await round()
    expect(types()).toEqual(['alarm.first', 'alarm.again', 'alarm.again'])

    // The relay takes mail from its third connection on.
    for (let name = ''; name !== 'accepted'; ) name = (await ended(await post(), 'notification')).state.name
    await round()
    expect(types().at(-1)).toBe('alarm.over')
    expect(await deps.alarms.active()).toEqual([])
    expect(new Set(receiver.told.map(({ headers }) => headers['webhook-id'])).size).toBe(4)
  })

  test('an alarm whose mail fails is told by the webhook alone, and feeds nothing', async () => {
    const { deps, receiver, round, alarmMails, post, ended } = await watchedRig(noSuchUser, noSuchUser)
    await ended(await post(), 'notification')
    for (let turn = 0; turn < 5; turn += 1) {
      await round()
    }
    expect(receiver.told.map(({ body }) => JSON.parse(body).data.kind)).toEqual([
      'notification-failed',
      'alarm-mail-failed',
    ])
    expect(await alarmMails()).toHaveLength(1)
    const active = await deps.alarms.active()
    expect(active.map(({ channels }) => channels.webhook.next)).toEqual([null, null])
    expect(active.map(({ kind, channels }) => [kind, channels.mail.told]).toSorted()).toEqual([
      ['alarm-mail-failed', 0],
      ['notification-failed', 1],
    ])
  })

  test('the heartbeat goes out while the loop comes round, and stops when it is stuck', async () => {
    const receiver = await startReceiver()
    let stuck: Promise<never[]> | null = null
    const free = Promise.withResolvers<never[]>()
    const { deps, clock, delivery } = await engineRig({
      settings: { alarms: { ...testSettings.alarms, heartbeat: receiver.url, allowPrivate: true } },
      wrap: ({ messages }) => ({
        messages: { ...messages, leaseDue: (query) => stuck ?? messages.leaseDue(query) },
      }),
    })
    const beat = () => heartbeatJob({ ...deps, outbound: httpOutbound(deps) }, delivery).run(deps as never)
    await clock.advanceAsync(5 * minute)
    await beat()
    expect(receiver.told).toHaveLength(1)

    stuck = free.promise
    await clock.advanceAsync(5 * minute)
    await beat()
    expect(receiver.told).toHaveLength(1)
    expect(deps.lines.at(-1)).toMatchObject({ level: 'error', fields: { code: 'heartbeat' } })
    free.resolve([])
  })
})
