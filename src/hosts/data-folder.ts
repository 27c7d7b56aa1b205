import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { newSecrets, type Secrets } from '../adapters/node/crypto.ts'
import { TodokuError } from '../core/errors.ts'

/** The one folder in which everything of an instance lies. */
export type DataFolder = {
  path: string
  database: string
  blobs: string
  secrets: Secrets
  /** Lets another process in. */
  release(): void
}

/** How commands on the same machine reach the running server. */
export type RunningServer = { url: string; token: string; pid: number }

const serverFile = 'server.json'

/**
 * Opens a data folder for this process alone, and makes what is missing in it.
 *
 * The lock is a SQLite file held for writing: the operating system lets go of it however the process ends, which a file
 * with a process id in it does not.
 *
 * @throws TodokuError('data-in-use')
 */
export function openDataFolder(path: string): DataFolder {
  mkdirSync(join(path, 'blobs'), { recursive: true, mode: 0o700 })
  // The folder's own name must survive a power cut like everything in it.
  syncFolder(dirname(path))
  syncFolder(path)
  const lock = new DatabaseSync(join(path, 'lock.db'), { timeout: 0 })
  try {
    lock.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw new TodokuError('data-in-use', {
      detail: `Another todoku is using ${path}. Stop it first, or choose another folder with --data.`,
      cause: error,
    })
  }
  return {
    path,
    database: join(path, 'todoku.db'),
    blobs: join(path, 'blobs'),
    secrets: secretsOf(path),
    release: () => lock.close(),
  }
}

function secretsOf(path: string): Secrets {
  const file = join(path, 'secrets.json')
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Secrets
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const secrets = newSecrets()
  writeDurably(file, JSON.stringify(secrets, null, 2))
  return secrets
}

/** Tells commands beside this server where it is. Only the same user can read it. */
export function announceServer(path: string, server: RunningServer): void {
  writeDurably(join(path, serverFile), JSON.stringify(server))
}

export function withdrawServer(path: string): void {
  rmSync(join(path, serverFile), { force: true })
}

/** The server that announced itself in a data folder; it may have died since. */
export function announcedServer(path: string): RunningServer | null {
  try {
    return JSON.parse(readFileSync(join(path, serverFile), 'utf8')) as RunningServer
  } catch {
    return null
  }
}

/** Whole or not at all, and on the disk before anything relies on it. */
function writeDurably(file: string, text: string): void {
  const temporary = `${file}.new`
  const handle = openSync(temporary, 'w', 0o600)
  try {
    writeSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(temporary, file)
  syncFolder(dirname(file))
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
