const base32Alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** Lower-case base32 (RFC 4648 §6) without padding: safe in paths and in local parts, where case may be lost. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += base32Alphabet[(value >>> bits) & 31]
    }
    value &= (1 << bits) - 1
  }
  return bits > 0 ? text + base32Alphabet[(value << (5 - bits)) & 31] : text
}

/** base64url (RFC 4648 §5) without padding. */
export function base64url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
