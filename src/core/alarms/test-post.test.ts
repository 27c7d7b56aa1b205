import { describe, expect, test } from 'vitest'
import { sampleAccept, sampleForm, sampleMessage, sampleSubmission } from '../../../test/contracts/samples.ts'
import { testApp } from '../../../test/fakes/test-app.ts'
import { testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import type { Outbound, OutboundAnswer } from '../deps.ts'
import type { PlannedMessage } from '../messages/message.ts'
import { createCanary } from './canary.ts'
import { postTest, testFate } from './test-post.ts'

const minute = 60_000

/** The whole HTTP side behind the public address, as far as this process goes. */
async function rig(page?: string) {
  const deps = testDeps({
    settings: {
      ...testSettings,
      alarms: { ...testSettings.alarms, canary: { form: 'contact', every: 60 * minute, within: 10 * minute } },
    },
  })
  const app = await testApp({ deps, ...(page === undefined ? {} : { page }) })
  const answers: OutboundAnswer[] = []
  const outbound: Outbound = {
    async request({ url, method, headers, body }) {
      const answer = answers.shift()
      if (answer !== undefined) return answer
      const response = await app.request(url, { method, headers: { ...headers }, body: body ?? null })
      return { kind: 'answered', status: response.status, body: await response.text() }
    },
  }
  deps.outbound = outbound
  return { ...app, deps, answers }
}

const page = (controls: string) =>
  `<!doctype html><html lang="en"><form action="/f/contact" method="post">${controls}</form></html>`

describe('a test', () => {
  test('is a post like any other, marked as a test', async () => {
    const { deps, stored } = await rig()
    const form = await deps.forms.get('contact')
    if (form === null) throw new Error('no form')
    const posted = await postTest(deps, form)
    const [submission] = await stored()
    expect(posted).toEqual({ kind: 'posted', reference: submission?.reference })
    expect(submission).toMatchObject({ test: true, form: 'contact' })
    expect(submission?.entries.map(({ name }) => name)).not.toContain('_test')
  })

  test('fills in what a form demands', async () => {
    const { deps } = await rig(
      page(`<input name=a required minlength=30><input name=n type=number min=5 required><input name=d type=date min=2031-02-03 required>
      <select name=s required><option value="">-<option>x</select><label><input type=radio name=r value=1 required></label>
      <label><input type=radio name=r value=2></label><input type=checkbox name=c value=yes required><input type=url name=u required>
      <input type=tel name=t required><input type=time name=i required><input type=color name=k><textarea name=m required></textarea>
      <input type=week name=w required><input type=month name=o required><input type=datetime-local name=l required>`),
    )
    const form = await deps.forms.get('contact')
    if (form === null) throw new Error('no form')
    await deps.forms.put({ ...form, version: form.version + 1, settings: { rules: 'enforce' } })
    expect(await postTest(deps, form)).toMatchObject({ kind: 'posted' })
  })

  test('says why the public address did not take it', async () => {
    const { deps, answers } = await rig()
    const form = sampleForm()
    answers.push(
      { kind: 'failed', fault: 'ENOTFOUND' },
      { kind: 'answered', status: 502, body: 'bad gateway' },
      { kind: 'answered', status: 200, body: '<html>a parked domain</html>' },
      { kind: 'answered', status: 200, body: '{"reference":"../../x"}' },
    )
    expect(await postTest(deps, form)).toEqual({ kind: 'not-taken', status: null, fault: 'ENOTFOUND' })
    expect(await postTest(deps, form)).toEqual({ kind: 'not-taken', status: 502, fault: 'answered 502' })
    expect(await postTest(deps, form)).toMatchObject({ kind: 'not-taken', status: 200 })
    expect(await postTest(deps, form)).toMatchObject({ kind: 'not-taken', status: 200 })
  })

  test.each([
    ['accepted', 'arrived'],
    ['delivered', 'arrived'],
    ['bounced_soft', 'lost'],
    ['failed', 'lost'],
    ['unknown', 'lost'],
    ['queued', 'waiting'],
    ['held', 'waiting'],
  ] as const)('with a notification that is %s, it is %s', async (name, fate) => {
    const deps = testDeps()
    const state: PlannedMessage['state'] = { name, since: 1, event: 'e' }
    const command = sampleAccept({ reference: 'ABC-DEF-GHJ' }, [{ state }, { role: 'confirmation' }])
    await deps.submissions.accept(command)
    expect((await testFate(deps, 'ABC-DEF-GHJ')).kind).toBe(fate)
  })

  test.each([
    ['delivered', 'arrived'],
    ['queued', 'waiting'],
    ['bounced_hard', 'lost'],
  ] as const)('told in the digest of a flood that is %s, it is %s', async (name, fate) => {
    const deps = testDeps()
    const digest = sampleMessage(sampleSubmission({ reference: '' }), {
      role: 'update',
      state: { name, since: 1, event: 'e' },
    })
    await deps.messages.add([digest])
    const event = { id: 'd', at: 1, kind: 'cancelled', reason: 'digest', digest: digest.id } as const
    const state: PlannedMessage['state'] = { name: 'cancelled', since: 1, event: 'd' }
    await deps.submissions.accept(sampleAccept({ reference: 'ABC-DEF-GHJ' }, [{ state, events: [event] }]))
    expect((await testFate(deps, 'ABC-DEF-GHJ')).kind).toBe(fate)
  })

  test('does not wait for a digest because many others posted tests; theirs do', async () => {
    const { deps, stored, post } = await rig()
    deps.settings.caps = { ...deps.settings.caps, notifications: { max: 1, windowMs: 60 * minute } }
    const form = await deps.forms.get('contact')
    if (form === null) throw new Error('no form')
    for (const n of [1, 2, 3]) await post({ name: `n${n}`, email: `p${n}@example.net`, _test: 'true' })
    await postTest(deps, form)
    await postTest(deps, form)
    const states = []
    for (const { id, test: isTest } of await stored()) {
      expect(isTest).toBe(true)
      states.push(...(await deps.messages.ofSubmission(id)).map(({ state }) => state.name))
    }
    expect(states).toEqual(['queued', 'queued', 'held', 'held', 'queued'])
  })

  test('one that waits for review, that tells nobody, or that is not here is none of these', async () => {
    const deps = testDeps()
    await deps.submissions.accept(sampleAccept({ reference: 'A', review: 'quarantined' }, []))
    await deps.submissions.accept(sampleAccept({ reference: 'B' }, [{ role: 'confirmation' }]))
    expect((await testFate(deps, 'A')).kind).toBe('quarantined')
    expect((await testFate(deps, 'B')).kind).toBe('nobody')
    expect((await testFate(deps, 'C')).kind).toBe('elsewhere')
  })
})

describe('the canary', () => {
  test('posts a while after the start, then at its interval; what arrives raises nothing', async () => {
    const { deps, stored } = await rig()
    const canary = createCanary(deps)
    await canary.look()
    expect(await stored()).toHaveLength(0)
    deps.clock.advance(minute)
    await canary.look()
    await canary.look()
    const [submission] = await stored()
    const messages = await deps.messages.ofSubmission(submission?.id ?? '')
    for (const { id, version, attempts } of messages) {
      const event = {
        id: `${id}.x`,
        at: 1,
        kind: 'accepted',
        by: 'relay',
        settleAt: 2,
        evidence: { transport: 'test' },
      }
      const state = { name: 'accepted', since: 1, event: event.id } as const
      await deps.messages.write({
        ...{ id, version, attempts, state, dueAt: null, lease: 'release' },
        events: [event as never],
      })
    }
    deps.clock.advance(30 * minute)
    await canary.look()
    expect(await deps.alarms.active()).toEqual([])
    deps.clock.advance(31 * minute)
    await canary.look()
    expect(await stored()).toHaveLength(2)
  })

  test('a notification that is not taken in time is told, and over when a later one is', async () => {
    const { deps, stored } = await rig()
    const canary = createCanary(deps)
    deps.clock.advance(minute)
    await canary.look()
    deps.clock.advance(9 * minute)
    await canary.look()
    expect(await deps.alarms.active()).toEqual([])
    deps.clock.advance(minute)
    await canary.look()
    const [submission] = await stored()
    expect(await deps.alarms.active()).toMatchObject([
      { key: 'canary-missing:contact', facts: { step: 'notification', reference: submission?.reference } },
    ])
  })

  test('a public address that does not answer, and a form that is not there, are told', async () => {
    const { deps, answers } = await rig()
    answers.push({ kind: 'failed', fault: 'timeout' })
    const canary = createCanary(deps)
    deps.clock.advance(minute)
    await canary.look()
    expect(await deps.alarms.active()).toMatchObject([{ facts: { step: 'post', reply: 'timeout' } }])

    const other = testDeps({ settings: { ...deps.settings, alarms: { ...deps.settings.alarms } } })
    const lost = createCanary(other)
    other.clock.advance(minute)
    await lost.look()
    expect(await other.alarms.active()).toMatchObject([{ kind: 'canary-missing', facts: { step: 'post' } }])
  })

  test('a test that fails because the process stops says nothing, and the next process begins anew', async () => {
    const { deps, stored } = await rig()
    let stopping = false
    const request = deps.outbound.request
    deps.outbound = {
      async request(one) {
        await request(one)
        stopping = true
        return { kind: 'failed', fault: 'ECONNRESET' }
      },
    }
    const canary = createCanary(deps, () => stopping)
    deps.clock.advance(minute)
    await canary.look()
    expect(await stored()).toHaveLength(1)
    deps.clock.advance(60 * minute)
    await canary.look()
    expect(await deps.alarms.active()).toEqual([])

    // The test of the process before is nobody's any more: only what this one posts can be missing.
    deps.outbound = { request }
    const next = createCanary(deps)
    await next.look()
    deps.clock.advance(minute)
    await next.look()
    deps.clock.advance(9 * minute)
    await next.look()
    expect(await deps.alarms.active()).toEqual([])
    expect(await stored()).toHaveLength(2)
  })

  test('an alarm that is open when the process stops is ended by the first test of the next one', async () => {
    const { deps, answers } = await rig()
    answers.push({ kind: 'failed', fault: 'timeout' })
    const canary = createCanary(deps)
    deps.clock.advance(minute)
    await canary.look()
    const next = createCanary(deps)
    deps.clock.advance(minute)
    await next.look()
    const { items } = await deps.messages.list({ role: 'notification', limit: 9 })
    for (const { id, version, attempts } of items) {
      const state = { name: 'delivered', since: 1, event: 'x' } as const
      await deps.messages.write({ ...{ id, version, attempts, state, dueAt: null, lease: 'release' }, events: [] })
    }
    await next.look()
    expect((await deps.alarms.get('canary-missing:contact'))?.overAt).toBe(deps.clock.now())
  })

  test('an alarm of a form that is tested no more is over', async () => {
    const { deps, answers } = await rig()
    const { alarms } = deps.settings
    for (const canary of [null, { form: 'other', every: 60 * minute, within: 10 * minute }]) {
      answers.push({ kind: 'failed', fault: 'timeout' })
      const before = createCanary(deps)
      deps.clock.advance(minute)
      await before.look()
      expect((await deps.alarms.get('canary-missing:contact'))?.overAt).toBeNull()
      await createCanary({ ...deps, settings: { ...deps.settings, alarms: { ...alarms, canary } } }).look()
      expect((await deps.alarms.get('canary-missing:contact'))?.overAt).toBe(deps.clock.now())
    }
  })
})
