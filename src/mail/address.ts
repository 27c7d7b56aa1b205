/** One mailbox: what stands before and after the `@` (an addr-spec, RFC 5322 §3.4.1). */
export type Address = {
  /** As typed (NFC), never quoted: `a..b`. */
  local: string
  /** Lower case, A-labels: `xn--wgv71a119e.jp`. */
  domain: string
  /** The local part has non-ASCII characters: mail to it needs SMTPUTF8 (RFC 6531). */
  utf8: boolean
}

/** What is wrong with a text that should be an address; each has a sentence on the page. */
export const addressFaults = [
  'empty',
  'too-long',
  /** Has characters of a Japanese keyboard that look like ASCII ones: `＠`, `．`, `。`, `ａ`. */
  'full-width',
  'no-at-sign',
  /** More than one `@`. */
  'several-addresses',
  'no-local-part',
  'bad-local-part',
  'no-domain',
  'bad-domain',
] as const
export type AddressFault = (typeof addressFaults)[number]

/**
 * Reads one address as a person types it into a form.
 *
 * Accepted is a subset of RFC 5322 addr-spec (no display name, comment, quoted string, IP literal, group or list), widened by
 * what exists: dots anywhere in the local part (old addresses of Japanese carriers, `a..b.@docomo.ne.jp`), non-ASCII
 * letters (RFC 6531) and international domains. White space around it is dropped; nothing else is corrected, except
 * that the local part is brought to NFC (RFC 6532 §3.1) and the domain to lower-case A-labels (as a browser does).
 *
 * A domain of one label is syntax as well; callers that want a real one ask `isFullyQualified`.
 *
 * @example parseAddress(' Hanako@日本語.jp ') // { ok: true, address: { local: 'Hanako', domain: 'xn--wgv71a119e.jp', utf8: false } }
 */
export function parseAddress(text: string): { ok: true; address: Address } | { ok: false; fault: AddressFault } {
  const trimmed = text.trim()
  if (trimmed === '') return refused('empty')
  if (trimmed.length > longestTyped) return refused('too-long')
  // Before any check: NFC turns some look-alikes into ASCII, U+037E into a semicolon among them.
  const typed = trimmed.normalize('NFC')
  if (fullWidth.test(typed)) return refused('full-width')

  const at = typed.indexOf('@')
  if (at === -1) return refused('no-at-sign')
  if (typed.includes('@', at + 1)) return refused('several-addresses')

  const local = typed.slice(0, at)
  if (onlyDots.test(local)) return refused('no-local-part')
  const utf8 = !asciiLocal.test(local)
  if ((utf8 && !isInternationalLocal(local)) || looksEncoded(local)) return refused('bad-local-part')

  if (at === typed.length - 1) return refused('no-domain')
  const domain = toALabels(typed.slice(at + 1))
  if (domain === null) return refused('bad-domain')

  const address = { local, domain, utf8 }
  return fits(address) ? { ok: true, address } : refused('too-long')
}

/** The canonical form, for storing and comparing: `local@domain`, never quoted. `parseAddress` reads it back unchanged. */
export function formatAddress(address: Address): string {
  return `${address.local}@${address.domain}`
}

/**
 * The address as a path (RFC 5321 §4.1.2), for MAIL and RCPT; the same text is an angle-addr (RFC 5322 §3.4) in a
 * header. A local part that is not a dot-string is quoted.
 *
 * @example toPath({ local: 'a..b', domain: 'docomo.ne.jp', utf8: false }) // '<"a..b"@docomo.ne.jp>'
 */
export function toPath(address: Address): string {
  return `<${quotedLocal(address.local)}@${address.domain}>`
}

/** Whether a domain has more than one label; `localhost` and `intranet` have not, and get no mail from elsewhere. */
export function isFullyQualified(domain: string): boolean {
  return domain.includes('.')
}

/** The one address of a fully qualified domain that a text is, in the canonical form; null for everything else. */
export function addressIn(typed: string): string | null {
  const parsed = parseAddress(typed)
  return parsed.ok && isFullyQualified(parsed.address.domain) ? formatAddress(parsed.address) : null
}

/**
 * Whether a name is set aside for examples, tests or local use (RFC 2606, 6761, 6762, ICANN's `internal`) and so can't
 * have a mailbox that the world reaches. The domain as in `Address`.
 */
export function isReservedDomain(domain: string): boolean {
  return reservedDomain.test(domain)
}

// RFC 2606, RFC 6761; those of JPRS for examples in Japan.
const reservedDomain =
  /(?:^|\.)(?:example\.(?:com|net|org|jp|(?:ac|ad|co|ed|go|gr|lg|ne|or)\.jp)|test|invalid|example|localhost|local|internal)$/

/** More than any address that fits on the wire can have before its domain becomes A-labels. */
const longestTyped = 1000

/** ASCII as full-width forms, the ideographic space, and the full stops that an input method gives for `.`. */
const fullWidth = /[\uff01-\uff5e\u3000\u3002\uff61]/

/** `type=email` of HTML (§4.10.5.1.5) allows these: RFC 5322's atext and the dot. */
const asciiLocal = /^[\w.!#$%&'*+/=?^`{|}~-]+$/
const international = /^[\w.!#$%&'*+/=?^`{|}~\p{L}\p{M}\p{N}-]+$/u
/** Characters without a look of their own: fillers, variation selectors, joiners, marks of direction. */
const invisible = /\p{Default_Ignorable_Code_Point}/u
const onlyDots = /^\.*$/

function refused(fault: AddressFault): { ok: false; fault: AddressFault } {
  return { ok: false, fault }
}

function isInternationalLocal(local: string): boolean {
  // A combining mark in front would change the character before it, in a header or a sentence.
  return international.test(local) && !/^\p{M}/u.test(local) && !invisible.test(local) && !hasDisguisedAscii(local)
}

/**
 * The look of an encoded word (RFC 2047) in a local part is legal, but readers that decode headers too early find other
 * characters in it, an `@` or a comma for example, and so another recipient.
 */
function looksEncoded(local: string): boolean {
  const start = local.indexOf('=?')
  return start !== -1 && local.includes('?=', start + '=?'.length)
}

/** Whether styled letters (𝐚, ①, ﬁ) stand for ASCII ones: a slip or a trick, never an address. */
function hasDisguisedAscii(text: string): boolean {
  return asciiOf(text) !== asciiOf(text.normalize('NFKC'))
}

function asciiOf(text: string): string {
  return text.replace(/\P{ASCII}/gu, '')
}

const ldhLabels = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
/** A last label which makes the whole an IPv4 address in the eyes of URL parsers; no top-level domain looks so. */
const numericEnd = /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/
const asciiDomain = /^[a-z0-9.-]+$/i
/** What may be handed to the URL parser: nothing that has a meaning in a URL, no white space, nothing invisible. */
const internationalDomain = /^(?:[A-Za-z0-9.-]|(?!\p{ASCII})[\p{L}\p{M}\p{N}\p{S}\p{P}])+$/u

/**
 * A domain as typed, as LDH labels (RFC 5890 §2.3.1); null when it is none. Whether a typed A-label stands for anything
 * is left to the DNS.
 */
function toALabels(typed: string): string | null {
  const name = asciiDomain.test(typed) ? typed.toLowerCase() : internationalToALabels(typed)
  return name !== null && ldhLabels.test(name) && !numericEnd.test(name) ? name : null
}

/** UTS #46 as browsers do it, which is the one implementation that the platform has. */
function internationalToALabels(typed: string): string | null {
  if (!internationalDomain.test(typed) || invisible.test(typed) || hasDisguisedAscii(typed)) return null
  const url = `http://${typed}`
  return URL.canParse(url) ? new URL(url).hostname : null
}

function quotedLocal(local: string): string {
  const isDotString = !local.startsWith('.') && !local.endsWith('.') && !local.includes('..')
  // No escapes are needed: neither the quote nor the backslash can be part of a local part here.
  return isDotString ? local : `"${local}"`
}

/** Limits of RFC 5321 §4.5.3.1, in octets as they go over the wire: local part 64, path 256 with its brackets. */
function fits(address: Address): boolean {
  const local = octets(quotedLocal(address.local))
  return local <= 64 && local + address.domain.length + '<@>'.length <= 256
}

const encoder = new TextEncoder()

function octets(text: string): number {
  return asciiLocal.test(text) ? text.length : encoder.encode(text).length
}
