const base32Alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** The same characters in the order of their codes. */
const sortedAlphabet = '234567abcdefghijklmnopqrstuvwxyz'

/** Lower-case base32 (RFC 4648 §6) without padding: safe in paths and in local parts, where case may be lost. */
export function base32(bytes: Uint8Array): string {
  return inFives(bytes, base32Alphabet)
}

/** The characters of `base32` in another order, so that texts sort as the bytes do. Nobody else reads it. */
export function sortedBase32(bytes: Uint8Array): string {
  return inFives(bytes, sortedAlphabet)
}

function inFives(bytes: Uint8Array, alphabet: string): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = (value << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(value >>> bits) & 31]
    }
    value &= (1 << bits) - 1
  }
  return bits > 0 ? text + alphabet[(value << (5 - bits)) & 31] : text
}

/** base64url (RFC 4648 §5) without padding. */
export function base64url(bytes: Uint8Array): string {
  let binary = ''
  for (const byte of bytes) binary += String.fromCharCode(byte)
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}
