import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { forget, isOver, keep, kept, keptNames, lifetime } from './storage.ts'

const day = 86_400_000

describe('a lifetime', () => {
  test.each([
    ['30m', 30 * 60_000],
    ['12h', day / 2],
    ['7d', 7 * day],
    ['', 2 * day],
    ['0d', 2 * day],
    ['7 days', 2 * day],
    ['-7d', 2 * day],
    ['1e9d', 2 * day],
    ['99999d', 2 * day],
  ])('“%s” means %d milliseconds', (text, ms) => {
    expect(lifetime(text, 2)).toBe(ms)
  })

  test('is a time that ends, whatever the page says', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ms = lifetime(text, 1)
        expect(ms).toBeGreaterThan(0)
        expect(ms).toBeLessThan(10_000 * day)
      }),
    )
  })
})

test('where the browser keeps nothing for us, what is kept lasts as long as the page', () => {
  expect(keep('todoku:draft:a', 1000, { fields: [['name', '花子']] })).toBe(true)
  expect(kept('todoku:draft:a')).toMatchObject({ fields: [['name', '花子']] })
  expect(keptNames('todoku:draft:')).toEqual(['todoku:draft:a'])
  expect(isOver(kept('todoku:draft:a'))).toBe(false)
  forget('todoku:draft:a')
  expect(kept('todoku:draft:a')).toBeNull()
  expect(isOver(kept('todoku:draft:a'))).toBe(true)
})

test('what can’t be written is not said to be kept', () => {
  const endless: Record<string, unknown> = {}
  endless.itself = endless
  expect(keep('todoku:draft:b', 1000, endless)).toBe(false)
  expect(kept('todoku:draft:b')).toBeNull()
})
