import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

/**
 * An SMTP server that behaves as a script says, well or badly, and remembers everything. It speaks raw bytes, so that it
 * can also do what no server should.
 */

/** One thing that the server does. A text is a reply: its lines get CRLF. */
export type Act =
  | string
  /** Bytes as they are. */
  | { bytes: string | Uint8Array }
  /** A reply, one byte per write. */
  | { drip: string }
  /** Does nothing until the test calls `release(name)`. */
  | { until: string }
  /** Answers nothing any more; with `deaf` it also reads nothing more, so that the other side can't write on. */
  | { hang: true | 'deaf' }
  | { end: 'close' | 'reset' }

/** `handshake`: instead of TLS, once the client has begun it. `body`: when the first bytes of the mail are there. `dot`: when its end is. */
export type ServerStage =
  | 'greeting'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'handshake'
  | 'auth'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'dot'
  | 'rset'
  | 'quit'
  | 'other'

type Acts = Act | readonly Act[]
type Stages = { readonly [S in ServerStage]?: Acts }

export type Script = Stages & {
  /** What EHLO offers; default: everything that our client uses, AUTH only where `login` is set. */
  readonly extensions?: readonly string[]
  /** What it offers before TLS, where that is something else. */
  readonly clearExtensions?: readonly string[]
  /** Overrides for the first, second, … mail of a connection. */
  readonly mails?: readonly Stages[]
  /** TLS from the first byte. */
  readonly implicitTls?: boolean
  readonly login?: { readonly user: string; readonly secret: string }
  /** How SCRAM is done wrong. */
  readonly scram?: { readonly iterations?: number; readonly forge?: 'nonce' | 'signature' | 'no-signature' }
}

export type SeenMail = {
  connection: number
  /** Commands as they came. */
  mail: string
  rcpt: string
  /** Address of the last RCPT; empty when none was taken. */
  to: string
  /** As sent, dots still doubled. */
  content: Buffer
}

export type SeenConnection = {
  number: number
  secure: boolean
  commands: string[]
  /** Bytes of a mail whose end never came. */
  unfinished: number
  ended: boolean
}

export type ScriptedSmtpServer = {
  readonly port: number
  readonly connections: readonly SeenConnection[]
  /** Mails whose final dot was received, in order, whatever was answered. */
  readonly mails: readonly SeenMail[]
  /** How many of these went to an address. */
  dots(recipient: string): number
  /** Resolves when a stage was reached for the n-th time, counted over all connections. `ended`: a connection is gone. */
  reached(stage: ServerStage | 'connect' | 'ended', times?: number): Promise<void>
  /** Resolves when so many bytes came in, over all connections. */
  received(bytes: number): Promise<void>
  /** Lets every `until` of this name go on, now and later. */
  release(name: string): void
  close(): Promise<void>
}

/** Key and certificate for TLS; the certificate is its own authority. */
export const testTls = {
  key: readFileSync(new URL('../fixtures/tls/key.pem', import.meta.url), 'utf8'),
  cert: readFileSync(new URL('../fixtures/tls/cert.pem', import.meta.url), 'utf8'),
}

const defaults: Record<Exclude<ServerStage, 'handshake' | 'body' | 'ehlo' | 'auth'>, Acts> = {
  greeting: '220 relay.test ESMTP',
  helo: '250 relay.test',
  starttls: '220 2.0.0 go ahead',
  mail: '250 2.1.0 sender ok',
  rcpt: '250 2.1.5 recipient ok',
  data: '354 go ahead',
  dot: '250 2.0.0 queued',
  rset: '250 2.0.0 reset',
  quit: ['221 2.0.0 bye', { end: 'close' }],
  other: '500 5.5.2 what?',
}

const defaultExtensions = [
  'PIPELINING',
  'SIZE 10240000',
  'DSN',
  '8BITMIME',
  'SMTPUTF8',
  'ENHANCEDSTATUSCODES',
  'CHUNKING',
]

/**
 * Starts a server on a free port of 127.0.0.1.
 *
 * @param scripts the first connection follows the first, the second the second, …; the last one repeats.
 * @example const server = await startScriptedSmtpServer([{ dot: { end: 'reset' } }, {}])
 */
export async function startScriptedSmtpServer(scripts: Script | readonly Script[] = {}): Promise<ScriptedSmtpServer> {
  const list = Array.isArray(scripts) ? (scripts as readonly Script[]) : [scripts as Script]
  const connections: SeenConnection[] = []
  const mails: SeenMail[] = []
  const sockets = new Set<Socket>()
  const counts = new Map<string, number>()
  const released = new Set<string>()
  let bytesRead = 0
  let waiting: { met: () => boolean; resolve: () => void }[] = []

  function settleWaiting(): void {
    const met = waiting.filter((one) => one.met())
    waiting = waiting.filter((one) => !met.includes(one))
    for (const { resolve } of met) resolve()
  }

  function until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve()
    return new Promise((resolve) => waiting.push({ met, resolve }))
  }

  function reach(stage: string): void {
    counts.set(stage, (counts.get(stage) ?? 0) + 1)
    settleWaiting()
  }

  // Half open, so that a deaf server can leave a client's goodbye unanswered.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    const number = connections.length + 1
    const script = list[Math.min(number, list.length) - 1] ?? {}
    const seen: SeenConnection = { number, secure: false, commands: [], unfinished: 0, ended: false }
    connections.push(seen)
    reach('connect')
    socket.on('data', (chunk: Buffer) => {
      bytesRead += chunk.length
      settleWaiting()
    })
    serve(socket, script, seen, { mails, reach, untilReleased: (name) => until(() => released.has(name)) })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    port: (server.address() as AddressInfo).port,
    connections,
    mails,
    dots: (recipient) => mails.filter((mail) => mail.to === recipient).length,
    reached: (stage, times = 1) => until(() => (counts.get(stage) ?? 0) >= times),
    received: (bytes) => until(() => bytesRead >= bytes),
    release(name) {
      released.add(name)
      settleWaiting()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

type Book = {
  mails: SeenMail[]
  reach(stage: string): void
  untilReleased(name: string): Promise<void>
}

/** One connection: reads command after command, and does what the script has for it. */
function serve(raw: Socket, script: Script, seen: SeenConnection, book: Book): void {
  let socket = raw
  let buffer = Buffer.alloc(0)
  let working = false
  let ended = false
  let deaf = false
  let mailCount = 0
  /** Set while the bytes of a mail are expected. */
  let inContent = false
  let bodySeen = false
  let mail = { mail: '', rcpt: '', to: '' }
  /** Takes the next line as an answer to a challenge. */
  let exchange: ((line: string) => string) | null = null

  function attach(): void {
    socket.on('data', (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk])
      void work()
    })
    socket.on('end', () => {
      if (!deaf) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (seen.ended) return
      ended = true
      seen.ended = true
      seen.unfinished = inContent ? buffer.length : 0
      book.reach('ended')
    })
  }

  async function work(): Promise<void> {
    if (working) return
    working = true
    while (!ended && (await (inContent ? readContent() : readCommand())));
    working = false
  }

  /** What the script has for a stage, the current mail's first. */
  function actsOf(stage: ServerStage, otherwise?: Acts): readonly Act[] {
    const acts = script.mails?.[mailCount - 1]?.[stage] ?? script[stage] ?? otherwise ?? []
    return Array.isArray(acts) ? (acts as readonly Act[]) : [acts as Act]
  }

  /** Does it; gives the last thing that was said. */
  async function perform(stage: ServerStage, otherwise?: Acts): Promise<string> {
    book.reach(stage)
    let said = ''
    for (const act of actsOf(stage, otherwise)) {
      if (ended) break
      if (typeof act === 'string') {
        said = act
        socket.write(`${act.replaceAll('\n', '\r\n')}\r\n`)
      } else if ('bytes' in act) {
        said = Buffer.from(act.bytes).toString('latin1')
        socket.write(act.bytes)
      } else if ('drip' in act) {
        said = act.drip
        for (const byte of Buffer.from(`${act.drip.replaceAll('\n', '\r\n')}\r\n`)) {
          if (!ended) socket.write(Buffer.of(byte))
          await new Promise((resolve) => setImmediate(resolve))
        }
      } else if ('until' in act) {
        await book.untilReleased(act.until)
      } else if ('end' in act) {
        ended = true
        if (act.end === 'close') socket.end()
        else raw.resetAndDestroy()
      } else {
        if (act.hang === 'deaf') {
          deaf = true
          socket.pause()
        }
        await new Promise(() => {})
      }
    }
    return said
  }

  async function readContent(): Promise<boolean> {
    if (buffer.length > 0 && !bodySeen) {
      bodySeen = true
      await perform('body')
      if (ended) return false
    }
    const lone = buffer.subarray(0, 3).toString('latin1') === '.\r\n'
    const end = lone ? 0 : buffer.indexOf('\r\n.\r\n')
    if (end === -1) return false
    const length = lone ? 0 : end + 2
    book.mails.push({ ...mail, connection: seen.number, content: Buffer.from(buffer.subarray(0, length)) })
    buffer = buffer.subarray(length + 3)
    inContent = false
    await perform('dot', defaults.dot)
    return true
  }

  async function readCommand(): Promise<boolean> {
    const end = buffer.indexOf('\r\n')
    if (end === -1) return false
    const line = buffer.subarray(0, end).toString('utf8')
    buffer = buffer.subarray(end + 2)
    if (exchange !== null) {
      socket.write(`${exchange(line)}\r\n`)
      return true
    }
    seen.commands.push(line)
    await obey(line)
    return true
  }

  async function obey(line: string): Promise<void> {
    const verb = line.split(/[ :]/, 1)[0]?.toUpperCase()
    switch (verb) {
      case 'EHLO': {
        const auth = script.login === undefined ? [] : ['AUTH SCRAM-SHA-256 PLAIN LOGIN XOAUTH2']
        const tls = seen.secure ? [] : ['STARTTLS']
        const listed = seen.secure ? script.extensions : (script.clearExtensions ?? script.extensions)
        const offers = ['relay.test at your service', ...(listed ?? [...defaultExtensions, ...auth, ...tls])]
        await perform(
          'ehlo',
          offers.map((offer, at) => `250${at === offers.length - 1 ? ' ' : '-'}${offer}`).join('\n'),
        )
        return
      }
      case 'STARTTLS':
        if ((await perform('starttls', defaults.starttls)).startsWith('220')) await secure()
        return
      case 'AUTH':
        await perform('auth', beginAuth(line.split(' ')))
        return
      case 'MAIL':
        mailCount += 1
        mail = { mail: line, rcpt: '', to: '' }
        await perform('mail', defaults.mail)
        return
      case 'RCPT': {
        const said = await perform('rcpt', defaults.rcpt)
        if (said.startsWith('2')) mail = { ...mail, rcpt: line, to: /<(.*?)>/.exec(line)?.[1] ?? '' }
        return
      }
      case 'DATA': {
        // Without a recipient a server refuses, unless the script lets it be one of the others (RFC 2920 §3.1).
        const said = await perform('data', mail.to === '' ? '503 5.5.1 no valid recipients' : defaults.data)
        inContent = said.startsWith('3')
        bodySeen = false
        return
      }
      case 'HELO':
        await perform('helo', defaults.helo)
        return
      case 'RSET':
        await perform('rset', defaults.rset)
        return
      case 'QUIT':
        await perform('quit', defaults.quit)
        return
      default:
        await perform('other', defaults.other)
    }
  }

  async function secure(): Promise<void> {
    if (actsOf('handshake').length > 0) {
      if (buffer.length === 0) await new Promise((resolve) => raw.once('data', resolve))
      buffer = Buffer.alloc(0)
      await perform('handshake')
      return
    }
    raw.removeAllListeners('data')
    buffer = Buffer.alloc(0)
    socket = new TLSSocket(raw, { isServer: true, secureContext: createSecureContext(testTls) })
    socket.once('secure', () => {
      seen.secure = true
    })
    attach()
  }

  function beginAuth([, mechanism = '', initial = '']: string[]): string {
    const { user, secret } = script.login ?? { user: '', secret: '' }
    const verdict = (ok: boolean): string => {
      exchange = null
      return ok ? '235 2.7.0 welcome' : '535 5.7.8 wrong login'
    }
    switch (mechanism) {
      case 'PLAIN': {
        const check = (line: string) => verdict(decode(line) === `\0${user}\0${secret}`)
        if (initial !== '') return check(initial)
        exchange = check
        return '334 '
      }
      case 'LOGIN':
        exchange = (givenUser) => {
          exchange = (givenSecret) => verdict(decode(givenUser) === user && decode(givenSecret) === secret)
          return `334 ${encode('Password:')}`
        }
        return `334 ${encode('Username:')}`
      case 'XOAUTH2': {
        const check = (line: string): string => {
          if (decode(line) === `user=${user}\u0001auth=Bearer ${secret}\u0001\u0001`) return verdict(true)
          exchange = (answer) => (answer === '' ? verdict(false) : '501 5.5.2 expected an empty line')
          return `334 ${encode('{"status":"401"}')}`
        }
        if (initial !== '') return check(initial)
        exchange = check
        return '334 '
      }
      case 'SCRAM-SHA-256': {
        const scram = scramServer(user, secret, decode(initial), script.scram ?? {})
        exchange = (line) => {
          const final = scram.final(decode(line))
          if (final === null) return verdict(false)
          if (script.scram?.forge === 'no-signature') return verdict(true)
          exchange = (answer) => verdict(answer === '')
          return `334 ${encode(final)}`
        }
        return `334 ${encode(scram.first)}`
      }
      default:
        return '504 5.5.4 no such mechanism'
    }
  }

  attach()
  if (script.implicitTls === true) {
    void secure().then(() => perform('greeting', defaults.greeting))
  } else {
    void perform('greeting', defaults.greeting)
  }
}

/** The server's side of RFC 5802, for one exchange. */
function scramServer(
  user: string,
  password: string,
  clientFirst: string,
  wrong: NonNullable<Script['scram']>,
): { first: string; final(clientFinal: string): string | null } {
  const bare = clientFirst.replace(/^n,,/, '')
  const clientNonce = /r=([^,]*)/.exec(bare)?.[1] ?? ''
  const salt = randomBytes(16)
  const iterations = wrong.iterations ?? 4096
  const nonce = `${wrong.forge === 'nonce' ? 'other' : clientNonce}${randomBytes(9).toString('base64')}`
  const first = `r=${nonce},s=${salt.toString('base64')},i=${iterations}`
  return {
    first,
    final(clientFinal) {
      const hmac = (key: Uint8Array, text: string) => createHmac('sha256', key).update(text).digest()
      const [, withoutProof = '', proof = ''] = /^(.*),p=(.*)$/.exec(clientFinal) ?? []
      const signed = `${bare},${first},${withoutProof}`
      const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
      const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest()
      const signature = hmac(storedKey, signed)
      const clientKey = Buffer.from(proof, 'base64').map((byte, at) => byte ^ (signature[at] ?? 0))
      const known = createHash('sha256').update(clientKey).digest().equals(storedKey)
      if (!known || !bare.startsWith(`n=${user},`) || withoutProof !== `c=biws,r=${nonce}`) return null
      const serverKey = wrong.forge === 'signature' ? 'Other Key' : 'Server Key'
      return `v=${hmac(hmac(salted, serverKey), signed).toString('base64')}`
    },
  }
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

function decode(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8')
}
