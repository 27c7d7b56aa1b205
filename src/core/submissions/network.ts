import { base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'

/** Where a request comes from. */
export type Client = {
  address: string
  /**
   * Whether a proxy that `trustedProxies` does not name seems to stand between: the address would be the proxy's. Absent where
   * one that it names told the address.
   */
  isForwarded?: boolean
}

/** Keyed hash of a client's network, for budgets and rates; the address itself is never kept. */
export function networkKey(deps: Pick<Deps, 'crypto'>, address: string): string {
  return keyed(deps, groupsOf(address)?.slice(0, 4).join(':') ?? plain(address))
}

/**
 * The same of the network around it, which one customer may have as a whole: the first 48 bits of an IPv6 address (RFC 6177),
 * with 65,536 networks in them. Null for IPv4, where the neighbours are other people.
 */
export function widerNetworkKey(deps: Pick<Deps, 'crypto'>, address: string): string | null {
  const groups = groupsOf(address)
  return groups === null ? null : keyed(deps, `${groups.slice(0, 3).join(':')}/48`)
}

/**
 * How much more than one network's may come from the wider one: it is one customer's, or a whole company's, and some mobile
 * carriers give each telephone a network of its own.
 */
export const widerShare = 10

/**
 * Whether an address says nothing of the visitor: the machine's own is that of a proxy that `trustedProxies` does not name,
 * or of somebody who tries things out; one of the networks around us, with a header of a proxy, is such a proxy's. Counted as
 * one person, it would be everybody. Other private addresses are people: of a company, or a university.
 */
export function tellsNothing({ address, isForwarded = false }: Client): boolean {
  return isLoopback(plain(address)) || (isForwarded && isNearby(address))
}

/** Whether an address is of this machine, or of a network that is nobody's on the internet (RFC 1918, RFC 4193). */
export function isNearby(address: string): boolean {
  const bare = plain(address)
  return isLoopback(bare) || /^f[cd]/.test(bare) || privateAddress.test(bare)
}

const privateAddress = /^(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\./

function isLoopback(bare: string): boolean {
  return bare === '::1' || bare.startsWith('127.')
}

/** IPv4 addresses as such, also where the socket is an IPv6 one. */
function plain(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '')
}

/** The eight groups of an IPv6 address; null for an IPv4 one. */
function groupsOf(address: string): string[] | null {
  const bare = plain(address)
  if (!bare.includes(':')) return null
  const split = (part: string) => part.split(':').filter((group) => group !== '')
  const [head = '', tail] = bare.split('::')
  const groups = split(head)
  if (tail !== undefined) {
    const after = split(tail)
    while (groups.length + after.length < 8) groups.push('0')
    groups.push(...after)
  }
  return groups.map((group) => group.replace(/^0+(?=.)/, ''))
}

function keyed(deps: Pick<Deps, 'crypto'>, network: string): string {
  return base64url(deps.crypto.mac('network', network))
}
