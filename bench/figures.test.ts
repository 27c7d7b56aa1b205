import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { quantile, ratiosOf, ratioTable, rotated, rowsOf, rowTable, type Sample, spreadOf } from './figures.ts'

const sample = (system: string, setting: string, rate: number): Sample => ({
  system,
  setting,
  figures: { 'posts/s': rate },
})

describe('quantile', () => {
  test.each([
    [[1, 2, 3, 4], 0.5, 2.5],
    [[1, 2, 3], 0.5, 2],
    [[7], 0.99, 7],
    [[0, 10], 0.25, 2.5],
    [[1, 2, 3], 1, 3],
  ])('of %j at %d is %d', (sorted, share, expected) => {
    expect(quantile(sorted, share)).toBe(expected)
  })

  test('of nothing does not exist', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })

  test('lies between the values, half of which are not above the median', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
        const { median, min, max } = spreadOf(values)
        expect([min, max]).toEqual([Math.min(...values), Math.max(...values)])
        expect(values.filter((value) => value > median).length).toBeLessThanOrEqual(values.length / 2)
        expect(values.filter((value) => value < median).length).toBeLessThanOrEqual(values.length / 2)
      }),
    )
  })
})

describe('rows', () => {
  test('gather the repeats of a system under a setting, whatever their order in each repeat', () => {
    const repeats = [
      [sample('a', '1', 10), sample('b', '1', 20)],
      [sample('b', '1', 40), sample('a', '1', 30)],
    ]
    expect(rowsOf(repeats)).toEqual([
      { system: 'a', setting: '1', figures: { 'posts/s': { median: 20, min: 10, max: 30 } } },
      { system: 'b', setting: '1', figures: { 'posts/s': { median: 30, min: 20, max: 40 } } },
    ])
  })

  test('may differ in their figures: what one has not is left empty', () => {
    const mails = { system: 'b', setting: '1', figures: { 'posts/s': 20, 'mails/s': 5 } }
    const [head, a, b] = rowTable(rowsOf([[sample('a', '1', 10), mails]])).split('\n')
    expect(head).toMatch(/posts\/s +\[min\.\.max\] +mails\/s$/)
    expect(a).toMatch(/^a +1 +10\.0 +\[10\.0\.\.10\.0\]$/)
    expect(b).toMatch(/^b +1 +20\.0 +\[20\.0\.\.20\.0\] +5\.00$/)
  })
})

describe('ratios', () => {
  test('are made within a repeat, so that a slow minute of the machine does not count', () => {
    const repeats = [
      [sample('a', '1', 10), sample('b', '1', 20)],
      [sample('a', '1', 1), sample('b', '1', 2)],
      [sample('a', '1', 30), sample('b', '1', 60)],
    ]
    expect(ratiosOf(repeats, 'posts/s', [['b', 'a']])).toEqual([
      { of: 'b', to: 'a', setting: '1', figure: 'posts/s', ratio: { median: 2, min: 2, max: 2 } },
    ])
  })

  test('are left out where one side was not measured', () => {
    const repeats = [[sample('a', '1', 10), sample('b', '1', 5), sample('a', '16', 10)]]
    const ratios = ratiosOf(repeats, 'posts/s', [
      ['b', 'a'],
      ['a', 'missing'],
    ])
    expect(ratios.map(({ setting }) => setting)).toEqual(['1'])
    expect(ratioTable(ratios)).toContain('b ÷ a')
  })
})

test('each repeat begins with another system, and has all of them', () => {
  expect([0, 1, 2, 3].map((repeat) => rotated(['a', 'b', 'c'], repeat).join(''))).toEqual(['abc', 'bca', 'cab', 'abc'])
})
