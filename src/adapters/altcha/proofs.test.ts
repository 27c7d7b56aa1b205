import { type Challenge, solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { altchaProofs } from './proofs.ts'

const clock = (now = Date.now()) => ({ now: () => now })
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64')

async function solved(secret = 'secret') {
  const proofs = altchaProofs({ clock: clock(), secret })
  const challenge = (await proofs.challenge()) as unknown as Challenge
  const solution = await solveChallenge({ challenge, deriveKey })
  return { challenge, solution }
}

test('a solved puzzle is valid, and names itself so that it can be used once only', async () => {
  const proofs = altchaProofs({ clock: clock(), secret: 'secret' })
  const { challenge, solution } = await solved()
  const verdict = await proofs.verify(base64({ challenge, solution }))
  expect(verdict).toMatchObject({ kind: 'valid', id: challenge.parameters.nonce })
  // Somebody else's puzzle is none of ours.
  const other = altchaProofs({ clock: clock(), secret: 'other' })
  expect(await other.verify(base64({ challenge, solution }))).toEqual({ kind: 'invalid' })
})

test('a wrong number, a longer life and an expired puzzle are invalid', async () => {
  const { challenge, solution } = await solved()
  const proofs = altchaProofs({ clock: clock(), secret: 'secret' })
  const wrong = { ...solution, counter: (solution?.counter ?? 0) + 1, derivedKey: '00'.repeat(32) }
  expect(await proofs.verify(base64({ challenge, solution: wrong }))).toEqual({ kind: 'invalid' })
  const parameters = { ...challenge.parameters, expiresAt: (challenge.parameters.expiresAt ?? 0) + 999 }
  expect(await proofs.verify(base64({ challenge: { ...challenge, parameters }, solution }))).toEqual({
    kind: 'invalid',
  })
  const later = altchaProofs({ clock: clock(Date.now() + 31 * 60_000), secret: 'secret' })
  expect(await later.verify(base64({ challenge, solution }))).toEqual({ kind: 'invalid' })
})

test('anything else is invalid, whatever it is', async () => {
  const proofs = altchaProofs({ clock: clock(), secret: 'secret' })
  const { challenge } = await solved()
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string(), fc.json(), fc.constant({ challenge })), fc.anything(), async (a, b) => {
      expect(await proofs.verify(String(a))).toEqual({ kind: 'invalid' })
      expect(await proofs.verify(base64({ challenge, solution: b ?? null }))).toEqual({ kind: 'invalid' })
    }),
    { numRuns: 50 },
  )
})
