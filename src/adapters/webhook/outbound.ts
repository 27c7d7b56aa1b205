import { createHmac } from 'node:crypto'
import { lookup as systemLookup } from 'node:dns'
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Clock, Outbound, OutboundAnswer, OutboundRequest } from '../../core/deps.ts'
import { isPublicAddress } from './public-address.ts'

/** For the whole request, name resolution included. Milliseconds. */
const timeLimit = 10_000

/** Of an answer's body; what comes after it is not read. Bytes. */
const maxBody = 64 * 1024

/** Resolves a name to all its addresses. */
export type Resolve = (host: string) => Promise<readonly { address: string; family: number }[]>

/**
 * Requests to others over HTTP. Redirects are not followed; the answer is read up to a cap and within a time limit.
 *
 * Unless the request allows it, nothing is sent to an address that is not public. The check stands where the socket gets
 * its address, so that what was checked is what is connected to: a name that resolves to something else a moment later
 * (DNS rebinding) is of no use. Each request has a connection of its own, through no proxy.
 */
export function httpOutbound({ clock, resolve = resolveAll }: { clock: Clock; resolve?: Resolve }): Outbound {
  return {
    async request(wanted) {
      if (!URL.canParse(wanted.url)) return failed('bad-url')
      const url = new URL(wanted.url)
      if (url.protocol !== 'https:' && url.protocol !== 'http:') return failed('bad-url')
      const literal = url.hostname.replace(/^\[|\]$/g, '')
      // An address in the URL itself is never looked up.
      if (isIP(literal) !== 0 && !wanted.allowPrivate && !isPublicAddress(literal)) return failed(privateFault)
      return await send(wanted, url, guardedLookup(resolve, wanted.allowPrivate), clock)
    },
  }
}

const privateFault = 'private-address'

/** A name is as bad as the worst of its addresses: who mixes them has something in mind. */
function guardedLookup(resolve: Resolve, allowPrivate: boolean): LookupFunction {
  return (host, options, done) => {
    resolve(host).then(
      (addresses) => {
        const [first] = addresses
        if (first === undefined) return done(fault('ENOTFOUND'), '', 0)
        if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address)))
          return done(fault(privateFault), '', 0)
        if (options.all === true) return done(null, [...addresses])
        done(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => done(error, '', 0),
    )
  }
}

function send(wanted: OutboundRequest, url: URL, lookup: LookupFunction, clock: Clock): Promise<OutboundAnswer> {
  return new Promise((resolve) => {
    let request: ClientRequest | null = null
    let status: number | null = null
    let body = ''
    let settled = false
    const settle = (answer: OutboundAnswer) => {
      if (settled) return
      settled = true
      cancel()
      request?.destroy()
      resolve(answer)
    }
    // A status that came is an answer, also when the rest of it never does.
    const stop = (why: string) => settle(status === null ? failed(why) : { kind: 'answered', status, body })
    const cancel = clock.after(timeLimit, () => stop('timeout'))
    const secure = url.protocol === 'https:'
    try {
      request = (secure ? httpsRequest : httpRequest)(url, {
        method: wanted.method,
        headers: headersOf(wanted),
        lookup,
        agent: secure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false }),
        maxHeaderSize: 16 * 1024,
      })
    } catch {
      return settle(failed('bad-request'))
    }
    request.on('error', (error: NodeJS.ErrnoException) => stop(error.code ?? 'network'))
    request.on('response', (response) => {
      status = response.statusCode ?? 0
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
        if (body.length < maxBody) return
        body = body.slice(0, maxBody)
        stop('too-large')
      })
      response.on('end', () => stop('ended'))
      response.on('error', () => stop('network'))
      response.on('aborted', () => stop('network'))
    })
    request.end(wanted.body ?? '')
  })
}

function headersOf({ headers, body, method, webhook }: OutboundRequest): Record<string, string> {
  const own = {
    'User-Agent': 'Todoku',
    Accept: '*/*',
    ...(method === 'POST' ? { 'Content-Length': String(Buffer.byteLength(body ?? '')) } : {}),
    ...headers,
  }
  return webhook === undefined ? own : { ...own, ...signature(webhook, body ?? '') }
}

/**
 * The headers of a Standard Webhook (specification 1.0, "Signature scheme"): HMAC-SHA256 over id, seconds and body, parted
 * by dots, under the secret's bytes.
 */
export function signature(
  { id, at, secret }: NonNullable<OutboundRequest['webhook']>,
  body: string,
): Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string> {
  const timestamp = String(Math.floor(at / 1000))
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` }
}

function resolveAll(host: string): Promise<readonly { address: string; family: number }[]> {
  return new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)))
  })
}

function failed(fault: string): OutboundAnswer {
  return { kind: 'failed', fault }
}

function fault(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code })
}
