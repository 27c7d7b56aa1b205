import { base32 } from '../base-encoding.ts'
import type { Crypto } from '../deps.ts'
import type { Settings } from '../settings.ts'
import type { Submission } from './submission.ts'

type Tokened = Pick<Submission, 'reference' | 'tokenKey'>

/**
 * The secret part of a status link: derived from the reference, so that a repeated answer to the same post has the same
 * one, and nothing of it is stored. 128 bits; begins with the id of the key.
 */
function statusToken(deps: Pick<{ crypto: Crypto }, 'crypto'>, submission: Tokened): string {
  const mac = deps.crypto.mac('status', submission.reference, submission.tokenKey)
  return `${submission.tokenKey}-${base32(mac.subarray(0, 16))}`
}

/** Whether a token from a path opens this submission. Constant time. */
export function isStatusToken(deps: Pick<{ crypto: Crypto }, 'crypto'>, submission: Tokened, token: string): boolean {
  return deps.crypto.equal(utf8(token), utf8(statusToken(deps, submission)))
}

/** Path of a submission's status page. */
export function statusPath(deps: Pick<{ crypto: Crypto }, 'crypto'>, submission: Tokened): string {
  return `/s/${submission.reference}/${statusToken(deps, submission)}`
}

/** The whole address of a submission's status page. */
export function statusUrl(
  deps: { crypto: Crypto; settings: Pick<Settings, 'publicUrl'> },
  submission: Tokened,
): string {
  return deps.settings.publicUrl + statusPath(deps, submission)
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
