import { expect, test } from 'vitest'
import { randomIds } from '../../adapters/node/ids.ts'
import { newReference, normalizeReference } from './reference.ts'

test('a reference has no look-alikes, digits in fixed places, and is hardly ever drawn twice', () => {
  const drawn = Array.from({ length: 2000 }, () => newReference(randomIds()))
  for (const reference of drawn) expect(reference).toMatch(/^([ACDEFGHJKLMNPRTWXY]{2}[34679](-|$)){3}$/)
  expect(new Set(drawn).size).toBeGreaterThan(1995)
})

test('what people type is read leniently, and nothing else is', () => {
  for (const typed of ['KD4-MR7-WC3', 'kd4mr7wc3', ' kd4 mr7 wc3 ', 'ＫＤ４－ＭＲ７－ＷＣ３', 'KD4–MR7ーWC3']) {
    expect(normalizeReference(typed)).toBe('KD4-MR7-WC3')
  }
  for (const typed of ['', 'KD4-MR7', 'KD4-MR7-WC3X', '../etc', 'KD4/MR7/WC3'])
    expect(normalizeReference(typed)).toBeNull()
})
