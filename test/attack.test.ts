import { expect, test } from 'vitest'
import { type Report, simulateAttack } from '../tools/attack/simulate.ts'

/** What must be true and is not. */
const broken = ({ truths }: Report) => truths.filter(({ holds }) => !holds)

// The whole run has 100,000 posts and takes minutes: `npm run attack`.
test.each([
  { seed: 'careful bots', reasons: ['cap', 'no-proof'], posts: 2_500, people: 70 },
  { seed: 'careless', reasons: ['breaker', 'cap', 'no-proof'], posts: 2_500, people: 70 },
])('no real person is lost among bots, and no stranger is hurt: $seed', { timeout: 120_000 }, async (options) => {
  const report = await simulateAttack(options)
  expect(broken(report)).toEqual([])

  // There was something to lose, and something to stop.
  const rules = new Set(report.attackers.flatMap(({ rules }) => Object.keys(rules)))
  expect(rules).toEqual(new Set(['honeypot', 'too-fast', 'links', 'origin', 'client-rate', 'repeated-content']))
  const reasons = new Set(report.attackers.flatMap(({ held }) => Object.keys(held)))
  expect([...reasons]).toEqual(expect.arrayContaining(options.reasons))
  expect(report.tooMany).toBeGreaterThan(100)
  expect(report.persons.reduce((sum, { people }) => sum + people, 0)).toBe(options.people)
  expect(report.persons.reduce((sum, { quarantined }) => sum + quarantined, 0)).toBeGreaterThan(0)
  expect(report.strangers.perMailboxDay).toBeGreaterThan(2)
  expect(report.floods.posts).toBeGreaterThan(100)
})

test('the same seed gives the same attack, and another one another', { timeout: 60_000 }, async () => {
  const small = { posts: 300, people: 10 }
  const [one, again, other] = [
    await simulateAttack({ seed: '1', ...small }),
    await simulateAttack({ seed: '1', ...small }),
    await simulateAttack({ seed: '2', ...small }),
  ]
  expect({ ...again, storeMegabytes: 0 }).toEqual({ ...one, storeMegabytes: 0 })
  expect(other.attackers).not.toEqual(one.attackers)
})
