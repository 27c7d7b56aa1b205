import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measured } from './children/load.ts'
import { end, portOf, startChild, watch } from './processes.ts'

const built = join(import.meta.dirname, '../dist/cli/main.js')

/** A server of ours that runs. */
export type Todoku = { process: ChildProcess; port: number; end(): Promise<void> }

/** How the server is to reach its relay, which is on this machine. */
export type RelaySettings = { port: number; connections: number }

/** Mails over one connection, the same for everyone who sends. It is our default. */
export const mailsPerConnection = 50

/** The fields of the page's form; the generator of load fills in all of them. */
const formFields = ['name', 'email', 'organisation', 'phone', 'subject', 'date', 'source', 'message']

/**
 * Starts the built server as an operator would: defaults, so `synchronous=FULL`, and a log at level info, here into a
 * file; but without the cap per domain and the look at its mail servers. It has one form, whose posts cause a confirmation and a notification each.
 *
 * @throws Error with what it said, when it does not start
 */
export async function startTodoku(data: string, relay: RelaySettings): Promise<Todoku> {
  const site = join(data, 'site')
  mkdirSync(site, { recursive: true })
  const inputs = formFields.map((name) => `<label>${name} <input name="${name}"></label>`).join('')
  writeFileSync(
    join(site, 'index.html'),
    `<!doctype html><html lang="en"><title>Contact</title><form action="/f/contact" method="post">${inputs}</form></html>`,
  )
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TODOKU_'))
  const logFile = join(data, 'log')
  const log = openSync(logFile, 'a')
  const child = spawn(process.execPath, [built, 'serve', '--port', '0', '--data', data, '--site', site, '--json'], {
    stdio: ['ignore', 'pipe', log],
    env: {
      ...Object.fromEntries(inherited),
      TODOKU_TRANSPORT: 'smtp',
      TODOKU_SMTP_HOST: '127.0.0.1',
      TODOKU_SMTP_PORT: String(relay.port),
      TODOKU_SMTP_SECURITY: 'none',
      TODOKU_SMTP_CONNECTIONS: String(relay.connections),
      TODOKU_SMTP_MAILS_PER_CONNECTION: String(mailsPerConnection),
      TODOKU_PUBLIC_URL: 'http://forms.example.test',
      TODOKU_FROM_ADDRESS: 'forms@example.test',
      TODOKU_MANAGERS: 'office@example.test',
      // All visitors are at one domain that is not there, and all their posts are told to one manager: nothing of that is to
      // hold their mails back.
      TODOKU_CAPS_PER_DOMAIN_HOURLY: '1000000',
      TODOKU_CAPS_NOTIFICATIONS_HOURLY: '1000000',
      TODOKU_DNS_CHECK: 'false',
    },
  })
  closeSync(log)
  watch(child)
  let out = ''
  for await (const chunk of child.stdout ?? []) {
    out += String(chunk)
    if (out.includes('\n')) break
  }
  if (!out.includes('\n')) throw new Error(`the server did not start: ${out}${readFileSync(logFile, 'utf8')}`)
  const { listens } = JSON.parse(out) as { listens: string }
  return { process: child, port: Number(new URL(listens).port), end: () => end(child) }
}

/**
 * Posts the form so many times while the relay says nothing, and stops the server: the mails wait in the data folder.
 *
 * @returns bytes of the database
 */
export async function storePosts(data: string, posts: number): Promise<number> {
  const relay = startChild('sink', { silent: true })
  const todoku = await startTodoku(data, { port: await portOf(relay), connections: 5 })
  await postUnmeasured(todoku.port, posts)
  await todoku.end()
  await relay.end()
  return statSync(join(data, 'todoku.db')).size
}

/** Makes so many posts over 16 connections. @throws Error when one is refused */
export async function postUnmeasured(port: number, posts: number): Promise<void> {
  const load = startChild('load', { port, connections: 16, warmUpMs: 0, measure: { posts } })
  const { posts: done, refused } = await load.next<Measured>('measured')
  await load.end()
  if (done < posts || refused > 0) throw new Error(`${done - refused} of ${posts} posts were taken`)
}
