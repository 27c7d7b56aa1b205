import { expect, test } from 'vitest'
import { sampleForm, sampleSubmission } from '../../../test/contracts/samples.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import type { Review } from '../submissions/submission.ts'
import { mayCauseMail, planMessages, planResend } from './plan.ts'
import type { Role } from './roles.ts'

const roles: readonly Role[] = ['confirmation', 'notification', 'update', 'alarm']

test('an accepted submission may cause every mail; in any other state of review it causes none, resends included', () => {
  for (const role of roles) expect(mayCauseMail('accepted', role)).toBe(true)
  // States that come with the spam rules.
  const quarantined = 'quarantined' as Review
  for (const role of roles) expect(mayCauseMail(quarantined, role)).toBe(false)
  const plans = (review: Review) => {
    const submission = sampleSubmission({ review })
    const resend = planResend(testDeps(), sampleForm(), submission, 'taro@example.jp', true)
    return [...planMessages(testDeps(), sampleForm(), submission), resend.confirmation, ...resend.updates]
      .filter((planned) => planned !== null)
      .map(({ role }) => role)
  }
  expect(plans('accepted')).toEqual(['confirmation', 'notification', 'confirmation', 'update'])
  expect(plans(quarantined)).toEqual([])
})

test('the mails of one plan have one time', () => {
  let now = 0
  const clock = { ...testDeps().clock, now: () => now++ }
  const form = sampleForm({ settings: { managers: ['a@example.jp', 'b@example.jp'] } })
  const { confirmation, updates } = planResend({ ...testDeps(), clock }, form, sampleSubmission(), 'c@example.jp', true)
  expect(new Set([confirmation, ...updates].map((message) => message?.createdAt)).size).toBe(1)
})
