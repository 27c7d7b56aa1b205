import { describe, expect, test } from 'vitest'
import { sampleAccept, sampleForm } from '../../../test/contracts/samples.ts'
import { type TestDeps, testDeps } from '../../../test/fakes/test-deps.ts'
import type { MessageState, PlannedMessage, StateName } from '../messages/message.ts'
import { createUnaskedWatch } from './unasked.ts'

const day = 24 * 3_600_000

/** A form that asks first, and one that does not. */
async function rig(): Promise<TestDeps> {
  const deps = testDeps()
  await deps.forms.put(sampleForm({ name: 'asking', settings: { doubleOptIn: true } }))
  await deps.forms.put(sampleForm())
  return deps
}

type Known = Partial<Omit<MessageState, 'since'>>

/** A confirmation as it stands since a time. */
const question = (since: number, known: Known = {}): Partial<PlannedMessage> => ({
  role: 'confirmation',
  state: { name: 'bounced_hard', event: 'e', ...known, since },
})

/** Stores a submission whose submitter was to be asked; resolves with its reference. */
async function asked(deps: TestDeps, since: number, known?: Known): Promise<string> {
  const command = sampleAccept({ form: 'asking', review: 'unconfirmed' }, [question(since, known)])
  await deps.submissions.accept(command)
  return command.submission.reference
}

/** Stores so many confirmations, of a form that asks nobody or of one submission that was answered. */
async function others(deps: TestDeps, count: number, since: number, form = 'contact'): Promise<void> {
  const confirmations = Array.from({ length: count }, () => question(since))
  await deps.submissions.accept(sampleAccept({ form }, confirmations))
}

/** Lets a look come to its end, with the turns that it gives to others. */
async function look(deps: TestDeps, watch = createUnaskedWatch(deps)): Promise<void> {
  let isOver = false
  const over = watch.look().finally(() => {
    isOver = true
  })
  while (!isOver) await deps.clock.advanceAsync(0)
  await over
}

const reviewOf = async (deps: TestDeps, reference: string) => (await deps.submissions.get(reference))?.review

describe('who cannot be asked', () => {
  const waits: StateName[] = ['unknown', 'bounced_soft', 'bounced_hard', 'expired', 'failed', 'cancelled', 'suppressed']
  const answers: StateName[] = ['deferred', 'accepted', 'delivered', 'complained']
  test.each([
    ...waits.map((name) => ({ state: { name }, review: 'quarantined' })),
    ...answers.map((name) => ({ state: { name }, review: 'unconfirmed' })),
    ...(['cap', 'no-proof', 'breaker'] as const).map((heldReason) => ({
      state: { name: 'held', heldReason },
      review: 'quarantined',
    })),
    { state: { name: 'held', heldReason: 'doubtful-address' }, review: 'unconfirmed' },
  ])('is known by how the question stands, $state: $review', async ({ state, review }) => {
    const deps = await rig()
    const reference = await asked(deps, deps.clock.now(), state as Known)
    await look(deps)
    expect(await reviewOf(deps, reference)).toBe(review)
  })

  test('stays so where the form does not ask any more', async () => {
    const deps = await rig()
    const reference = await asked(deps, deps.clock.now())
    await deps.forms.put(sampleForm({ name: 'asking', version: 2 }))
    await look(deps)
    expect(await reviewOf(deps, reference)).toBe('quarantined')
  })
})

describe('nothing is missed', () => {
  test('what is stored a little after the time it names, also behind a thousand other news', async () => {
    const deps = await rig()
    const watch = createUnaskedWatch(deps)
    const at = deps.clock.now()
    await others(deps, 1000, at)
    await look(deps, watch)
    const late = await asked(deps, at - 1)
    deps.clock.advance(60_000)
    await look(deps, watch)
    expect(await reviewOf(deps, late)).toBe('quarantined')
  })

  test('thousands of news of one moment', async () => {
    const deps = await rig()
    const at = deps.clock.now()
    const references: string[] = []
    for (let n = 0; n < 5; n += 1) {
      await others(deps, 500, at)
      references.push(await asked(deps, at))
    }
    await look(deps)
    expect(await Promise.all(references.map((reference) => reviewOf(deps, reference)))).toEqual(
      references.map(() => 'quarantined'),
    )
  })

  test('after the clock was ahead for a while', async () => {
    const deps = await rig()
    const watch = createUnaskedWatch(deps)
    const at = deps.clock.now()
    deps.clock.setNow(at + day)
    await look(deps, watch)
    deps.clock.setNow(at)
    const reference = await asked(deps, at)
    await look(deps, watch)
    expect(await reviewOf(deps, reference)).toBe('quarantined')
  })
})

describe('a look at tens of thousands', () => {
  /** How many submissions were read in each turn. */
  async function turns(form: string): Promise<number[]> {
    const deps = await rig()
    const { clock, submissions } = deps
    await others(deps, 5000, clock.now(), form)
    const reads = [0]
    const { after } = clock
    clock.after = (ms, run) =>
      after(ms, () => {
        reads.push(0)
        run()
      })
    const { get } = submissions
    submissions.get = async (reference) => {
      reads.push((reads.pop() ?? 0) + 1)
      return await get(reference)
    }
    await look(deps)
    return reads
  }

  test('lets others take their turn again and again', async () => {
    const reads = await turns('asking')
    expect(reads.reduce((sum, count) => sum + count, 0)).toBe(5000)
    expect(Math.max(...reads)).toBeLessThanOrEqual(500)
  })

  test('reads no submission of a form that asks nobody', async () => {
    expect(new Set(await turns('contact'))).toEqual(new Set([0]))
  })
})
