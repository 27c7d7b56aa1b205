import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PostalMime from 'postal-mime'
import { newSecrets, nodeCrypto } from '../../src/adapters/node/crypto.ts'
import { memoryRates } from '../../src/adapters/node/rates.ts'
import { openSqliteStores } from '../../src/adapters/sqlite/stores.ts'
import { createApp } from '../../src/api/app.ts'
import { configSchema } from '../../src/config/schema.ts'
import { base32 } from '../../src/core/base-encoding.ts'
import type { Deps, Ids, Log, Proofs } from '../../src/core/deps.ts'
import { applyForms } from '../../src/core/forms/apply-forms.ts'
import { syncForms } from '../../src/core/forms/sync-forms.ts'
import type { Message } from '../../src/core/messages/message.ts'
import type { AttemptReport, Transport } from '../../src/core/messages/transport.ts'
import { isUnasked, type Submission } from '../../src/core/submissions/submission.ts'
import { clientAddressFrom } from '../../src/hosts/client-address.ts'
import { settingsOf } from '../../src/hosts/settings.ts'
import { type Delivery, queueFor, startDelivery } from '../../src/jobs/deliver.ts'
import { schedule, startSchedule } from '../../src/jobs/schedule.ts'
import { floodJob } from '../../src/jobs/tell-floods.ts'
import { unaskedJob } from '../../src/jobs/unasked.ts'
import { memoryBlobs } from '../../test/fakes/memory-stores.ts'
import { type SimulatedClock, simulatedClock } from './clock.ts'
import { settings as formSettings, pages } from './forms.ts'
import type { Mailboxes } from './mailboxes.ts'
import type { Random } from './random.ts'

export const publicUrl = 'https://forms.example.jp'

/** Stands in every text that a visitor types. In a confirmation, or in the name of a header, it must never be. */
export const mark = 'zqmark'

const operatorToken = 'the-operator-of-the-simulation'

/** Where servers are away for most of a day. */
const outage = new Set(['kigyo.co.jp', 'shisho.co.jp'])

/** The proxy in front of the server. It adds the address it sees to what a client wrote into `X-Forwarded-For`. */
const proxy = '10.0.0.1'

/** A mail that a server of a recipient took, or refused. */
export type SentMail = {
  at: number
  messageId: string
  /** Empty for a digest. */
  reference: string
  form: string
  role: Message['role']
  to: string
  /** Whom it reaches, however the address is written. */
  mailbox: string
  domain: string
  taken: boolean
  /** Of a digest: the posts that it names, and how many more it counts. */
  digest: { named: readonly string[]; more: number } | null
}

/** What somebody got for a request. */
export type Answer = { status: number; headers: Headers; text: string; json: Record<string, unknown> | null }

/** Where a request comes from. `forged`: what the client wrote into `X-Forwarded-For` itself. */
export type Network = { address: string; forged?: string }

export type World = {
  deps: Deps
  clock: SimulatedClock
  mailboxes: Mailboxes
  /** Every mail to the outside, in the order they went out. */
  sent: SentMail[]
  /** When a post of a network was taken. */
  taken: Map<string, number[]>
  /** What must never happen, as it is seen while it happens. */
  violations: string[]
  /** What a log would have shouted. */
  errors: string[]
  /** Called when a confirmation has arrived, with the links in it. */
  onConfirmation: (handler: (mail: SentMail, links: readonly string[]) => void) => void
  request(network: Network, path: string, init?: RequestInit): Promise<Answer>
  /** As the operator, or as a manager who looks into the application. */
  operate(path: string, init?: RequestInit): Promise<Record<string, unknown>>
  /** Solves a puzzle, as the widget does on a page. */
  solve(challenge: Readonly<Record<string, unknown>>): string
  runUntil(end: number): Promise<void>
  storeBytes(): number
  close(): Promise<void>
}

/**
 * One instance as `serve` joins it, in a world where nothing leaves: real app, real SQLite file, real delivery engine and
 * jobs. Simulated are the clock, the network's name servers, the servers of the recipients, and the work of a proof of
 * work (its seconds would be ours; that the puzzle itself is sound is proven beside its adapter).
 */
export async function openWorld(
  random: Random,
  mailboxes: Mailboxes,
  { start, outageUntil }: { start: number; outageUntil: number },
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'todoku-attack-'))
  const file = join(folder, 'todoku.db')
  const stores = openSqliteStores({ file })
  const clock = simulatedClock(start)
  const busy = counter()
  const sent: SentMail[] = []
  const violations: string[] = []
  const errors: string[] = []
  let onConfirmation: (mail: SentMail, links: readonly string[]) => void = () => {}
  let delivery: Delivery | null = null

  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: ({ err }, message) => void errors.push(`${message}${err === undefined ? '' : `: ${err}`}`),
  }
  const config = configSchema.parse({
    publicUrl,
    transport: 'smtp',
    smtp: { host: 'relay.example.jp' },
    from: { address: 'forms@example.jp' },
    managers: ['office@shop.example.jp'],
  })
  const ids = seededIds(random.fork('ids'), clock)
  const secret = (name: string) => Buffer.from(random.fork(name).bytes(32)).toString('base64')
  const counted = Object.fromEntries(
    Object.entries(stores).map(([name, store]) => [name, typeof store === 'function' ? store : busy.watch(store)]),
  ) as typeof stores
  const deps: Deps = {
    settings: settingsOf(config, 4180),
    ...counted,
    queue: queueFor(() => delivery),
    blobs: memoryBlobs(),
    transport: recipients(),
    alarmTransport: null,
    outbound: { request: async () => ({ kind: 'failed', fault: 'there is no network here' }) },
    clock,
    ids,
    crypto: nodeCrypto({ ...newSecrets(), keys: [{ id: 'k1', secret: secret('key') }] }),
    patterns: { assess: async () => 'safe', matches: async () => true },
    dns: {
      texts: async () => ({ kind: 'unknown' }),
      mailServers: async (domain) =>
        mailboxes.hasDomain(domain) ? { kind: 'mx', hosts: [`mx.${domain}`] } : { kind: 'no-domain' },
    },
    rates: memoryRates(clock),
    proofs: simulatedProofs(secret('proofs'), ids, clock),
    log,
    metrics: silentMetrics(),
  }

  /** The servers of everybody who gets mail. What must never be in a mail is looked for at their doors. */
  function recipients(): Transport {
    return {
      name: 'smtp',
      lane: () => 'relay|relay',
      policy: () => ({
        maxConcurrency: 50,
        startConcurrency: 50,
        rate: null,
        breakerAfter: 100,
        breakerPauses: [60_000],
      }),
      async attempt(attempted, watch) {
        const message = await deps.messages.get(attempted.messageId)
        const submission = message === null ? null : await deps.submissions.get(message.reference)
        if (message === null || (submission === null) !== (message.submissionId === '')) {
          throw new Error('a mail of nothing')
        }
        watch.rcptAccepted()
        if ((await watch.beforeFinalDot()).kind === 'lost') {
          return { outcome: { kind: 'interrupted' }, evidence: { transport: 'simulation' } }
        }
        return await busy.track(arrive(message, submission, attempted.to, attempted.mail))
      },
      async close() {},
    }
  }

  async function arrive(
    message: Message,
    submission: Submission | null,
    to: string,
    raw: Uint8Array,
  ): Promise<AttemptReport> {
    const { mailbox, domain, exists } = mailboxes.find(to)
    if (outage.has(domain) && clock.now() < outageUntil) {
      return {
        outcome: { kind: 'deferred', class: 'rate-limited', scope: 'message' },
        evidence: { transport: 'simulation', stage: 'rcpt', replyCode: 451 },
      }
    }
    const mail: SentMail = {
      at: clock.now(),
      messageId: message.id,
      reference: message.reference,
      form: message.form,
      role: message.role,
      to,
      mailbox,
      domain,
      taken: exists,
      digest: submission === null ? digestIn((await PostalMime.parse(raw)).text ?? '') : null,
    }
    sent.push(mail)
    const wrong = (what: string) => void violations.push(`${what} (${message.role} of ${message.reference})`)
    if (submission?.review === 'quarantined' && !isUnasked(submission)) wrong('a mail of a post that waits for review')
    if (to !== message.recipient || /[\s,;]/.test(to)) wrong('a recipient that is not one address')
    for (const fault of headerFaults(raw, message)) wrong(fault)
    if (message.role === 'confirmation') {
      const parsed = await PostalMime.parse(raw)
      const shown = [parsed.subject, parsed.text, parsed.html, parsed.from?.name].join('\n')
      if (shown.toLowerCase().includes(mark)) wrong('text of a visitor in a confirmation')
      if (exists) onConfirmation(mail, linksOf(parsed.text ?? ''))
    }
    return exists
      ? { outcome: { kind: 'accepted', by: 'relay' }, evidence: { transport: 'simulation', replyCode: 250 } }
      : {
          outcome: { kind: 'refused', class: 'unknown-user', scope: 'message' },
          evidence: { transport: 'simulation', stage: 'rcpt', replyCode: 550, enhancedCode: '5.1.1' },
        }
  }

  await syncForms(deps, pages)
  const applied = await applyForms(deps, formSettings, { dryRun: false })
  if (applied.kind === 'invalid') throw new TypeError(JSON.stringify(applied.problems))

  const clientAddress = clientAddressFrom([proxy])
  const app = createApp({
    ...deps,
    host: {
      client: (_env, headers) => ({ address: clientAddress(proxy, headers.get('x-forwarded-for')) }),
      seePost() {},
      hosts: ['forms.example.jp'],
      isOperatorToken: (token) => token === operatorToken,
      isMetricsToken: () => false,
      stopping: () => false,
      ready: async () => {},
      sitePage: async () => null,
      dashboardFile: async () => null,
      snippetFile: async () => null,
    },
  })
  const started = startDelivery(deps)
  delivery = started
  // The others measure, or play the simulator. Once a minute is enough for a day in which no process dies.
  const jobs = startSchedule(
    deps,
    [...schedule.filter(({ name }) => name === 'recover' || name === 'forget'), unaskedJob(deps), floodJob(deps)].map(
      (job) => ({
        ...job,
        everyMs: Math.max(job.everyMs, 60_000),
      }),
    ),
  )

  async function ask(path: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers)
    headers.set('host', 'forms.example.jp')
    if (typeof init.body === 'string') headers.set('content-length', String(Buffer.byteLength(init.body)))
    const response = await app.fetch(new Request(new URL(path, publicUrl), { ...init, headers }))
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== ''
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null }
  }

  return {
    deps,
    clock,
    mailboxes,
    sent,
    taken: new Map(),
    violations,
    errors,
    onConfirmation(handler) {
      onConfirmation = handler
    },
    async request({ address, forged }, path, init = {}) {
      const headers = new Headers(init.headers)
      headers.set('x-forwarded-for', forged === undefined ? address : `${forged}, ${address}`)
      const answer = await busy.track(ask(path, { ...init, headers }))
      if (answer.status >= 500) violations.push(`the server answered ${answer.status} to ${path.split('?')[0]}`)
      return answer
    },
    async operate(path, init = {}) {
      const headers = { authorization: `Bearer ${operatorToken}`, accept: 'application/json' }
      const answer = await busy.track(ask(`/api/v1${path}`, { ...init, headers }))
      if (answer.status !== 200) throw new Error(`${path} gave ${answer.status}: ${answer.text}`)
      return answer.json ?? {}
    },
    solve: solutionOf,
    runUntil: (end) => clock.runUntil(end, busy.idle),
    storeBytes: () =>
      ['', '-wal'].reduce((sum, end) => sum + (statSync(file + end, { throwIfNoEntry: false })?.size ?? 0), 0),
    async close() {
      await jobs.stop()
      await started.stop()
      stores.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

// --- mails ------------------------------------------------------------------------------------------------------

/** All header fields that our mails may have, in lower case. */
const knownHeaders = new Set([
  'from',
  'to',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'mime-version',
  'content-type',
  'content-transfer-encoding',
  'auto-submitted',
  'x-auto-response-suppress',
  'x-todoku-message',
])

function headerFaults(raw: Uint8Array, message: Message): string[] {
  const text = Buffer.from(raw).toString('latin1')
  const head = text.slice(0, text.indexOf('\r\n\r\n'))
  const faults: string[] = []
  if (/(?<!\r)\n|\r(?!\n)/.test(head)) faults.push('a line of the header that does not end in CRLF')
  const names = head
    .split('\r\n')
    .filter((line) => !/^[ \t]/.test(line))
    .map((line) => line.slice(0, line.indexOf(':')).toLowerCase())
  for (const name of names) if (!knownHeaders.has(name)) faults.push(`a header “${name}” that nobody of us wrote`)
  if (new Set(names).size < names.length) faults.push('a header twice')
  // Whom a confirmation seems to come from is never the visitor's to say.
  if (message.role === 'confirmation' && head.toLowerCase().includes(mark)) faults.push('text of a visitor in a header')
  return faults
}

function digestIn(text: string): NonNullable<SentMail['digest']> {
  const named = text.match(/\b[A-Z]{2}\d-[A-Z]{2}\d-[A-Z]{2}\d\b/g) ?? []
  return { named, more: Number(/and (\d+) more, which are not listed/.exec(text)?.[1] ?? 0) }
}

function linksOf(text: string): string[] {
  return [...new Set(text.match(/https:\/\/forms\.example\.jp\/[^\s<>")\]]+/g) ?? [])]
}

// --- ports ------------------------------------------------------------------------------------------------------

/** Counts what is under way, so that time stands still meanwhile. */
function counter() {
  let pending = 0

  async function track<T>(work: Promise<T>): Promise<T> {
    pending += 1
    try {
      return await work
    } finally {
      pending -= 1
    }
  }

  return {
    track,
    /** The same store, whose calls are counted. */
    watch<T extends object>(store: T): T {
      const watched = Object.entries(store).map(([name, method]) => [
        name,
        (...given: unknown[]) => track((method as (...given: unknown[]) => Promise<unknown>)(...given)),
      ])
      return Object.fromEntries(watched) as T
    },
    /** Resolves when everybody waits for time to pass. Between two steps of one work there are never two idle turns. */
    async idle(): Promise<void> {
      for (let quiet = 0; quiet < 2; quiet = pending === 0 ? quiet + 1 : 0) {
        await new Promise((resolve) => setImmediate(resolve))
      }
    },
  }
}

function seededIds(random: Random, clock: Pick<SimulatedClock, 'now'>): Ids {
  return {
    next() {
      const id = Buffer.alloc(16)
      id.writeUIntBE(clock.now(), 0, 6)
      id.set(random.bytes(10), 6)
      return base32(id)
    },
    bytes: (count) => random.bytes(count),
    fraction: () => random.fraction(),
  }
}

const proofValidMs = 30 * 60_000

/** Puzzles whose solution is nothing but the word that they were solved; everything else is as in the real ones. */
function simulatedProofs(secret: string, ids: Ids, clock: Pick<SimulatedClock, 'now'>): Proofs {
  const signed = (id: string, expiresAt: number) =>
    createHmac('sha256', secret).update(`${id} ${expiresAt}`).digest('base64url')
  return {
    async challenge() {
      const [id, expiresAt] = [ids.next(), clock.now() + proofValidMs]
      return { id, expiresAt, signature: signed(id, expiresAt) }
    },
    async verify(solution) {
      try {
        const said = JSON.parse(Buffer.from(solution, 'base64').toString())
        const { id, expiresAt, signature, solved } = said as Record<string, unknown>
        if (typeof id !== 'string' || typeof expiresAt !== 'number' || solved !== true) return { kind: 'invalid' }
        const valid = signature === signed(id, expiresAt) && expiresAt > clock.now()
        return valid ? { kind: 'valid', id, expiresAt } : { kind: 'invalid' }
      } catch {
        return { kind: 'invalid' }
      }
    },
  }
}

function solutionOf(challenge: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify({ ...challenge, solved: true })).toString('base64')
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
