import type { ControlKind, ControlRule } from './form.ts'

/**
 * Numbers, dates and times as HTML writes them (§2.3.4.3, §2.3.5), their minimum, maximum and step (§4.10.5.3.7–8). Where the
 * standard leaves room or browsers differ from it, Chromium is followed; `test/e2e/constraint-validation.test.ts`
 * compares the two.
 */

/** Kinds whose value is a number, or maps to one. */
export type NumericKind = 'number' | 'range' | 'date' | 'month' | 'week' | 'time' | 'datetime-local'

/** An exact decimal: `coefficient * 10^exponent`. Binary fractions would call 0.3 no multiple of 0.1. */
export type Decimal = { coefficient: bigint; exponent: number }

export type RangeFault = 'RANGE_UNDERFLOW' | 'RANGE_OVERFLOW' | 'STEP_MISMATCH'

export function isNumericKind(kind: ControlKind): kind is NumericKind {
  return kind in units
}

/**
 * The number a value stands for: itself; months since 1970-01; milliseconds since 1970-01-01 for dates, weeks (their Monday)
 * and local times; milliseconds since midnight. Null when it is not written as its kind demands.
 *
 * @example readValue('week', '1970-W02') // 4 days in milliseconds
 */
export function readValue(kind: NumericKind, text: string): Decimal | null {
  if (kind === 'number' || kind === 'range') return readNumber(text)
  const value = readers[kind](text)
  return value === null || Number.isNaN(value) ? null : whole(value)
}

/** What is wrong with a value that could be read, by the control's `min`, `max` and `step`; more than one may be. */
export function rangeFaults(kind: NumericKind, rule: ControlRule, value: Decimal): RangeFault[] {
  const minimum = bound(kind, rule.min) ?? (kind === 'range' ? whole(0) : null)
  const stated = bound(kind, rule.max) ?? (kind === 'range' ? whole(100) : null)
  // A slider whose maximum lies below its minimum has no room; a time from evening to morning passes midnight.
  const maximum = kind === 'range' && isLess(stated, minimum) ? minimum : stated
  const under = isLess(value, minimum)
  const over = isLess(maximum, value)
  const outside = kind === 'time' && isLess(maximum, minimum) ? under && over : under || over

  const faults: RangeFault[] = []
  if (outside && under) faults.push('RANGE_UNDERFLOW')
  if (outside && over) faults.push('RANGE_OVERFLOW')
  const base = bound(kind, rule.min) ?? bound(kind, rule.stepBase ?? null) ?? whole(units[kind].base)
  if (isOffStep(kind, value, base, allowedStep(kind, rule.step))) faults.push('STEP_MISMATCH')
  return faults
}

const day = 86_400_000

/** Per kind: the default step, what one step is worth, and where steps begin (1970-01-01 was a Thursday). */
const units: Record<NumericKind, { step: number; scale: number; base: number }> = {
  number: { step: 1, scale: 1, base: 0 },
  range: { step: 1, scale: 1, base: 0 },
  date: { step: 1, scale: day, base: 0 },
  month: { step: 1, scale: 1, base: 0 },
  week: { step: 1, scale: 7 * day, base: -3 * day },
  time: { step: 60, scale: 1000, base: 0 },
  'datetime-local': { step: 60, scale: 1000, base: 0 },
}

function bound(kind: NumericKind, text: string | null): Decimal | null {
  return text === null ? null : readValue(kind, text)
}

/** Null where any step is allowed. Whatever can't be read as a positive number gives the default. */
function allowedStep(kind: NumericKind, text: string | null): Decimal | null {
  if (text?.toLowerCase() === 'any') return null
  const { step, scale } = units[kind]
  const read = text === null ? null : readNumber(text)
  const stated = read !== null && read.coefficient > 0n ? read : whole(step)
  if (kind === 'number' || kind === 'range') return stated
  // Days, months and weeks come whole, times in whole milliseconds; a smaller step becomes one of these.
  const given = toNumber(stated)
  const inUnits = kind === 'time' || kind === 'datetime-local' ? Math.round(given * scale) : Math.round(given) * scale
  return whole(
    Math.min(Math.max(inUnits, kind === 'time' || kind === 'datetime-local' ? 1 : scale), Number.MAX_SAFE_INTEGER),
  )
}

/**
 * Whether a value lies between two steps. As Chromium does it, numbers may miss a step by its 2^-24th part (0.1 + 0.2 as
 * JavaScript writes it is a multiple of 0.1), and a value of more than 2^53 steps is not checked.
 */
function isOffStep(kind: NumericKind, value: Decimal, base: Decimal, step: Decimal | null): boolean {
  if (step === null) return false
  const exponent = Math.min(value.exponent, base.exponent, step.exponent)
  const width = scaled(step, exponent)
  const difference = scaled(value, exponent) - scaled(base, exponent)
  const distance = difference < 0n ? -difference : difference
  if (distance > width << 53n) return false
  const remainder = distance % width
  if (kind !== 'number' && kind !== 'range') return remainder !== 0n
  return remainder << 24n > width && (width - remainder) << 24n > width
}

// --- numbers ----------------------------------------------------------------------------------------------------

/** A valid floating-point number (§2.3.4.3): no plus sign in front, no dot at the end. */
const floatPattern = /^(-?)(\d*)(?:\.(\d+))?(?:e([+-]?\d+))?$/i

/** More digits than this are rounded first, as a browser does; keeps the arithmetic small whatever is posted. */
const exactDigits = 40

function readNumber(text: string): Decimal | null {
  const match = floatPattern.exec(text)
  if (match === null) return null
  const [, sign = '', integer = '', fraction = '', power = '0'] = match
  if (integer === '' && fraction === '') return null
  const double = Number(text)
  if (!Number.isFinite(double)) return null
  // Too small for a double is zero; its exponent may be huge.
  if (double === 0) return whole(0)
  const digits = (integer + fraction).replace(/^0+/, '')
  if (digits.length > exactDigits) return readNumber(String(double))
  return { coefficient: BigInt(sign + digits), exponent: Number(power) - fraction.length }
}

function whole(value: number): Decimal {
  return { coefficient: BigInt(value), exponent: 0 }
}

function toNumber({ coefficient, exponent }: Decimal): number {
  return Number(`${coefficient}e${exponent}`)
}

function scaled({ coefficient, exponent }: Decimal, to: number): bigint {
  return coefficient * 10n ** BigInt(exponent - to)
}

function isLess(a: Decimal | null, b: Decimal | null): boolean {
  if (a === null || b === null) return false
  const exponent = Math.min(a.exponent, b.exponent)
  return scaled(a, exponent) < scaled(b, exponent)
}

// --- dates and times --------------------------------------------------------------------------------------------

const readers: Record<Exclude<NumericKind, 'number' | 'range'>, (text: string) => number | null> = {
  date: readDate,
  month: readMonth,
  week: readWeek,
  time: readTime,
  'datetime-local': readLocalTime,
}

/** The last month and moment that JavaScript's calendar and browsers know: 275760-09-13T00:00. */
const lastMonth = (275_760 - 1970) * 12 + 8
const lastMoment = 8.64e15

function readDate(text: string): number | null {
  const match = /^(\d{4,6})-(\d{2})-(\d{2})$/.exec(text)
  return match === null ? null : moment(Number(match[1]), Number(match[2]), Number(match[3]))
}

function readMonth(text: string): number | null {
  const match = /^(\d{4,6})-(\d{2})$/.exec(text)
  if (match === null) return null
  const [year, month] = [Number(match[1]), Number(match[2])]
  const months = (year - 1970) * 12 + month - 1
  return year > 0 && month >= 1 && month <= 12 && months <= lastMonth ? months : null
}

function readWeek(text: string): number | null {
  const match = /^(\d{4,6})-W(\d{2})$/.exec(text)
  if (match === null) return null
  const [year, week] = [Number(match[1]), Number(match[2])]
  const first = firstMonday(year)
  const next = firstMonday(year + 1)
  if (first === null || year === 0 || week === 0) return null
  const monday = first + (week - 1) * 7 * day
  return next !== null && monday >= next ? null : monday > lastMoment ? null : monday
}

function readTime(text: string): number | null {
  const match = /^(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/.exec(text)
  if (match === null) return null
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return null
  return ((hour * 60 + minute) * 60 + second) * 1000 + Number((match[4] ?? '').padEnd(3, '0'))
}

function readLocalTime(text: string): number | null {
  const at = text.search(/[T ]/)
  if (at === -1) return null
  const date = readDate(text.slice(0, at))
  const time = readTime(text.slice(at + 1))
  return date === null || time === null || date + time > lastMoment ? null : date + time
}

/** Midnight of a day of the proleptic Gregorian calendar; null when there is no such day. */
function moment(year: number, month: number, dayOfMonth: number): number | null {
  const date = new Date(0)
  // Date.UTC would take the year 26 for 1926.
  const time = date.setUTCFullYear(year, month - 1, dayOfMonth)
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === dayOfMonth ? time : null
}

/** The Monday of a year's first week, which is the one with its 4th of January (ISO 8601). */
function firstMonday(year: number): number | null {
  const fourth = moment(year, 1, 4)
  if (fourth === null) return null
  const weekday = (new Date(fourth).getUTCDay() + 6) % 7
  return fourth - weekday * day
}
