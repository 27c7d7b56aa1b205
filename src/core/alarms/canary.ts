import type { Deps } from '../deps.ts'
import type { Alarm } from './alarm.ts'
import { end, raise } from './lifecycle.ts'
import { postTest, type TestFate, testFate } from './test-post.ts'

type CanaryDeps = Pick<
  Deps,
  | 'forms'
  | 'submissions'
  | 'messages'
  | 'alarms'
  | 'settings'
  | 'outbound'
  | 'clock'
  | 'ids'
  | 'crypto'
  | 'log'
  | 'metrics'
>

export interface Canary {
  /** Posts a test when one is due, and looks after the one that is under way. */
  look(): Promise<void>
}

/** After a start the first test waits: proxies and tunnels in front of us start too. Milliseconds. */
const firstAfter = 60_000

/**
 * Tests the whole way of a form again and again: a post to its public address, whose notification must be taken in time.
 * What it posted is known to this process alone; after a restart it begins anew. What fails while the process stops fails
 * for that reason, and says nothing. An alarm of a form that is tested no more is over.
 */
export function createCanary(deps: CanaryDeps, stopping: () => boolean = () => false): Canary {
  let nextAt = deps.clock.monotonic() + firstAfter
  let isTidy = false
  let underWay: { reference: string; form: string; until: number; since: number } | null = null

  async function post(form: string, every: number, within: number): Promise<void> {
    nextAt = deps.clock.monotonic() + every
    const record = await deps.forms.get(form)
    const posted =
      record === null
        ? ({ kind: 'not-taken', status: null, fault: 'there is no form with this name' } as const)
        : await postTest(deps, record)
    const since = deps.clock.now()
    if (posted.kind === 'not-taken') return await missing(form, since, { step: 'post', reply: posted.fault })
    underWay = { reference: posted.reference, form, since, until: deps.clock.monotonic() + within }
  }

  async function follow(test: NonNullable<typeof underWay>): Promise<void> {
    const fate = await testFate(deps, test.reference)
    if (fate.kind === 'waiting' && deps.clock.monotonic() < test.until) return
    underWay = null
    if (fate.kind === 'arrived') return await end(deps, keyOf(test.form), deps.clock.now())
    await missing(test.form, test.since, { step: 'notification', reference: test.reference, ...whyOf(fate) })
  }

  async function missing(form: string, since: number, facts: Alarm['facts']): Promise<void> {
    if (stopping()) return
    await raise(deps, { key: keyOf(form), kind: 'canary-missing', form, since, facts })
  }

  /** The settings name another form, or none: no test will ever end these. */
  async function endOthers(form: string | null): Promise<void> {
    for (const alarm of await deps.alarms.active())
      if (alarm.kind === 'canary-missing' && alarm.overAt === null && alarm.form !== form)
        await end(deps, alarm.key, deps.clock.now())
  }

  return {
    async look() {
      const { canary } = deps.settings.alarms
      if (stopping()) return
      if (!isTidy) {
        await endOthers(canary?.form ?? null)
        isTidy = true
      }
      if (canary === null) return
      if (underWay !== null) await follow(underWay)
      else if (deps.clock.monotonic() >= nextAt) await post(canary.form, canary.every, canary.within)
    },
  }
}

function keyOf(form: string): string {
  return `canary-missing:${form}`
}

function whyOf(fate: TestFate): Alarm['facts'] {
  switch (fate.kind) {
    case 'lost': {
      const { class: name } = fate.message.state
      return { state: fate.message.state.name, ...(name === undefined ? {} : { class: name }) }
    }
    case 'waiting':
      return { reply: fate.step }
    case 'quarantined':
      return { reply: 'quarantined' }
    case 'nobody':
      return { reply: 'no managers' }
    case 'elsewhere':
      return { reply: 'another server answers at the public address' }
    case 'arrived':
      return {}
  }
}
