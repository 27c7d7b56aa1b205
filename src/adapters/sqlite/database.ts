import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { TodokuError } from '../../core/errors.ts'

export type Row = Record<string, null | number | bigint | string | Uint8Array>

/** A connection with its prepared statements. */
export interface Database {
  all(sql: string, ...values: SQLInputValue[]): Row[]
  get(sql: string, ...values: SQLInputValue[]): Row | undefined
  /** @returns how many rows changed */
  run(sql: string, ...values: SQLInputValue[]): number
  readonly raw: DatabaseSync
}

/**
 * How long a statement waits for a lock that another process holds. Short: it waits on the thread that serves
 * requests, and the answer to a locked store is a 503 that says so.
 */
const busyMs = 250

/** Opens the one connection that writes. WAL with `synchronous=FULL`: a commit is on the disk when it returns. */
export function openForWriting(file: string): Database {
  const raw = new DatabaseSync(file, { timeout: busyMs })
  raw.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; PRAGMA secure_delete = ON; PRAGMA cache_size = -65536',
  )
  return wrap(raw)
}

/** Opens a connection that can't write. */
export function openForReading(file: string): Database {
  const raw = new DatabaseSync(file, { readOnly: true, timeout: busyMs })
  return wrap(raw)
}

function wrap(raw: DatabaseSync): Database {
  const prepared = new Map<string, StatementSync>()
  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    const made = raw.prepare(sql)
    prepared.set(sql, made)
    return made
  }
  return {
    raw,
    all: (sql, ...values) => statement(sql).all(...values) as Row[],
    get: (sql, ...values) => statement(sql).get(...values) as Row | undefined,
    run: (sql, ...values) => Number(statement(sql).run(...values).changes),
  }
}

/** Result codes that speak of the disk or of another process: NOMEM, BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN. */
const unavailable = new Set([5, 6, 7, 8, 10, 11, 13, 14])

/** A fault of the disk or a lock means that the store is not available and nothing was stored; another one is a mistake of ours. */
export function asStoreError(error: unknown): unknown {
  const code = (error as { errcode?: number } | null)?.errcode
  // Extended result codes carry the primary one in their low byte.
  if (code === undefined || !unavailable.has(code & 0xff)) return error
  return new TodokuError('store-unavailable', { cause: error })
}
