import { expect, test } from 'vitest'
import { failed, print, type Terminal } from './terminal.ts'

/** What a command wrote, to both ends together. */
function recorded(): Terminal & { text: () => string } {
  let text = ''
  const write = (more: string) => {
    text += more
  }
  return { out: write, error: write, text: () => text }
}

const hostile = 'a\u001b]0;owned\u0007\u009b31m\ra\nb\tc\u007f花子'

test('control characters are spelled out: a terminal would obey them', () => {
  const terminal = recorded()
  print({ terminal, flags: {}, arguments: [] }, hostile, (value) => `${value}\n`)
  expect(terminal.text()).toBe('a\\x1b]0;owned\\x07\\x9b31m\\x0da\nb\tc\\x7f花子\n')
})

test('a line that ends as lines of mails and posts do is a line like any other', () => {
  const terminal = recorded()
  print({ terminal, flags: {}, arguments: [] }, '一行目\r\n二行目\r\n', (value) => value)
  expect(terminal.text()).toBe('一行目\n二行目\n')
})

test('also in what went wrong', () => {
  const terminal = recorded()
  failed(terminal, Object.assign(new Error(hostile), { code: 'internal', next: '' }), false)
  expect(terminal.text()).toContain('\\x1b]0;owned')
  expect(terminal.text()).not.toContain('\u001b')
})

test('JSON is exact', () => {
  const terminal = recorded()
  print({ terminal, flags: { json: true }, arguments: [] }, { hostile }, () => '')
  expect(JSON.parse(terminal.text())).toEqual({ hostile })
  expect(terminal.text()).not.toContain('\u001b')
})
