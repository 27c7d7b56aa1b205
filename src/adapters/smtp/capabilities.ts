import type { SmtpReply } from '../../mail/smtp-reply.ts'

/** What a server offers, as far as we use it (RFC 5321 §4.1.1.1). */
export type Capabilities = {
  /** RFC 2920 */
  pipelining: boolean
  /** RFC 1870; the largest mail in bytes, null where the server states none. */
  size: { offered: boolean; limit: number | null }
  /** RFC 3461 */
  dsn: boolean
  /** RFC 6531 */
  smtpUtf8: boolean
  /** RFC 6152 */
  eightBitMime: boolean
  /** RFC 3207 */
  startTls: boolean
  /** Login mechanisms in capitals (RFC 4954). */
  auth: ReadonlySet<string>
}

/** Reads the answer to EHLO; null (after HELO) gives a server that offers nothing. */
export function readCapabilities(ehlo: SmtpReply | null): Capabilities {
  const offers = new Map<string, string[]>()
  // The first line is the server's name and greeting.
  for (const line of ehlo?.lines.slice(1) ?? []) {
    // `AUTH=LOGIN` is how servers older than RFC 2554 say it, beside or instead of the real thing.
    const [keyword = '', ...params] = line
      .trim()
      .toUpperCase()
      .split(/[\s=]+/)
    offers.set(keyword, [...(offers.get(keyword) ?? []), ...params])
  }
  const limit = Number(offers.get('SIZE')?.[0] ?? 0)
  return {
    pipelining: offers.has('PIPELINING'),
    size: { offered: offers.has('SIZE'), limit: limit > 0 ? limit : null },
    dsn: offers.has('DSN'),
    smtpUtf8: offers.has('SMTPUTF8'),
    eightBitMime: offers.has('8BITMIME'),
    startTls: offers.has('STARTTLS'),
    auth: new Set(offers.get('AUTH')),
  }
}
