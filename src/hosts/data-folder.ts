import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
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
 * @throws TodokuError('data-in-use'), TodokuError('data-unusable')
 */
export function openDataFolder(path: string): DataFolder {
  try {
    makeFolder(path)
  } catch (error) {
    throw unusable(path, error)
  }
  const release = lock(path)
  try {
    return { path, database: join(path, 'todoku.db'), blobs: join(path, 'blobs'), secrets: secretsOf(path), release }
  } catch (error) {
    release()
    throw error instanceof SyntaxError ? error : unusable(path, error)
  }
}

/** Only its owner may read what people sent, whoever made the folder. */
function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  mkdirSync(join(path, 'blobs'), { recursive: true, mode: 0o700 })
  syncFolder(path)
  // The names of new folders must survive a power cut like everything in them.
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) syncFolder(dirname(made))
}

function lock(path: string): () => void {
  let file: DatabaseSync | null = null
  try {
    file = new DatabaseSync(join(path, 'lock.db'), { timeout: 0 })
    file.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  } catch (error) {
    file?.close()
    // BUSY, LOCKED
    const held = [5, 6].includes(((error as { errcode?: number }).errcode ?? 0) & 0xff)
    if (!held) throw unusable(path, error)
    throw new TodokuError('data-in-use', {
      detail: `Another todoku is using ${path}. Stop it first, or choose another folder with --data.`,
      cause: error,
    })
  }
  const held = file
  return () => held.close()
}

/** What is wrong with a folder, in the words of the system or of the database. */
export function unusable(path: string, error: unknown): TodokuError {
  const { code, message, cause } = error as NodeJS.ErrnoException
  if (error instanceof TodokuError && cause !== undefined) return unusable(path, cause)
  const why = code === undefined || code === 'ERR_SQLITE_ERROR' ? message : code
  return new TodokuError('data-unusable', {
    detail: `The data folder ${path} can’t be used (${why}). It must be a folder of our own user, on a disk with room.`,
    cause: error,
  })
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

/** Keeps the token that opens `/metrics`, where a person finds it for their monitoring. */
export function keepMetricsToken(path: string, token: string): void {
  const file = join(path, 'metrics-token')
  try {
    if (readFileSync(file, 'utf8') === token) return
  } catch {
    // There is none yet.
  }
  writeDurably(file, token)
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
  try {
    const handle = openSync(temporary, 'w', 0o600)
    try {
      writeSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(temporary, file)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw unusable(dirname(file), error)
  }
  syncFolder(dirname(file))
}

function syncFolder(path: string): void {
  let folder: number
  try {
    folder = openSync(path, 'r')
  } catch (error) {
    // A folder that we may pass through but not read is not ours, and was there before.
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return
    throw error
  }
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
