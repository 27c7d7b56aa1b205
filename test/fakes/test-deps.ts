import { altchaProofs } from '../../src/adapters/altcha/proofs.ts'
import { newSecrets, nodeCrypto } from '../../src/adapters/node/crypto.ts'
import { randomIds } from '../../src/adapters/node/ids.ts'
import { memoryRates } from '../../src/adapters/node/rates.ts'
import type { Deps, Dns, Log, LogFields, MailServers } from '../../src/core/deps.ts'
import { standardSchedule } from '../../src/core/messages/retry.ts'
import type { AttemptReport, AttemptWatch, Delivery, Transport } from '../../src/core/messages/transport.ts'
import type { Settings } from '../../src/core/settings.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { memoryBlobs, memoryStores } from './memory-stores.ts'

export const testSettings: Settings = {
  publicUrl: 'https://forms.example.jp',
  transport: 'smtp',
  from: { address: 'forms@example.jp', name: 'Example 株式会社' },
  envelope: { kind: 'fixed', address: 'bounces@example.jp' },
  managers: ['office@example.jp'],
  language: 'en',
  timeZone: 'Asia/Tokyo',
  limits: {
    fields: 50,
    fieldBytes: 10_000,
    bodyBytes: 50_000,
    files: 3,
    fileBytes: 20_000,
    totalBytes: 100_000,
    bodySeconds: 30,
    attachBytes: 20_000,
    linkDays: 30,
  },
  caps: {
    perAddress: { max: 5, windowMs: 24 * 3_600_000 },
    perDomain: { max: 100, windowMs: 3_600_000 },
    perSharedDomain: { max: 1000, windowMs: 3_600_000 },
    notifications: { max: 1000, windowMs: 3_600_000 },
  },
  schedule: standardSchedule(),
  alarms: {
    webhook: null,
    mailTo: [],
    heartbeat: null,
    allowPrivate: false,
    canary: null,
    digestHour: null,
    stuckAfter: 15 * 60_000,
    refusingAfter: 10 * 60_000,
    tellAgainAfter: [3_600_000, 24 * 3_600_000],
  },
}

export type TestDeps = Deps & {
  clock: ManualClock
  /** Every line that was logged. */
  lines: { level: string; fields: LogFields; message: string }[]
  /** How often the delivery was told that there is work. */
  announced: number
}

/** All ports for a test: stores in memory, a clock that stands still, a transport that takes everything. */
export function testDeps(changes: Partial<Deps> & { settings?: Settings } = {}): TestDeps {
  const lines: TestDeps['lines'] = []
  const write = (level: string) => (fields: LogFields, message: string) => void lines.push({ level, fields, message })
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const clock = manualClock()
  const deps: TestDeps = {
    settings: testSettings,
    ...memoryStores(),
    queue: {
      announce() {
        deps.announced += 1
      },
    },
    blobs: memoryBlobs(),
    transport: scriptedTransport(() => ({
      outcome: { kind: 'accepted', by: 'relay' },
      evidence: { transport: 'test', stage: 'final-dot' },
    })),
    alarmTransport: null,
    outbound: { request: async () => ({ kind: 'failed', fault: 'there is no network in this test' }) },
    ids: { ...randomIds(), fraction: () => 0.5 },
    crypto: nodeCrypto(newSecrets()),
    patterns: { assess: async () => 'safe', matches: async () => true },
    dns: dnsWhere({}),
    rates: memoryRates(clock),
    proofs: altchaProofs({ clock, secret: 'test' }),
    metrics: silentMetrics(),
    ...changes,
    clock,
    log,
    lines,
    announced: 0,
  }
  return deps
}

/** A DNS that knows some domains; every other one takes mail. `asked` are the domains, in order. */
export function dnsWhere(answers: Readonly<Record<string, MailServers['kind']>>): Dns & { asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    async mailServers(domain) {
      asked.push(domain)
      const kind = answers[domain] ?? 'mx'
      return kind === 'mx' ? { kind, hosts: [`mail.${domain}`] } : { kind }
    },
    texts: async () => ({ kind: 'unknown' }),
  }
}

function silentMetrics(): Deps['metrics'] {
  return {
    countPost() {},
    countAttempt() {},
    observeAttempt() {},
    observeRequest() {},
    setMessages() {},
    countFault() {},
    render: async () => '',
    contentType: 'text/plain',
  }
}

type Script = (delivery: Delivery, watch: AttemptWatch) => AttemptReport | Promise<AttemptReport>

/** A transport whose attempts end as the script says; `deliveries` are those that were begun. */
export function scriptedTransport(script: Script): Transport & { deliveries: Delivery[] } {
  const deliveries: Delivery[] = []
  return {
    name: 'smtp',
    deliveries,
    lane: () => 'test|relay',
    policy: () => ({ maxConcurrency: 10, startConcurrency: 10, rate: null, breakerAfter: 3, breakerPauses: [60_000] }),
    async attempt(delivery, watch) {
      deliveries.push(delivery)
      return await script(delivery, watch)
    },
    async close() {},
  }
}
