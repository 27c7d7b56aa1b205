import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
} from 'node:crypto'
import type { Crypto } from '../../core/deps.ts'

/** The instance's secrets, as kept in its data folder. Newest key first; older ones still open what they made. */
export type Secrets = {
  keys: readonly { id: string; secret: string }[]
  /** Ed25519 private key (PKCS #8, base64) that receipts are signed with, and its id. */
  receiptKey: { id: string; private: string }
}

/** New secrets for a new instance. */
export function newSecrets(): Secrets {
  const { privateKey } = generateKeyPairSync('ed25519')
  return {
    keys: [{ id: 'k1', secret: randomBytes(32).toString('base64') }],
    receiptKey: { id: 'r1', private: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64') },
  }
}

/**
 * Keyed hashes and signatures from the instance's secrets. Each purpose has a key of its own (HKDF, RFC 5869), so that
 * a token made for one thing is worthless for another.
 */
export function nodeCrypto(secrets: Secrets): Crypto {
  const [newest] = secrets.keys
  if (newest === undefined) throw new RangeError('there is no key')
  // As key objects: a key given as bytes is prepared anew for every code, which costs five times the code itself.
  const derived = new Map<string, KeyObject>()
  const keyFor = (purpose: string, id: string): KeyObject => {
    const name = `${id}/${purpose}`
    const known = derived.get(name)
    if (known !== undefined) return known
    const key = secrets.keys.find((candidate) => candidate.id === id)
    if (key === undefined) throw new RangeError(`there is no key ${id}`)
    const bytes = hkdfSync('sha256', Buffer.from(key.secret, 'base64'), '', `todoku ${purpose}`, 32)
    const made = createSecretKey(Buffer.from(bytes))
    derived.set(name, made)
    return made
  }
  // Read once: parsing a key costs more than a signature.
  const privateKey = createPrivateKey({
    key: Buffer.from(secrets.receiptKey.private, 'base64'),
    format: 'der',
    type: 'pkcs8',
  })
  const header = jsonBase64url({ alg: 'EdDSA', kid: secrets.receiptKey.id })
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' })

  return {
    currentKey: newest.id,
    mac: (purpose, data, key = newest.id) => createHmac('sha256', keyFor(purpose, key)).update(data).digest(),
    sha256: (data) => createHash('sha256').update(data).digest(),
    hasher() {
      const hash = createHash('sha256')
      return {
        update: (chunk) => void hash.update(chunk),
        digest: () => hash.digest(),
      }
    },
    equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
    sign(payload) {
      const signed = `${header}.${jsonBase64url(payload)}`
      return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
    },
    publicKeys: () => ({
      keys: [{ kty: 'OKP', crv: 'Ed25519', x: String(jwk.x), kid: secrets.receiptKey.id, alg: 'EdDSA', use: 'sig' }],
    }),
  }
}

function jsonBase64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
