import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutLine, cutText, isolated } from './shown-text.ts'

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'a \u0301\u200d👩👧🇯🇵\ufe0fか\u3099\r\n'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 80,
})
const turningText = fc.string({
  unit: fc.constantFrom(
    'a',
    ' ',
    '\n',
    'א',
    'ع',
    '\u202a',
    '\u202b',
    '\u202c',
    '\u202d',
    '\u202e',
    '\u2066',
    '\u2067',
    '\u2068',
    '\u2069',
  ),
  maxLength: 40,
})

describe('a text that is cut', () => {
  test('is a beginning of it, short enough, and ends where a character ends', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 40 }), (text, max) => {
        const cut = cutText(text, max)
        expect(text.startsWith(cut)).toBe(true)
        expect(cut.length).toBeLessThanOrEqual(max)
        if (text.isWellFormed()) expect(cut.isWellFormed()).toBe(true)
        const ends = new Set([...graphemes.segment(text)].map(({ index }) => index).concat(text.length))
        const [first] = graphemes.segment(text)
        // Only one character that is too long by itself is cut inside.
        if (first !== undefined && first.segment.length <= max) expect(ends.has(cut.length)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test('shows that something was left out, within the length', () => {
    expect(cutLine('abc', 3)).toBe('abc')
    expect(cutLine('ab cd', 4)).toBe('ab…')
    fc.assert(
      fc.property(anyText, fc.integer({ min: 2, max: 40 }), (text, max) => {
        expect(cutLine(text, max).length).toBeLessThanOrEqual(max)
      }),
    )
  })

  test('takes time by what is kept, not by what there is', () => {
    const startedAt = performance.now()
    for (const char of ['a', '\u0301', '👩\u200d', '🇯']) cutText(char.repeat(5_000_000), 10_000)
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })
})

describe('a value that keeps its direction to itself', () => {
  test('loses no letter, and closes in every line exactly what it opens', () => {
    fc.assert(
      fc.property(turningText, (value) => {
        const shown = isolated(value)
        const letters = (text: string) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
        expect(letters(shown)).toBe(letters(value))
        for (const line of shown.split('\n')) {
          const open: string[] = []
          for (const char of line) {
            if (/[\u2066-\u2068]/.test(char)) open.push('\u2069')
            else if (/[\u202a\u202b\u202d\u202e]/.test(char)) open.push('\u202c')
            else if (/[\u202c\u2069]/.test(char)) expect(open.pop()).toBe(char)
          }
          expect(open).toEqual([])
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('is left as it is where nothing in it turns', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (value) => {
        expect(isolated(value)).toBe(value)
      }),
    )
    expect(isolated('花子 👩‍👧')).toBe('花子 👩‍👧')
  })
})
