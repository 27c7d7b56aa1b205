import { BlockList, isIP } from 'node:net'

/** Networks that are not the public internet: of this machine, of its neighbours, of documents and of nobody (RFC 6890). */
const notPublic = new BlockList()
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // Also where clouds tell machines their secrets: 169.254.169.254.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  notPublic.addSubnet(network, prefix, 'ipv4')
}

/**
 * Whether an IP address is one of the public internet. Everything that only leads there by way of another address (IPv4
 * in IPv6, NAT64) is judged by that one; of IPv6 only what is handed out (2000::/3) counts, without documents and tunnels.
 *
 * @example isPublicAddress('::ffff:10.0.0.1') // false
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !notPublic.check(address, 'ipv4')
  if (family !== 6) return false
  const groups = groupsOf(address)
  if (groups === null) return false
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = groups
  const embedded = `${g >> 8}.${g & 255}.${h >> 8}.${h & 255}`
  const mapped = [a, b, c, d, e].every((group) => group === 0) && f === 0xffff
  const nat64 = a === 0x64 && b === 0xff9b && [c, d, e, f].every((group) => group === 0)
  if (mapped || nat64) return !notPublic.check(embedded, 'ipv4')
  // 2001::/23 are protocols and tunnels, 2001:db8::/32 documents, 2002::/16 and 3fff::/20 likewise.
  const special = (a === 0x2001 && (b < 0x200 || b === 0xdb8)) || a === 0x2002 || (a === 0x3fff && b < 0x1000)
  return a >= 0x2000 && a <= 0x3fff && !special
}

/** The eight groups of an IPv6 address; null where it has a zone, or is none. */
function groupsOf(address: string): number[] | null {
  if (address.includes('%')) return null
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const plain =
    dotted === null
      ? address
      : `${dotted[1]}${hex(Number(dotted[2]), Number(dotted[3]))}:${hex(Number(dotted[4]), Number(dotted[5]))}`
  const [head = '', tail] = plain.split('::')
  const read = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)))
  const [before, after] = [read(head), read(tail ?? '')]
  const missing = 8 - before.length - after.length
  const groups = tail === undefined ? before : [...before, ...Array<number>(Math.max(0, missing)).fill(0), ...after]
  return groups.length === 8 && groups.every((group) => group >= 0 && group <= 0xffff) ? groups : null
}

function hex(high: number, low: number): string {
  return ((high << 8) | low).toString(16)
}
