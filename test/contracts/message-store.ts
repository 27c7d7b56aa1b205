import { describe, expect, test } from 'vitest'
import type { Deps } from '../../src/core/deps.ts'
import type { Message, MessageEvent } from '../../src/core/messages/message.ts'
import { sampleAccept, sampleWrite } from './samples.ts'

type Stores = Pick<Deps, 'submissions' | 'messages'>

const everything = { limit: 100, rooms: {}, defaultRoom: 100 }

/** What every message store does. Times are small numbers; nothing here reads a clock. */
export function testMessageStore(name: string, open: () => Stores): void {
  describe(`${name}: message store`, () => {
    async function put(
      { submissions, messages }: Stores,
      changes: Parameters<typeof sampleAccept>[1] = [{}],
    ): Promise<Message[]> {
      const command = sampleAccept({}, changes)
      await submissions.accept(command)
      return await messages.ofSubmission(command.submission.id)
    }
    const at = (now: number, until: number) => ({ now, until, ...everything })

    test('an id nobody has is null', async () => {
      expect(await open().messages.get('none')).toBeNull()
    })

    describe('lease', () => {
      test('takes what is due, with a number that grows and a count of attempts', async () => {
        const stores = open()
        const [message] = await put(stores, [{ dueAt: 100 }])
        expect(await stores.messages.leaseDue(at(99, 200))).toEqual([])
        const leased = await stores.messages.leaseDue(at(100, 200))
        expect(leased).toEqual([
          { ...message, attempts: 1, version: 2, lease: { number: 1, until: 200, phase: 'claimed' } },
        ])
        expect(await stores.messages.leaseDue(at(150, 250))).toEqual([])
      })

      test('no message is leased twice, however many ask at once', async () => {
        const stores = open()
        await put(stores, [{}, {}, {}])
        const leased = (
          await Promise.all([1, 2, 3, 4].map(() => stores.messages.leaseDue(at(2_000_000, 3_000_000))))
        ).flat()
        expect(new Set(leased.map(({ id }) => id)).size).toBe(3)
        expect(leased).toHaveLength(3)
      })

      test('goes by lane: the room of each, the default room of others, and the limit of all', async () => {
        const stores = open()
        await put(stores, [
          { lane: 'a' },
          { lane: 'a' },
          { lane: 'a' },
          { lane: 'b' },
          { lane: 'b' },
          { lane: 'c' },
          { lane: 'c' },
        ])
        const query = { now: 2_000_000, until: 3_000_000, limit: 4, rooms: { a: 2, b: 0 }, defaultRoom: 1 }
        const leased = await stores.messages.leaseDue(query)
        expect(leased.map(({ lane }) => lane).sort()).toEqual(['a', 'a', 'c'])
        const rest = await stores.messages.leaseDue({ ...query, limit: 1, rooms: { a: 5, b: 5 }, defaultRoom: 5 })
        expect(rest).toHaveLength(1)
      })

      test('the oldest due message of a lane goes first', async () => {
        const stores = open()
        const [, oldest] = await put(stores, [{ dueAt: 300 }, { dueAt: 100 }, { dueAt: 200 }])
        const [leased] = await stores.messages.leaseDue({ ...at(1000, 2000), defaultRoom: 1 })
        expect(leased?.id).toBe(oldest?.id)
      })

      test('the next due time leaves out what is leased, held or ended', async () => {
        const stores = open()
        expect(await stores.messages.nextDueAt()).toBeNull()
        await put(stores, [{ dueAt: 100 }, { dueAt: 500 }])
        expect(await stores.messages.nextDueAt()).toBe(100)
        await stores.messages.leaseDue(at(200, 900))
        expect(await stores.messages.nextDueAt()).toBe(500)
      })
    })

    describe('fencing', () => {
      async function leased(stores: Stores, until = 200): Promise<Message> {
        await put(stores, [{ dueAt: 100 }])
        const [message] = await stores.messages.leaseDue(at(100, until))
        if (message === undefined) throw new Error('nothing leased')
        return message
      }

      test('the holder moves the phase forward, never back, and may lengthen its lease', async () => {
        const stores = open()
        const { id } = await leased(stores)
        const phase = (name: 'claimed' | 'rcpt_ok' | 'data_final', now: number, until: number) =>
          stores.messages.setPhase({ id, lease: 1, phase: name, now, until })
        expect(await phase('rcpt_ok', 110, 210)).toBe('ok')
        expect(await phase('data_final', 120, 900)).toBe('ok')
        expect(await phase('rcpt_ok', 130, 1000)).toBe('lost')
        expect(await stores.messages.renewLease({ id, lease: 1, now: 140, until: 300 })).toBe('ok')
        // A renewal that was under way never shortens what the final phase was given.
        expect((await stores.messages.get(id))?.lease).toEqual({ number: 1, until: 900, phase: 'data_final' })
      })

      test('a holder whose lease ran out, or is another’s now, is told so', async () => {
        const stores = open()
        const message = await leased(stores)
        const { id } = message
        const final = { id, lease: 1, phase: 'data_final', until: 900 } as const
        expect(await stores.messages.setPhase({ ...final, now: 200 })).toBe('lost')
        expect(await stores.messages.renewLease({ id, lease: 1, now: 200, until: 300 })).toBe('lost')
        expect(await stores.messages.setPhase({ ...final, lease: 2, now: 150 })).toBe('lost')
        await stores.messages.write({
          ...sampleWrite(message, news(message, 1)),
          events: [],
          state: message.state,
          dueAt: 150,
        })
        await stores.messages.leaseDue(at(150, 400))
        expect(await stores.messages.setPhase({ ...final, now: 160 })).toBe('lost')
        expect(await stores.messages.setPhase({ ...final, lease: 2, now: 160 })).toBe('ok')
      })

      test('finds leases that ran out, and those that end later than any may', async () => {
        const stores = open()
        const { id } = await leased(stores, 200)
        expect(await stores.messages.withDeadLease({ now: 199, latest: 1000, limit: 10 })).toEqual([])
        expect(
          (await stores.messages.withDeadLease({ now: 200, latest: 1000, limit: 10 })).map((each) => each.id),
        ).toEqual([id])
        expect(
          (await stores.messages.withDeadLease({ now: 10, latest: 150, limit: 10 })).map((each) => each.id),
        ).toEqual([id])
      })
    })

    describe('write', () => {
      test('appends the events, sets the state and ends the lease', async () => {
        const stores = open()
        await put(stores, [{ dueAt: 100 }])
        const [message] = await stores.messages.leaseDue(at(100, 200))
        if (message === undefined) throw new Error('nothing leased')
        const event = news(message, 1)
        const write = sampleWrite(message, event)
        expect(await stores.messages.write(write)).toBe('ok')
        expect(await stores.messages.get(message.id)).toEqual({
          ...message,
          state: write.state,
          events: [...message.events, event],
          dueAt: null,
          lease: null,
          version: message.version + 1,
        })
      })

      test('what was computed from an older version is stale and changes nothing', async () => {
        const stores = open()
        const [message] = await put(stores)
        if (message === undefined) throw new Error('no message')
        expect(await stores.messages.write(sampleWrite(message, news(message, 1), 'keep'))).toBe('ok')
        const before = await stores.messages.get(message.id)
        expect(await stores.messages.write(sampleWrite(message, news(message, 2), 'keep'))).toBe('stale')
        expect(await stores.messages.get(message.id)).toEqual(before)
      })

      test('of two writers of one version one wins', async () => {
        const stores = open()
        const [message] = await put(stores)
        if (message === undefined) throw new Error('no message')
        const results = await Promise.all(
          [1, 2].map((n) => stores.messages.write(sampleWrite(message, news(message, n), 'keep'))),
        )
        expect(results.sort()).toEqual(['ok', 'stale'])
      })

      test('an event that is there already is not added again', async () => {
        const stores = open()
        const [message] = await put(stores)
        if (message === undefined) throw new Error('no message')
        await stores.messages.write(sampleWrite(message, news(message, 1), 'keep'))
        const now = await stores.messages.get(message.id)
        if (now === null) throw new Error('no message')
        await stores.messages.write(sampleWrite(now, { ...news(message, 1), at: 999 }, 'keep'))
        expect((await stores.messages.get(message.id))?.events).toEqual(now.events)
      })

      test('what was concluded from a lease is stale when its phase has moved on, or when it is another one', async () => {
        const stores = open()
        await put(stores, [{ dueAt: 100 }])
        const [message] = await stores.messages.leaseDue(at(100, 200))
        const [dead] = await stores.messages.withDeadLease({ now: 200, latest: 9999, limit: 10 })
        if (message === undefined || dead?.lease == null) throw new Error('nothing leased')
        // Its holder asked in time, and is told to go on.
        const final = { id: message.id, lease: 1, phase: 'data_final', now: 199, until: 900 } as const
        expect(await stores.messages.setPhase(final)).toBe('ok')
        const release = { ...sampleWrite(dead, news(dead, 1)), whileLease: dead.lease }
        expect(await stores.messages.write(release)).toBe('stale')
        const now = await stores.messages.get(message.id)
        if (now?.lease == null) throw new Error('the lease is gone')
        expect(await stores.messages.write({ ...release, whileLease: { ...now.lease, number: 2 } })).toBe('stale')
        expect(await stores.messages.write({ ...release, whileLease: now.lease })).toBe('ok')
      })

      test('a phase never shortens a lease', async () => {
        const stores = open()
        await put(stores, [{ dueAt: 100 }])
        const [message] = await stores.messages.leaseDue(at(100, 900))
        if (message === undefined) throw new Error('nothing leased')
        await stores.messages.setPhase({ id: message.id, lease: 1, phase: 'rcpt_ok', now: 150, until: 300 })
        expect((await stores.messages.get(message.id))?.lease?.until).toBe(900)
      })

      test('a lease that is kept stays as it is', async () => {
        const stores = open()
        await put(stores, [{ dueAt: 100 }])
        const [message] = await stores.messages.leaseDue(at(100, 200))
        if (message === undefined) throw new Error('nothing leased')
        await stores.messages.write(sampleWrite(message, news(message, 1), 'keep'))
        expect((await stores.messages.get(message.id))?.lease).toEqual(message.lease)
      })
    })

    test('finds what is past its expiry once it was leased, and what is due later than any plan', async () => {
      const stores = open()
      const [expired, far] = await put(stores, [{ dueAt: 100, expiresAt: 500 }, { dueAt: 9000 }, { dueAt: 200 }])
      const found = async (now: number, latest: number) =>
        (await stores.messages.overdue({ now, latest, limit: 10 })).map(({ id }) => id)
      // It has a due time, and will be tried.
      expect(await found(500, 10_000)).toEqual([])
      const [tried] = await stores.messages.leaseDue(at(150, 200))
      if (tried === undefined) throw new Error('nothing leased')
      await stores.messages.write({ ...sampleWrite(tried, news(tried, 1)), events: [], state: tried.state, dueAt: 400 })
      expect(await found(499, 10_000)).toEqual([])
      expect(await found(500, 10_000)).toEqual([expired?.id])
      expect(await found(100, 5000)).toEqual([far?.id])
    })

    test('finds what waits without a due time when its time is over', async () => {
      const stores = open()
      const [held] = await put(stores, [{ expiresAt: 500 }])
      if (held === undefined) throw new Error('no message')
      await stores.messages.write({
        ...sampleWrite(held, { id: 'h', at: 1, kind: 'held', turn: 1, reason: 'cap', until: null }, 'keep'),
        dueAt: null,
      })
      expect((await stores.messages.overdue({ now: 500, latest: 9000, limit: 10 })).map(({ id }) => id)).toEqual([
        held.id,
      ])
    })

    test('lists newest first by state and role, and tells what is being sent', async () => {
      const stores = open()
      const [first, second] = await put(stores, [
        { dueAt: 100, role: 'confirmation' },
        { dueAt: 5000, role: 'notification' },
      ])
      await stores.messages.leaseDue(at(200, 900))
      const ids = async (query: { state?: 'sending' | 'queued' | 'delivered'; role?: 'confirmation' }) =>
        (await stores.messages.list({ ...query, limit: 10 })).items.map(({ id }) => id)
      expect(await ids({})).toEqual([second?.id, first?.id])
      expect(await ids({ state: 'sending' })).toEqual([first?.id])
      expect(await ids({ state: 'queued' })).toEqual([second?.id])
      expect(await ids({ state: 'delivered' })).toEqual([])
      expect(await ids({ role: 'confirmation' })).toEqual([first?.id])
    })

    test('tells what changed since a time, in the order of the changes; what was just queued is no news', async () => {
      const stores = open()
      const [first, second] = await put(stores, [{}, {}, {}])
      if (first === undefined || second === undefined) throw new Error('no message')
      await stores.messages.write(sampleWrite(first, news(first, 70), 'keep'))
      await stores.messages.write(sampleWrite(second, news(second, 60), 'keep'))
      const of = async (from: number, limit = 10) =>
        (await stores.messages.news({ from, limit })).map(({ id, state }) => [id, state.name])
      expect(await of(0)).toEqual([
        [second.id, 'delivered'],
        [first.id, 'delivered'],
      ])
      expect(await of(61)).toEqual([[first.id, 'delivered']])
      expect(await of(60, 1)).toEqual([[second.id, 'delivered']])
      expect(await of(71)).toEqual([])
    })

    test('what changed at one moment is told in pieces, each message once', async () => {
      const stores = open()
      const put5 = await put(stores, [{}, {}, {}, {}, {}])
      for (const message of put5) await stores.messages.write(sampleWrite(message, news(message, 60), 'keep'))
      const told: string[] = []
      for (let page = 0; page < 3; page += 1) {
        const after = told.at(-1)
        const items = await stores.messages.news({ from: 60, limit: 2, ...(after === undefined ? {} : { after }) })
        told.push(...items.map(({ id }) => id))
      }
      expect(told).toEqual(put5.map(({ id }) => id).toSorted())
      // What changed later comes whatever its id.
      expect(await stores.messages.news({ from: 59, after: 'zzz', limit: 9 })).toHaveLength(5)
    })

    test('counts messages by state, and knows how long the oldest due one waits', async () => {
      const stores = open()
      const [, message] = await put(stores, [{ dueAt: 100 }, { dueAt: 200 }, { dueAt: 9000 }])
      if (message === undefined) throw new Error('no message')
      await stores.messages.write(sampleWrite(message, news(message, 1), 'keep'))
      const { states, oldestDueAt } = await stores.messages.counts(1000)
      expect(states).toMatchObject({ queued: 2, delivered: 1, sending: 0 })
      expect(oldestDueAt).toBe(100)
      await stores.messages.leaseDue(at(150, 900))
      expect((await stores.messages.counts(1000)).states).toMatchObject({ queued: 1, delivered: 1, sending: 1 })
    })
  })
}

function news(message: Message, n: number): MessageEvent {
  return {
    id: `${message.id}.a${n}`,
    at: n,
    kind: 'delivered',
    by: 'recipient',
    evidence: { transport: 'test', text: 'taken' },
  }
}
