/**
 * The least that a server must do to take a post: bare `node:http`, the fields read by `URLSearchParams`, one row in
 * SQLite (`node:sqlite`, WAL, `synchronous=FULL`), a 303. What Todoku does more is measured against it.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export type FloorTask = {
  folder: string
  /** `group`: all that gathers shares a commit; `single`: a transaction per post; `none`: nothing is stored. */
  store: 'group' | 'single' | 'none'
  /** Bytes of a row: as many as Todoku's database grows by with a post. */
  rowBytes: number
}

const task = JSON.parse(process.argv[2] ?? '') as FloorTask

type Waiting = { id: string; row: string; done: () => void }

const save = task.store === 'none' ? ({ done }: Waiting) => done() : openStore()

function openStore(): (post: Waiting) => void {
  const db = new DatabaseSync(join(task.folder, 'floor.db'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536')
  db.exec('CREATE TABLE posts (id TEXT NOT NULL UNIQUE, row TEXT NOT NULL) STRICT')
  const insert = db.prepare('INSERT INTO posts VALUES (?, ?)')
  let waiting: Waiting[] = []

  function commit(): void {
    const batch = waiting
    waiting = []
    db.exec('BEGIN IMMEDIATE')
    for (const { id, row } of batch) insert.run(id, row)
    db.exec('COMMIT')
    for (const { done } of batch) done()
  }

  return (post) => {
    waiting.push(post)
    if (task.store === 'single') commit()
    else if (waiting.length === 1) setImmediate(commit)
  }
}

function take(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const entries = [...new URLSearchParams(Buffer.concat(chunks).toString())]
    const id = randomUUID()
    const row = JSON.stringify(entries).padEnd(task.rowBytes)
    save({ id, row, done: () => response.writeHead(303, { Location: `/s/${id}`, 'Content-Length': 0 }).end() })
  })
}

const server = createServer(take)
// As Todoku's own, so that all open as many connections.
server.maxRequestsPerSocket = 1000
server.listen(0, '127.0.0.1', () => process.send?.({ kind: 'listening', port: (server.address() as AddressInfo).port }))
process.on('disconnect', () => process.exit())
