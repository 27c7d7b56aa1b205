import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createReplyReader, type ReplyRead, type SmtpReply } from './smtp-reply.ts'

function read(...chunks: (string | Uint8Array)[]): ReplyRead[] {
  const reader = createReplyReader()
  return chunks.flatMap((chunk) => reader.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk))
}

function readOne(text: string | Uint8Array): SmtpReply {
  const reads = read(text)
  expect(reads).toHaveLength(1)
  if (reads[0]?.kind !== 'reply') throw new Error('no reply')
  return reads[0].reply
}

describe('one reply', () => {
  test('has code, enhanced code, lines and words', () => {
    expect(readOne('550 5.1.1 No such user\r\n')).toEqual({
      code: 550,
      enhanced: '5.1.1',
      lines: ['5.1.1 No such user'],
      text: 'No such user',
    })
  })

  test('of several lines is one text, without the enhanced code that each of them repeats', () => {
    const reply = readOne('550-5.1.1 The address does\r\n550-5.1.1\r\n550 5.1.1 not exist.\r\n')
    expect(reply.lines).toEqual(['5.1.1 The address does', '5.1.1', '5.1.1 not exist.'])
    expect(reply).toMatchObject({ code: 550, enhanced: '5.1.1', text: 'The address does not exist.' })
  })

  test.each<[string, string, Partial<SmtpReply>]>([
    ['ends in a bare LF', '250 ok\n', { code: 250, text: 'ok' }],
    ['ends in CR CR LF', '250 ok\r\r\n', { code: 250, text: 'ok' }],
    ['has no text', '250\r\n', { code: 250, text: '', lines: [''], enhanced: null }],
    ['has a space and no text', '250 \r\n', { code: 250, text: '' }],
    ['has no space after the code', '250OK\r\n', { code: 250, text: 'OK' }],
    ['has no space before the enhanced code', '5505.1.1 nobody\r\n', { code: 550, enhanced: '5.1.1', text: 'nobody' }],
    ['has a tab after the code', '250\tok\r\n', { code: 250, text: 'ok' }],
    ['has a code of no meaning', '999 what\r\n', { code: 999 }],
    ['has the code 000', '000 what\r\n', { code: 0 }],
    ['follows an empty line', '\r\n250 ok\r\n', { code: 250, text: 'ok' }],
    [
      'has a wrapped line without a code',
      '550-a long\r\nwrapped line\r\n550 end\r\n',
      { text: 'a long wrapped line end' },
    ],
    [
      'has codes that differ: the last one decides',
      '250-fine\r\n550 not fine\r\n',
      { code: 550, text: 'fine not fine' },
    ],
    ['names the enhanced code as qmail does', '550 no mailbox here (#5.1.1)\r\n', { enhanced: '5.1.1' }],
    ['has an address where the enhanced code would be', '554 5.79.73.204 is listed\r\n', { enhanced: null }],
    ['has an enhanced code of another class only', '550 4.4.7 expired\r\n', { enhanced: '4.4.7' }],
    ['has enhanced codes of two classes', '550-4.4.7 expired\r\n550 5.1.1 nobody\r\n', { enhanced: '5.1.1' }],
    ['has control characters', '250 a\u001b[31m\u0000b\u0085\r\n', { text: 'a [31m b' }],
  ])('that %s is read', (_, bytes, expected) => {
    expect(readOne(bytes)).toMatchObject(expected)
  })

  test('in UTF-8 is decoded so', () => {
    expect(readOne('550 5.1.1 宛先が見つかりません\r\n').text).toBe('宛先が見つかりません')
  })

  test('in Latin-1 is decoded so', () => {
    expect(readOne(Buffer.from('550 Adresse refus\xe9e\r\n', 'latin1')).text).toBe('Adresse refusée')
  })

  test('with a line of 5,000 bytes keeps the first 2,000 and the code after it', () => {
    const reply = readOne(`550-5.7.1 ${'x'.repeat(5000)}\r\n550 5.7.1 end\r\n`)
    expect(reply.lines[0]).toHaveLength(2000 - 4)
    expect(reply).toMatchObject({ code: 550, enhanced: '5.7.1' })
    expect(reply.lines[1]).toBe('5.7.1 end')
  })

  test('cut inside a character stays UTF-8', () => {
    // 4 bytes of code, then characters of 3 bytes: byte 2,000 is not the end of one.
    expect(readOne(`550 ${'あ'.repeat(1000)}\r\n`).text).toBe('あ'.repeat(665))
  })
})

describe('no reply', () => {
  test.each([
    ['text without a code', 'hello there\r\n'],
    ['a code of two digits', '25 ok\r\n'],
    ['a code of four digits', '2500 ok\r\n'],
    ['bytes of TLS', '\x16\x03\x01\x02\n'],
  ])('%s is a fault', (_, bytes) => {
    expect(read(bytes)).toEqual([{ kind: 'fault', fault: 'not-a-reply' }])
  })

  test('a line that never ends is a fault after 64 kB, and little of it is kept', () => {
    const reader = createReplyReader()
    const chunk = Buffer.alloc(1024, 'x')
    const reads: ReplyRead[] = []
    let pushed = 0
    while (reads.length === 0 && pushed < 1000) {
      reads.push(...reader.push(chunk))
      pushed += 1
    }
    expect(reads).toEqual([{ kind: 'fault', fault: 'endless' }])
    expect(pushed).toBe(65)
  })

  test('a reply whose lines never end is a fault', () => {
    expect(read('250-more\r\n'.repeat(10_000))).toEqual([{ kind: 'fault', fault: 'endless' }])
  })

  test('after a fault nothing is read', () => {
    expect(read('hello\r\n', '250 ok\r\n')).toEqual([{ kind: 'fault', fault: 'not-a-reply' }])
    expect(read('hello\r\n250 ok\r\n')).toEqual([{ kind: 'fault', fault: 'not-a-reply' }])
  })
})

describe('reading', () => {
  test('gives pipelined replies one by one', () => {
    const codes = read('250 2.1.0 ok\r\n550 5.1.1 no\r\n354 go\r\n').map(
      (one) => one.kind === 'reply' && one.reply.code,
    )
    expect(codes).toEqual([250, 550, 354])
  })

  test('knows that it stands in the middle of a reply', () => {
    const reader = createReplyReader()
    expect(reader.midReply).toBe(false)
    reader.push(Buffer.from('250-a\r\n'))
    expect(reader.midReply).toBe(true)
    reader.push(Buffer.from('250 b'))
    expect(reader.midReply).toBe(true)
    reader.push(Buffer.from('\r\n'))
    expect(reader.midReply).toBe(false)
  })

  test('does not look at later changes of a chunk', () => {
    const reader = createReplyReader()
    const chunk = Buffer.from('250 ab')
    reader.push(chunk)
    chunk.fill('z')
    expect(reader.push(Buffer.from('c\r\n'))).toMatchObject([{ reply: { text: 'abc' } }])
  })

  const line = fc.oneof(
    fc.tuple(fc.constantFrom('250', '550', '421', '354', '99', ''), fc.constantFrom('-', ' ', '', '5'), fc.string()),
    fc.tuple(
      fc.constantFrom('250-', '550 '),
      fc.constantFrom('5.1.1 ', '#5.7.1', '4.2'),
      fc.string({ unit: 'binary' }),
    ),
  )
  const bytes = fc.oneof(
    fc
      .array(line, { maxLength: 8 })
      .map((lines) => Buffer.from(lines.map((parts) => `${parts.join('')}\r\n`).join(''))),
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(fc.nat(3), fc.integer({ min: 1990, max: 2010 }))
      .map(([char, length]) =>
        Buffer.from(`250 ${'aé字😀'.slice(char).repeat(length)}\r\n250 next\r\n`).subarray(0, 66_000),
      ),
  )

  test('gives the same, however the bytes are cut', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 20 }), (all, sizes) => {
        const chunks: Uint8Array[] = []
        for (let at = 0, turn = 0; at < all.length; turn += 1) {
          const size = sizes[turn % sizes.length] ?? 1
          chunks.push(all.subarray(at, at + size))
          at += size
        }
        expect(read(...chunks)).toEqual(read(all))
      }),
      { numRuns: 500 },
    )
  })

  test('never throws, and keeps no more than it was given', () => {
    fc.assert(
      fc.property(bytes, (all) => {
        for (const one of read(all)) {
          if (one.kind !== 'reply') continue
          expect(one.reply.code).toBeGreaterThanOrEqual(0)
          expect(one.reply.code).toBeLessThanOrEqual(999)
          expect(one.reply.lines.join('').length).toBeLessThanOrEqual(all.length)
          expect(one.reply.text).not.toMatch(/\p{Cc}/u)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('takes the time of the bytes, not their square', () => {
    // Byte by byte, a reader that copies what it has on every push would need some 10^9 steps.
    const reader = createReplyReader()
    const one = Buffer.from('x')
    const startedAt = performance.now()
    for (let at = 0; at < 60_000; at += 1) reader.push(one)
    expect(performance.now() - startedAt).toBeLessThan(1000)
  })
})
