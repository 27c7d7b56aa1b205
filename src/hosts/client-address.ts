import { BlockList, isIP } from 'node:net'
import type { Client } from '../core/submissions/network.ts'

/**
 * The client's address: that of the connection, unless it comes from a trusted proxy; then the last address of
 * `X-Forwarded-For` that is not one of them. What a client writes there itself is never reached.
 */
export function clientAddressFrom(
  trustedProxies: readonly string[],
): (peer: string, forwarded: string | null) => string {
  const isTrusted = trustedBy(trustedProxies)

  return (peer, forwarded) => {
    let client = plain(peer)
    const hops = (forwarded ?? '')
      .split(',')
      .map((hop) => plain(hop.trim()))
      .filter((hop) => hop !== '')
    while (isTrusted(client)) {
      const hop = hops.pop()
      if (hop === undefined || isIP(hop) === 0) break
      client = hop
    }
    return client
  }
}

/** The same from a request's headers; of a peer that is not trusted with whether a proxy seems to have written them. */
export function clientFrom(trustedProxies: readonly string[]): (peer: string, headers: Headers) => Client {
  const addressOf = clientAddressFrom(trustedProxies)
  const isTrusted = trustedBy(trustedProxies)
  return (address, headers) => {
    const peer = plain(address)
    const isForwarded = headers.has('x-forwarded-for') || headers.has('forwarded')
    if (isTrusted(peer)) return { address: addressOf(peer, headers.get('x-forwarded-for')) }
    return { address: peer, isForwarded }
  }
}

/** Whether an address is one of these addresses, or in one of these networks. */
export function trustedBy(trustedProxies: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList()
  for (const proxy of trustedProxies) {
    const [address = '', prefix] = proxy.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  return (address) => isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** IPv4 addresses as such, also where the socket is an IPv6 one. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}
