import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext } from 'node:tls'
import type { Clock } from '../../core/deps.ts'
import { createReplyReader, type SmtpReply } from '../../mail/smtp-reply.ts'

/** The network's own words, or ours where it has none: `ECONNREFUSED`, `timeout`, `closed`, `not-a-reply`. */
export type Fault = { kind: 'fault'; fault: string }
export type Answer = { kind: 'reply'; reply: SmtpReply } | Fault

export type TlsTerms = {
  context: SecureContext
  /** Name to be in the certificate; also sent as SNI, unless it is an address. */
  serverName: string
  /** False: any certificate will do. */
  verify: boolean
}

/**
 * One connection as lines out and replies in. Nothing here rejects or throws: a connection that breaks answers every
 * question with its first fault, after the replies that came before it. Waits run on the given clock.
 */
export interface Wire {
  /** `host[address]:port` once connected, `host:port` before. */
  readonly peer: string
  /** The peer is this machine. */
  readonly loopback: boolean
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384`, or `none`. */
  readonly tls: string
  /** Null while the connection stands. */
  readonly fault: string | null
  /** The connection stands, and not even the beginning of a reply has come that was not asked for yet. */
  readonly quiet: boolean
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>
  /** Waits until the connection stands. */
  connected(ms: number): Promise<Fault | null>
  /** Begins TLS. Whatever the server said before is dropped: someone else may have put it there (RFC 3207 §6). */
  startTls(terms: TlsTerms, ms: number): Promise<Fault | null>
  /** Hands data to the network, at once where it can. */
  send(data: string | Buffer): void
  /** Sends and waits until the network has taken it, or the server answers, or the connection breaks. */
  flush(block: Buffer, ms: number): Promise<void>
  /** The next reply. When none comes in time, the connection is dropped with the fault `timeout`. */
  answer(ms: number): Promise<Answer>
  drop(fault: string): void
  /** Ends the connection politely; it is dropped when the server does not end it too. */
  quit(ms: number): void
}

/** A server that says more than this unasked does not speak our protocol. */
const maxUnread = 16

export function openWire(target: { host: string; port: number }, clock: Clock): Wire {
  let socket: Socket = connectTcp({ host: target.host, port: target.port, noDelay: true })
  let reader = createReplyReader()
  let replies: SmtpReply[] = []
  let fault: string | null = null
  const host = target.host.includes(':') ? `[${target.host}]` : target.host
  let peer = `${host}:${target.port}`
  let loopback = false
  let tls = 'none'
  /** The one who waits; `wake` tells them to look again. */
  let wake: (() => void) | null = null
  const closed = Promise.withResolvers<void>()

  function drop(reason: string): void {
    if (fault !== null) return
    fault = reason
    socket.destroy()
    wake?.()
  }

  function onData(chunk: Buffer): void {
    if (fault !== null) return
    for (const read of reader.push(chunk)) {
      if (read.kind === 'reply') replies.push(read.reply)
      else drop(read.fault)
    }
    if (replies.length > maxUnread) drop('unasked-replies')
    else if (replies.length > 0) wake?.()
  }

  const onError = (error: NodeJS.ErrnoException) => drop(error.code ?? error.name)
  const onEnd = () => drop('closed')
  const onClose = () => {
    drop('closed')
    closed.resolve()
  }

  function attach(): void {
    socket.on('data', onData).on('error', onError).on('end', onEnd).on('close', onClose)
  }

  function detach(): void {
    // The socket lives on below the TLS one, and its errors, also late ones, must find a listener.
    socket.off('data', onData).off('end', onEnd).off('close', onClose)
  }

  /** Waits until `ready`, the connection broken, or the time over. */
  function until(ready: () => boolean, ms: number): Promise<void> {
    if (ready() || fault !== null) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = clock.after(ms, () => drop('timeout'))
      wake = () => {
        if (!ready() && fault === null) return
        wake = null
        cancel()
        resolve()
      }
    })
  }

  const broken = (): Fault | null => (fault === null ? null : { kind: 'fault', fault })

  attach()
  let standing = false
  socket.on('connect', () => {
    standing = true
    const address = socket.remoteAddress ?? target.host
    loopback = isLoopback(address)
    if (address !== target.host) peer = `${host}[${address}]:${target.port}`
    wake?.()
  })

  return {
    get peer() {
      return peer
    },
    get loopback() {
      return loopback
    },
    get tls() {
      return tls
    },
    get fault() {
      return fault
    },
    get quiet() {
      return fault === null && replies.length === 0 && !reader.midReply
    },
    closed: closed.promise,

    async connected(ms) {
      await until(() => standing, ms)
      return broken()
    },

    async startTls(terms, ms) {
      if (fault !== null) return broken()
      detach()
      reader = createReplyReader()
      replies = []
      let secured = false
      const secure = connectTls({
        socket,
        secureContext: terms.context,
        // With an address as its name a certificate is checked against `host`; as SNI it is not allowed (RFC 6066 §3).
        host: terms.serverName,
        ...(isIP(terms.serverName) === 0 ? { servername: terms.serverName } : {}),
        rejectUnauthorized: terms.verify,
      })
      socket = secure
      attach()
      secure.once('secureConnect', () => {
        secured = true
        tls = `${secure.getProtocol() ?? 'TLS'} ${secure.getCipher().name}`
        wake?.()
      })
      await until(() => secured, ms)
      return broken()
    },

    send(data) {
      if (fault === null) socket.write(data)
    },

    async flush(block, ms) {
      if (fault !== null) return
      let taken = false
      socket.write(block, () => {
        taken = true
        wake?.()
      })
      await until(() => taken || replies.length > 0, ms)
    },

    async answer(ms) {
      await until(() => replies.length > 0, ms)
      const reply = replies.shift()
      return reply === undefined ? { kind: 'fault', fault: fault ?? 'closed' } : { kind: 'reply', reply }
    },

    drop,

    quit(ms) {
      if (fault !== null) return
      fault = 'closed'
      const cancel = clock.after(ms, () => socket.destroy())
      socket.once('close', cancel)
      socket.end('QUIT\r\n')
    },
  }
}

function isLoopback(address: string): boolean {
  return /^(?:127\.|::1$|::ffff:127\.)/i.test(address)
}
