import type { MxRecord } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import type { Clock, Dns, MailServers, TextRecords } from '../../core/deps.ts'

export type DnsOptions = {
  /** Addresses of resolvers, with a port where it is not 53; the system's unless given. */
  servers?: readonly string[]
  /** For one domain, all questions together. Milliseconds. */
  limitMs?: number
  /** Domains whose answers are kept. */
  cacheSize?: number
  /** Lookups at once; what is asked beyond it is `unknown`. */
  maxLookups?: number
}

const defaults = { limitMs: 3_000, cacheSize: 10_000, maxLookups: 100 }

/** One try and one more, each within the whole limit. Milliseconds. */
const tryMs = 1_000

/** How long an answer is kept. A domain that was just set up should not stay in doubt for long. Milliseconds. */
const lifetimes: Readonly<Record<MailServers['kind'], number>> = {
  mx: 3_600_000,
  'null-mx': 3_600_000,
  'no-mail': 600_000,
  'no-domain': 600_000,
  // Long enough that a resolver which is away does not cost every mail the whole limit.
  unknown: 30_000,
}

/**
 * Asks for MX records, and where there are none for addresses. Answers are kept for a while, the least recently used are
 * dropped; whoever asks for a domain that is being looked up waits for that lookup. TXT records are asked for each time:
 * who wants them looks at settings, and has just changed them.
 *
 * @example await mailServerLookup({ clock }).mailServers('docomo.ne.jp') // { kind: 'mx', hosts: ['mfsmax.docomo.ne.jp'] }
 */
export function mailServerLookup({ clock }: { clock: Clock }, options: DnsOptions = {}): Dns {
  const { limitMs, cacheSize, maxLookups } = { ...defaults, ...options }
  /** In the order of their last use. */
  const cache = new Map<string, { answer: MailServers; until: number }>()
  const running = new Map<string, Promise<MailServers>>()
  let textLookups = 0
  /** Until when the resolvers are known to see more than their own network. */
  let worldKnownUntil = Number.NEGATIVE_INFINITY

  function cached(domain: string): MailServers | null {
    const entry = cache.get(domain)
    if (entry === undefined) return null
    cache.delete(domain)
    if (entry.until <= clock.monotonic()) return null
    cache.set(domain, entry)
    return entry.answer
  }

  function keep(domain: string, answer: MailServers): void {
    cache.set(domain, { answer, until: clock.monotonic() + lifetimes[answer.kind] })
    const [oldest] = cache.keys()
    if (cache.size > cacheSize && oldest !== undefined) cache.delete(oldest)
  }

  /** One lookup, all its questions within the limit. */
  async function lookUp<T extends { kind: string }>(
    question: (resolver: Resolver) => Promise<T>,
  ): Promise<T | { kind: 'unknown' }> {
    // One resolver for one lookup: it can be cancelled alone, and follows changes of the system's settings.
    const resolver = new Resolver({ timeout: tryMs, tries: 2 })
    if (options.servers !== undefined) resolver.setServers(options.servers)
    const limit = Promise.withResolvers<{ kind: 'unknown' }>()
    const stop = clock.after(limitMs, () => limit.resolve({ kind: 'unknown' }))
    try {
      return await Promise.race([question(resolver), limit.promise])
    } finally {
      stop()
      resolver.cancel()
    }
  }

  /** In a closed network a resolver may deny every name outside. One that denies even `com` is not believed. */
  async function believed(resolver: Resolver, domain: string): Promise<MailServers> {
    const answer = await askForServers(resolver, domain)
    return answer.kind !== 'no-domain' || (await seesTheWorld(resolver)) ? answer : { kind: 'unknown' }
  }

  async function believedTexts(resolver: Resolver, name: string): Promise<TextRecords> {
    const answer = await ask(() => resolver.resolveTxt(name))
    if (answer === 'unknown') return { kind: 'unknown' }
    if (answer === 'no-name' && !(await seesTheWorld(resolver))) return { kind: 'unknown' }
    return { kind: 'texts', texts: typeof answer === 'string' ? [] : answer.map((pieces) => pieces.join('')) }
  }

  async function seesTheWorld(resolver: Resolver): Promise<boolean> {
    if (clock.monotonic() < worldKnownUntil) return true
    const com = await ask(() => resolver.resolveMx('com'))
    if (com === 'no-name' || com === 'unknown') return false
    worldKnownUntil = clock.monotonic() + lifetimes['no-domain']
    return true
  }

  return {
    async mailServers(domain) {
      const known = cached(domain) ?? running.get(domain)
      if (known !== undefined) return await known
      if (running.size + textLookups >= maxLookups) return { kind: 'unknown' }
      const lookup = lookUp((resolver) => believed(resolver, domain))
      running.set(domain, lookup)
      try {
        const answer = await lookup
        keep(domain, answer)
        return answer
      } finally {
        running.delete(domain)
      }
    },
    async texts(name) {
      if (running.size + textLookups >= maxLookups) return { kind: 'unknown' }
      textLookups += 1
      try {
        return await lookUp((resolver) => believedTexts(resolver, name))
      } finally {
        textLookups -= 1
      }
    },
  }
}

/** For instances that ask nobody: every domain may take mail. */
export const noLookup: Dns = {
  mailServers: async () => ({ kind: 'unknown' }),
  texts: async () => ({ kind: 'unknown' }),
}

/**
 * An NXDOMAIN for MX is believed only when no address is found either: some servers of load balancers give it for every
 * type they don't know.
 */
async function askForServers(resolver: Resolver, domain: string): Promise<MailServers> {
  const mx = await ask(() => resolver.resolveMx(domain))
  if (mx === 'unknown') return { kind: 'unknown' }
  if (typeof mx !== 'string') return readMx(mx)

  const addresses = await Promise.all([ask(() => resolver.resolve4(domain)), ask(() => resolver.resolve6(domain))])
  if (addresses.some((answer) => typeof answer !== 'string')) return { kind: 'mx', hosts: [domain] }
  if (addresses.includes('unknown')) return { kind: 'unknown' }
  return { kind: mx === 'no-name' && addresses.every((answer) => answer === 'no-name') ? 'no-domain' : 'no-mail' }
}

/**
 * A single `.` is the null MX (RFC 7505 §3); among others it names no host, and `localhost` is how the same was said before
 * there was one.
 */
function readMx(records: readonly MxRecord[]): MailServers {
  const hosts = records
    .toSorted((a, b) => a.priority - b.priority)
    .map(({ exchange }) => exchange.toLowerCase().replace(/\.$/, ''))
  if (hosts.every((host) => host === '')) return { kind: 'null-mx' }
  const usable = hosts.filter((host) => host !== '' && host !== 'localhost')
  return usable.length === 0 ? { kind: 'no-mail' } : { kind: 'mx', hosts: [...new Set(usable)] }
}

/** Records; `no-records`: the name has none of the type; `no-name`: NXDOMAIN. */
async function ask<T>(query: () => Promise<T[]>): Promise<T[] | 'no-records' | 'no-name' | 'unknown'> {
  try {
    const records = await query()
    return records.length === 0 ? 'no-records' : records
  } catch (error) {
    switch ((error as { code?: unknown }).code) {
      case 'ENOTFOUND':
        return 'no-name'
      case 'ENODATA':
        return 'no-records'
      default:
        return 'unknown'
    }
  }
}
