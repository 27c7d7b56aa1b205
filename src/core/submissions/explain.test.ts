import { expect, test } from 'vitest'
import { sampleAccept, sampleMessage, sampleWrite } from '../../../test/contracts/samples.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import type { MessageEvent } from '../messages/message.ts'
import { explain } from './explain.ts'

test('the story is told in the order of time, whatever mail it is about; at one time what caused it comes first', async () => {
  const deps = testDeps()
  const command = sampleAccept({ receivedAt: 1000, observations: [] }, [
    { role: 'confirmation', createdAt: 1000 },
    { role: 'notification', createdAt: 1000 },
  ])
  await deps.submissions.accept(command)
  const [confirmation, notification] = await deps.messages.ofSubmission(command.submission.id)
  const happens = async (message: typeof confirmation, at: number, kind: 'delivered' | 'complained') => {
    if (message === undefined) throw new Error('no message')
    const event = { id: `${message.id}.${kind}`, at, kind, by: 'recipient' } as MessageEvent
    const current = await deps.messages.get(message.id)
    if (current !== null) await deps.messages.write(sampleWrite(current, event))
  }
  await happens(confirmation, 5000, 'complained')
  await happens(confirmation, 2000, 'delivered')
  await happens(notification, 3000, 'delivered')

  const { lines } = await explain(deps, command.submission, 'en')
  expect(
    lines.map(({ at, messageId, text }) => [Date.parse(at), messageId, /queued|delivered|spam|posted/.exec(text)?.[0]]),
  ).toEqual([
    [1000, null, 'posted'],
    [1000, confirmation?.id, 'queued'],
    [1000, notification?.id, 'queued'],
    [2000, confirmation?.id, 'delivered'],
    [3000, notification?.id, 'delivered'],
    [5000, confirmation?.id, 'spam'],
  ])
})

test('a correction stands between the bounce and the new mail', async () => {
  const deps = testDeps()
  const command = sampleAccept({ receivedAt: 1000, observations: [] }, [{ role: 'confirmation', createdAt: 1000 }])
  await deps.submissions.accept(command)
  const [old] = await deps.messages.ofSubmission(command.submission.id)
  if (old === undefined) throw new Error('no message')
  const bounced: MessageEvent = {
    id: 'b',
    at: 2000,
    kind: 'bounced',
    hard: true,
    class: 'unknown-user',
  } as MessageEvent
  await deps.messages.write(sampleWrite(old, bounced))
  const fresh = sampleMessage(command.submission, { role: 'confirmation', createdAt: 3000 })
  const resend = { oldMessage: old.id, newMessage: fresh.id, oldEmail: 'a@example.jp', newEmail: 'b@example.jp' }
  await deps.submissions.resend({
    submissionId: command.submission.id,
    resend: { kind: 'corrected', at: 3000, ...resend },
    oldMessage: { id: old.id, version: old.version + 1 },
    knownResends: 0,
    maxResends: 3,
    messages: [fresh],
    capped: [],
    proof: null,
    cancel: null,
  })
  const submission = await deps.submissions.get(command.submission.reference)
  if (submission === null) throw new Error('no submission')
  const { lines } = await explain(deps, submission, 'en')
  expect(lines.map(({ text }) => /posted|queued|refused|corrected/.exec(text)?.[0])).toEqual([
    'posted',
    'queued',
    'refused',
    'corrected',
    'queued',
  ])
})

test('what the owner of the address said is told by what the mails are about, not by how many there are', async () => {
  const story = async (kinds: readonly ('disowned' | 'taken-back')[], disownedAt: number | null) => {
    const deps = testDeps()
    const command = sampleAccept({ observations: [], disownedAt }, [])
    const mails = kinds.flatMap((kind, index) =>
      ['a@example.jp', 'b@example.jp'].map((recipient) => {
        const content = { subject: 's', body: 'b', kind }
        return sampleMessage(command.submission, { role: 'update', recipient, content, createdAt: 1000 * (index + 1) })
      }),
    )
    await deps.submissions.accept({ ...command, messages: mails })
    const { lines } = await explain(deps, command.submission, 'en')
    return lines.flatMap(({ text }) => /not them|took that back/.exec(text)?.[0] ?? [])
  }
  expect(await story(['disowned', 'taken-back', 'disowned'], 3000)).toEqual(['not them', 'took that back', 'not them'])
  // There was no manager when it was disowned at first.
  expect(await story(['taken-back'], null)).toEqual(['took that back'])
  // So many mails went out that none tells of the last time.
  expect(await story(['disowned', 'taken-back'], 9000)).toEqual(['not them', 'took that back', 'not them'])
  expect(await story([], 9000)).toEqual(['not them'])
  expect(await story(['disowned'], 990)).toEqual(['not them'])
  expect(await story([], null)).toEqual([])
})

test('an address in _replyto that can’t be used is told in words', async () => {
  const observations = [{ field: '_replyto', code: 'ADDRESS_UNUSABLE' } as const]
  const deps = testDeps()
  const { submission } = sampleAccept({ observations })
  for (const language of ['en', 'ja'] as const) {
    const { lines } = await explain(deps, submission, language)
    expect(lines.map(({ text }) => text).join('\n')).toContain('_replyto')
    expect(lines.map(({ text }) => text).join('\n')).not.toContain('ADDRESS_UNUSABLE')
  }
})
