import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toDataBody } from './dot-stuffing.ts'

function wire(mail: Uint8Array): Buffer {
  const { head, tail } = toDataBody(mail)
  return Buffer.concat([head, tail])
}

/** What a server makes of it (RFC 5321 §4.5.2): lines up to the one with a single dot, the first dot of others dropped. */
function unstuff(data: string): { content: string; rest: string } {
  const lines = data.split('\r\n')
  const end = lines.indexOf('.')
  const content = lines.slice(0, end).map((line) => `${line.startsWith('.') ? line.slice(1) : line}\r\n`)
  return { content: content.join(''), rest: lines.slice(end + 1).join('\r\n') }
}

test.each([
  ['a mail without dots', 'a\r\nb\r\n', 'a\r\nb\r\n.\r\n'],
  ['a mail that does not end its last line', 'a', 'a\r\n.\r\n'],
  ['a mail that ends in half a line end', 'a\r', 'a\r\r\n.\r\n'],
  ['nothing', '', '.\r\n'],
  ['a dot as the first byte', '.', '..\r\n.\r\n'],
  ['a line of one dot', 'a\r\n.\r\nb\r\n', 'a\r\n..\r\nb\r\n.\r\n'],
  ['dots at the beginning of each line', '.a\r\n..b\r\n', '..a\r\n...b\r\n.\r\n'],
  ['dots elsewhere', 'a.b\r\n c.\r\n', 'a.b\r\n c.\r\n.\r\n'],
  // Some servers take LF . CRLF for the end, and what follows for commands.
  ['a dot after a bare LF', 'a\n.\r\nMAIL FROM:<x@y>\r\n', 'a\n..\r\nMAIL FROM:<x@y>\r\n.\r\n'],
])('%s', (_, mail, expected) => {
  expect(wire(Buffer.from(mail)).toString()).toBe(expected)
})

test('what the server reads is the mail, and nothing of it is left over', () => {
  const part = fc.constantFrom('.', '..', '\r\n', '\r\n.', '.\r\n', 'a', 'b c', 'x'.repeat(9000))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const mail = `${parts.join('')}\r\n`
      expect(unstuff(wire(Buffer.from(mail)).toString())).toEqual({ content: mail, rest: '' })
    }),
  )
})

test('the dot never is in the first part, and a large mail without dots is not copied', () => {
  const mail = Buffer.from('0123456789\r\n'.repeat(100_000))
  const { head, tail } = toDataBody(mail)
  expect(head.buffer).toBe(mail.buffer)
  expect(head.length).toBeGreaterThan(1_000_000)
  expect(tail.length).toBeLessThan(20_000)
  expect(tail.subarray(-5).toString()).toBe('\r\n.\r\n')
})

test('a view on a part of a buffer is sent as that part', () => {
  const whole = Buffer.from('before|a\r\n|after')
  expect(wire(new Uint8Array(whole.buffer, whole.byteOffset + 7, 3)).toString()).toBe('a\r\n.\r\n')
})

test('ten megabytes of dots take no time', () => {
  const mail = Buffer.from('.\n'.repeat(5_000_000))
  const startedAt = performance.now()
  expect(wire(mail).length).toBe(15_000_005)
  expect(performance.now() - startedAt).toBeLessThan(2000)
})
