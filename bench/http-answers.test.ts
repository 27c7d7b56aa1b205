import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAnswerReader, type HttpAnswer } from './http-answers.ts'

const redirect = 'HTTP/1.1 303 See Other\r\nLocation: /s/x\r\nContent-Length: 0\r\n\r\n'
const page = 'HTTP/1.1 422 Unprocessable\r\ncontent-length: 5\r\nConnection: close\r\n\r\nhello'
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10;x=y\r\n0123456789abcdef\r\n0\r\n\r\n'
const bare = 'HTTP/1.1 303 See Other\r\nLocation: /s/x\r\n\r\n'

const known: [string, HttpAnswer][] = [
  [redirect, { status: 303, close: false }],
  [page, { status: 422, close: true }],
  [chunked, { status: 200, close: false }],
  [bare, { status: 303, close: false }],
]

test('finds every answer, however the network cuts them', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...known)), fc.array(fc.nat(60)), (answers, cuts) => {
      const bytes = Buffer.from(answers.map(([text]) => text).join(''))
      const reader = createAnswerReader()
      const found: HttpAnswer[] = []
      let at = 0
      for (const cut of cuts) {
        found.push(...reader.push(bytes.subarray(at, at + cut)))
        at += cut
      }
      found.push(...reader.push(bytes.subarray(at)))
      expect(found).toEqual(answers.map(([, answer]) => answer))
    }),
  )
})

test('says nothing of an answer that is not whole', () => {
  const reader = createAnswerReader()
  expect(reader.push(Buffer.from(page.slice(0, -1)))).toEqual([])
  expect(reader.push(Buffer.from(page.slice(-1)))).toEqual([{ status: 422, close: true }])
})

test('counts a body in bytes, not in characters', () => {
  const reader = createAnswerReader()
  expect(reader.push(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n届く${redirect}`))).toEqual([
    { status: 200, close: false },
    { status: 303, close: false },
  ])
})

test.each(['220 mail.test ESMTP\r\n\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'])(
  'gives up on what is not HTTP: %j',
  (text) => {
    expect(() => createAnswerReader().push(Buffer.from(text))).toThrow(SyntaxError)
  },
)
