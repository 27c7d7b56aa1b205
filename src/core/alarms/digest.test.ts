import { describe, expect, test } from 'vitest'
import { sampleAccept, sampleForm } from '../../../test/contracts/samples.ts'
import { type TestDeps, testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import { formFigures } from '../forms/figures.ts'
import type { FormSettings } from '../forms/form.ts'
import type { HeldReason, PlannedMessage } from '../messages/message.ts'
import type { Submission } from '../submissions/submission.ts'
import { localTime, sendDigests } from './digest.ts'

const hour = 3_600_000

/** Ten in the morning in Tokyo, on the 1st. */
async function rig(settings: FormSettings = {}): Promise<TestDeps> {
  const deps = testDeps({
    settings: { ...testSettings, alarms: { ...testSettings.alarms, digestHour: 8 } },
  })
  deps.clock.setNow(Date.UTC(2026, 0, 1, 1))
  await deps.forms.put(sampleForm({ settings }))
  return deps
}

const digests = async (deps: TestDeps) =>
  (await deps.messages.list({ role: 'update', limit: 50 })).items.map(({ recipient, content }) => ({
    recipient,
    ...content,
  }))

describe('the digest', () => {
  test('is sent only when there is something to say', async () => {
    const deps = await rig()
    await sendDigests(deps)
    expect(await digests(deps)).toEqual([])
    expect(await deps.messages.digestedUntil()).not.toBeNull()
  })

  test('names what waits for review, what did not arrive, and what was held; once a day', async () => {
    const deps = await rig()
    const at = deps.clock.now() - hour
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', reference: 'WAITS', receivedAt: at }, []))
    const lost: PlannedMessage['state'] = { name: 'bounced_hard', since: at, event: 'e', class: 'unknown-user' }
    const held: PlannedMessage['state'] = { name: 'held', since: at, event: 'e', heldReason: 'cap' }
    await deps.submissions.accept(
      sampleAccept({ reference: 'LOST' }, [{ state: lost }, { role: 'confirmation', state: held }]),
    )
    await sendDigests(deps)
    // Something else happens on the same day: that is for the next one.
    deps.clock.advance(hour)
    const later = deps.clock.now() - hour / 2
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', reference: 'LATER', receivedAt: later }, []))
    await sendDigests(deps)
    const [digest, ...more] = await digests(deps)
    expect(more).toEqual([])
    expect(digest?.recipient).toBe('office@example.jp')
    expect(digest?.subject).toBe('contact: the last day')
    for (const part of [
      '1 post waits',
      '- WAITS: <https://forms.example.jp/review/',
      '1 notification did not arrive',
      '- LOST',
      '1 confirmation was held:\n\n- the address or its domain got many confirmations lately: 1\n',
      'saved from abuse: 2',
    ])
      expect(digest?.body).toContain(part)

    deps.clock.advance(23 * hour)
    await sendDigests(deps)
    const [next, ...others] = await digests(deps)
    expect(others).toHaveLength(1)
    expect(next?.body).toContain('- LATER')
    expect(next?.body).not.toContain('- WAITS')

    deps.clock.advance(24 * hour)
    await sendDigests(deps)
    expect(await digests(deps)).toHaveLength(2)
  })

  test('of many notifications that are lost names some of their posts, each once, and says how many there are', async () => {
    const deps = await rig()
    const lost: PlannedMessage['state'] = {
      name: 'bounced_hard',
      since: deps.clock.now() - hour,
      event: 'e',
      class: 'unknown-user',
    }
    for (let n = 10; n < 40; n += 1)
      await deps.submissions.accept(
        sampleAccept({ reference: `LOST${n}` }, [{ state: lost }, { state: lost, recipient: 'boss@example.jp' }]),
      )
    await sendDigests(deps)
    const [digest] = await digests(deps)
    expect(digest?.body).toContain('60 notifications did not arrive')
    const named = [...(digest?.body ?? '').matchAll(/^- (LOST\d+)$/gm)].map(([, reference]) => reference)
    expect(named).toHaveLength(20)
    expect(new Set(named).size).toBe(20)
    expect(digest?.body).toContain('- and others')
  })

  test.each([[{}], [{ route: { field: 'topic', to: { sales: ['sales@example.jp'] } } }]])(
    'says why each one waits: a rule spoke, or its submitter could not be asked, which is no abuse; form %j',
    async (settings) => {
      const deps = await rig(settings)
      const at = deps.clock.now() - hour
      const post = (reference: string, verdict?: Submission['verdict']) =>
        deps.submissions.accept(
          sampleAccept({ review: 'quarantined', reference, receivedAt: at, ...(verdict && { verdict }) }, []),
        )
      const onTrial = { reasons: [], shadow: [{ rule: 'links', detail: '9' }] } as const
      for (let n = 10; n < 40; n += 1) await post(`UNASKED${n}`, onTrial)
      await post('SUSPICIOUS')
      for (let n = 40; n < 70; n += 1) await post(`UNASKED${n}`, onTrial)
      await sendDigests(deps)
      const body = (await digests(deps))[0]?.body ?? ''
      const [suspicious = '', unasked = ''] = body.split('**60 posts wait')
      expect(suspicious).toContain(
        '**1 post waits for your review** (1 of the form in all). A rule found them suspicious',
      )
      expect(suspicious.match(/^- \w+/gm)).toEqual(['- SUSPICIOUS'])
      expect(unasked).toContain(
        'nobody could be asked to confirm** (60 of the form in all). No rule spoke against them',
      )
      expect(unasked.match(/^- UNASKED/gm)).toHaveLength(20)
      expect(unasked).toContain('and 40 more')
      expect(body).toContain('saved from abuse: 1.')
      expect((await formFigures(deps, 'contact')).saved).toBe(1)
      expect((await formFigures(deps, 'contact')).quarantined).toBe(61)
    },
  )

  test('counts the mails saved from abuse as the figures of the form do', async () => {
    const deps = await rig()
    const since = deps.clock.now() - hour
    const state = (name: 'held' | 'suppressed', heldReason?: HeldReason): PlannedMessage['state'] =>
      heldReason === undefined ? { name, since, event: 'e', by: 'us' } : { name, since, event: 'e', heldReason }
    const states = [
      state('suppressed'),
      state('held', 'cap'),
      state('held', 'breaker'),
      state('held', 'doubtful-address'),
    ]
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', receivedAt: since }, []))
    await deps.submissions.accept(
      sampleAccept(
        {},
        states.map((state) => ({ role: 'confirmation' as const, state })),
      ),
    )
    await sendDigests(deps)
    const [digest] = await digests(deps)
    const { saved, held } = await formFigures(deps, 'contact')
    expect([saved, held]).toEqual([4, 3])
    expect(digest?.body).toContain('saved from abuse: 4')
  })

  test('names one whose submitter could not be asked since that turned out, not since it came', async () => {
    const deps = await rig()
    const receivedAt = deps.clock.now() - 50 * hour
    await sendDigests(deps)
    const unasked = { reviewedAt: deps.clock.now() + hour, verdict: { reasons: [], shadow: [] }, receivedAt }
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', reference: 'UNASKED', ...unasked }, []))
    deps.clock.advance(24 * hour)
    await sendDigests(deps)
    expect((await digests(deps)).map(({ body }) => body)).toEqual([expect.stringContaining('- UNASKED: <')])
  })

  test('waits for its hour by the wall clock of the instance', async () => {
    const deps = await rig()
    deps.clock.setNow(Date.UTC(2026, 0, 1, 22, 59))
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', receivedAt: deps.clock.now() - hour }, []))
    await sendDigests(deps)
    expect(await digests(deps)).toEqual([])
    deps.clock.advance(60_000)
    await sendDigests(deps)
    expect(await digests(deps)).toHaveLength(1)
  })

  test.each([[{}], [{ route: { field: 'topic', to: { sales: ['sales@example.jp'] } } }]])(
    'a long list is cut, and what is counted stays whole: 450 posts, 1,200 held at one moment; form %j',
    async (settings) => {
      const deps = await rig(settings)
      const receivedAt = deps.clock.now() - hour
      for (let n = 0; n < 450; n += 1)
        await deps.submissions.accept(sampleAccept({ review: 'quarantined', receivedAt, email: null }, []))
      const state: PlannedMessage['state'] = { name: 'held', since: receivedAt, event: 'e', heldReason: 'cap' }
      const crowd = Array.from({ length: 1_200 }, () => ({ role: 'confirmation' as const, state }))
      await deps.submissions.accept(sampleAccept({}, crowd))
      await sendDigests(deps)
      const [digest] = await digests(deps)
      expect(digest?.body).toContain('450 posts wait')
      expect(digest?.body).toContain('450 of the form in all')
      expect(digest?.body).toContain('and 430 more')
      expect(digest?.body).toContain('1200 confirmations were held')
    },
  )

  test('a notification that may have arrived is told as that, not as lost', async () => {
    const deps = await rig()
    const state: PlannedMessage['state'] = { name: 'unknown', since: deps.clock.now() - hour, event: 'e' }
    await deps.submissions.accept(sampleAccept({ reference: 'MAYBE' }, [{ state }]))
    await sendDigests(deps)
    const [digest] = await digests(deps)
    expect(digest?.body).toContain('1 notification may have arrived, or not')
    expect(digest?.body).toContain('- MAYBE')
    expect(digest?.body).not.toContain('did not arrive')
  })

  test('where a field chooses the managers, each of them gets what was, or would have been, theirs', async () => {
    const to = { sales: ['sales@example.jp'], both: ['sales@example.jp', 'help@example.jp'], none: ['idle@example.jp'] }
    const deps = await rig({ route: { field: 'topic', to } })
    const at = deps.clock.now() - hour
    const entries = (topic: string) => [{ kind: 'text' as const, name: 'topic', value: topic }]
    const lost: PlannedMessage['state'] = { name: 'bounced_hard', since: at, event: 'e', class: 'unknown-user' }
    const held: PlannedMessage['state'] = { name: 'held', since: at, event: 'e', heldReason: 'cap' }
    const post = (reference: string, topic: string, states: Partial<PlannedMessage>[] = []) =>
      deps.submissions.accept(
        sampleAccept(
          {
            reference,
            entries: entries(topic),
            receivedAt: at,
            review: states.length > 0 ? 'accepted' : 'quarantined',
          },
          states,
        ),
      )
    await post('SALES', 'sales')
    await post('BOTH', 'both', [
      { state: lost, recipient: 'help@example.jp' },
      { role: 'confirmation', state: held },
    ])
    await post('OTHER', 'something else')
    await sendDigests(deps)
    const told = new Map((await digests(deps)).map(({ recipient, body }) => [recipient, body ?? '']))
    expect([...told.keys()].sort()).toEqual(['help@example.jp', 'office@example.jp', 'sales@example.jp'])
    const references = (manager: string) =>
      [...(told.get(manager) ?? '').matchAll(/^- ([A-Z]+)\b/gm)].map(([, one]) => one)
    expect(references('sales@example.jp')).toEqual(['SALES', 'BOTH'])
    expect(references('help@example.jp')).toEqual(['BOTH'])
    expect(references('office@example.jp')).toEqual(['OTHER'])
    expect(told.get('help@example.jp')).toContain('1 confirmation was held')
    expect(told.get('office@example.jp')).not.toContain('held')
  })
})

describe('the digests one after the other', () => {
  /** Every reference that digests named, once for each time, whatever happened to the process. */
  async function toldOver(runs: readonly number[], happenings: readonly number[]): Promise<(string | undefined)[]> {
    const deps = await rig()
    const start = Date.UTC(2026, 0, 1, 0)
    const events = [
      ...runs.map((at) => ({ at, kind: 'run' as const })),
      ...happenings.map((at) => ({ at, kind: 'post' as const })),
    ].toSorted((a, b) => a.at - b.at)
    for (const { at, kind } of events) {
      deps.clock.setNow(start + at)
      if (kind === 'run') await sendDigests(deps)
      else
        await deps.submissions.accept(
          sampleAccept({ review: 'quarantined', reference: `H${at / hour}`, receivedAt: start + at }, []),
        )
    }
    const bodies = (await digests(deps)).map(({ body }) => body ?? '')
    return bodies.flatMap((body) => [...body.matchAll(/^- ([^\s:]+)/gm)].map(([, one]) => one)).toSorted()
  }
  const hourly = (from: number, until: number) =>
    Array.from({ length: until - from }, (_, index) => (from + index) * hour)

  test.each([
    ['a day after the other', [0, 24, 48, 72]],
    ['late on one day', [0, 31, 48, 72]],
    ['away for 30 hours', [0, 54, 72]],
    ['away for five days', [0, 120, 144]],
    ['started again and again', [0, 1, 2, 24, 24.1, 25, 26, 48, 49]],
  ])('tell everything once: %s', async (_name, hours) => {
    const last = Math.max(...hours)
    const runs = [...hours.map((at) => at * hour), (last + 24) * hour]
    const happened = hourly(1, last)
    expect(
      await toldOver(
        runs,
        happened.filter((_, index) => index % 6 === 0),
      ),
    ).toEqual(
      happened
        .filter((_, index) => index % 6 === 0)
        .map((at) => `H${at / hour}`)
        .toSorted(),
    )
  })

  test('look back a week at most, and say since when', async () => {
    const deps = await rig()
    await sendDigests(deps)
    const old = deps.clock.now() + hour
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', reference: 'OLD', receivedAt: old }, []))
    deps.clock.advance(20 * 24 * hour)
    const young = deps.clock.now() - 5 * 24 * hour
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', reference: 'YOUNG', receivedAt: young }, []))
    await sendDigests(deps)
    const [digest] = await digests(deps)
    expect(digest?.subject).toBe('contact: since 2026-01-14')
    expect(digest?.body).toContain('- YOUNG')
    expect(digest?.body).not.toContain('- OLD')
  })

  test('go on after a clock that was years ahead', async () => {
    const deps = await rig()
    const now = deps.clock.now()
    deps.clock.setNow(Date.UTC(2031, 0, 1, 1))
    await sendDigests(deps)
    deps.clock.setNow(now)
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', receivedAt: now - hour }, []))
    await sendDigests(deps)
    expect(await digests(deps)).toHaveLength(1)
    expect(await deps.messages.digestedUntil()).toBeLessThan(now)
  })

  test('are made once, also by several processes at once', async () => {
    const deps = await rig()
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', receivedAt: deps.clock.now() - hour }, []))
    await Promise.all([sendDigests(deps), sendDigests(deps), sendDigests(deps)])
    expect(await digests(deps)).toHaveLength(1)
  })

  test('a digest that could not be stored leaves everything to the next round', async () => {
    const deps = await rig()
    await deps.submissions.accept(sampleAccept({ review: 'quarantined', receivedAt: deps.clock.now() - hour }, []))
    const broken = { ...deps.messages, addDigests: () => Promise.reject(new Error('disk full')) }
    await expect(sendDigests({ ...deps, messages: broken })).rejects.toThrow('disk full')
    deps.clock.advance(10 * 60_000)
    await sendDigests(deps)
    expect(await digests(deps)).toHaveLength(1)
  })
})

test('hours are those of the zone', () => {
  expect(localTime(Date.UTC(2026, 0, 1, 15), 'Asia/Tokyo')).toEqual({ date: '2026-01-02', hour: 0 })
  expect(localTime(Date.UTC(2026, 0, 1, 15), 'UTC')).toEqual({ date: '2026-01-01', hour: 15 })
})
