import { domainToASCII } from 'node:url'
import type { Random } from './random.ts'

/**
 * Everybody who can get mail in the simulation, and the many ways in which one address is written. What reaches whom is
 * noted down when a spelling is made, and not computed by the rules that are to be tested.
 */
export type Mailboxes = {
  /** A new mailbox; the plain spelling of its address. */
  add(local: string, domain: string): string
  /** A spelling that no mailbox has: its mail is refused. */
  addMissing(local: string, domain: string): string
  /** Another spelling that reaches the same mailbox, as people who bomb it use them. */
  spelling(address: string, random: Random): string
  /** Whom a recipient reaches. */
  find(recipient: string): { mailbox: string; domain: string; exists: boolean }
  hasDomain(domain: string): boolean
  /** Whether a domain is one that many people have their mail at. */
  isShared(domain: string): boolean
}

const sharedDomains = new Set(['gmail.com', 'docomo.ne.jp', 'icloud.com', 'proton.me', 'yahoo.co.jp', 'yandex.com'])

/** Other names of the same provider: the same mailboxes. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  'gmail.com': ['googlemail.com'],
  'icloud.com': ['me.com', 'mac.com'],
  'proton.me': ['protonmail.com', 'pm.me'],
  'yandex.com': ['yandex.ru', 'ya.ru'],
}

/** What may stand between two letters of a name, and makes no other name of it. */
const fillers: Readonly<Record<string, string>> = { 'gmail.com': '.', 'proton.me': '.-_' }

export function createMailboxes(): Mailboxes {
  const domains = new Set(['shop.example.jp'])
  const known = new Map<string, { mailbox: string; domain: string; exists: boolean }>()

  function note(spelling: string, entry: { mailbox: string; domain: string; exists: boolean }): string {
    known.set(keyOf(spelling), entry)
    return spelling
  }

  function add(local: string, domain: string, exists: boolean): string {
    const address = `${local}@${domain}`
    const ascii = domainToASCII(domain)
    domains.add(ascii)
    for (const alias of aliases[ascii] ?? []) domains.add(alias)
    return note(address, { mailbox: keyOf(address), domain: ascii, exists })
  }

  return {
    add: (local, domain) => add(local, domain, true),
    addMissing: (local, domain) => add(local, domain, false),
    spelling(address, random) {
      const entry = known.get(keyOf(address))
      if (entry === undefined) throw new RangeError(`nobody has ${address}`)
      return note(respelled(address, random), entry)
    },
    find(recipient) {
      const [, domain = ''] = recipient.toLowerCase().split('@')
      // Whoever is not known here is a person of their own, if the domain is there at all.
      return known.get(keyOf(recipient)) ?? { mailbox: keyOf(recipient), domain, exists: domains.has(domain) }
    },
    hasDomain: (domain) => domains.has(domain),
    isShared: (domain) => sharedDomains.has(domain),
  }
}

function respelled(address: string, random: Random): string {
  const [local = '', domain = ''] = address.split('@')
  const filler = fillers[domain] ?? ''
  const anyName = () => random.pick([domain, ...(aliases[domain] ?? [])])
  // Yahoo's further addresses have a hyphen; what has a plus there is somebody else's.
  const tag = () => `${domain === 'yahoo.co.jp' ? '-' : '+'}${random.word(random.between(2, 5))}`
  switch (random.between(0, filler === '' && aliases[domain] === undefined ? 3 : 5)) {
    case 0:
      return `${local}${tag()}@${domain}`
    case 1:
      return `${[...local].map((char) => (random.chance(0.5) ? char.toUpperCase() : char)).join('')}@${domain}`
    case 2:
      // The same domain in its other alphabet, or in capitals where it has but one.
      return `${local}@${/[^ -~]/.test(domain) ? domainToASCII(domain) : domain.toUpperCase()}`
    case 3:
      return `${local.toUpperCase()}${tag()}${tag()}@${domain}`
    case 4:
      return `${filler === '' ? local : [...local].join(random.pick([...filler]))}@${anyName()}`
    default: {
      const at = random.between(1, Math.max(1, local.length - 1))
      return `${local.slice(0, at)}${filler === '' ? '' : random.pick([...filler])}${local.slice(at)}${tag()}@${anyName()}`
    }
  }
}

function keyOf(address: string): string {
  const [local = '', domain = ''] = address.split('@')
  return `${local.toLowerCase()}@${domainToASCII(domain)}`
}
