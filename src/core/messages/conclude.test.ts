import { describe, expect, test } from 'vitest'
import { refusalClasses } from '../../mail/refusal-classes.ts'
import { classRules } from './classes.ts'
import { concludeAttempt, concludeDeadLease, concludeExpiry, concludeNews, wasTried } from './conclude.ts'
import { fold, isWorkingState } from './fold.ts'
import type { Message, MessageEvent, Phase } from './message.ts'
import { standardSchedule } from './retry.ts'
import type { AttemptOutcome } from './transport.ts'

const schedule = standardSchedule()
const context = { now: 1000, schedule, fraction: 0.5 }
const evidence = { transport: 'test', stage: 'rcpt' }

function messageWith(changes: Partial<Message> = {}, events: MessageEvent[] = []): Message {
  const all: MessageEvent[] = [{ id: 'm.queued', at: 0, kind: 'queued', turn: 0, dueAt: 0 }, ...events]
  return {
    id: 'm',
    content: null,
    submissionId: 's',
    reference: 'R',
    form: 'contact',
    formVersion: 1,
    role: 'notification',
    recipient: 'a@example.jp',
    language: 'en',
    createdAt: 0,
    expiresAt: schedule.expiresAfter,
    lane: 'l',
    events: all,
    state: fold(all),
    attempts: 1,
    dueAt: 0,
    lease: { number: 1, until: 9999, phase: 'claimed' },
    version: 2,
    ...changes,
  }
}

const conclude = (outcome: AttemptOutcome, message = messageWith()) =>
  concludeAttempt(message, { outcome, evidence }, context)

describe('the end of an attempt', () => {
  test('accepted: no further attempt, news is expected until it settles', () => {
    const { state, dueAt } = conclude({ kind: 'accepted', by: 'relay' })
    expect(state).toMatchObject({ name: 'accepted', by: 'relay', settleAt: 1000 + schedule.settlesAfter })
    expect(dueAt).toBeNull()
  })

  test('deferred: the next attempt is due by the schedule', () => {
    const { state, dueAt, events } = conclude({ kind: 'deferred', class: 'network', scope: 'message' })
    expect(state.name).toBe('deferred')
    expect(dueAt).toBe(1000 + 5 * 60_000)
    expect(events).toEqual([expect.objectContaining({ kind: 'deferred', turn: 1, attempt: 1, evidence })])
  })

  test.each(refusalClasses)('refused as %s: ends or is tried again as its class says', (name) => {
    const { state } = conclude({ kind: 'refused', class: name, scope: 'message' })
    if (classRules[name].onRefusal === 'retry') expect(state.name).toBe('deferred')
    else expect(state.name).toBe(classRules[name].final === 'hard' ? 'bounced_hard' : 'bounced_soft')
  })

  test.each(refusalClasses)(
    'refused as %s with the whole lane: tried again, and soft or ours at the last attempt',
    (name) => {
      const outcome: AttemptOutcome = { kind: 'refused', class: name, scope: 'lane' }
      expect(conclude(outcome).state.name).toBe('deferred')
      const last = concludeAttempt(messageWith({ expiresAt: 1001, attempts: 9 }), { outcome, evidence }, context)
      expect(last.state).toMatchObject({
        name: classRules[name].final === 'ours' ? 'failed' : 'bounced_soft',
        class: name,
      })
      expect(last.dueAt).toBeNull()
    },
  )

  test('deferred at the last attempt: expired', () => {
    const message = messageWith({ expiresAt: 1001, attempts: 9 })
    const { state } = concludeAttempt(
      message,
      { outcome: { kind: 'deferred', class: 'network', scope: 'lane' }, evidence },
      context,
    )
    expect(state).toMatchObject({ name: 'expired', class: 'network' })
  })

  test('a lost answer of a confirmation is not tried again: the submitter may ask', () => {
    const { state, dueAt } = conclude({ kind: 'unknown' }, messageWith({ role: 'confirmation' }))
    expect(state.name).toBe('unknown')
    expect(dueAt).toBeNull()
  })

  test('a lost answer of a notification gets one more attempt, and only one', () => {
    const first = conclude({ kind: 'unknown' })
    expect(first.dueAt).toBe(1000 + schedule.unknownPause)
    const again = messageWith({ attempts: 2 }, [...first.events])
    const second = conclude({ kind: 'unknown' }, again)
    expect(second.state.name).toBe('unknown')
    expect(second.dueAt).toBeNull()
  })

  test('an interrupted attempt does not count, and the message is due at once', () => {
    expect(conclude({ kind: 'interrupted' })).toMatchObject({ events: [], dueAt: 1000, attempts: 0 })
  })
})

describe('a lease that ran out', () => {
  test.each(['claimed', 'rcpt_ok'] satisfies Phase[])('at %s: nothing was sent, back to the queue', (phase) => {
    const conclusion = concludeDeadLease(messageWith({ lease: { number: 1, until: 0, phase } }), context)
    expect(conclusion).toMatchObject({
      dueAt: 1000,
      state: { name: 'queued' },
      events: [{ kind: 'lease-lost', phase }],
    })
  })

  test('after the permission for the final dot: the answer is lost', () => {
    const lease = { number: 1, until: 0, phase: 'data_final' } as const
    expect(concludeDeadLease(messageWith({ role: 'confirmation', lease }), context).state.name).toBe('unknown')
    expect(concludeDeadLease(messageWith({ lease }), context).events).toEqual([
      expect.objectContaining({ kind: 'unknown-retry' }),
    ])
  })

  test('of a message that news reached meanwhile: no further attempt', () => {
    const delivered: MessageEvent = { id: 'd', at: 1, kind: 'delivered', by: 'recipient', evidence }
    const message = messageWith({ lease: { number: 1, until: 0, phase: 'claimed' } }, [delivered])
    expect(concludeDeadLease(message, context)).toMatchObject({ dueAt: null, state: { name: 'delivered' } })
  })
})

describe('expiry', () => {
  test('a message that was refused for our settings all along failed', () => {
    const { events } = conclude({ kind: 'refused', class: 'authentication', scope: 'lane' })
    expect(concludeExpiry(messageWith({}, [...events]), 5000).state).toMatchObject({
      name: 'failed',
      class: 'authentication',
    })
  })

  test('a message that was held until its end expired, with that as its evidence', () => {
    const held = messageWith({}, [{ id: 'h', at: 5, kind: 'held', turn: 1, reason: 'cap', until: null }])
    const { state, events } = concludeExpiry(held, 5000)
    expect(state).toMatchObject({ name: 'expired', class: 'expired' })
    expect(events[0]).toMatchObject({ evidence: { stage: 'held' } })
  })

  test('only what was attempted with a result was tried', () => {
    expect(wasTried(messageWith())).toBe(false)
    expect(wasTried(messageWith({}, [{ id: 'l', at: 1, kind: 'lease-lost', attempt: 1, phase: 'claimed' }]))).toBe(
      false,
    )
    expect(wasTried(messageWith({}, [...conclude({ kind: 'unknown' }).events]))).toBe(true)
    expect(wasTried(messageWith({}, [...conclude({ kind: 'deferred', class: 'network', scope: 'lane' }).events]))).toBe(
      true,
    )
  })
})

test('news ends the plan of a message that waits for another attempt', () => {
  const { events } = conclude({ kind: 'unknown' })
  const message = messageWith({ dueAt: 77 }, [...events])
  const accepted: MessageEvent = { id: 'late', at: 9, kind: 'accepted', by: 'relay', settleAt: 99, evidence }
  expect(concludeNews(message, [accepted])).toMatchObject({ dueAt: null, state: { name: 'accepted' } })
  const note: MessageEvent = { id: 'n', at: 9, kind: 'auto-reply', evidence }
  expect(concludeNews(message, [note])).toMatchObject({ dueAt: 77, state: { name: 'deferred' } })
})

test('what we could not do ourselves ends as failed, and never says that somebody refused it', () => {
  const own = { kind: 'deferred', class: 'unclassified', scope: 'own' } as const
  expect(conclude(own).state).toMatchObject({ name: 'deferred' })
  const late = concludeAttempt(messageWith({ expiresAt: 1001 }), { outcome: own, evidence }, context)
  expect(late.state).toMatchObject({ name: 'failed' })
  expect(conclude({ ...own, kind: 'refused' }).state).toMatchObject({ name: 'failed' })
})

test('an attempt that was interrupted after news came does not make the message due again', () => {
  const accepted: MessageEvent = { id: 'late', at: 9, kind: 'accepted', by: 'relay', settleAt: 99, evidence }
  const message = messageWith({}, [accepted])
  expect(concludeAttempt(message, { outcome: { kind: 'interrupted' }, evidence }, context)).toMatchObject({
    dueAt: null,
    state: { name: 'accepted' },
  })
})

test('the short pause after a first attempt that reached nobody is not one of the schedule’s', () => {
  const at = (stage: string, message: Message) => {
    const outcome = { kind: 'deferred', class: 'network', scope: 'lane' } as const
    return concludeAttempt(message, { outcome, evidence: { ...evidence, stage } }, { ...context, fraction: 0.5 })
  }
  const message = messageWith({ expiresAt: schedule.expiresAfter })
  for (const stage of ['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail']) {
    const first = at(stage, message)
    expect(first.dueAt).toBe(context.now + schedule.unreachedPause)
    const second = { ...message, attempts: 2, events: [...message.events, ...first.events] }
    expect(at(stage, second).dueAt).toBe(context.now + (schedule.pauses[0] ?? 0))
  }
  expect(at('rcpt', message).dueAt).toBe(context.now + (schedule.pauses[0] ?? 0))
})

test('invariant 4: after every ending of an attempt a message is working with a due time, or has an outcome', () => {
  const outcomes: AttemptOutcome[] = [
    { kind: 'accepted', by: 'provider' },
    { kind: 'delivered', by: 'recipient' },
    { kind: 'unknown' },
    { kind: 'interrupted' },
    ...refusalClasses.flatMap((name): AttemptOutcome[] => [
      { kind: 'deferred', class: name, scope: 'lane' },
      { kind: 'refused', class: name, scope: 'message' },
    ]),
  ]
  for (const outcome of outcomes) {
    for (const role of ['confirmation', 'notification', 'update', 'alarm'] as const) {
      for (const expiresAt of [1001, 2_000_000, schedule.expiresAfter]) {
        const { state, dueAt, events } = concludeAttempt(
          messageWith({ role, expiresAt }),
          { outcome, evidence },
          context,
        )
        if (isWorkingState(state)) expect(dueAt).not.toBeNull()
        else {
          expect(dueAt).toBeNull()
          if (state.name === 'accepted') expect(state.settleAt).toBeGreaterThan(1000)
          // No outcome without evidence.
          expect(events.find(({ id }) => id === state.event)).toHaveProperty('evidence')
        }
        // What happens to it without an attempt keeps to the same.
        for (const phase of ['claimed', 'rcpt_ok', 'data_final'] as const) {
          const dead = concludeDeadLease(
            messageWith({ role, expiresAt, lease: { number: 1, until: 0, phase } }),
            context,
          )
          if (isWorkingState(dead.state)) expect(dead.dueAt).not.toBeNull()
          else expect(dead.events.find(({ id }) => id === dead.state.event)).toHaveProperty('evidence')
        }
        const over = concludeExpiry(messageWith({ role, expiresAt }, [...events]), expiresAt)
        expect(over.dueAt).toBeNull()
        expect([...events, ...over.events].find(({ id }) => id === over.state.event)).toHaveProperty('evidence')
      }
    }
  }
})
