import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'

/** What the server says to one question. */
export type DnsReply =
  /** Preference and name; `''` is the root, as in a null MX. */
  | { mx: readonly (readonly [preference: number, host: string])[] }
  | { a: readonly string[] }
  /** Eight groups, without `::`. */
  | { aaaa: readonly string[] }
  /** The name is there, the type is not. */
  /** Records of TXT, each in its pieces of 255 bytes at most. */
  | { txt: readonly (readonly string[])[] }
  | 'no-records'
  | 'no-name'
  | 'server-failure'
  | 'refused'
  | 'not-implemented'
  /** Nothing at all. */
  | 'silence'
  /** Only the beginning of an answer; the rest would be had over TCP, where nobody listens. */
  | 'truncated'
  /** An answer to a question of somebody else, as a forger would guess it. */
  | 'wrong-id'
  /** Bytes that are no message. */
  | 'garbage'

export type DnsQuestion = { name: string; type: 'MX' | 'A' | 'AAAA' | 'TXT' | 'other' }

/** Replies by `name type`, as in `'example.jp MX'`; what is not named is `no-name`. A list is used up one by one, its last repeats. */
export type DnsScript = Readonly<Record<string, DnsReply | readonly DnsReply[]>>

export type FakeDns = {
  /** For the resolver's `setServers`. */
  readonly address: string
  /** Every question, repetitions among them, in order. */
  readonly questions: readonly DnsQuestion[]
  /** Resolves when so many questions came. */
  asked(count: number): Promise<void>
  close(): Promise<void>
}

const types = { A: 1, MX: 15, TXT: 16, AAAA: 28 } as const
const codes = { 'no-records': 0, 'server-failure': 2, 'no-name': 3, 'not-implemented': 4, refused: 5 } as const

/**
 * A DNS server on a free UDP port of 127.0.0.1 that answers as a script says (RFC 1035 §4.1).
 *
 * @example const dns = await startFakeDns({ 'example.jp MX': { mx: [[10, 'mail.example.jp']] } })
 */
export async function startFakeDns(script: DnsScript): Promise<FakeDns> {
  const socket = createSocket('udp4')
  const questions: DnsQuestion[] = []
  const counts = new Map<string, number>()
  let waiting: { count: number; resolve: () => void }[] = []

  function replyTo({ name, type }: DnsQuestion): DnsReply {
    const key = `${name} ${type}`
    const scripted = Object.hasOwn(script, key) ? script[key] : undefined
    const list: readonly DnsReply[] = Array.isArray(scripted) ? scripted : [(scripted as DnsReply) ?? 'no-name']
    const count = counts.get(key) ?? 0
    counts.set(key, count + 1)
    return list[Math.min(count, list.length - 1)] ?? 'no-name'
  }

  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const question = readQuestion(query)
    questions.push(question)
    const answer = answerOf(query, question, replyTo(question))
    if (answer !== null) socket.send(answer, from.port, from.address)
    for (const one of waiting.filter(({ count }) => count <= questions.length)) one.resolve()
    waiting = waiting.filter(({ count }) => count > questions.length)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')

  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    asked(count) {
      if (questions.length >= count) return Promise.resolve()
      return new Promise((resolve) => waiting.push({ count, resolve }))
    },
    async close() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

const headerLength = 12

function readQuestion(query: Buffer): DnsQuestion {
  const labels: string[] = []
  let at = headerLength
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const code = query.readUInt16BE(at + 1)
  const type = (['A', 'MX', 'AAAA', 'TXT'] as const).find((one) => types[one] === code) ?? 'other'
  // Case is the resolver's (it may mix it against forgers).
  return { name: labels.join('.').toLowerCase(), type }
}

function answerOf(query: Buffer, { name, type }: DnsQuestion, reply: DnsReply): Buffer | null {
  if (reply === 'silence') return null
  if (reply === 'garbage') return Buffer.from('this is no message of the DNS')
  const end = query.indexOf(0, headerLength) + 5
  const question = query.subarray(headerLength, end)
  const records = recordsOf(name, type, reply)
  const code = typeof reply === 'string' && reply in codes ? codes[reply as keyof typeof codes] : 0
  const header = Buffer.alloc(headerLength)
  header.writeUInt16BE(query.readUInt16BE(0) ^ (reply === 'wrong-id' ? 1 : 0), 0)
  // QR, RD, RA; TC; RCODE.
  header.writeUInt16BE(0x8180 | (reply === 'truncated' ? 0x0200 : 0) | code, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, question, ...records])
}

function recordsOf(name: string, type: DnsQuestion['type'], reply: DnsReply): Buffer[] {
  if (reply === 'wrong-id') return [record(name, 'MX', mxData(1, 'forged.test'))]
  if (typeof reply === 'string') return []
  if ('mx' in reply) return reply.mx.map(([preference, host]) => record(name, 'MX', mxData(preference, host)))
  if ('txt' in reply) return reply.txt.map((pieces) => record(name, 'TXT', txtData(pieces)))
  if ('a' in reply) return reply.a.map((address) => record(name, 'A', Buffer.from(address.split('.').map(Number))))
  const groups = reply.aaaa.map((address) => address.split(':').map((group) => Number.parseInt(group, 16)))
  if (type !== 'AAAA') throw new TypeError(`the script answers ${type} with AAAA`)
  return groups.map((words) => record(name, 'AAAA', Buffer.from(words.flatMap((word) => [word >> 8, word & 0xff]))))
}

function record(name: string, type: keyof typeof types, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(types[type], 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(300, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodeName(name), fixed, data])
}

function mxData(preference: number, host: string): Buffer {
  return Buffer.concat([Buffer.from([preference >> 8, preference & 0xff]), encodeName(host)])
}

function txtData(pieces: readonly string[]): Buffer {
  return Buffer.concat(pieces.flatMap((piece) => [Buffer.from([piece.length]), Buffer.from(piece, 'latin1')]))
}

function encodeName(name: string): Buffer {
  const labels = name === '' ? [] : name.split('.')
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
    Buffer.from([0]),
  ])
}
