import { BlockList, isIP } from 'node:net'

/**
 * The client's address: that of the connection, unless it comes from a trusted proxy; then the last address of
 * `X-Forwarded-For` that is not one of them. What a client writes there itself is never reached.
 */
export function clientAddressFrom(
  trustedProxies: readonly string[],
): (peer: string, forwarded: string | null) => string {
  const trusted = new BlockList()
  for (const proxy of trustedProxies) {
    const [address = '', prefix] = proxy.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

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

/** IPv4 addresses as such, also where the socket is an IPv6 one. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}
