import { expect, test } from 'vitest'
import { sampleForm, sampleSubmission } from '../../../test/contracts/samples.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import type { Review } from '../submissions/submission.ts'
import { mayCauseMail, planMessages, planResend } from './plan.ts'
import type { Role } from './roles.ts'

const roles: readonly Role[] = ['confirmation', 'notification', 'update', 'alarm']

test('an accepted submission may cause every mail, a quarantined one none, an unconfirmed one its confirmation, resends included', () => {
  for (const role of roles) {
    const may = (review: Review) => mayCauseMail(sampleSubmission({ review }), role)
    expect(may('accepted')).toBe(true)
    expect(may('released')).toBe(true)
    expect(may('quarantined')).toBe(false)
    expect(may('unconfirmed')).toBe(role === 'confirmation')
    // No rule spoke against it: its submitter could not be asked.
    const unasked = sampleSubmission({ review: 'quarantined', verdict: { reasons: [], shadow: [] } })
    expect(mayCauseMail(unasked, role)).toBe(role === 'confirmation')
  }
  const plans = (review: Review) => {
    const submission = sampleSubmission({ review })
    const resend = planResend(testDeps(), sampleForm(), submission, { email: 'taro@example.jp', corrected: true })
    const { messages } = planMessages(testDeps(), sampleForm(), submission)
    return [...messages, ...resend.messages].map(({ role }) => role)
  }
  expect(plans('accepted')).toEqual(['confirmation', 'notification', 'confirmation', 'update'])
  expect(plans('quarantined')).toEqual([])
  expect(plans('unconfirmed')).toEqual(['confirmation', 'confirmation'])
})

test('the mails of one plan have one time', () => {
  let now = 0
  const clock = { ...testDeps().clock, now: () => now++ }
  const form = sampleForm({ settings: { managers: ['a@example.jp', 'b@example.jp'] } })
  const { messages } = planResend({ ...testDeps(), clock }, form, sampleSubmission(), {
    email: 'c@example.jp',
    corrected: true,
  })
  expect(messages).toHaveLength(3)
  expect(new Set(messages.map(({ createdAt }) => createdAt)).size).toBe(1)
})
