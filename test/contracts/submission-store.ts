import { describe, expect, test } from 'vitest'
import type { Deps } from '../../src/core/deps.ts'
import type { Resend } from '../../src/core/submissions/submission.ts'
import { sampleAccept, sampleId, sampleMessage, sampleWrite } from './samples.ts'

type Stores = Pick<Deps, 'submissions' | 'messages'>

/** What every submission store does. */
export function testSubmissionStore(name: string, open: () => Stores): void {
  describe(`${name}: submission store`, () => {
    test('accepts a submission together with its messages', async () => {
      const { submissions, messages } = open()
      const command = sampleAccept({}, [{ role: 'confirmation' }, { role: 'notification' }])
      expect(await submissions.accept(command)).toEqual({ kind: 'accepted', held: [] })
      expect(await submissions.get(command.submission.reference)).toEqual(command.submission)
      const planned = await messages.ofSubmission(command.submission.id)
      expect(planned.map(({ role }) => role)).toEqual(['confirmation', 'notification'])
      expect(planned[0]).toMatchObject({ attempts: 0, lease: null, version: 1, events: command.messages[0]?.events })
    })

    test('a reference nobody has is null', async () => {
      expect(await open().submissions.get('NONE')).toBeNull()
    })

    test('a reference that is taken is refused, and nothing of the post is stored', async () => {
      const { submissions, messages } = open()
      const first = sampleAccept()
      await submissions.accept(first)
      const second = sampleAccept({ reference: first.submission.reference })
      expect(await submissions.accept(second)).toEqual({ kind: 'reference-taken' })
      expect(await messages.ofSubmission(second.submission.id)).toEqual([])
    })

    test('forgets latest posts and keys from before a time, a limited number at once', async () => {
      const { submissions } = open()
      const header = { idempotency: { source: 'header', key: 'k' } } as const
      await submissions.accept(sampleAccept({ bodyHash: 'one', clientKey: 'a', receivedAt: 10 }, [], header))
      await submissions.accept(sampleAccept({ bodyHash: 'two', clientKey: 'b', receivedAt: 20 }, []))
      await submissions.accept(sampleAccept({ bodyHash: 'two', clientKey: 'c', receivedAt: 30 }, []))
      const times = { latestBefore: 30, keysBefore: 11, limit: 1 }
      expect(await submissions.forget(times)).toBe(2)
      expect(await submissions.forget(times)).toBe(1)
      expect(await submissions.forget(times)).toBe(0)
      const again = sampleAccept({ bodyHash: 'other', clientKey: 'a' }, [], header)
      expect((await submissions.accept(again)).kind).toBe('accepted')
      const repetition = { repetition: { since: 0 } }
      const repeated = sampleAccept({ bodyHash: 'two', clientKey: 'c', receivedAt: 31 }, [], repetition)
      expect((await submissions.accept(repeated)).kind).toBe('repeated')
    })

    describe('invariant 2: one key, one submission', () => {
      const header = { idempotency: { source: 'header', key: 'k' } } as const
      const field = { idempotency: { source: 'field', key: 'k' } } as const

      test('the same header key with the same body gives the first submission again', async () => {
        const { submissions, messages } = open()
        const first = sampleAccept({ bodyHash: 'same' }, [{}], header)
        await submissions.accept(first)
        const again = sampleAccept({ bodyHash: 'same' }, [{}], header)
        expect(await submissions.accept(again)).toEqual({ kind: 'repeated', submission: first.submission })
        expect(await messages.ofSubmission(again.submission.id)).toEqual([])
      })

      test('two posts at once with one key give one submission', async () => {
        const { submissions } = open()
        const posts = Array.from({ length: 10 }, () => sampleAccept({ bodyHash: 'same' }, [{}], header))
        const results = await Promise.all(posts.map((post) => submissions.accept(post)))
        expect(results.filter(({ kind }) => kind === 'accepted')).toHaveLength(1)
        expect(results.filter(({ kind }) => kind === 'repeated')).toHaveLength(9)
      })

      test('a header key with another body is a conflict', async () => {
        const { submissions } = open()
        await submissions.accept(sampleAccept({ bodyHash: 'one' }, [{}], header))
        expect(await submissions.accept(sampleAccept({ bodyHash: 'two' }, [{}], header))).toEqual({ kind: 'conflict' })
      })

      test('a hidden-field key with another body is a new submission, which is then known too', async () => {
        const { submissions } = open()
        await submissions.accept(sampleAccept({ bodyHash: 'one' }, [{}], field))
        const second = sampleAccept({ bodyHash: 'two' }, [{}], field)
        expect(await submissions.accept(second)).toEqual({ kind: 'accepted', held: [] })
        const again = await submissions.accept(sampleAccept({ bodyHash: 'two' }, [{}], field))
        expect(again).toEqual({ kind: 'repeated', submission: second.submission })
      })

      test('a key belongs to its form and to where it came from', async () => {
        const { submissions } = open()
        await submissions.accept(sampleAccept({ bodyHash: 'one' }, [{}], header))
        expect(await submissions.accept(sampleAccept({ bodyHash: 'two' }, [{}], field))).toEqual({
          kind: 'accepted',
          held: [],
        })
        const other = sampleAccept({ bodyHash: 'two', form: 'other' }, [{}], header)
        expect(await submissions.accept(other)).toEqual({ kind: 'accepted', held: [] })
      })

      test('without a key only the client’s latest post is repeated, within the window', async () => {
        const { submissions } = open()
        const repetition = { since: 900_000 }
        const first = sampleAccept({ bodyHash: 'a', receivedAt: 1_000_000 }, [{}], { repetition })
        await submissions.accept(first)
        expect(await submissions.accept(sampleAccept({ bodyHash: 'a' }, [{}], { repetition }))).toEqual({
          kind: 'repeated',
          submission: first.submission,
        })
        // Not when the window is over, not for another client, not for another form.
        const late = { repetition: { since: 1_000_001 } }
        expect(
          (await submissions.accept(sampleAccept({ bodyHash: 'a', clientKey: 'x' }, [{}], { repetition }))).kind,
        ).toBe('accepted')
        expect(
          (await submissions.accept(sampleAccept({ bodyHash: 'a', form: 'x', clientKey: 'y' }, [{}], { repetition })))
            .kind,
        ).toBe('accepted')
        expect(
          (await submissions.accept(sampleAccept({ bodyHash: 'a', receivedAt: 1_000_001 }, [{}], late))).kind,
        ).toBe('accepted')
        // Another post in between: the first is not the latest any more.
        await submissions.accept(sampleAccept({ bodyHash: 'b' }, [{}], { repetition }))
        expect((await submissions.accept(sampleAccept({ bodyHash: 'a' }, [{}], { repetition }))).kind).toBe('accepted')
      })

      test('a post of the future, from before the clock was put back, is no repetition', async () => {
        const { submissions } = open()
        await submissions.accept(sampleAccept({ bodyHash: 'a', receivedAt: 90_000_000 }))
        const repetition = { since: 1_000_000 - 120_000 }
        const now = sampleAccept({ bodyHash: 'a', receivedAt: 1_000_000 }, [{}], { repetition })
        expect((await submissions.accept(now)).kind).toBe('accepted')
      })

      test('a post that may not be a repetition never is one', async () => {
        const { submissions } = open()
        await submissions.accept(sampleAccept({ bodyHash: 'a' }))
        expect((await submissions.accept(sampleAccept({ bodyHash: 'a' }))).kind).toBe('accepted')
      })
    })

    test('lists newest first, page by page, of one form where asked', async () => {
      const { submissions } = open()
      const commands = [sampleAccept(), sampleAccept({ form: 'other' }), sampleAccept(), sampleAccept()]
      for (const command of commands) await submissions.accept(command)
      const references = commands.map(({ submission }) => submission.reference).reverse()
      const first = await submissions.list({ limit: 3 })
      expect(first.items.map(({ reference }) => reference)).toEqual(references.slice(0, 3))
      const second = await submissions.list({ limit: 3, before: first.cursor ?? '' })
      expect(second).toMatchObject({ items: [{ reference: references[3] }], cursor: null })
      const others = await submissions.list({ limit: 3, form: 'other' })
      expect(others).toMatchObject({ items: [{ form: 'other' }], cursor: null })
    })

    test('knows which uploads a submission holds', async () => {
      const { submissions } = open()
      const file = { blob: 'aaa', fileName: '写真.jpg', type: 'image/jpeg', size: 3, hash: 'h' }
      await submissions.accept(sampleAccept({ entries: [{ kind: 'file', name: 'photo', file }] }))
      expect(await submissions.holdsBlob('aaa')).toBe(true)
      expect(await submissions.holdsBlob('bbb')).toBe(false)
    })

    describe('resend', () => {
      async function bounced(stores: Stores) {
        const command = sampleAccept({}, [{ role: 'confirmation' }])
        await stores.submissions.accept(command)
        const [old] = await stores.messages.ofSubmission(command.submission.id)
        if (old === undefined) throw new Error('no message')
        const event = {
          id: `${old.id}.a1`,
          at: 2,
          kind: 'bounced',
          hard: true,
          class: 'unknown-user',
          evidence: { transport: 'x' },
        } as const
        await stores.messages.write(sampleWrite(old, event))
        return { submission: command.submission, old: { id: old.id, version: old.version + 1 } }
      }
      const resendOf = (oldMessage: string, newMessage: string): Resend => ({
        kind: 'corrected',
        at: 5,
        oldMessage,
        newMessage,
        oldEmail: 'hanako@example.jp',
        newEmail: 'new@example.jp',
      })

      test('adds the new messages, and the submission has the new address', async () => {
        const stores = open()
        const { submission, old } = await bounced(stores)
        const fresh = sampleMessage(submission, { role: 'confirmation', recipient: 'new@example.jp' })
        const resend = resendOf(old.id, fresh.id)
        const command = {
          submissionId: submission.id,
          resend,
          oldMessage: old,
          knownResends: 0,
          maxResends: 1,
          messages: [fresh],
          capped: [],
          proof: null,
          cancel: null,
        }
        expect(await stores.submissions.resend(command)).toEqual({ kind: 'done' })
        expect(await stores.submissions.get(submission.reference)).toMatchObject({
          email: 'new@example.jp',
          resends: [resend],
        })
        expect((await stores.messages.ofSubmission(submission.id)).map(({ id }) => id)).toEqual([old.id, fresh.id])
        expect(await stores.submissions.resend(command)).toEqual({ kind: 'limit' })
      })

      test('of two at once one is done: the other was computed from what is no longer so', async () => {
        const stores = open()
        const { submission, old } = await bounced(stores)
        const results = await Promise.all(
          [1, 2].map(() => {
            const resend = resendOf(old.id, sampleId())
            const known = { oldMessage: old, knownResends: 0, maxResends: 3 }
            return stores.submissions.resend({
              submissionId: submission.id,
              resend,
              ...known,
              messages: [],
              capped: [],
              proof: null,
              cancel: null,
            })
          }),
        )
        expect(results.map(({ kind }) => kind).sort()).toEqual(['done', 'stale'])
      })

      test('does nothing when the old message has changed since', async () => {
        const stores = open()
        const { submission, old } = await bounced(stores)
        const resend = resendOf(old.id, sampleId())
        const oldMessage = { id: old.id, version: old.version - 1 }
        const command = {
          submissionId: submission.id,
          resend,
          oldMessage,
          knownResends: 0,
          maxResends: 3,
          messages: [],
          capped: [],
          proof: null,
          cancel: null,
        }
        expect(await stores.submissions.resend(command)).toEqual({ kind: 'stale' })
        expect(await stores.submissions.get(submission.reference)).toEqual(submission)
      })

      test('uses up a proof, once and only when it is carried out; with a used one nothing is stored', async () => {
        const stores = open()
        const proof = { id: sampleId(), expiresAt: 9e12 }
        const attempt = async (changes: { knownResends?: number } = {}) => {
          const { submission, old } = await bounced(stores)
          const fresh = sampleMessage(submission, { role: 'confirmation', recipient: 'new@example.jp' })
          const result = await stores.submissions.resend({
            submissionId: submission.id,
            resend: resendOf(old.id, fresh.id),
            oldMessage: old,
            knownResends: 0,
            maxResends: 3,
            messages: [fresh],
            capped: [],
            proof,
            cancel: null,
            ...changes,
          })
          const messages = await stores.messages.ofSubmission(submission.id)
          return { kind: result.kind, submission, messages: messages.length }
        }
        expect(await attempt({ knownResends: 1 })).toMatchObject({ kind: 'stale', messages: 1 })
        expect(await attempt()).toMatchObject({ kind: 'done', messages: 2 })
        const again = await attempt()
        expect(again).toMatchObject({ kind: 'proof-used', messages: 1 })
        expect(await stores.submissions.get(again.submission.reference)).toEqual(again.submission)
        // Nor does a post pay with it.
        expect(await stores.submissions.accept(sampleAccept({}, [{}], { proof }))).toEqual({ kind: 'proof-used' })
      })

      test('ends the old message where it is still working', async () => {
        const stores = open()
        const command = sampleAccept({}, [{ role: 'confirmation' }])
        await stores.submissions.accept(command)
        const [old] = await stores.messages.ofSubmission(command.submission.id)
        if (old === undefined) throw new Error('no message')
        const event = { id: `${old.id}.cancelled`, at: 5, kind: 'cancelled', reason: 'corrected' } as const
        const cancel = { event, state: sampleWrite(old, event).state }
        const resend = resendOf(old.id, sampleId())
        const oldMessage = { id: old.id, version: old.version }
        await stores.submissions.resend({
          submissionId: command.submission.id,
          resend,
          oldMessage,
          knownResends: 0,
          maxResends: 3,
          messages: [],
          capped: [],
          proof: null,
          cancel,
        })
        expect(await stores.messages.get(old.id)).toMatchObject({ state: { name: 'cancelled' }, dueAt: null })
      })
    })
  })
}
