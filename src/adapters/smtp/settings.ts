import type { LanePolicy } from '../../core/messages/transport.ts'

/** The relay and how to use it; checked where the configuration is read. */
export type SmtpSettings = {
  host: string
  port: number
  /**
   * - `implicit`: TLS from the first byte (port 465).
   * - `starttls`: no mail without TLS (port 587).
   * - `opportunistic`: TLS with any certificate where it works, else none; what it was stands in the evidence.
   * - `none`: no TLS, and logins over plaintext.
   */
  security: 'implicit' | 'starttls' | 'opportunistic' | 'none'
  /** For `implicit` and `starttls`; default true. */
  verifyCertificate?: boolean
  /** The name that the certificate must have; default `host`. */
  serverName?: string
  /** Certificates (PEM) of a private authority. */
  ca?: string
  auth: SmtpLogin | (() => SmtpLogin) | null
  /** How we introduce ourselves: our domain, or an address literal like `[192.0.2.1]`. */
  heloName: string
  /** Names this account or own address in the lane; default `relay`. */
  source?: string
  /** Most connections at once; default 5. */
  maxConnections?: number
  /** After so many mails a connection is closed; default 100. */
  mailsPerConnection?: number
  /** How long a connection waits for the next mail; default 5 s. */
  idleMs?: number
  rate?: LanePolicy['rate']
  timeouts?: Partial<SmtpTimeouts>
}

export type SmtpLogin = { user: string; password: string } | { user: string; accessToken: string }

/** The longest wait for an answer per stage, in milliseconds. */
export type SmtpTimeouts = {
  /** Until the connection stands, name resolution included. */
  connect: number
  greeting: number
  /** EHLO, HELO, RSET. */
  hello: number
  /** STARTTLS and the handshake, each. */
  tls: number
  /** Each step of a login. */
  auth: number
  mail: number
  rcpt: number
  data: number
  /** Until the network has taken the next block of the mail. */
  block: number
  finalDot: number
  /** Until a connection that we end is gone; also for replies to what was written ahead of a refusal. */
  quit: number
}

/** RFC 5321 §4.5.3.2. A shorter wait after the final dot makes duplicates (RFC 1047). */
export const defaultTimeouts: SmtpTimeouts = {
  connect: 30_000,
  greeting: 300_000,
  hello: 300_000,
  tls: 120_000,
  auth: 120_000,
  mail: 300_000,
  rcpt: 300_000,
  data: 120_000,
  block: 180_000,
  finalDot: 600_000,
  quit: 5_000,
}
