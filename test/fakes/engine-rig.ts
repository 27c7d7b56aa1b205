import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createSmtpTransport, type SmtpSettings } from '../../src/adapters/smtp/transport.ts'
import { openSqliteStores, type SqliteStores } from '../../src/adapters/sqlite/stores.ts'
import type { Deps } from '../../src/core/deps.ts'
import type { Message } from '../../src/core/messages/message.ts'
import { recover } from '../../src/core/messages/recover.ts'
import type { Role } from '../../src/core/messages/roles.ts'
import type { Transport } from '../../src/core/messages/transport.ts'
import type { Settings } from '../../src/core/settings.ts'
import { acceptSubmission } from '../../src/core/submissions/accept-submission.ts'
import type { Submission } from '../../src/core/submissions/submission.ts'
import { type Delivery, queueFor, startDelivery } from '../../src/jobs/deliver.ts'
import { sampleForm } from '../contracts/samples.ts'
import type { ManualClock } from './manual-clock.ts'
import { type Script, type ScriptedSmtpServer, startScriptedSmtpServer } from './scripted-smtp-server.ts'
import { type TestDeps, testDeps } from './test-deps.ts'

export type EngineRig = {
  deps: TestDeps
  clock: ManualClock
  delivery: Delivery
  /** Posts the form `contact`; its mails are then due. */
  post(email?: string): Promise<Submission>
  /** The newest message of a role. */
  message(submission: Submission, role: Role): Promise<Message>
  /** Resolves when a message of this role has been written by the engine, and gives it. */
  ended(submission: Submission, role: Role, attempts?: number): Promise<Message>
  /** What the schedule does every few seconds. */
  recover(): Promise<void>
}

export type EngineOptions = {
  transport?: Transport
  stores?: SqliteStores
  settings?: Partial<Settings>
  /** Changes ports before the engine gets them, to inject faults. */
  wrap?: (deps: TestDeps) => Partial<Deps>
}

/** A temporary SQLite store. */
export function temporaryStores(): SqliteStores {
  const stores = openSqliteStores({ file: join(mkdtempSync(join(tmpdir(), 'todoku-engine-')), 'todoku.db') })
  onTestFinished(() => stores.close())
  return stores
}

/** The delivery engine on a real SQLite file, with a clock that the test moves. */
export async function engineRig(options: EngineOptions = {}): Promise<EngineRig> {
  const stores = options.stores ?? temporaryStores()
  const base = testDeps({ ...stores, ...(options.transport === undefined ? {} : { transport: options.transport }) })
  base.settings = { ...base.settings, ...options.settings }
  let delivery: Delivery | null = null
  base.queue = queueFor(() => delivery)

  let watchers: (() => void)[] = []
  const stored = base.messages
  const messages: Deps['messages'] = {
    ...stored,
    async write(command) {
      const result = await stored.write(command)
      for (const look of watchers) look()
      return result
    },
  }
  const deps: TestDeps = Object.assign(base, { messages })
  Object.assign(deps, options.wrap?.(deps))
  await deps.forms.put(sampleForm())
  const started = startDelivery(deps)
  delivery = started
  onTestFinished(() => started.stop())

  async function message(submission: Submission, role: Role): Promise<Message> {
    const found = (await stores.messages.ofSubmission(submission.id)).filter((each) => each.role === role).at(-1)
    if (found === undefined) throw new Error(`there is no ${role}`)
    return found
  }

  return {
    deps,
    clock: deps.clock,
    delivery: started,
    async post(email = 'hanako@example.net') {
      const outcome = await acceptSubmission(deps, sampleForm(), {
        entries: [{ kind: 'text', name: 'email', value: email }],
        idempotencyKey: deps.ids.next(),
        client: { address: '192.0.2.1', agent: '' },
        pageOrigin: null,
        pagePath: null,
        acceptLanguage: null,
        crowded: false,
      })
      if (outcome.kind !== 'accepted') throw new Error(outcome.kind)
      return outcome.submission
    },
    message,
    async ended(submission, role, attempts = 1) {
      for (;;) {
        const written = new Promise<void>((resolve) => watchers.push(resolve))
        const now = await message(submission, role)
        if (now.lease === null && now.attempts >= attempts) {
          watchers = []
          return now
        }
        await written
      }
    },
    async recover() {
      if ((await recover(deps)) > 0) started.wake()
    },
  }
}

/** The engine before a scripted SMTP server. */
export async function smtpEngineRig(
  scripts: Script | readonly Script[],
  options: Omit<EngineOptions, 'transport'> & { smtp?: Partial<SmtpSettings> } = {},
): Promise<EngineRig & { server: ScriptedSmtpServer }> {
  const server = await startScriptedSmtpServer(scripts)
  // The engine's clock is made with it; the transport reads it when it is first used.
  let engineClock: ManualClock | null = null
  const clock = () => engineClock as ManualClock
  const transport = createSmtpTransport(
    { host: '127.0.0.1', port: server.port, security: 'none', auth: null, heloName: 'client.test', ...options.smtp },
    {
      clock: {
        now: () => clock().now(),
        monotonic: () => clock().monotonic(),
        after: (ms, run) => clock().after(ms, run),
      },
      log: { debug() {}, info() {}, warn() {}, error() {} },
    },
  )
  const rig = await engineRig({
    ...options,
    transport,
    wrap: (deps) => {
      engineClock = deps.clock
      return options.wrap?.(deps) ?? {}
    },
  })
  onTestFinished(async () => {
    const closed = transport.close()
    await server.close()
    await closed
  })
  return { ...rig, server }
}
