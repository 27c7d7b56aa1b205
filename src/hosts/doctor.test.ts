import { mkdtempSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { type Script, startScriptedSmtpServer } from '../../test/fakes/scripted-smtp-server.ts'
import { readConfig } from '../config/read-config.ts'
import type { MailServers, OutboundAnswer, OutboundRequest } from '../core/deps.ts'
import { examine } from './doctor.ts'

const settings = (port: number) => `
publicUrl: https://forms.example.jp
transport: smtp
smtp: { host: 127.0.0.1, port: ${port}, security: none, user: forms, password: hunter2 }
from: { address: forms@example.jp }
managers: [office@example.jp]
alarms:
  webhook: { url: "https://hooks.example/x", secret: "whsec_${Buffer.alloc(32).toString('base64')}" }
  heartbeat: https://monitor.example/x
`

async function rig(script: Script, yaml = settings) {
  const server = await startScriptedSmtpServer(script)
  onTestFinished(() => server.close())
  const folder = mkdtempSync(join(tmpdir(), 'todoku-doctor-'))
  writeFileSync(join(folder, 'todoku.yaml'), yaml(server.port))
  const result = readConfig({ flags: {}, environment: {}, folder })
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result.problems))
  const requests: OutboundRequest[] = []
  let answer: OutboundAnswer = { kind: 'answered', status: 200, body: '' }
  let servers: MailServers = { kind: 'mx', hosts: ['mx.example.jp'] }
  let texts: Readonly<Record<string, string[]>> = {
    'example.jp': ['v=spf1 -all'],
    '_dmarc.example.jp': ['v=DMARC1; p=reject'],
  }
  const clock = manualClock()
  const deps = {
    clock,
    dns: {
      mailServers: async () => servers,
      texts: async (name: string) => ({ kind: 'texts' as const, texts: texts[name] ?? [] }),
    },
    outbound: {
      async request(request: OutboundRequest) {
        requests.push(request)
        return answer
      },
    },
  }
  const codes = async () => (await examine(result.config, [], deps)).filter(({ level }) => level !== 'info')
  return {
    server,
    folder,
    requests,
    clock,
    codes,
    answers: (next: OutboundAnswer) => {
      answer = next
    },
    resolves: (next: MailServers) => {
      servers = next
    },
    publishes: (next: typeof texts) => {
      texts = next
    },
  }
}

const login: Script = {
  extensions: ['AUTH PLAIN', 'ENHANCEDSTATUSCODES'],
  login: { user: 'forms', secret: 'hunter2' },
}

test('an instance that works gives nothing; its relay is visited and left, its webhook gets a signed test', async () => {
  const { codes, server, requests } = await rig(login)
  expect(await codes()).toEqual([])
  await server.reached('quit')
  expect(server.connections[0]?.commands.some((command) => command.startsWith('MAIL'))).toBe(false)
  expect(requests).toMatchObject([{ url: 'https://hooks.example/x', webhook: { id: expect.any(String) } }])
  // A receiver can tell by it whether it understands alarms: it has all that they have.
  const { type, data } = JSON.parse(requests[0]?.body ?? '')
  expect(type).toBe('alarm.test')
  expect(Object.keys(data).sort().join()).toBe(
    'class,form,key,kind,next,overAt,recipient,reference,sentence,since,title',
  )
})

test('a login that is refused is told with the relay’s words, and without the password', async () => {
  const { codes } = await rig({ ...login, auth: '535 5.7.8 hunter2 is wrong, so is aHVudGVyMg==' })
  const [finding, ...more] = await codes()
  expect(more).toEqual([])
  expect(finding).toMatchObject({ level: 'error', code: 'relay-unreachable' })
  expect(finding?.sentence).toContain('auth: 535')
  expect(JSON.stringify(finding)).not.toMatch(/hunter2|aHVudGVyMg==/)
})

test('a relay that is not there, or says nothing, is told', async () => {
  const gone = await rig(login, () => settings(1))
  expect(await gone.codes()).toMatchObject([
    { code: 'relay-unreachable', sentence: expect.stringContaining('ECONNREFUSED') },
  ])

  const silent = await rig({ greeting: { hang: true } })
  const found = silent.codes()
  await silent.server.reached('connect')
  await silent.clock.advanceAsync(15_000)
  expect(await found).toMatchObject([{ code: 'relay-unreachable', sentence: expect.stringContaining('timeout') }])
})

test('a webhook that does not take the test is told, and why', async () => {
  const { codes, answers } = await rig(login)
  answers({ kind: 'answered', status: 301, body: '' })
  expect(await codes()).toMatchObject([{ code: 'webhook-unreachable', sentence: expect.stringContaining('301') }])
  answers({ kind: 'failed', fault: 'private-address' })
  expect(await codes()).toMatchObject([{ next: expect.stringContaining('allowPrivate') }])
})

test('domains that take no mail are told; a DNS that does not answer is no error', async () => {
  const { codes, resolves } = await rig(login)
  resolves({ kind: 'null-mx' })
  expect(await codes()).toMatchObject([{ code: 'domain-no-mail', sentence: expect.stringContaining('example.jp') }])
  resolves({ kind: 'unknown' })
  expect(await codes()).toEqual([])
})

test('SPF and DMARC of the sender are looked up; on capture nothing is', async () => {
  const { codes, publishes } = await rig(login)
  publishes({ 'example.jp': ['v=spf1 a -all', 'v=spf1 -all'] })
  expect((await codes()).map(({ code }) => code)).toEqual(['spf-several', 'dmarc-none'])
  const local = await rig(login, () => 'transport: capture')
  local.publishes({})
  expect(await local.codes()).toEqual([])
})

test('a clock that stands before what was stored is told', async () => {
  const { codes, folder, clock } = await rig(login, (port) => `data: .\n${settings(port)}`)
  const database = join(folder, 'todoku.db')
  writeFileSync(database, '')
  utimesSync(database, clock.now() / 1000, clock.now() / 1000)
  expect(await codes()).toEqual([])
  clock.setNow(clock.now() - 3_600_000)
  expect(await codes()).toMatchObject([{ level: 'error', code: 'clock-wrong' }])
})
