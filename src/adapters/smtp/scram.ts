import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Mechanism } from './mechanism.ts'

/** Fewer rounds make a stolen exchange cheap to guess from (RFC 7677 §4); more would keep a thread busy for a second. */
const minIterations = 4096
const maxIterations = 1_000_000

/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding: the password never goes over the wire, and the server
 * must prove that it knows it. Only for printable ASCII, which SASLprep (RFC 4013) leaves as it is; see `canScram`.
 *
 * @example const scram = scramSha256({ user: 'user', password: 'pencil' }, randomBytes(18).toString('base64'))
 */
export function scramSha256(login: { user: string; password: string }, nonce: string): Mechanism {
  const user = login.user.replaceAll('=', '=3D').replaceAll(',', '=2C')
  const clientFirst = `n=${user},r=${nonce}`
  let expected: Buffer | null = null
  let proven = false

  async function answerServerFirst(challenge: string): Promise<string | null> {
    const attributes = readAttributes(challenge)
    const serverNonce = attributes.get('r') ?? ''
    const salt = Buffer.from(attributes.get('s') ?? '', 'base64')
    const iterations = Number(attributes.get('i'))
    // `m` is an extension that we would have to understand (RFC 5802 §5.1).
    if (attributes.has('m') || !serverNonce.startsWith(nonce) || serverNonce.length === nonce.length) return null
    if (salt.length === 0 || !(iterations >= minIterations && iterations <= maxIterations)) return null

    const salted = await derive(login.password, salt, iterations, 32, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const storedKey = createHash('sha256').update(clientKey).digest()
    const withoutProof = `c=biws,r=${serverNonce}`
    const signed = `${clientFirst},${challenge},${withoutProof}`
    const signature = hmac(storedKey, signed)
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0))
    expected = hmac(hmac(salted, 'Server Key'), signed)
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
  }

  function answerServerFinal(challenge: string, signature: Buffer): string | null {
    const given = Buffer.from(readAttributes(challenge).get('v') ?? '', 'base64')
    proven = given.length === signature.length && timingSafeEqual(given, signature)
    return proven ? '' : null
  }

  return {
    name: 'SCRAM-SHA-256',
    initial: `n,,${clientFirst}`,
    async next(challenge) {
      return expected === null ? answerServerFirst(challenge) : answerServerFinal(challenge, expected)
    },
    get satisfied() {
      return proven
    },
  }
}

/** Whether SASLprep would leave user and password alone. Others would need its tables; PLAIN takes them as they are. */
export function canScram(login: { user: string; password: string }): boolean {
  return /^[ -~]+$/.test(login.user) && /^[ -~]+$/.test(login.password)
}

const derive = promisify(pbkdf2)

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** `a=1,b=2`; the value may contain `=`. */
function readAttributes(text: string): Map<string, string> {
  return new Map(text.split(',').map((part) => [part.slice(0, 1), part.slice(2)]))
}
