import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ControlRule } from './form.ts'
import { isNumericKind, type NumericKind, rangeFaults, readValue } from './input-values.ts'

const day = 86_400_000

/** The number a value stands for, where a double can hold it. */
function numberOf(kind: NumericKind, text: string): number | null {
  const value = readValue(kind, text)
  return value === null ? null : Number(`${value.coefficient}e${value.exponent}`)
}

function faults(kind: NumericKind, text: string, rule: Partial<ControlRule>): string[] {
  const value = readValue(kind, text)
  if (value === null) throw new Error(`${text} is no ${kind}`)
  return rangeFaults(kind, { min: null, max: null, step: null, ...rule } as ControlRule, value)
}

describe('a value', () => {
  test.each([
    ['number', '-1.50', -1.5],
    ['number', '.5e1', 5],
    ['number', '1e-400', 0],
    ['number', `0.${'0'.repeat(50)}1e51`, 1],
    ['date', '1970-01-02', day],
    ['date', '0001-01-01', -62_135_596_800_000],
    ['month', '1969-12', -1],
    ['week', '1970-W01', -3 * day],
    ['week', '2020-W53', Date.UTC(2020, 11, 28)],
    ['week', '2021-W53', null],
    ['time', '00:00:01.5', 1500],
    ['datetime-local', '1970-01-01 00:01', 60_000],
    ['datetime-local', '1970-01-01', null],
  ] as const)('of kind %s: %s', (kind, text, value) => {
    expect(numberOf(kind, text)).toBe(value)
  })

  test('is numeric or not by its kind', () => {
    expect([isNumericKind('week'), isNumericKind('text'), isNumericKind('color')]).toEqual([true, false, false])
  })

  test('of a number is the one that JavaScript reads, and dates are those of its calendar', () => {
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
        expect(numberOf('number', String(value))).toBe(value === 0 ? 0 : value)
      }),
    )
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const iso = date.toISOString()
          expect(numberOf('date', iso.slice(0, 10))).toBe(Math.floor(date.getTime() / day) * day)
          expect(numberOf('datetime-local', iso.slice(0, -1))).toBe(date.getTime())
        },
      ),
    )
  })

  test('of a week is the Monday of a week that no other name has', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9998 }), fc.integer({ min: 1, max: 53 }), (year, week) => {
        const name = (y: number, w: number) => `${String(y).padStart(4, '0')}-W${String(w).padStart(2, '0')}`
        const monday = numberOf('week', name(year, week))
        if (monday === null) expect(week).toBe(53)
        else {
          expect(new Date(monday).getUTCDay()).toBe(1)
          // The week after it is the next of the year, or the first of the next year.
          expect(numberOf('week', name(year, week + 1)) ?? numberOf('week', name(year + 1, 1))).toBe(monday + 7 * day)
        }
      }),
    )
  })

  test('of any text is read or not, in no time', () => {
    const kinds = ['number', 'range', 'date', 'month', 'week', 'time', 'datetime-local'] as const
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.oneof(fc.string(), fc.stringMatching(/^[-+.0-9eEW:T ]{0,30}$/)),
        (kind, text) => {
          const value = readValue(kind, text)
          if (value !== null)
            expect(rangeFaults(kind, { min: text, max: text, step: text } as ControlRule, value)).toEqual([])
        },
      ),
    )
    const before = performance.now()
    for (const text of [
      '9'.repeat(200_000),
      `0.${'3'.repeat(200_000)}`,
      `1e${'9'.repeat(200_000)}`,
      `1e-${'9'.repeat(200_000)}`,
      '-'.repeat(200_000),
    ]) {
      const value = readValue('number', text)
      if (value !== null) rangeFaults('number', { min: '1e-300', max: '1e300', step: '1e-308' } as ControlRule, value)
    }
    expect(performance.now() - before).toBeLessThan(1000)
  })
})

describe('steps', () => {
  test('are exact for decimals', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.integer({ min: 1, max: 6 }), (count, places) => {
        const step = `0.${'0'.repeat(places - 1)}1`
        const text = (BigInt(count) * 1n).toString().replace(/(\d+)$/, (digits) => {
          const padded = digits.padStart(places + 1, '0')
          return `${padded.slice(0, -places)}.${padded.slice(-places)}`
        })
        expect(faults('number', text, { step })).toEqual([])
        expect(faults('number', `${text}5`, { step })).toEqual(['STEP_MISMATCH'])
      }),
    )
  })

  test('begin at the minimum, else at the value of the page, else at zero', () => {
    expect(faults('number', '4', { step: '3', min: '1', stepBase: '2' })).toEqual([])
    expect(faults('number', '5', { step: '3', min: 'x', stepBase: '2' })).toEqual([])
    expect(faults('number', '6', { step: '3' })).toEqual([])
  })
})
