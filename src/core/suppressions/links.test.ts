import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sampleAccept } from '../../../test/contracts/samples.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import { linkToken, openLink, openReviewLink, reviewUrl } from './links.ts'

/** A store with a submission, its confirmation and its notification. */
async function stored() {
  const deps = testDeps()
  await deps.forms.put({ name: 'contact', version: 1, createdAt: 0, origin: 'pages', settings: {}, variants: [] })
  const ids = [deps.ids.next(), deps.ids.next()] as const
  const command = sampleAccept({ reference: 'KD4-MR7-WC3' }, [
    { role: 'confirmation', id: ids[0] },
    { role: 'notification', id: ids[1] },
  ])
  await deps.submissions.accept(command)
  return { deps, submission: command.submission, confirmation: { id: ids[0] }, notification: { id: ids[1] } }
}

test('a token opens the confirmation it was made for, also when somebody changed the case of its letters', async () => {
  const { deps, submission, confirmation } = await stored()
  const token = linkToken(deps, 'stop', confirmation, submission)
  expect(token).toMatch(/^[a-z2-7]{52}$/)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 52, maxLength: 52 }), async (upper) => {
      const typed = [...token].map((char, index) => (upper[index] ? char.toUpperCase() : char)).join('')
      expect((await openLink(deps, 'stop', typed))?.message.id).toBe(confirmation.id)
    }),
  )
})

test('nothing else opens anything: not a changed letter, not any other text', async () => {
  const { deps, submission, confirmation } = await stored()
  const token = linkToken(deps, 'stop', confirmation, submission)
  const changed = fc.tuple(fc.nat(51), fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567')).map(([at, char]) => {
    return token.slice(0, at) + char + token.slice(at + 1)
  })
  const cut = fc.nat(51).map((length) => token.slice(0, length))
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, cut, fc.string(), fc.string({ unit: 'binary' })), async (text) => {
      fc.pre(text !== token)
      expect(await openLink(deps, 'stop', text)).toBeNull()
    }),
  )
})

test('a token is good for its purpose alone, and only a confirmation has one', async () => {
  const { deps, submission, confirmation, notification } = await stored()
  expect(await openLink(deps, 'confirm', linkToken(deps, 'stop', confirmation, submission))).toBeNull()
  expect(await openLink(deps, 'stop', linkToken(deps, 'confirm', confirmation, submission))).toBeNull()
  expect(await openLink(deps, 'stop', linkToken(deps, 'stop', notification, submission))).toBeNull()
})

test('the link of a review opens its submission for 30 days, whatever became of it; nothing else opens anything', async () => {
  const { deps, submission } = await stored()
  expect(reviewUrl(deps, submission)).toBeNull()
  const url = reviewUrl(deps, { ...submission, review: 'quarantined' }) ?? ''
  const token = url.replace('https://forms.example.jp/review/', '')
  const opened = await openReviewLink(deps, token.toUpperCase())
  expect(opened?.submission.reference).toBe(submission.reference)
  const changed = fc
    .tuple(fc.nat(token.length - 1), fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz0123456789-'))
    .map(([at, char]) => token.slice(0, at) + char + token.slice(at + 1))
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, fc.string(), fc.string({ unit: 'binary' })), async (text) => {
      fc.pre(text !== token)
      expect(await openReviewLink(deps, text)).toBeNull()
    }),
  )
  deps.clock.setNow((opened?.until ?? 0) - 1)
  expect(await openReviewLink(deps, token)).not.toBeNull()
  deps.clock.setNow(opened?.until ?? 0)
  expect(await openReviewLink(deps, token)).toBeNull()
})
