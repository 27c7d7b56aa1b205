import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/core/deps.ts'
import type { AttemptWatch, Delivery, FinalDotWord, Transport } from '../../src/core/messages/transport.ts'

type Rig = {
  transport: Transport
  clock: Clock
  /** How many whole mails are on the other side. */
  arrived(): number | Promise<number>
}

const delivery: Delivery = {
  messageId: 'message',
  attempt: 1,
  from: 'forms@example.jp',
  to: 'delivered@simulator.test',
  utf8: false,
  mail: new TextEncoder().encode('Subject: hello\r\n\r\ntext\r\n'),
}

/** What every transport does with the phases that the engine relies on. `open` gives one whose other side takes mail. */
export function testTransport(name: string, open: () => Promise<Rig>): void {
  /** A watch that notes the order in which it is called. */
  function watching(clock: Clock, word?: () => FinalDotWord | Promise<FinalDotWord>) {
    const calls: string[] = []
    const stop = new AbortController()
    const go = (): FinalDotWord => ({
      kind: 'go',
      askedAt: { monotonic: clock.monotonic(), wall: clock.now() },
      dotWithinMs: 5_000,
    })
    const watch: AttemptWatch = {
      signal: stop.signal,
      rcptAccepted: () => void calls.push('rcpt'),
      async beforeFinalDot() {
        calls.push('final')
        return await (word ?? go)()
      },
    }
    return { watch, calls, stop }
  }

  describe(`${name}: transport`, () => {
    test('names itself, and one lane with a sane policy for a recipient', async () => {
      const { transport } = await open()
      const lane = transport.lane('hanako@example.jp')
      expect(lane).toMatch(/^[^|]+\|[^|]+$/)
      expect(transport.lane('hanako@example.jp')).toBe(lane)
      const policy = transport.policy(lane)
      expect(policy.startConcurrency).toBeGreaterThan(0)
      expect(policy.maxConcurrency).toBeGreaterThanOrEqual(policy.startConcurrency)
      expect(policy.breakerPauses.length).toBeGreaterThan(0)
    })

    test('asks before the end of the mail, after the recipient was taken, and then hands it over once', async () => {
      const { transport, clock, arrived } = await open()
      const { watch, calls } = watching(clock)
      const { outcome, evidence } = await transport.attempt(delivery, watch)
      expect(['accepted', 'delivered']).toContain(outcome.kind)
      expect(calls).toEqual(['rcpt', 'final'])
      expect(evidence).toMatchObject({ transport: transport.name, stage: 'final-dot', replyCode: 250 })
      expect(await arrived()).toBe(1)
    })

    test('without permission nothing is sent', async () => {
      const { transport, clock, arrived } = await open()
      const { outcome } = await transport.attempt(delivery, watching(clock, () => ({ kind: 'lost' })).watch)
      expect(outcome.kind).toBe('interrupted')
      expect(await arrived()).toBe(0)
    })

    test.each([
      ['monotonic', { monotonic: -5_001, wall: 0 }],
      ['wall', { monotonic: 0, wall: -5_001 }],
    ])('a permission that is too old by the %s clock is none', async (_clock, { monotonic, wall }) => {
      const { transport, clock, arrived } = await open()
      const late = (): FinalDotWord => ({
        kind: 'go',
        askedAt: { monotonic: clock.monotonic() + monotonic, wall: clock.now() + wall },
        dotWithinMs: 5_000,
      })
      expect((await transport.attempt(delivery, watching(clock, late).watch)).outcome.kind).toBe('interrupted')
      expect(await arrived()).toBe(0)
    })

    test('stopped before the end of the mail it sends nothing, at whatever moment', async () => {
      for (const moment of ['before', 'asked'] as const) {
        const { transport, clock, arrived } = await open()
        const seen = watching(clock, () => {
          seen.stop.abort()
          return { kind: 'go', askedAt: { monotonic: clock.monotonic(), wall: clock.now() }, dotWithinMs: 5_000 }
        })
        if (moment === 'before') seen.stop.abort()
        expect((await transport.attempt(delivery, seen.watch)).outcome.kind).toBe('interrupted')
        expect(await arrived()).toBe(0)
      }
    })

    test('a mail with nothing but a broken head is handed over or refused, never thrown', async () => {
      const { transport, clock } = await open()
      const odd = { ...delivery, mail: Uint8Array.of(0, 13, 13, 10, 46, 13, 10) }
      expect((await transport.attempt(odd, watching(clock).watch)).evidence.transport).toBe(transport.name)
    })
  })
}
