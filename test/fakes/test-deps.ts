import { newSecrets, nodeCrypto } from '../../src/adapters/node/crypto.ts'
import { randomIds } from '../../src/adapters/node/ids.ts'
import type { Deps, Log, LogFields } from '../../src/core/deps.ts'
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
    attachBytes: 15_000,
  },
  schedule: standardSchedule(),
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
    ids: { ...randomIds(), fraction: () => 0.5 },
    crypto: nodeCrypto(newSecrets()),
    patterns: { assess: async () => 'safe', matches: async () => true },
    metrics: silentMetrics(),
    ...changes,
    clock,
    log,
    lines,
    announced: 0,
  }
  return deps
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
