import { Buffer } from 'node:buffer'
import { createChallenge, randomInt, verifySolution } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import type { Clock, Proofs } from '../../core/deps.ts'

/** How long a puzzle is good for. Milliseconds. */
const validMs = 30 * 60_000

/**
 * Rounds of key derivation per guess, and how many guesses it takes: about a second in a browser of a small phone, and
 * one guess for us.
 */
const cost = 2_000
const guesses = { min: 500, max: 1_500 }

/** Puzzles as the ALTCHA widget (version 3) wants them: PBKDF2 with a number that we know and sign. */
export function altchaProofs({ clock, secret }: { clock: Pick<Clock, 'now'>; secret: string }): Proofs {
  return {
    async challenge() {
      const challenge = await createChallenge({
        algorithm: 'PBKDF2/SHA-256',
        cost,
        counter: randomInt(guesses.max, guesses.min),
        deriveKey,
        expiresAt: Math.floor((clock.now() + validMs) / 1000),
        hmacSignatureSecret: `${secret} challenge`,
        hmacKeySignatureSecret: `${secret} key`,
      })
      return { ...challenge }
    },

    async verify(solution) {
      const payload = payloadOf(solution)
      if (payload === null) return { kind: 'invalid' }
      const { expiresAt, nonce } = payload.challenge.parameters
      // The library compares with the machine's own clock as well; ours is the one that tests move.
      if (typeof expiresAt !== 'number' || expiresAt * 1000 <= clock.now()) return { kind: 'invalid' }
      try {
        const { verified } = await verifySolution({
          ...payload,
          deriveKey,
          hmacSignatureSecret: `${secret} challenge`,
          hmacKeySignatureSecret: `${secret} key`,
        })
        return verified ? { kind: 'valid', id: nonce, expiresAt: expiresAt * 1000 } : { kind: 'invalid' }
      } catch {
        // What is not a solution makes the library throw in many ways.
        return { kind: 'invalid' }
      }
    },
  }
}

type Payload = Pick<Parameters<typeof verifySolution>[0], 'challenge' | 'solution'>

/** Longer than any solution of a puzzle of ours. */
const maxSolution = 4_000

function payloadOf(solution: string): Payload | null {
  if (solution.length > maxSolution) return null
  try {
    const payload = JSON.parse(Buffer.from(solution, 'base64').toString('utf8')) as Partial<Payload> | null
    if (payload?.challenge?.parameters === undefined || payload.solution === undefined) return null
    // Only what we make ourselves: another algorithm or a higher cost would be work for us.
    const { algorithm, cost: asked, nonce } = payload.challenge.parameters
    if (algorithm !== 'PBKDF2/SHA-256' || asked !== cost || typeof nonce !== 'string') return null
    return payload as Payload
  } catch {
    return null
  }
}
