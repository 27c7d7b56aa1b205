import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

// --- what runs, and its end -------------------------------------------------------------------------------------

/** Everything that is measured runs in a process of its own; each is ended by its id. */
const running = new Set<ChildProcess>()
const folders = new Set<string>()
let leaving = false

/** Asks a process to end, and waits until it has. */
export async function end(child: ChildProcess): Promise<void> {
  if (!running.has(child)) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await exited
  clearTimeout(late)
}

/** Sees to it that a process does not outlive us. */
export function watch(child: ChildProcess): void {
  if (leaving) {
    child.kill('SIGKILL')
    throw new Error('stopped')
  }
  running.add(child)
  const gone = () => running.delete(child)
  child.once('exit', gone)
  child.once('error', gone)
}

/** Ends whatever still runs, and removes what lies around: for an end in the middle as well. */
export async function leaveNothing(): Promise<void> {
  leaving = true
  await Promise.all([...running].map(end))
  for (const folder of [...folders]) remove(folder)
}

/** A folder that is gone in the end. */
export function temporaryFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, 'todoku-bench-'))
  folders.add(folder)
  return folder
}

export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  folders.delete(folder)
}

/** Processor time of a process so far, all threads, in milliseconds; null where the system has no /proc. */
export function cpuMs(child: ChildProcess): number | null {
  try {
    // Fields 14 and 15 (proc(5)), counted after the name, which may contain anything. 100 ticks a second on every Linux.
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return null
  }
}

/** @returns `{ name: µs }` for so much work, or nothing where processor time can't be read */
export function cpuFigure(
  name: string,
  before: number | null,
  after: number | null,
  work: number,
): Record<string, number> {
  return before === null || after === null ? {} : { [name]: ((after - before) * 1000) / work }
}

// --- our own children -------------------------------------------------------------------------------------------

/** A program of `bench/children/`, with a line to it. */
export type Child = {
  process: ChildProcess
  send(message: object): void
  /** The next message of a kind, also one that came already. */
  next<T>(kind: string): Promise<T>
  end(): Promise<void>
}

/** Starts `bench/children/<name>.ts`; `task` is the JSON that it finds as its argument. */
export function startChild(name: string, task: object): Child {
  const child = fork(join(import.meta.dirname, 'children', `${name}.ts`), [JSON.stringify(task)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  watch(child)
  const came: { kind: string }[] = []
  const waiting: { kind: string; resolve: (message: never) => void; reject: (error: Error) => void }[] = []
  child.on('message', (message: { kind: string }) => {
    const at = waiting.findIndex(({ kind }) => kind === message.kind)
    if (at === -1) came.push(message)
    else waiting.splice(at, 1)[0]?.resolve(message as never)
  })
  child.once('exit', (code, signal) => {
    for (const { kind, reject } of waiting) reject(new Error(`${name} ended (${code ?? signal}) without “${kind}”`))
  })
  return {
    process: child,
    send: (message) => void child.send(message),
    next<T>(kind: string) {
      const at = came.findIndex((message) => message.kind === kind)
      if (at !== -1) return Promise.resolve(came.splice(at, 1)[0] as T)
      const message = new Promise<T>((resolve, reject) => waiting.push({ kind, resolve, reject }))
      // Who asked may have given up already, when the child ends.
      message.catch(() => {})
      return message
    },
    end: () => end(child),
  }
}

/** The port that a child tells it listens on. */
export async function portOf(child: Child): Promise<number> {
  return (await child.next<{ port: number }>('listening')).port
}

/** Rejects when something takes longer than anything here may. */
export async function soon<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after two minutes: ${what}`)), 120_000)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Starts a program that is installed. */
export function startProgram(command: string, args: readonly string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  watch(child)
  return child
}
