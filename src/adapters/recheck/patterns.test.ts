import { expect, test } from 'vitest'
import { assessPattern } from './patterns.ts'

test.each([
  ['\\d{3}-\\d{4}', 'safe'],
  ['[A-Za-z ]+', 'safe'],
  ['(a+)+', 'risky'],
  ['(?:[a-z]+\\.?)+@x', 'risky'],
  // What the analyser can't read runs in the box, whatever it is.
  ['[\\p{L}--[a-z]]+', 'risky'],
  ['[', 'invalid'],
  ['(?<n>a)(?<n>b)', 'invalid'],
])('%s is %s', async (source, expected) => {
  expect(await assessPattern(source)).toBe(expected)
})
