import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { refusalClasses } from '../../mail/refusal-classes.ts'
import { fold, isWorkingState, nextTurn } from './fold.ts'
import type { MessageEvent } from './message.ts'

const evidence = { transport: 'test' }
const queued: MessageEvent = { id: 'q', at: 0, kind: 'queued', turn: 0, dueAt: 0 }
const delivered: MessageEvent = { id: 'd', at: 20, kind: 'delivered', by: 'recipient', evidence }
const accepted: MessageEvent = { id: 'a', at: 10, kind: 'accepted', by: 'relay', settleAt: 1000, evidence }
const transient: MessageEvent = { id: 't', at: 30, kind: 'bounced', hard: false, class: 'mailbox-full', evidence }
const hard: MessageEvent = { id: 'h', at: 40, kind: 'bounced', hard: true, class: 'unknown-user', evidence }
const complained: MessageEvent = { id: 'c', at: 50, kind: 'complained', evidence }
const autoReply: MessageEvent = { id: 'r', at: 25, kind: 'auto-reply', evidence }
const deferred = (turn: number, at = turn): MessageEvent => ({
  id: `def${turn}`,
  at,
  kind: 'deferred',
  turn,
  attempt: turn,
  class: 'network',
  nextTryAt: at + 5,
  evidence,
})
const unknown: MessageEvent = { id: 'u', at: 15, kind: 'unknown', attempt: 1, evidence }
const unknownRetry: MessageEvent = {
  id: 'ur',
  at: 15,
  kind: 'unknown-retry',
  turn: 1,
  attempt: 1,
  nextTryAt: 99,
  evidence,
}
const expired: MessageEvent = { id: 'x', at: 60, kind: 'expired', class: 'network', evidence }

/** Events as the engine could write them: ids are unique, turns count up, and every message begins with `queued`. */
const anyEvents: fc.Arbitrary<MessageEvent[]> = fc
  .array(
    fc.record({
      at: fc.integer({ min: 0, max: 5 }),
      shape: fc.constantFrom(
        'held',
        'deferred',
        'unknown-retry',
        'unknown',
        'expired',
        'failed',
        'cancelled',
        'suppressed-us',
        'suppressed-provider',
        'accepted',
        'relay-delayed',
        'delivered',
        'bounced',
        'complained',
        'auto-reply',
        'template-fault',
      ),
      class: fc.constantFrom(...refusalClasses),
      hard: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((shapes) => [
    queued,
    ...shapes.map(({ at, shape, class: name, hard: isHard }, index): MessageEvent => {
      const base = { id: `e${index}`, at }
      const turn = index + 1
      switch (shape) {
        case 'held':
          return { ...base, kind: 'held', turn, reason: 'cap', until: null }
        case 'deferred':
          return { ...base, kind: 'deferred', turn, attempt: turn, class: name, nextTryAt: at + 1, evidence }
        case 'unknown-retry':
          return { ...base, kind: 'unknown-retry', turn, attempt: turn, nextTryAt: at + 1, evidence }
        case 'unknown':
          return { ...base, kind: 'unknown', attempt: turn, evidence }
        case 'expired':
          return { ...base, kind: 'expired', class: name, evidence }
        case 'failed':
          return { ...base, kind: 'failed', class: name, evidence }
        case 'cancelled':
          return { ...base, kind: 'cancelled', reason: 'operator' }
        case 'suppressed-us':
          return { ...base, kind: 'suppressed', by: 'us' }
        case 'suppressed-provider':
          return { ...base, kind: 'suppressed', by: 'provider' }
        case 'accepted':
          return { ...base, kind: 'accepted', by: 'relay', settleAt: at + 9, evidence }
        case 'relay-delayed':
          return { ...base, kind: 'relay-delayed', until: at + 7, evidence }
        case 'delivered':
          return { ...base, kind: 'delivered', by: 'provider', evidence }
        case 'bounced':
          return { ...base, kind: 'bounced', hard: isHard, class: name, evidence }
        case 'complained':
          return { ...base, kind: 'complained', evidence }
        case 'auto-reply':
          return { ...base, kind: 'auto-reply', evidence }
        default:
          return { ...base, kind: 'template-fault', text: 'x' }
      }
    }),
  ])

describe('the fold of events', () => {
  test('any order and any repetition of the same events gives the same state', () => {
    fc.assert(
      fc.property(
        anyEvents.chain((events) =>
          fc.tuple(
            fc.constant(events),
            fc.shuffledSubarray([...events, ...events], { minLength: events.length * 2, maxLength: events.length * 2 }),
          ),
        ),
        ([events, shuffled]) => {
          expect(fold(shuffled)).toEqual(fold(events))
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('more evidence never lowers the rank of an outcome', () => {
    const ranks = ['accepted', 'suppressed', 'delivered', 'bounced_soft', 'bounced_hard', 'complained']
    // Our own suppression is an ending, the provider's an outcome.
    const rank = (events: MessageEvent[]) => {
      const state = fold(events)
      return state.name === 'suppressed' && state.by === 'us' ? -1 : ranks.indexOf(state.name)
    }
    fc.assert(
      fc.property(anyEvents, anyEvents, (some, more) => {
        const both = [...some, ...more.map((event) => ({ ...event, id: `more-${event.id}` }))] as MessageEvent[]
        expect(rank(both)).toBeGreaterThanOrEqual(rank(some))
      }),
      { numRuns: 1000 },
    )
  })

  test('a transient bounce then a delivery, and the reverse, is a soft bounce that was delivered', () => {
    const expected = { name: 'bounced_soft', class: 'mailbox-full', deliveredAt: 20 }
    expect(fold([queued, transient, delivered])).toMatchObject(expected)
    expect(fold([queued, delivered, transient])).toMatchObject(expected)
  })

  test('a hard bounce after a delivery is legal and visible', () => {
    expect(fold([queued, delivered, hard])).toMatchObject({ name: 'bounced_hard', deliveredAt: 20 })
  })

  test('a complaint keeps the time of delivery', () => {
    expect(fold([queued, complained, delivered])).toMatchObject({ name: 'complained', deliveredAt: 20 })
  })

  test('an automatic reply changes nothing', () => {
    expect(fold([queued, delivered, autoReply])).toEqual(fold([queued, delivered]))
    expect(fold([queued, autoReply])).toEqual(fold([queued]))
  })

  test('the working state is the one of the latest turn, whatever the clock said', () => {
    expect(fold([queued, deferred(1, 900), deferred(2, 10)])).toMatchObject({ name: 'deferred', nextTryAt: 15 })
    expect(nextTurn([queued, deferred(1), deferred(2)])).toBe(3)
    expect(nextTurn([])).toBe(0)
  })

  test('an acceptance beats a lost answer, and every outcome beats an ending of ours', () => {
    expect(fold([queued, unknown, accepted]).name).toBe('accepted')
    expect(fold([queued, expired, delivered]).name).toBe('delivered')
  })

  test('while another attempt is due after a lost answer, the message is working', () => {
    const state = fold([queued, unknownRetry])
    expect(state).toMatchObject({ name: 'deferred', nextTryAt: 99 })
    expect(isWorkingState(state)).toBe(true)
  })

  test('a message whose answer was lost once and that then expires is unknown: it may have arrived', () => {
    expect(fold([queued, unknownRetry, deferred(2), expired])).toMatchObject({ name: 'unknown', event: 'ur' })
  })

  test('a delay notice of the relay is part of the acceptance', () => {
    const delayed: MessageEvent = { id: 'rd', at: 12, kind: 'relay-delayed', until: 777, evidence }
    expect(fold([queued, accepted, delayed])).toMatchObject({
      name: 'accepted',
      relayDelayedUntil: 777,
      settleAt: 1000,
    })
    expect(fold([queued, delayed])).toMatchObject({ name: 'accepted', by: 'relay', relayDelayedUntil: 777 })
  })

  test('a provider’s suppression shows after an acceptance, ours only while working', () => {
    const byProvider: MessageEvent = { id: 'sp', at: 30, kind: 'suppressed', by: 'provider' }
    const byUs: MessageEvent = { id: 'su', at: 30, kind: 'suppressed', by: 'us' }
    expect(fold([queued, accepted, byProvider])).toMatchObject({ name: 'suppressed', by: 'provider' })
    expect(fold([queued, accepted, byUs]).name).toBe('accepted')
    expect(fold([queued, byUs])).toMatchObject({ name: 'suppressed', by: 'us' })
  })

  test('a message without a beginning is a mistake of ours', () => {
    expect(() => fold([autoReply])).toThrow(TypeError)
  })
})
