import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from './clock.ts'
import { newSecrets, nodeCrypto } from './crypto.ts'
import { randomIds } from './ids.ts'
import { boxedPatterns } from './patterns.ts'

describe('patterns in a box', () => {
  function box() {
    const patterns = boxedPatterns()
    onTestFinished(() => patterns.close())
    return patterns
  }

  test('match as in the browser: anchored, with the v flag', async () => {
    const { matches } = box()
    expect(await matches('\\d{3}-\\d{4}', '100-0001')).toBe(true)
    expect(await matches('\\d{3}', '1234')).toBe(false)
    expect(await matches('[\\p{L}--[a-z]]+', 'ABC')).toBe(true)
    expect(await matches('[\\p{L}--[a-z]]+', 'abc')).toBe(false)
    expect(await matches('a|b', 'ab')).toBe(false)
  })

  test('one that never ends is given up, and those after it are answered', async () => {
    const { matches } = box()
    const [slow, quick] = await Promise.all([matches('(a+)+b', `${'a'.repeat(40)}!`), matches('x', 'x')])
    expect(slow).toBe('timeout')
    expect(quick).toBe(true)
  })

  test('more than can wait are not checked', async () => {
    const { matches } = box()
    const answers = await Promise.all(Array.from({ length: 80 }, () => matches('x', 'x')))
    expect(answers.filter((answer) => answer === true)).toHaveLength(50)
    expect(answers.filter((answer) => answer === 'timeout')).toHaveLength(30)
  })

  test('one that is no pattern counts as not checked', async () => {
    expect(await box().matches('[', 'x')).toBe('timeout')
  })
})

describe('crypto', () => {
  const secrets = newSecrets()

  test('a key for each purpose: the same data gives other codes', () => {
    const crypto = nodeCrypto(secrets)
    expect(Buffer.from(crypto.mac('status', 'x'))).not.toEqual(Buffer.from(crypto.mac('uploads', 'x')))
    expect(Buffer.from(crypto.mac('status', 'x'))).toEqual(Buffer.from(nodeCrypto(secrets).mac('status', 'x')))
  })

  test('older keys still open what they made; unknown ones nothing', () => {
    const [old] = secrets.keys
    if (old === undefined) throw new Error('no key')
    const rotated = nodeCrypto({
      ...secrets,
      keys: [{ id: 'k2', secret: Buffer.alloc(32, 7).toString('base64') }, old],
    })
    expect(rotated.currentKey).toBe('k2')
    expect(Buffer.from(rotated.mac('status', 'x', 'k1'))).toEqual(Buffer.from(nodeCrypto(secrets).mac('status', 'x')))
    expect(() => rotated.mac('status', 'x', 'k9')).toThrow(RangeError)
  })

  test('compares, also what differs in length', () => {
    const { equal } = nodeCrypto(secrets)
    expect(equal(Buffer.from('abc'), Buffer.from('abc'))).toBe(true)
    expect(equal(Buffer.from('abc'), Buffer.from('abd'))).toBe(false)
    expect(equal(Buffer.from('abc'), Buffer.from('abcd'))).toBe(false)
  })
})

test('ids are 26 characters that sort by time and can’t be guessed, fractions lie in [0, 1)', async () => {
  const ids = randomIds()
  const drawn = Array.from({ length: 1000 }, () => ids.next())
  for (const id of drawn) expect(id).toMatch(/^[a-z2-7]{26}$/)
  expect(new Set(drawn).size).toBe(1000)
  // 48 bits of time, then 80 that nobody knows.
  expect(new Set(drawn.map((id) => id.slice(-16))).size).toBe(1000)
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  const later = Array.from({ length: 2000 }, (_, n) => {
    vi.setSystemTime(1_775_000_000_000 + n * 1_234_567)
    return ids.next()
  })
  expect([...later].sort()).toEqual(later)
  for (let i = 0; i < 1000; i += 1) expect(ids.fraction()).toSatisfy((value: number) => value >= 0 && value < 1)
})

test('a timer runs once, or never when it was cancelled', async () => {
  const clock = systemClock()
  const ran: string[] = []
  const cancel = clock.after(0, () => ran.push('cancelled'))
  cancel()
  await new Promise<void>((resolve) => clock.after(1, resolve))
  expect(ran).toEqual([])
  expect(clock.monotonic()).toBeLessThanOrEqual(clock.monotonic())
})
