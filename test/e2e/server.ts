import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { Greeting } from '../../src/hosts/start-screen.ts'

const root = join(import.meta.dirname, '../..')

/** What `npm start` runs. */
export const built = join(root, 'dist/cli/main.js')

export type ServerProcess = {
  /** The address it listens on. */
  url: string
  data: string
  greeting: Greeting
  process: ChildProcess
  /** Everything it logged so far. */
  log(): string
  /** Resolves when the log contains a text. */
  logged(text: string): Promise<void>
  /** Sends a signal and resolves with how it ended. */
  end(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: string | null }>
}

export function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `todoku-${name}-`))
}

/** An environment in which only what a test gives is a setting. */
export function environment(changes: Record<string, string> = {}): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name, value]) => !name.startsWith('TODOKU_') && value !== undefined,
  )
  return { ...(Object.fromEntries(inherited) as Record<string, string>), TODOKU_LOG_LEVEL: 'debug', ...changes }
}

export type ServerOptions = {
  data?: string
  args?: readonly string[]
  env?: Record<string, string>
  /** Shell words that come before the command, as in `ulimit -f 100; exec`. */
  shell?: string
}

/** Starts the built server on a free port; it ends with the test. */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  return await launchServer(options, onTestFinished)
}

/** The same where no test is running; `atEnd` takes what ends the server. */
export async function launchServer(
  options: ServerOptions,
  atEnd: (end: () => Promise<void>) => void,
): Promise<ServerProcess> {
  const data = options.data ?? temporaryFolder('data')
  const args = [built, 'serve', '--port', '0', '--data', data, '--json', ...(options.args ?? [])]
  const [command, rest] =
    options.shell === undefined
      ? [process.execPath, args]
      : ['sh', ['-c', `${options.shell} "$0" "$@"`, process.execPath, ...args]]
  const child = spawn(command, rest, {
    env: environment(options.env),
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: temporaryFolder('cwd'),
  })
  let log = ''
  let watchers: (() => void)[] = []
  child.stderr.on('data', (chunk) => {
    log += String(chunk)
    for (const look of watchers) look()
  })
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  const greeting = await new Promise<Greeting>((resolve, reject) => {
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += String(chunk)
      if (!out.trimEnd().endsWith('}')) return
      const said = JSON.parse(out) as Greeting & { ok?: false; code?: string }
      if (said.ok === false) reject(new Error(said.code))
      else resolve(said)
    })
    void ended.then(({ code }) => reject(new Error(`the server ended with ${code}: ${out}${log}`)))
  })
  return {
    url: greeting.listens,
    data,
    greeting,
    process: child,
    log: () => log,
    async logged(text) {
      while (!log.includes(text)) await new Promise<void>((resolve) => watchers.push(resolve))
      watchers = []
    },
    async end(signal = 'SIGTERM') {
      child.kill(signal)
      return await ended
    },
  }
}

/** Runs a command of the built `todoku`. */
export async function todoku(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<{ code: number; out: string; error: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [built, ...args], {
      env: environment(options.env),
      cwd: options.cwd ?? temporaryFolder('cwd'),
    })
    return { code: 0, out: stdout, error: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, out: stdout, error: stderr }
  }
}

/** Posts a form as a browser without script does, and gives the address of its status page. */
export async function postForm(url: string, fields: Record<string, string>, form = 'contact'): Promise<string> {
  const answer = await fetch(`${url}/f/${form}`, {
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { accept: 'text/html' },
    redirect: 'manual',
  })
  const location = answer.headers.get('location')
  if (answer.status !== 303 || location === null) throw new Error(`answered ${answer.status}: ${await answer.text()}`)
  return location
}

export type StatusJson = {
  reference: string
  review: string
  messages: { role: string; state: string; nextTryAt: string | null }[]
  open: false | 'soon' | 'late'
}

/** Asks for the status until it is as wanted; the page's own script does the same. */
export async function statusWhen(statusUrl: string, wanted: (status: StatusJson) => boolean): Promise<StatusJson> {
  let etag = ''
  for (;;) {
    const answer = await fetch(`${statusUrl}.json`, { headers: { 'if-none-match': etag } })
    if (answer.status === 200) {
      etag = answer.headers.get('etag') ?? ''
      const status = (await answer.json()) as StatusJson
      if (wanted(status)) return status
    } else if (answer.status !== 304) throw new Error(`the status answered ${answer.status}`)
    // The server has other things to do than to answer us.
    await setTimeout(20)
  }
}

export function stateOf(status: StatusJson, role: string): string | undefined {
  return status.messages.find((message) => message.role === role)?.state
}
