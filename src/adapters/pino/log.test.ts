import { expect, test } from 'vitest'
import { pinoLog } from './log.ts'

test('a line is one JSON object with fixed names; of an error its words and its cause, nothing else', () => {
  const lines: string[] = []
  const log = pinoLog({ level: 'info', destination: { write: (line) => void lines.push(line) } })
  const cause = new Error('inner')
  const error = Object.assign(new Error('outer', { cause }), { code: 'X', body: 'what a visitor typed' })
  log.info({ form: 'contact', err: error }, 'said')
  log.debug({}, 'unsaid')
  expect(lines).toHaveLength(1)
  const line = JSON.parse(lines[0] ?? '')
  expect(line).toMatchObject({
    level: 'info',
    form: 'contact',
    message: 'said',
    err: { message: 'outer', code: 'X', cause: { message: 'inner' } },
  })
  expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT/)
  expect(lines[0]).not.toContain('visitor')
})
