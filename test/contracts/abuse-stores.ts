import { describe, expect, test } from 'vitest'
import type { Alarm, Telling } from '../../src/core/alarms/alarm.ts'
import type { Cap, Deps } from '../../src/core/deps.ts'
import { fold } from '../../src/core/messages/fold.ts'
import type { HeldReason, Message, MessageEvent } from '../../src/core/messages/message.ts'
import { sampleAccept, sampleId, sampleMessage, sampleSubmission, sampleWrite } from './samples.ts'

type Stores = Pick<Deps, 'submissions' | 'messages' | 'stops' | 'alarms'>

const hour = 3_600_000

/** What every store does so that a form can't be used to hurt anybody. */
export function testAbuseStores(name: string, open: () => Stores): void {
  /** A post with one confirmation that these caps count. */
  const cappedPost = (caps: readonly Cap[], receivedAt = 1_000 * hour) => {
    const command = sampleAccept({ receivedAt }, [{ role: 'confirmation' }, { role: 'notification' }])
    const messageId = command.messages[0]?.id ?? ''
    const events: MessageEvent[] = [
      { id: `${messageId}.held`, at: receivedAt, kind: 'held', turn: 0, reason: 'cap', until: null },
    ]
    return { ...command, capped: [{ messageId, caps, capped: { events, state: fold(events), dueAt: null } }] }
  }
  const cap = (key: string, max: number): Cap => ({ key, max, windowMs: hour })
  const heldOf = async (stores: Stores, command: ReturnType<typeof cappedPost>) => {
    const result = await stores.submissions.accept(command)
    if (result.kind !== 'accepted') throw new Error(result.kind)
    return result.held
  }

  describe(`${name}: caps`, () => {
    test('a message over a cap is stored held, with the rest of its submission; nothing is dropped', async () => {
      const stores = open()
      const key = sampleId()
      expect(await heldOf(stores, cappedPost([cap(key, 1)]))).toEqual([])
      const second = cappedPost([cap(key, 1)])
      expect(await heldOf(stores, second)).toEqual([second.messages[0]?.id])
      const [confirmation, notification] = await stores.messages.ofSubmission(second.submission.id)
      expect(confirmation).toMatchObject({
        state: { name: 'held', heldReason: 'cap' },
        dueAt: null,
        events: { length: 1 },
      })
      expect(notification).toMatchObject({ state: { name: 'queued' } })
    })

    test('of many posts at once no more than the cap go out', async () => {
      const stores = open()
      const key = sampleId()
      const posts = Array.from({ length: 20 }, () => cappedPost([cap(key, 3)]))
      const held = (await Promise.all(posts.map((post) => heldOf(stores, post)))).flat()
      expect(held).toHaveLength(17)
    })

    test('no rolling window holds more than the cap, and room comes back', async () => {
      const stores = open()
      const key = sampleId()
      const sent: number[] = []
      for (let minute = 0; minute < 180; minute += 1) {
        const at = 1_000 * hour + minute * 60_000
        if ((await heldOf(stores, cappedPost([cap(key, 5)], at))).length === 0) sent.push(at)
      }
      for (const at of sent) {
        expect(sent.filter((other) => other > at - hour && other <= at).length).toBeLessThanOrEqual(5)
      }
      expect(sent.length).toBeGreaterThanOrEqual(12)
    })

    test('every cap of a message must have room; one that has none uses up nothing of the others', async () => {
      const stores = open()
      const [full, wide] = [sampleId(), sampleId()]
      await heldOf(stores, cappedPost([cap(full, 1)]))
      expect(await heldOf(stores, cappedPost([cap(full, 1), cap(wide, 1)]))).toHaveLength(1)
      expect(await heldOf(stores, cappedPost([cap(wide, 1)]))).toEqual([])
    })

    test('nor where mails go out a little later, or are counted anew since they go out long after they were planned', async () => {
      const stores = open()
      const key = sampleId()
      const sent = new Map<string, number>()
      const delayed: string[] = []
      for (let minute = 0; minute < 300; minute += 1) {
        const now = 1_000 * hour + minute * 60_000
        const post = cappedPost([cap(key, 5)], now)
        const messageId = post.messages[0]?.id ?? ''
        if ((await heldOf(stores, post)).length === 0) {
          // Every third one has to wait.
          if (minute % 3 === 0) delayed.push(messageId)
          else sent.set(messageId, now + (minute % 2) * (hour / 50))
        }
        if (minute % 10 !== 9) continue
        const late = delayed.shift() ?? ''
        const counted = await stores.messages.countLate({ messageId: late, caps: [cap(key, 5)], now })
        if (counted === 'counted') sent.set(late, now)
        else delayed.unshift(late)
      }
      const times = [...sent.values()]
      for (const at of times) {
        expect(times.filter((other) => other > at - hour && other <= at).length).toBeLessThanOrEqual(5)
      }
      expect(times.length).toBeGreaterThanOrEqual(15)
    })

    test('a message that goes out late, again and again, counts once; where there is no room, it stays counted as it was', async () => {
      const stores = open()
      const [own, other] = [sampleId(), sampleId()]
      const post = cappedPost([cap(own, 2), cap(other, 2)])
      const messageId = post.messages[0]?.id ?? ''
      await heldOf(stores, post)
      const now = post.submission.receivedAt + hour / 4
      const late = { messageId, caps: [cap(own, 2), cap(other, 2)], now }
      for (let time = 0; time < 5; time += 1) expect(await stores.messages.countLate(late)).toBe('counted')
      expect(await heldOf(stores, cappedPost([cap(own, 2)], now))).toEqual([])
      expect(await heldOf(stores, cappedPost([cap(own, 2)], now))).toHaveLength(1)

      const stranger = { messageId: sampleId(), caps: [cap(own, 2), cap(other, 2)], now }
      expect(await stores.messages.countLate(stranger)).toBe('full')
      // It used up nothing of the other one.
      expect(await heldOf(stores, cappedPost([cap(other, 2)], now))).toEqual([])
      expect(await heldOf(stores, cappedPost([cap(other, 2)], now))).toHaveLength(1)
    })

    test('a repeated post counts once', async () => {
      const stores = open()
      const key = sampleId()
      const keys = { idempotency: { source: 'header', key: sampleId() } } as const
      const post = { ...cappedPost([cap(key, 2)]), ...keys }
      await stores.submissions.accept(post)
      expect(await stores.submissions.accept(post)).toMatchObject({ kind: 'repeated' })
      expect(await heldOf(stores, cappedPost([cap(key, 2)]))).toEqual([])
    })
  })

  describe(`${name}: notifications of a flooded form`, () => {
    const at = 1_000 * hour
    /** A post whose notification waits for a digest. */
    const floodedPost = (changes: { form?: string; recipient?: string; id?: string; createdAt?: number } = {}) => {
      const { form = sampleId(), id = sampleId(), recipient = 'office@example.jp', createdAt = at } = changes
      const events: MessageEvent[] = [
        { id: `${id}.held`, at: createdAt, kind: 'held', turn: 0, reason: 'flood', until: createdAt + hour },
      ]
      return sampleAccept({ form }, [
        { id, recipient, createdAt, events, state: fold(events), dueAt: createdAt + hour, expiresAt: at + 40 * hour },
      ])
    }

    test('are found by form and recipient, where one of them waits for long enough', async () => {
      const { submissions, messages } = open()
      const [long, short] = [sampleId(), sampleId()]
      await submissions.accept(floodedPost({ form: long, createdAt: at + 5 }))
      await submissions.accept(floodedPost({ form: long }))
      await submissions.accept(floodedPost({ form: long, recipient: 'boss@example.jp' }))
      await submissions.accept(floodedPost({ form: short, createdAt: at + 1 }))
      await submissions.accept(sampleAccept({ form: sampleId() }, [{ createdAt: at }]))
      const own = (await messages.floods({ before: at })).filter(({ form }) => form === long || form === short)
      expect(own.sort((a, b) => a.recipient.localeCompare(b.recipient))).toEqual([
        { form: long, recipient: 'boss@example.jp' },
        { form: long, recipient: 'office@example.jp' },
      ])
      expect((await messages.floods({ before: at - 1 })).filter(({ form }) => form === long)).toEqual([])
    })

    test('are read page by page, each once, without those of others and other mails of the form', async () => {
      const { submissions, messages } = open()
      const form = sampleId()
      const own = Array.from({ length: 5 }, () => floodedPost({ form }))
      for (const command of own) await submissions.accept(command)
      await submissions.accept(floodedPost({ form, recipient: 'boss@example.jp' }))
      await submissions.accept(floodedPost())
      await submissions.accept(sampleAccept({ form }, [{}, { role: 'confirmation' }]))
      const seen: string[] = []
      for (let after: string | undefined; ; ) {
        const query = { form, recipient: 'office@example.jp', limit: 2 }
        const page = await messages.flooded(after === undefined ? query : { ...query, after })
        expect(page.length).toBeLessThanOrEqual(2)
        if (page.length === 0) break
        seen.push(...page.map(({ id }) => id))
        after = seen.at(-1)
      }
      expect(seen).toEqual(own.map(({ messages: [message] }) => message?.id).sort())
    })

    test('are no longer, when they are sent, let go or ended', async () => {
      const { submissions, messages } = open()
      const form = sampleId()
      const query = { form, recipient: 'office@example.jp', limit: 9 }
      const [sent, ended, waiting] = [sampleId(), sampleId(), sampleId()]
      await submissions.accept(floodedPost({ form, id: sent, createdAt: at - hour }))
      await submissions.accept(floodedPost({ form, id: ended }))
      await submissions.accept(floodedPost({ form, id: waiting }))
      await messages.leaseDue({ now: at, until: at + hour, limit: 99, rooms: {}, defaultRoom: 99 })
      const message = (await messages.get(ended)) as Message
      const cancelled = { id: `${ended}.digest`, at, kind: 'cancelled', reason: 'digest', digest: 'other' } as const
      await messages.write(sampleWrite(message, cancelled, 'keep'))
      expect((await messages.flooded(query)).map(({ id }) => id)).toEqual([waiting])
      expect((await messages.get(ended))?.events.at(-1)).toEqual(cancelled)
    })
  })

  describe(`${name}: proofs of work`, () => {
    test('a proof is used once; a post with a used one stores nothing', async () => {
      const { submissions, messages } = open()
      const proof = { id: sampleId(), expiresAt: 2_000 * hour }
      expect(await submissions.accept(sampleAccept({}, [{}], { proof }))).toMatchObject({ kind: 'accepted' })
      const again = sampleAccept({}, [{}], { proof })
      expect(await submissions.accept(again)).toEqual({ kind: 'proof-used' })
      expect(await submissions.get(again.submission.reference)).toBeNull()
      expect(await messages.ofSubmission(again.submission.id)).toEqual([])
    })
  })

  describe(`${name}: review`, () => {
    test('a quarantined submission is kept with its verdict, and released once with its mails', async () => {
      const { submissions, messages } = open()
      const verdict = { reasons: [{ rule: 'honeypot', detail: 'filled' }], shadow: [] } as const
      const command = sampleAccept({ review: 'quarantined', verdict, test: true }, [])
      await submissions.accept(command)
      const { id, reference, form } = command.submission
      expect(await submissions.get(reference)).toEqual(command.submission)
      expect((await submissions.list({ review: 'quarantined', limit: 10 })).items.map((one) => one.id)).toEqual([id])
      expect((await submissions.list({ review: 'accepted', limit: 10 })).items).toEqual([])

      const mails = [sampleMessage(command.submission, { role: 'confirmation' })]
      const release = {
        submissionId: id,
        from: 'quarantined',
        to: 'released',
        at: 77,
        messages: mails,
        capped: [],
      } as const
      expect(await submissions.review(release)).toBe('done')
      expect(await submissions.review({ ...release, messages: [sampleMessage(command.submission)] })).toBe('stale')
      expect((await messages.ofSubmission(id)).map((message) => message.id)).toEqual([mails[0]?.id])
      expect(await submissions.get(reference)).toMatchObject({ review: 'released', reviewedAt: 77 })
      expect(await submissions.countReviews(form)).toEqual({ released: 1 })
    })

    test('of two who release at once one does', async () => {
      const { submissions, messages } = open()
      const command = sampleAccept({ review: 'quarantined' }, [])
      await submissions.accept(command)
      const results = await Promise.all(
        [1, 2, 3].map(() =>
          submissions.review({
            submissionId: command.submission.id,
            from: 'quarantined',
            to: 'released',
            at: 5,
            messages: [sampleMessage(command.submission)],
            capped: [],
          }),
        ),
      )
      expect(results.sort()).toEqual(['done', 'stale', 'stale'])
      expect(await messages.ofSubmission(command.submission.id)).toHaveLength(1)
    })

    test('a submission is disowned once, and that can be taken back', async () => {
      const { submissions, messages } = open()
      const command = sampleAccept({}, [])
      await submissions.accept(command)
      const { id: submissionId, reference } = command.submission
      const told = () => [sampleMessage(command.submission, { role: 'update' })]
      expect(await submissions.disown({ submissionId, at: 9, messages: told() })).toBe('done')
      expect(await submissions.disown({ submissionId, at: 10, messages: told() })).toBe('stale')
      expect((await submissions.get(reference))?.disownedAt).toBe(9)
      expect(await submissions.disown({ submissionId, at: null, messages: [] })).toBe('done')
      expect(await submissions.disown({ submissionId, at: null, messages: [] })).toBe('stale')
      expect((await submissions.get(reference))?.disownedAt).toBeNull()
      expect(await messages.ofSubmission(submissionId)).toHaveLength(1)
    })
  })

  describe(`${name}: messages of their own`, () => {
    test('are stored once, without a submission, and are due like any other', async () => {
      const { messages } = open()
      const none = sampleSubmission({ id: '', reference: '', form: '' })
      const message = sampleMessage(none, { role: 'alarm', content: { subject: '警報', body: '**text**' } })
      await messages.add([message])
      await messages.add([message])
      const leased = await messages.leaseDue({ now: 2_000_000, until: 3_000_000, limit: 9, rooms: {}, defaultRoom: 9 })
      expect(leased).toHaveLength(1)
      expect(leased[0]).toMatchObject({
        role: 'alarm',
        submissionId: '',
        content: { subject: '警報', body: '**text**' },
      })
    })

    test('digests and the time until which they tell are stored together, by whoever comes first', async () => {
      const { messages } = open()
      const digest = () => sampleMessage(sampleAccept().submission, { role: 'update', form: 'contact' })
      const [first, second, third] = [digest(), digest(), digest()]
      expect(await messages.digestedUntil()).toBeNull()
      const results = [
        await messages.addDigests({ known: null, until: 10, messages: [first] }),
        await messages.addDigests({ known: null, until: 11, messages: [second] }),
      ]
      expect(results).toEqual(['done', 'stale'])
      expect(await messages.digestedUntil()).toBe(10)
      expect(await messages.addDigests({ known: 9, until: 20, messages: [second] })).toBe('stale')
      expect(await messages.addDigests({ known: 10, until: 20, messages: [third] })).toBe('done')
      expect(await messages.addDigests({ known: 20, until: 5, messages: [] })).toBe('done')
      expect(await messages.digestedUntil()).toBe(5)
      expect((await messages.list({ limit: 9 })).items.map(({ id }) => id)).toEqual([third.id, first.id])
    })

    test('counts what waits for review, of all times or of some', async () => {
      const { submissions } = open()
      for (const receivedAt of [10, 20, 30])
        await submissions.accept(sampleAccept({ form: 'waiting', review: 'quarantined', receivedAt }, []))
      await submissions.accept(sampleAccept({ form: 'waiting', review: 'released', receivedAt: 20 }, []))
      await submissions.accept(sampleAccept({ form: 'other', review: 'quarantined', receivedAt: 20 }, []))
      const count = (received?: { from: number; until: number }) =>
        submissions.countWaiting({ form: 'waiting', ...(received === undefined ? {} : { received }) })
      expect(await count()).toBe(3)
      expect(await count({ from: 10, until: 30 })).toBe(2)
      expect(await count({ from: 31, until: 99 })).toBe(0)
      // What was put aside later counts as of then.
      const later = { form: 'waiting', review: 'quarantined', receivedAt: 10, reviewedAt: 50 } as const
      await submissions.accept(sampleAccept(later, []))
      expect(await count({ from: 10, until: 30 })).toBe(2)
      expect(await count({ from: 31, until: 99 })).toBe(1)
      // A rule on trial decides nothing.
      const verdict = { reasons: [], shadow: [{ rule: 'links', detail: '9' }] } as const
      await submissions.accept(sampleAccept({ ...later, verdict }, []))
      const received = { from: 31, until: 99 }
      expect(await count(received)).toBe(2)
      expect(await submissions.countWaiting({ form: 'waiting', suspicious: true })).toBe(4)
      expect(await submissions.countWaiting({ form: 'waiting', suspicious: false })).toBe(1)
      expect(await submissions.countWaiting({ form: 'waiting', received, suspicious: false })).toBe(1)
    })

    test('counts confirmations by state, of one form or of all, since a time', async () => {
      const { submissions, messages } = open()
      await submissions.accept(sampleAccept({ form: 'a' }, [{ role: 'confirmation' }, { role: 'notification' }]))
      await submissions.accept(sampleAccept({ form: 'b' }, [{ role: 'confirmation', createdAt: 5 }]))
      expect(await messages.countConfirmations({ form: 'a', since: 0 })).toEqual({ queued: 1 })
      expect(await messages.countConfirmations({ form: null, since: 0 })).toEqual({ queued: 2 })
      expect(await messages.countConfirmations({ form: null, since: 6 })).toEqual({ queued: 1 })
      expect(await messages.countConfirmations({ form: 'b', since: 6 })).toEqual({})

      const held = (heldReason: HeldReason) =>
        ({ role: 'confirmation', state: { name: 'held', since: 1, event: 'e', heldReason } }) as const
      await submissions.accept(sampleAccept({ form: 'a' }, [held('cap'), held('doubtful-address')]))
      for (const form of ['a', null]) {
        const { held: all } = await messages.countConfirmations({ form, since: 0 })
        const { held: certain } = await messages.countConfirmations({ form, since: 0, notHeldFor: 'doubtful-address' })
        expect([all, certain]).toEqual([2, 1])
      }
    })
  })

  describe(`${name}: stop store`, () => {
    test('keeps a stop until it is over or taken back; the latest counts', async () => {
      const { stops } = open()
      const stop = { address: 'a@example.jp', since: 1, until: 100, messageId: 'm' }
      await stops.add(stop)
      expect(await stops.get('a@example.jp', 99)).toEqual(stop)
      expect(await stops.get('a@example.jp', 100)).toBeNull()
      expect(await stops.get('b@example.jp', 1)).toBeNull()
      await stops.add({ ...stop, until: 200 })
      expect(await stops.get('a@example.jp', 150)).toMatchObject({ until: 200 })
      await stops.remove('a@example.jp')
      expect(await stops.get('a@example.jp', 1)).toBeNull()
    })
  })

  describe(`${name}: alarm store`, () => {
    const quiet: Telling = { told: 0, toldAt: null, next: null }
    const alarm = (changes: Partial<Alarm> = {}): Alarm => ({
      key: 'queue-stuck',
      kind: 'queue-stuck',
      form: null,
      since: 10,
      seenAt: 10,
      overAt: null,
      facts: { minutes: 20 },
      channels: { mail: quiet, webhook: { ...quiet, next: { stage: 'first', attempts: 0, dueAt: 10, fault: null } } },
      version: 1,
      ...changes,
    })

    test('writes by version: of two who saw the same thing one writes', async () => {
      const { alarms } = open()
      expect((await Promise.all([alarms.put(alarm()), alarms.put(alarm())])).sort()).toEqual(['ok', 'stale'])
      expect(await alarms.put(alarm({ version: 3 }))).toBe('stale')
      expect(await alarms.put(alarm({ version: 2, seenAt: 11 }))).toBe('ok')
      expect(await alarms.get('queue-stuck')).toEqual(alarm({ version: 2, seenAt: 11 }))
      expect(await alarms.get('none')).toBeNull()
    })

    test('an alarm is active while it lasts or has something to tell; the list has them all, newest first', async () => {
      const { alarms } = open()
      await alarms.put(alarm({ key: 'a', since: 1 }))
      await alarms.put(alarm({ key: 'b', since: 2, overAt: 9 }))
      const told = { channels: { mail: quiet, webhook: quiet } }
      await alarms.put(alarm({ key: 'c', since: 3, overAt: 9, ...told }))
      await alarms.put(alarm({ key: 'd', since: 4, ...told }))
      expect((await alarms.active()).map(({ key }) => key)).toEqual(['a', 'b', 'd'])
      expect((await alarms.list({ limit: 3 })).map(({ key }) => key)).toEqual(['d', 'c', 'b'])
    })
  })
}
