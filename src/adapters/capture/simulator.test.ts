import { expect, test } from 'vitest'
import { behaviourOf } from './simulator.ts'

test.each([
  ['delivered@simulator.test', 'delivered', undefined, null],
  ['anybody@example.jp', 'delivered', undefined, null],
  ['unknown-user@simulator.test', 'refused', 'unknown-user', null],
  ['Unknown-User+tag@SIMULATOR.test', 'refused', 'unknown-user', null],
  ['mailbox-full@simulator.test', 'refused', 'mailbox-full', null],
  ['refused@simulator.test', 'refused', 'content-policy', null],
  ['late-bounce@simulator.test', 'delivered', undefined, 'bounce'],
  ['complaint@simulator.test', 'delivered', undefined, 'complaint'],
  ['out-of-office@simulator.test', 'delivered', undefined, 'auto-reply'],
  ['silent@simulator.test', 'accepted', undefined, null],
  // Only the simulator's own domain plays stories.
  ['unknown-user@example.jp', 'delivered', undefined, null],
])('%s is %s', (recipient, kind, refusal, feedback) => {
  const { outcome, feedback: later } = behaviourOf(recipient, 1)
  expect(outcome).toMatchObject(refusal === undefined ? { kind } : { kind, class: refusal })
  expect(later?.kind ?? null).toBe(feedback)
})

test('deferred@ is taken at the third attempt', () => {
  expect([1, 2, 3, 4].map((attempt) => behaviourOf('deferred@simulator.test', attempt).outcome.kind)).toEqual([
    'deferred',
    'deferred',
    'delivered',
    'delivered',
  ])
})
