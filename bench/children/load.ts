/**
 * Posts a form over and over from kept connections, each of which waits for its answer before it posts again (a closed
 * loop). Every body is another one, so that none is a repetition. Tells `measuring` after the warm-up and `measured` in
 * the end.
 */
import { connect } from 'node:net'
import { quantile } from '../figures.ts'
import { createAnswerReader } from '../http-answers.ts'

export type LoadTask = {
  port: number
  connections: number
  warmUpMs: number
  /** How long, or how many posts. */
  measure: { ms: number } | { posts: number }
}

export type Measured = {
  posts: number
  ms: number
  p50: number
  p99: number
  /** Answers other than 303. */
  refused: number
  /** Processor time of the generator itself. Milliseconds. */
  cpuMs: number
  bodyBytes: number
}

const task = JSON.parse(process.argv[2] ?? '') as LoadTask

// Eight fields, as a contact form of a museum gets them, with the number that makes each post its own.
const text = 'We would like to visit you with a class of thirty children. Is there a guided tour in the morning? '
const fixed = new URLSearchParams({
  name: 'Hanako Yamada',
  organisation: 'Minato Elementary School',
  phone: '+81 3 0000 0000',
  subject: 'Guided tour for a school class',
  date: '2026-12-01',
  source: 'search engine',
  message: text.repeat(7).slice(0, 690),
}).toString()

function bodyOf(number: number): string {
  return `email=visitor${String(number).padStart(10, '0')}%40example.test&${fixed}`
}

function requestOf(number: number): string {
  const body = bodyOf(number)
  return `POST /f/contact HTTP/1.1\r\nHost: forms.example.test\r\nUser-Agent: bench\r\nAccept: text/html\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

let sent = 0
let refused = 0
let latencies: number[] = []
let begun = 0
let ended = false
let cpuBefore = process.cpuUsage()
let open = 0

function begin(): void {
  latencies = []
  refused = 0
  begun = performance.now()
  cpuBefore = process.cpuUsage()
  process.send?.({ kind: 'measuring' })
}

/** Keeps one connection busy; servers close it now and then, and get a new one. */
function keepPosting(): void {
  open += 1
  const socket = connect({ port: task.port, host: '127.0.0.1', noDelay: true })
  const reader = createAnswerReader()
  let sentAt = 0
  const post = () => {
    if (isOver()) return socket.end()
    sent += 1
    sentAt = performance.now()
    socket.write(requestOf(sent))
  }
  socket.on('connect', post)
  socket.on('data', (chunk) => {
    for (const answer of reader.push(chunk)) {
      latencies.push(performance.now() - sentAt)
      if (answer.status !== 303) refused += 1
      if (answer.close) socket.end()
      else post()
    }
  })
  socket.setTimeout(30_000, () => socket.destroy(new Error('no answer for 30 s')))
  socket.on('error', (error) => {
    console.error(`load: ${error.message}`)
    process.exit(1)
  })
  socket.on('close', () => {
    open -= 1
    if (!isOver()) keepPosting()
    else if (open === 0) finish()
  })
}

function isOver(): boolean {
  return ended || ('posts' in task.measure && begun > 0 && sent >= task.measure.posts)
}

function finish(): void {
  const ms = performance.now() - begun
  if (!ended) tell(ms)
  process.disconnect()
}

function tell(ms: number): void {
  ended = true
  const { user, system } = process.cpuUsage(cpuBefore)
  const sorted = Float64Array.from(latencies).sort()
  const measured: Measured = {
    posts: sorted.length,
    ms,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    refused,
    cpuMs: (user + system) / 1000,
    bodyBytes: bodyOf(0).length,
  }
  process.send?.({ kind: 'measured', ...measured })
}

if ('posts' in task.measure) begin()
for (let number = 0; number < task.connections; number += 1) keepPosting()
if ('ms' in task.measure) {
  const { ms } = task.measure
  setTimeout(() => {
    begin()
    setTimeout(() => tell(performance.now() - begun), ms)
  }, task.warmUpMs)
}
