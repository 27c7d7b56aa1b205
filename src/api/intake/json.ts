import type { Entry } from '../../core/submissions/submission.ts'
import type { BodyResult } from './body.ts'

/**
 * A JSON body: one object whose values are texts, numbers, truth values, or lists of them (a repeated name). Text is
 * taken as it is; `null` is an empty field.
 */
export function readJson(body: Uint8Array, limits: { maxFields: number; maxFieldBytes: number }): BodyResult {
  const refused = (code: 'malformed-body' | 'bad-charset' | 'too-many-fields' | 'too-large'): BodyResult => ({
    kind: 'refused',
    code,
    entries: [],
  })
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return refused('bad-charset')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refused('malformed-body')
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return refused('malformed-body')

  const entries: Entry[] = []
  for (const [name, field] of Object.entries(value)) {
    for (const item of Array.isArray(field) ? field : [field]) {
      const fieldText = textOf(item)
      if (fieldText === null) return refused('malformed-body')
      // A UTF-16 unit takes at most three bytes; the exact length is only needed where that bound is not enough.
      if (
        fieldText.length * 3 > limits.maxFieldBytes &&
        new TextEncoder().encode(fieldText).length > limits.maxFieldBytes
      ) {
        return refused('too-large')
      }
      entries.push({ kind: 'text', name, value: fieldText })
      if (entries.length > limits.maxFields) return refused('too-many-fields')
    }
  }
  return { kind: 'read', entries, uploads: [] }
}

function textOf(item: unknown): string | null {
  if (item === null) return ''
  if (typeof item === 'string') return item.toWellFormed()
  return typeof item === 'number' || typeof item === 'boolean' ? String(item) : null
}
