import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { sampleAccept } from '../../../test/contracts/samples.ts'
import { TodokuError } from '../../core/errors.ts'
import { openForWriting } from './database.ts'
import { migrate } from './migrate.ts'
import { openSqliteStores } from './stores.ts'
import { createWriter } from './writer.ts'

const temporaryFile = () => join(mkdtempSync(join(tmpdir(), 'todoku-sqlite-')), 'todoku.db')

function opened(file = temporaryFile()) {
  const stores = openSqliteStores({ file })
  onTestFinished(() => stores.close())
  return { file, stores }
}

describe('durability', () => {
  test('the file is in WAL mode and every commit is synced', () => {
    const db = openForWriting(temporaryFile())
    expect(db.get('PRAGMA journal_mode')?.journal_mode).toBe('wal')
    // 2 is FULL: the log is synced with each commit.
    expect(db.get('PRAGMA synchronous')?.synchronous).toBe(2)
    expect(db.get('PRAGMA secure_delete')?.secure_delete).toBe(1)
  })

  test('what was accepted is there for whoever opens the file next', async () => {
    const { file, stores } = opened()
    const command = sampleAccept()
    await stores.submissions.accept(command)
    const other = openSqliteStores({ file })
    expect(await other.submissions.get(command.submission.reference)).toEqual(command.submission)
    other.close()
  })
})

describe('group commit', () => {
  test('commands that come together share one transaction, each in a savepoint of its own', async () => {
    const db = openForWriting(temporaryFile())
    db.raw.exec('CREATE TABLE t (x INTEGER UNIQUE)')
    const statements: string[] = []
    const exec = db.raw.exec.bind(db.raw)
    db.raw.exec = (sql: string) => {
      statements.push(sql)
      exec(sql)
    }
    const writer = createWriter(db)
    const insert = (x: number) =>
      writer.submit((connection, value: number) => {
        connection.run('INSERT INTO t VALUES (?)', value)
        if (value === 3) throw new Error('three is wrong')
        return value * 10
      }, x)
    const results = await Promise.allSettled([insert(1), insert(2), insert(3), insert(2), insert(4)])
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value : 'failed'))).toEqual([
      10,
      20,
      'failed',
      'failed',
      40,
    ])
    expect(db.all('SELECT x FROM t ORDER BY x').map(({ x }) => x)).toEqual([1, 2, 4])
    expect(statements.filter((sql) => sql === 'BEGIN IMMEDIATE')).toHaveLength(1)
    expect(statements.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
  })

  test('when the commit fails, everybody is told, and nothing is stored', async () => {
    const db = openForWriting(temporaryFile())
    db.raw.exec('CREATE TABLE t (x)')
    const exec = db.raw.exec.bind(db.raw)
    let broken = true
    db.raw.exec = (sql: string) => {
      if (sql === 'COMMIT' && broken) throw Object.assign(new Error('disk I/O error'), { errcode: 10 })
      exec(sql)
    }
    const writer = createWriter(db)
    const insert = () => writer.submit((connection) => connection.run('INSERT INTO t VALUES (1)'), undefined)
    const results = await Promise.allSettled([insert(), insert()])
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store-unavailable' } })
    broken = false
    expect(await insert()).toBe(1)
    expect(db.all('SELECT * FROM t')).toHaveLength(1)
  })

  test('after closing nothing is taken any more; what waited was committed', async () => {
    const db = openForWriting(temporaryFile())
    db.raw.exec('CREATE TABLE t (x)')
    const writer = createWriter(db)
    const waiting = writer.submit((connection) => connection.run('INSERT INTO t VALUES (1)'), undefined)
    writer.close()
    await waiting
    await expect(writer.submit(() => 1, undefined)).rejects.toMatchObject({ code: 'shutting-down' })
    expect(db.all('SELECT * FROM t')).toHaveLength(1)
  })
})

describe('a store that can’t be written', () => {
  test('because another program holds the lock: told as such, and as soon as it lets go, all is well', async () => {
    const { file, stores } = opened()
    const other = new DatabaseSync(file)
    other.exec('BEGIN EXCLUSIVE')
    const command = sampleAccept()
    await expect(stores.submissions.accept(command)).rejects.toMatchObject({ code: 'store-unavailable' })
    other.exec('ROLLBACK')
    other.close()
    expect(await stores.submissions.get(command.submission.reference)).toBeNull()
    expect(await stores.submissions.accept(command)).toEqual({ kind: 'accepted', held: [] })
  })

  test('because it is full: nothing half stored, and room makes it work again', async () => {
    const { file, stores } = opened()
    await stores.submissions.accept(sampleAccept())
    const limit = (pages: number) => {
      const db = new DatabaseSync(file)
      const page = Number(db.prepare('PRAGMA page_count').get()?.page_count)
      db.close()
      return page + pages
    }
    // The connection that writes is told to take no more pages: SQLite then answers as on a full disk.
    const db = openForWriting(file)
    db.raw.exec(`PRAGMA max_page_count = ${limit(0)}`)
    const writer = createWriter(db)
    const big = 'x'.repeat(200_000)
    const insert = (text: string) =>
      writer.submit((connection, value: string) => {
        connection.run('INSERT INTO budgets VALUES (?, ?, 1)', 'k', value)
      }, text)
    const results = await Promise.allSettled([insert('small'), insert(big)])
    expect(results.some((result) => result.status === 'rejected' && result.reason instanceof TodokuError)).toBe(true)
    expect(db.all('SELECT length(subject) AS size FROM budgets WHERE length(subject) > 100000')).toEqual([])
    db.raw.exec('PRAGMA max_page_count = 1000000')
    await insert(`${big}again`)
    expect(db.all('SELECT 1 FROM budgets WHERE length(subject) > 100000')).toHaveLength(1)
    db.raw.close()
  })

  test('a mistake of ours is not taken for a full disk', async () => {
    const db = openForWriting(temporaryFile())
    const writer = createWriter(db)
    await expect(
      writer.submit((connection) => connection.run('INSERT INTO nowhere VALUES (1)'), undefined),
    ).rejects.not.toBeInstanceOf(TodokuError)
  })
})

describe('migrations', () => {
  test('are numbered from 1 without a gap', async () => {
    const { readdir } = await import('node:fs/promises')
    const files = (await readdir(join(import.meta.dirname, 'migrations'))).filter((name) => /^\d/.test(name)).sort()
    expect(files.map((name) => Number(name.slice(0, 4)))).toEqual(files.map((_, index) => index + 1))
  })

  test('run once, also when two open the file at the same time', () => {
    const file = temporaryFile()
    const [a, b] = [openForWriting(file), openForWriting(file)]
    let runs = 0
    const step = {
      number: 1,
      breaking: false,
      get sql() {
        runs += 1
        return 'CREATE TABLE t (x)'
      },
    }
    migrate(a.raw, [step])
    migrate(b.raw, [step])
    expect(runs).toBe(1)
  })

  test('one that fails leaves nothing behind', () => {
    const db = openForWriting(temporaryFile())
    const step = { number: 1, breaking: false, sql: 'CREATE TABLE t (x); INSERT INTO nowhere VALUES (1)' }
    expect(() => migrate(db.raw, [step])).toThrow()
    expect(db.all("SELECT name FROM sqlite_master WHERE name = 't'")).toEqual([])
    expect(db.get('PRAGMA user_version')?.user_version).toBe(0)
  })

  test('a file of a newer version is refused', () => {
    const file = temporaryFile()
    openForWriting(file).raw.exec('PRAGMA user_version = 9999')
    expect(() => openSqliteStores({ file })).toThrow(expect.objectContaining({ code: 'data-newer' }))
  })
})

test('a closed lane costs a step, not a walk: leasing does not slow down with what waits in it', async () => {
  const { stores } = opened()
  for (let n = 0; n < 20; n += 1)
    await stores.submissions.accept(
      sampleAccept(
        {},
        Array.from({ length: 100 }, () => ({ lane: 'closed' })),
      ),
    )
  await stores.submissions.accept(sampleAccept({}, [{ lane: 'open' }]))
  const query = { now: 2_000_000, until: 3_000_000, limit: 10, rooms: { closed: 0 }, defaultRoom: 5 }
  expect((await stores.messages.leaseDue(query)).map(({ lane }) => lane)).toEqual(['open'])
  expect(await stores.messages.leaseDue(query)).toEqual([])
})
