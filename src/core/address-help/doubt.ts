import { isReservedDomain, parseAddress } from '../../mail/address.ts'
import type { Deps, MailServers } from '../deps.ts'
import { suggestAddress } from './suggest.ts'

/**
 * Why a confirmation to an address should wait for its owner's answer. `no-domain`: there is no such domain; `no-mail`:
 * the domain takes no mail; `typo`: it may well be right, but another one is more likely.
 */
export type Doubt =
  | { reason: 'typo'; suggestion: string }
  | { reason: 'no-mail' | 'no-domain'; suggestion: string | null }

/**
 * Whether an address looks wrong, by its spelling and by what the DNS says of its domain. Asked after the answer to a post,
 * never before: it may take twice the resolver's time limit. DNS trouble counts for nothing, then only the spelling does.
 *
 * For a domain below `jp` that is not there, the second levels that people leave out are tried (`tokodai.jp`, where only
 * `tokodai.ac.jp` has mail): exactly one that takes mail is suggested. A suggestion by spelling is not looked up.
 *
 * Names for tests (RFC 2606), the simulator's among them, are never in doubt: who writes them means them.
 *
 * @example await doubtOf({ dns }, 'hanako@gmial.com') // { reason: 'typo', suggestion: 'hanako@gmail.com' }
 * @throws nothing; a text that is no address is not in doubt here, since it was refused or has no mail.
 */
export async function doubtOf({ dns }: Pick<Deps, 'dns'>, email: string): Promise<Doubt | null> {
  const parsed = parseAddress(email)
  if (!parsed.ok) return null
  const { local, domain } = parsed.address
  if (isReservedDomain(domain)) return null

  const suggestion = suggestAddress(email)
  const servers = await dns.mailServers(domain)
  const reason = reasonOf(servers)
  if (reason === null) return suggestion === null ? null : { reason: 'typo', suggestion }
  if (suggestion !== null || reason === 'no-mail') return { reason, suggestion }
  const fuller = await fullerDomain(dns, domain)
  return { reason, suggestion: fuller === null ? null : `${local}@${fuller}` }
}

function reasonOf({ kind }: MailServers): 'no-mail' | 'no-domain' | null {
  switch (kind) {
    case 'null-mx':
    case 'no-mail':
      return 'no-mail'
    case 'no-domain':
      return 'no-domain'
    case 'mx':
    case 'unknown':
      return null
  }
}

/** Second levels of `jp` that organisations of a kind share (JPRS), as far as people write them often. */
const secondLevels = ['ac', 'co', 'ne', 'or', 'go', 'ed']
const withoutSecondLevel = /^([a-z0-9-]+)\.jp$/

/** The domain with the second level that was left out; null when none fits, or more than one. */
async function fullerDomain(dns: Deps['dns'], domain: string): Promise<string | null> {
  const name = withoutSecondLevel.exec(domain)?.[1]
  if (name === undefined || secondLevels.includes(name)) return null
  const fuller = secondLevels.map((level) => `${name}.${level}.jp`)
  const answers = await Promise.all(fuller.map((other) => dns.mailServers(other)))
  const taking = fuller.filter((_, index) => answers[index]?.kind === 'mx')
  return taking.length === 1 ? (taking[0] ?? null) : null
}
