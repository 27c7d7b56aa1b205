/**
 * Sends real mails through a real Postfix and through Postfix's `smtp-sink`, all on 127.0.0.1, and compares what Todoku
 * says became of them with what the relay did: `npm run try:postfix`.
 *
 * ```
 *  HTTP post ─▶ built server ─▶ Postfix (an instance of its own in a temporary folder) ─▶ smtp-sink ─▶ files
 *                           └─▶ smtp-sink that refuses or defers
 * ```
 *
 * Ends with 0 when every state is as expected, with 1 when one is not, and with 0 and a plain word about it when nothing
 * could be tried because the programs are not installed. No file of the system is changed, no other Postfix is touched;
 * whatever was started is ended by its process id, also on a failure or Ctrl+C.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

const built = join(import.meta.dirname, '../dist/cli/main.js')

const manager = 'office@example.test'

// --- what is installed ------------------------------------------------------------------------------------------

/** Debian keeps them where the PATH of a user does not lead. */
const programFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/lib/postfix/sbin', '/usr/libexec/postfix']

const installCommand =
  'echo "postfix postfix/main_mailer_type select No configuration" | sudo debconf-set-selections && ' +
  'sudo DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postfix'

function findProgram(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...programFolders]
  for (const folder of folders) {
    const path = join(folder, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // Not here.
    }
  }
  return null
}

// --- what has to be undone --------------------------------------------------------------------------------------

const undo: (() => void | Promise<void>)[] = []

/** Set while everything is being undone: nothing may be started any more. */
let ending = false

async function undoAll(): Promise<void> {
  ending = true
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
    try {
      await step()
    } catch (error) {
      console.error(error)
    }
  }
}

type Started = {
  process: ChildProcess
  /** What it wrote to stderr. */
  log(): string
  /** SIGTERM by its process id; SIGKILL when it does not end. */
  stop(): Promise<void>
}

const children = new Set<ChildProcess>()

/** Starts a process that ends with this one. `group`: it leads a process group, and takes its own children along. */
function start(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; cwd: string; group?: boolean },
): Started {
  if (ending) throw new Error('stopped')
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? inherited(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.group === true,
  })
  children.add(child)
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += String(chunk)
  })
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      children.delete(child)
      resolve()
    }
    child.once('exit', end)
    child.once('error', end)
  })
  async function stop(): Promise<void> {
    if (!children.has(child)) return
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(late)
    if (options.group === true) endGroup(child.pid)
  }
  undo.push(stop)
  return { process: child, log: () => log, stop }
}

/** What is left of a group that we made; its leader is gone already. */
function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody is left.
  }
}

/** An environment in which only what we give is a setting of Todoku. */
function inherited(changes: Record<string, string> = {}): Record<string, string> {
  const others = Object.entries(process.env).filter(
    ([name, value]) => !name.startsWith('TODOKU_') && value !== undefined,
  )
  return { ...(Object.fromEntries(others) as Record<string, string>), ...changes }
}

/** A temporary folder. Postfix and `smtp-sink` run as other users below it, so these may pass, but not look around. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'todoku-try-postfix-'))
  chmodSync(folder, 0o711)
  undo.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }))
  return folder
}

// --- relays -----------------------------------------------------------------------------------------------------

/** A mail that reached the end of its way. */
type Arrival = { recipient: string; envelopeId: string }

type Relay = {
  port: number
  /** What came out at the other end, of all mails of this relay so far. */
  arrivals(): Arrival[]
  /** Makes it accept what it deferred. */
  mend(): Promise<void>
  /** What it says of itself, for when something is not as expected. */
  log(): string
}

/** Waits until a server greets on a port. */
async function greets(port: number, relay: Started): Promise<void> {
  for (const until = Date.now() + 10_000; Date.now() < until; await pause(50)) {
    if (await greetedOnce(port)) return
    if (!children.has(relay.process)) break
  }
  throw new Error(`no relay answers on port ${port}: ${relay.log()}`)
}

function greetedOnce(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', (greeting) => {
      socket.end('QUIT\r\n')
      resolve(String(greeting).startsWith('220'))
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}

/** `smtp-sink`: writes each mail into a file. `faults` are its options for refusing and deferring. */
async function startSink(program: string, folder: string, name: string, faults: readonly string[]): Promise<Relay> {
  const mails = join(folder, name)
  mkdirSync(mails)
  // It gives up root before it writes; only who knows the folder's random name gets here.
  chmodSync(mails, 0o777)
  const port = await freePort()
  const asRoot = process.getuid?.() === 0 ? ['-u', 'nobody', '-R', mails] : []
  const run = (options: readonly string[]) =>
    start(program, [...options, ...asRoot, '-d', 'mail.', `127.0.0.1:${port}`, '100'], { cwd: mails })
  let sink = run(faults)
  await greets(port, sink)
  return {
    port,
    arrivals: () => readdirSync(mails).flatMap((file) => readArrival(join(mails, file))),
    async mend() {
      // Only one may listen: two of them share a port, and the mails, without a word.
      await sink.stop()
      sink = run([])
      await greets(port, sink)
    },
    log: () => sink.log(),
  }
}

/** The envelope as `smtp-sink` puts it in front of the mail; nothing while the file is being written. */
function readArrival(file: string): Arrival[] {
  const mail = readFileSync(file, 'latin1')
  const recipient = /^X-Rcpt-Args: <(.*?)>/m.exec(mail)?.[1]
  const envelopeId = /^X-Mail-Args: .* ENVID=(\S+)/m.exec(mail)?.[1]
  return recipient === undefined || !/^X-Todoku-Message: /m.test(mail)
    ? []
    : [{ recipient, envelopeId: envelopeId ?? '' }]
}

/** What the private Postfix does with a recipient. */
const refusedAddress = 'nobody@example.test'
const greylistedDomain = 'greylist.test'

/**
 * A Postfix of its own: settings, queue, data and log in a folder of ours, one port on 127.0.0.1, everything passed on to
 * a sink. It refuses one recipient by an access table, and asks us about the others (its policy protocol), as it would ask
 * a greylisting service.
 */
async function startPostfix(
  programs: { postfix: string; master: string; sink: string },
  temporary: string,
): Promise<Relay> {
  const folder = join(temporary, 'postfix')
  for (const name of ['', 'etc', 'queue', 'log']) mkdirSync(join(folder, name))
  const behind = await startSink(programs.sink, temporary, 'behind-postfix', [])
  const port = await freePort()
  writeFileSync(
    join(folder, 'etc/main.cf'),
    [
      'compatibility_level = 3.6',
      `queue_directory = ${folder}/queue`,
      `data_directory = ${folder}/data`,
      // Its own log, so that nothing is written to the system's.
      `maillog_file_prefixes = ${folder}/log`,
      `maillog_file = ${folder}/log/mail.log`,
      'syslog_name = todoku-try-postfix',
      'myhostname = relay.test',
      'inet_interfaces = 127.0.0.1',
      'inet_protocols = ipv4',
      'mynetworks = 127.0.0.1/32',
      'mydestination =',
      'local_recipient_maps =',
      'alias_maps =',
      'alias_database =',
      `relayhost = [127.0.0.1]:${behind.port}`,
      'smtp_dns_support_level = disabled',
      'smtpd_relay_restrictions = permit_mynetworks, reject',
      'smtpd_recipient_restrictions =',
      `  check_recipient_access inline:{{${refusedAddress} = 550 5.1.1 User unknown}},`,
      `  check_policy_service inet:127.0.0.1:${await startGreylisting()},`,
      '  permit_mynetworks, reject',
      '',
    ].join('\n'),
  )
  writeFileSync(
    join(folder, 'etc/master.cf'),
    [
      // service, type, private, unprivileged, chroot, wakeup, most processes, program
      `127.0.0.1:${port} inet n - n - - smtpd`,
      'cleanup unix n - n - 0 cleanup',
      'qmgr unix n - n 300 1 qmgr',
      'rewrite unix - - n - - trivial-rewrite',
      'bounce unix - - n - 0 bounce',
      'defer unix - - n - 0 bounce',
      'trace unix - - n - 0 bounce',
      'smtp unix - - n - - smtp',
      'error unix - - n - - error',
      'retry unix - - n - - error',
      'proxymap unix - - n - - proxymap',
      'anvil unix - - n - 1 anvil',
      'scache unix - - n - 1 scache',
      'tlsmgr unix - - n 1000? 1 tlsmgr',
      'postlog unix-dgram n - n - 1 postlogd',
      '',
    ].join('\n'),
  )
  // Makes the queue's folders, with the owners that Postfix wants.
  await promisify(execFile)(programs.postfix, ['-c', join(folder, 'etc'), 'check'])
  // Should we be killed, it ends by itself.
  const master = start(programs.master, ['-c', join(folder, 'etc'), '-e', '300'], { cwd: folder, group: true })
  const log = () => readFileSync(join(folder, 'log/mail.log'), 'utf8')
  await greets(port, { ...master, log })
  return { ...behind, port, mend: async () => {}, log }
}

/** A policy service (Postfix's SMTPD_POLICY_README) that defers the first mail to each address of one domain. */
async function startGreylisting(): Promise<number> {
  const seen = new Set<string>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let asked = ''
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      asked += String(chunk)
      for (let end = asked.indexOf('\n\n'); end !== -1; end = asked.indexOf('\n\n')) {
        const recipient = /^recipient=(.*)$/m.exec(asked.slice(0, end))?.[1] ?? ''
        asked = asked.slice(end + 2)
        const defers = recipient.endsWith(`@${greylistedDomain}`) && !seen.has(recipient)
        seen.add(recipient)
        socket.write(`action=${defers ? '450 4.2.0 Greylisted, try again later' : 'DUNNO'}\n\n`)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  undo.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

// --- Todoku -----------------------------------------------------------------------------------------------------

type Server = { url: string; data: string; stop(): Promise<void>; log(): string }

/** The built server, with a page of one form, sending through a relay. */
async function startServer(folder: string, name: string, relayPort: number): Promise<Server> {
  const home = join(folder, name)
  const site = join(home, 'site')
  mkdirSync(site, { recursive: true })
  writeFileSync(
    join(site, 'index.html'),
    '<!doctype html><html lang="en"><title>Contact</title><form action="/f/contact" method="post">' +
      '<label>Name <input name="name" required></label><label>E-mail <input name="email" type="email" required></label>' +
      '<label>Message <textarea name="message"></textarea></label><button>Send</button></form></html>',
  )
  const data = join(home, 'data')
  const server = start(process.execPath, [built, 'serve', '--port', '0', '--data', data, '--site', site, '--json'], {
    cwd: home,
    env: inherited({
      TODOKU_TRANSPORT: 'smtp',
      TODOKU_SMTP_HOST: '127.0.0.1',
      TODOKU_SMTP_PORT: String(relayPort),
      TODOKU_SMTP_SECURITY: 'none',
      TODOKU_SMTP_HELO_NAME: 'forms.example.test',
      TODOKU_PUBLIC_URL: 'http://forms.example.test',
      TODOKU_FROM_ADDRESS: 'forms@example.test',
      TODOKU_MANAGERS: manager,
    }),
  })
  let out = ''
  for await (const chunk of server.process.stdout ?? []) {
    out += String(chunk)
    if (out.includes('\n')) break
  }
  if (!out.includes('\n')) throw new Error(`the server did not start: ${out}${server.log()}`)
  const { listens } = JSON.parse(out) as { listens: string }
  return { url: listens, data, stop: server.stop, log: server.log }
}

/** Posts the form as a browser does; gives the address of the status page on this server. */
async function post(server: Server, email: string): Promise<string> {
  const answer = await fetch(`${server.url}/f/contact`, {
    method: 'POST',
    headers: { accept: 'text/html' },
    body: new URLSearchParams({ name: 'Hanako', email, message: 'Do you take school classes?' }),
    redirect: 'manual',
  })
  const location = answer.headers.get('location')
  if (answer.status !== 303 || location === null) throw new Error(`the post was answered ${answer.status}`)
  // The link leads to the public address; here is the same page.
  return new URL(new URL(location).pathname, server.url).href
}

type Status = { reference: string; messages: { role: string; state: string }[] }

/** The status JSON, once it is as wanted, or as it is after a while. */
async function statusWhen(page: string, wanted: (status: Status) => boolean): Promise<Status> {
  for (const until = Date.now() + 15_000; ; await pause(50)) {
    const answer = await fetch(`${page}.json`)
    if (answer.status !== 200) throw new Error(`the status was answered ${answer.status}`)
    const status = (await answer.json()) as Status
    if (wanted(status) || Date.now() > until) return status
  }
}

/** Runs a command of the built `todoku`; gives its JSON. */
async function todoku<T>(server: Server, args: readonly string[]): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [built, ...args, '--data', server.data, '--json'], {
    cwd: server.data,
    env: inherited(),
  })
  return JSON.parse(stdout) as T
}

type Submission = { messages: { id: string; role: string; state: string; recipient: string }[] }
type Evidence = { replyCode?: number; enhancedCode?: string; fault?: string; dsn?: boolean }
type Story = { lines: { messageId: string | null; evidence: Evidence | null }[] }

// --- scenarios --------------------------------------------------------------------------------------------------

/** What is expected of each mail, in the words of `describe`. */
type Fates = { confirmation: string; notification: string }

type Scenario = {
  name: string
  relay: () => Promise<Relay>
  /** Address that the visitor gives. */
  submitter: string
  first: Fates
  /** After the relay was mended and `todoku messages retry`; absent where nothing is to be tried again. */
  afterRetry?: Fates
  /** Who has a mail in the end. */
  arrive: readonly string[]
}

/** The outcome of one look: the state from the status page, the relay's words from `todoku explain`. */
type Row = { scenario: string; what: string; expected: string; seen: string }

function differs({ expected, seen }: Row): boolean {
  return expected !== seen
}

async function tryScenario(scenario: Scenario, folder: string, number: number): Promise<Row[]> {
  const relay = await scenario.relay()
  const server = await startServer(folder, `todoku-${number}`, relay.port)
  const page = await post(server, scenario.submitter)
  const rows = await compare(scenario.first, '')

  if (scenario.afterRetry !== undefined) {
    await relay.mend()
    const before = await submission()
    for (const { id, state } of before.messages)
      if (state === 'deferred') await todoku(server, ['messages', 'retry', id])
    rows.push(...(await compare(scenario.afterRetry, ', after `messages retry`')))
  }

  const { messages } = await submission()
  const ids = new Map(messages.map(({ id, recipient }) => [id, recipient]))
  const expected = [...scenario.arrive].sort().join(', ') || 'nobody'
  let seen = ''
  for (const until = Date.now() + 5_000; seen !== expected && Date.now() < until; await pause(50)) {
    // A mail counts when it came to its recipient under the envelope id that we gave it (RFC 3461 §4.4).
    const own = relay.arrivals().filter(({ recipient, envelopeId }) => ids.get(envelopeId) === recipient)
    seen =
      own
        .map(({ recipient }) => recipient)
        .sort()
        .join(', ') || 'nobody'
  }
  rows.push({ scenario: scenario.name, what: 'arrived at', expected, seen })
  await server.stop()
  if (rows.some(differs)) console.error(`${scenario.name}, relay:\n${relay.log()}\nserver:\n${server.log()}`)
  return rows

  async function submission(): Promise<Submission> {
    const { reference } = await statusWhen(page, () => true)
    return await todoku<Submission>(server, ['submissions', 'show', reference])
  }

  async function compare(fates: Fates, when: string): Promise<Row[]> {
    const status = await statusWhen(page, ({ messages: all }) =>
      all.every(({ role, state }) =>
        when === '' ? !['queued', 'sending'].includes(state) : state === wordsOf(fates, role).split(',')[0],
      ),
    )
    const [{ messages: stored }, story] = await Promise.all([
      todoku<Submission>(server, ['submissions', 'show', status.reference]),
      todoku<Story>(server, ['explain', status.reference]),
    ])
    return status.messages.map(({ role, state }) => {
      const id = stored.find((message) => message.role === role)?.id
      const evidence = story.lines.findLast((line) => line.messageId === id && line.evidence !== null)?.evidence
      return {
        scenario: scenario.name,
        what: `${role}${when}`,
        expected: wordsOf(fates, role),
        seen: describe(state, evidence),
      }
    })
  }
}

function wordsOf(fates: Fates, role: string): string {
  return role === 'confirmation' ? fates.confirmation : fates.notification
}

/** @example describe('accepted', { replyCode: 250, enhancedCode: '2.0.0', dsn: true }) // 'accepted, 250 2.0.0, DSN asked for' */
function describe(state: string, evidence: Evidence | null | undefined): string {
  if (evidence === null || evidence === undefined) return `${state}, no evidence`
  const { replyCode, enhancedCode, fault, dsn } = evidence
  const answer = [replyCode, enhancedCode, fault].filter((part) => part !== undefined).join(' ')
  return [state, answer, ...(dsn === true ? ['DSN asked for'] : [])].join(', ')
}

const accepted = 'accepted, 250 2.0.0, DSN asked for'

function sinkScenarios(sink: string, folder: string): Scenario[] {
  const submitter = 'hanako@example.test'
  const faulty = (name: string, faults: readonly string[]) => () => startSink(sink, folder, name, faults)
  const both = (words: string): Fates => ({ confirmation: words, notification: words })
  return [
    {
      name: 'smtp-sink accepts',
      relay: faulty('accepts', []),
      submitter,
      first: both(accepted),
      arrive: [submitter, manager],
    },
    {
      name: 'smtp-sink refuses at RCPT',
      relay: faulty('refuses', ['-f', 'RCPT', '-B', '550 5.1.1 No such user here']),
      submitter,
      first: both('bounced_hard, 550 5.1.1, DSN asked for'),
      arrive: [],
    },
    {
      name: 'smtp-sink defers, then accepts',
      relay: faulty('defers', ['-r', 'RCPT', '-b', '451 4.3.0 Try again later']),
      submitter,
      first: both('deferred, 451 4.3.0, DSN asked for'),
      afterRetry: both(accepted),
      arrive: [submitter, manager],
    },
  ]
}

function postfixScenarios(relay: () => Promise<Relay>): Scenario[] {
  const submitter = 'hanako@example.test'
  const greylisted = `hanako@${greylistedDomain}`
  return [
    {
      name: 'Postfix accepts',
      relay,
      submitter,
      first: { confirmation: accepted, notification: accepted },
      arrive: [submitter, manager],
    },
    {
      name: 'Postfix refuses one at RCPT',
      relay,
      submitter: refusedAddress,
      first: { confirmation: 'bounced_hard, 550 5.1.1, DSN asked for', notification: accepted },
      arrive: [manager],
    },
    {
      name: 'Postfix greylists, then accepts',
      relay,
      submitter: greylisted,
      first: { confirmation: 'deferred, 450 4.2.0, DSN asked for', notification: accepted },
      afterRetry: { confirmation: accepted, notification: accepted },
      arrive: [greylisted, manager],
    },
  ]
}

// --- telling ----------------------------------------------------------------------------------------------------

function table(rows: readonly Row[]): string {
  const cells = [
    ['SCENARIO', 'WHAT', 'EXPECTED', 'SEEN', ''],
    ...rows.map((row, at) => [
      rows[at - 1]?.scenario === row.scenario ? '' : row.scenario,
      row.what,
      row.expected,
      differs(row) ? row.seen : 'the same',
      differs(row) ? 'DIFFERS' : 'ok',
    ]),
  ]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  return cells
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

async function main(): Promise<number> {
  const [sink, postfix, master] = ['smtp-sink', 'postfix', 'master'].map(findProgram)
  if (!sink) {
    const missing = [...(postfix ? [] : ['postfix']), 'smtp-sink'].join(' and ')
    console.log(
      `Skipped: nothing was tried, since ${missing} can’t be found. On Debian they come together:\n\n  ${installCommand}`,
    )
    return 0
  }
  if (!existsSync(built)) throw new Error('dist/ is not built: npm run build')
  // The users that Postfix and smtp-sink become must be able to read what is made for them.
  process.umask(0o022)

  const folder = temporaryFolder()
  const scenarios = sinkScenarios(sink, folder)
  if (!postfix || !master) {
    console.log(
      `Only smtp-sink is tried, since Postfix’s ${postfix ? 'master' : 'postfix'} can’t be found. On Debian:\n\n  ${installCommand}\n`,
    )
  } else if (process.getuid?.() !== 0) {
    console.log('Only smtp-sink is tried, since Postfix itself has to be started by root (sudo npm run try:postfix).\n')
  } else {
    const relay = await startPostfix({ postfix, master, sink }, folder)
    scenarios.unshift(...postfixScenarios(async () => relay))
  }

  const startedAt = Date.now()
  const rows: Row[] = []
  for (const [number, scenario] of scenarios.entries()) rows.push(...(await tryScenario(scenario, folder, number)))
  const wrong = rows.filter(differs)
  console.log(table(rows))
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
  console.log(
    wrong.length === 0
      ? `\nAll ${rows.length} are as expected (${scenarios.length} scenarios, ${seconds} s).`
      : `\n${wrong.length} of ${rows.length} differ from what was expected.`,
  )
  return wrong.length === 0 ? 0 : 1
}

for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.on(signal, () => {
    if (!ending) void undoAll().finally(() => process.exit(128 + number))
  })
}
try {
  process.exitCode = await main()
} catch (error) {
  // Whatever fails while everything is being undone fails because of it.
  if (!ending) console.error(error)
  process.exitCode = 1
} finally {
  await undoAll()
}
