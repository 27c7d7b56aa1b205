/**
 * Promise: mail that is stored goes out quickly, although every step of every mail is on the disk. Mails per second from
 * the store to a relay, compared with nodemailer's pool, which records nothing, and with our SMTP client alone.
 *
 * All three send the same mails, as many per connection, over as many connections. Posts were made beforehand, to a server
 * whose relay was silent; the built server then starts on a copy of that folder and finds them waiting. Time runs from the
 * mail that ends the warm-up to the last one, as the relay sees them.
 */
import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, cpSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import PostalMime from 'postal-mime'
import { openSqliteStores } from '../src/adapters/sqlite/stores.ts'
import { freePort } from '../tools/free-port.ts'
import type { SendTask } from './children/send-task.ts'
import { ratiosOf, rotated, rowsOf, type Sample } from './figures.ts'
import { cpuFigure, cpuMs, end, portOf, remove, soon, startChild, startProgram, temporaryFolder } from './processes.ts'
import type { Options, Report } from './report.ts'
import { mailsPerConnection, startTodoku, storePosts } from './todoku.ts'

const systems = {
  todoku: 'todoku, store to relay',
  client: 'todoku’s SMTP client alone',
  nodemailer: 'nodemailer pool',
} as const
type System = keyof typeof systems

/** A relay that counts what it takes. */
type Sink = {
  port: number
  /** Resolves when so many mails were taken. Ask before they come. */
  reached(mails: number): Promise<unknown>
  end(): Promise<void>
}

/** Measures delivery. Nothing of it remains. */
export async function measureDelivery({ repeats, quick, folder, progress }: Options): Promise<Report> {
  const connections = quick ? [5] : [5, 20]
  const relays = quick ? ['own relay'] : ['own relay', ...(findSmtpSink() === null ? [] : ['smtp-sink'])]
  // Who is quicker sends more, so that each is measured for about as long.
  const mails: Record<System, number> = quick
    ? { todoku: 400, client: 1000, nodemailer: 400 }
    : { todoku: 6000, client: 40_000, nodemailer: 5000 }

  progress(`delivery: storing ${mails.todoku} mails`)
  const stored = temporaryFolder(folder)
  await storePosts(stored, mails.todoku / 2)
  const samplesOfMail = await sampleMails(stored, folder)

  const samples: Sample[][] = []
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const ofRepeat: Sample[] = []
    for (const relay of relays) {
      for (const count of connections) {
        for (const system of rotated(Object.keys(systems) as System[], repeat)) {
          progress(`delivery ${repeat + 1}/${repeats}: ${systems[system]}, ${count} connections, ${relay}`)
          ofRepeat.push(await measure(system, relay, count))
        }
      }
    }
    samples.push(ofRepeat)
  }
  remove(stored)
  return {
    promise: 'delivery',
    about: {
      mails: `a confirmation and a notification by turns, text and HTML, ${samplesOfMail.map(({ raw }) => raw.length).join(' and ')} bytes; unsigned`,
      todoku: `built server, defaults, WAL, synchronous=FULL: lease, phases and outcome of each mail on the disk; ${mails.todoku} mails`,
      client: `composed beforehand, nothing stored; ${mails.client} mails`,
      nodemailer: `composes each mail, records nothing; ${mails.nodemailer} mails`,
      connections: `kept, ${mailsPerConnection} mails each; the first tenth is warm-up`,
    },
    rows: rowsOf(samples),
    ratios: ratiosOf(samples, 'mails/s', [
      [systems.todoku, systems.nodemailer],
      [systems.client, systems.nodemailer],
      [systems.todoku, systems.client],
    ]),
  }

  async function measure(system: System, relay: string, count: number): Promise<Sample> {
    const sink = await startSink(relay)
    const total = mails[system]
    const warmUp = Math.ceil(total / 10)
    const [begun, done] = [sink.reached(warmUp), sink.reached(total)]
    const sender = await startSender(system, sink, count)
    await soon(begun, `${warmUp} mails of ${systems[system]}`)
    const startedAt = performance.now()
    const before = cpuMs(sender.process)
    await soon(done, `${total} mails of ${systems[system]}`)
    const seconds = (performance.now() - startedAt) / 1000
    const after = cpuMs(sender.process)
    await sender.end()
    await sink.end()
    const sent = total - warmUp
    return {
      system: systems[system],
      setting: `${count} connections, ${relay}`,
      figures: { 'mails/s': sent / seconds, ...cpuFigure('CPU µs/mail', before, after, sent) },
    }
  }

  async function startSender(system: System, sink: Sink, count: number): Promise<Sender> {
    if (system === 'todoku') {
      const data = temporaryFolder(folder)
      cpSync(stored, data, { recursive: true })
      const todoku = await startTodoku(data, { port: sink.port, connections: count })
      return {
        process: todoku.process,
        async end() {
          await todoku.end()
          await checkAccepted(data, mails.todoku)
          remove(data)
        },
      }
    }
    const task: SendTask = { port: sink.port, connections: count, mailsPerConnection, mails: samplesOfMail }
    return startChild(system === 'client' ? 'smtp-client' : 'nodemailer-pool', task)
  }
}

type Sender = { process: ChildProcess; end(): Promise<void> }

/** What was measured is worth nothing unless the store knows of every mail. */
async function checkAccepted(data: string, expected: number): Promise<void> {
  const stores = openSqliteStores({ file: join(data, 'todoku.db') })
  try {
    const { states } = await stores.messages.counts(Date.now())
    if (states.accepted !== expected)
      throw new Error(`${states.accepted ?? 0} of ${expected} mails are recorded as accepted`)
  } finally {
    stores.close()
  }
}

/** The first two mails as Todoku sends them: what the others are given to send. */
async function sampleMails(stored: string, folder: string): Promise<SendTask['mails']> {
  const data = temporaryFolder(folder)
  cpSync(stored, data, { recursive: true })
  const sink = startChild('sink', { silent: false })
  const todoku = await startTodoku(data, { port: await portOf(sink), connections: 1 })
  sink.send({ kind: 'watch', count: 2 })
  await soon(sink.next('reached 2'), 'the first mails')
  sink.send({ kind: 'samples' })
  const { samples } = await sink.next<{ samples: string[] }>('samples')
  await todoku.end()
  await sink.end()
  remove(data)
  return await Promise.all(
    samples.map(async (raw) => {
      const { to, subject = '', text = '', html = '' } = await PostalMime.parse(Buffer.from(raw, 'latin1'))
      return { to: to?.[0]?.address ?? '', raw, subject, text, html }
    }),
  )
}

// --- relays -----------------------------------------------------------------------------------------------------

async function startSink(relay: string): Promise<Sink> {
  const program = findSmtpSink()
  return relay === 'smtp-sink' && program !== null ? await startSmtpSink(program) : await startOwnSink()
}

async function startOwnSink(): Promise<Sink> {
  const sink = startChild('sink', { silent: false })
  return {
    port: await portOf(sink),
    reached(mails) {
      sink.send({ kind: 'watch', count: mails })
      return sink.next(`reached ${mails}`)
    },
    end: sink.end,
  }
}

function findSmtpSink(): string | null {
  for (const folder of ['/usr/sbin', '/usr/local/sbin', '/usr/lib/postfix/sbin', '/usr/libexec/postfix']) {
    try {
      accessSync(join(folder, 'smtp-sink'), constants.X_OK)
      return join(folder, 'smtp-sink')
    } catch {
      // Not here.
    }
  }
  return null
}

/** Postfix's own, whose running counters go to its standard output. */
async function startSmtpSink(program: string): Promise<Sink> {
  const port = await freePort()
  const asRoot = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = startProgram(program, ['-c', ...asRoot, `127.0.0.1:${port}`, '1000'])
  const marks: { mails: number; resolve: () => void }[] = []
  let rest = ''
  child.stdout?.on('data', (chunk) => {
    rest = (rest + String(chunk)).slice(-1000)
    const count = Number([...rest.matchAll(/mesg=(\d+)\r/g)].at(-1)?.[1] ?? 0)
    for (const { mails, resolve } of marks) if (count >= mails) resolve()
  })
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`smtp-sink ended with ${child.exitCode}`)
    await pause(20)
  }
  return {
    port,
    reached: (mails) => new Promise<void>((resolve) => marks.push({ mails, resolve })),
    end: () => end(child),
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.end('QUIT\r\n')
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
