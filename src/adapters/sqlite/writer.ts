import { TodokuError } from '../../core/errors.ts'
import { asStoreError, type Database } from './database.ts'

/** A command on the store: plain data in, plain data out, run inside the current group commit. */
export type Command<Argument, Result> = (db: Database, argument: Argument) => Result

export interface Writer {
  /** Runs a command in the next group commit; resolves after that commit is on the disk. */
  submit<Argument, Result>(command: Command<Argument, Result>, argument: Argument): Promise<Result>
  /** Whether a commit failed lately: the disk may take a small one and not the next post. */
  failedLately(): boolean
  /** Commits what waits; later commands are refused. */
  close(): void
}

type Waiting = {
  run: (db: Database) => unknown
  resolve: (value: never) => void
  reject: (reason: unknown) => void
}

/** Commands in one commit at most, so that the first of them does not wait for ever. */
const batchSize = 512

/** Commands that may wait for a commit; beyond it the store is not keeping up, and says so. */
const queueLimit = 20_000

/** How long a failed commit is remembered. Milliseconds. */
const failureMs = 10_000

/**
 * Natural group commit: what gathers while the last commit runs goes into the next one. No timer: at one caller a
 * commit starts at once, at many they share the same sync of the disk.
 *
 * Every command runs in a savepoint of its own: one that throws does not fail its neighbours.
 */
export function createWriter(db: Database): Writer {
  const waiting: Waiting[] = []
  let scheduled = false
  let closed = false
  let failedAt = Number.NEGATIVE_INFINITY

  function schedule() {
    if (scheduled) return
    scheduled = true
    setImmediate(drain)
  }

  function drain() {
    scheduled = false
    const batch = waiting.splice(0, batchSize)
    if (waiting.length > 0) schedule()
    if (batch.length > 0) commit(batch)
  }

  function commit(batch: readonly Waiting[]) {
    const outcomes: (() => void)[] = []
    try {
      db.raw.exec('BEGIN IMMEDIATE')
      for (const command of batch) outcomes.push(runOne(command))
      db.raw.exec('COMMIT')
    } catch (error) {
      rollback()
      failedAt = performance.now()
      for (const { reject } of batch) reject(asStoreError(error))
      return
    }
    for (const tell of outcomes) tell()
  }

  /** A disk that can't be read any more may refuse even this; the next BEGIN then says so. */
  function rollback() {
    try {
      if (db.raw.isTransaction) db.raw.exec('ROLLBACK')
    } catch {
      // The callers are told of the fault that came first.
    }
  }

  function runOne({ run, resolve, reject }: Waiting): () => void {
    db.raw.exec('SAVEPOINT command')
    try {
      const result = run(db)
      db.raw.exec('RELEASE command')
      return () => resolve(result as never)
    } catch (error) {
      // A full disk can end the whole transaction; then nobody's command is stored.
      if (!db.raw.isTransaction) throw error
      db.raw.exec('ROLLBACK TO command')
      db.raw.exec('RELEASE command')
      const told = asStoreError(error)
      if (told !== error) failedAt = performance.now()
      return () => reject(told)
    }
  }

  return {
    submit<Argument, Result>(command: Command<Argument, Result>, argument: Argument) {
      return new Promise<Result>((resolve, reject) => {
        if (closed || waiting.length >= queueLimit) {
          reject(new TodokuError(closed ? 'shutting-down' : 'store-unavailable'))
          return
        }
        waiting.push({ run: (connection) => command(connection, argument), resolve, reject })
        schedule()
      })
    },
    failedLately: () => performance.now() - failedAt < failureMs,
    close() {
      closed = true
      while (waiting.length > 0) drain()
    },
  }
}
