import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mailDsnParams, rcptDsnParams } from './dsn.ts'

describe('MAIL', () => {
  test('asks for headers only, under our id', () => {
    expect(mailDsnParams('0123456789abcdefghjkmnpqrs')).toBe(' RET=HDRS ENVID=0123456789abcdefghjkmnpqrs')
  })

  test('encodes what has a meaning in a parameter', () => {
    expect(mailDsnParams('a+b=c')).toBe(' RET=HDRS ENVID=a+2Bb+3Dc')
  })

  test.each(['', 'a b', 'ä', 'a\r\nRCPT TO:<x@y>', 'x'.repeat(101)])(
    'leaves out an id that RFC 3461 does not allow: %j',
    (id) => {
      expect(mailDsnParams(id)).toBe(' RET=HDRS')
    },
  )
})

describe('RCPT', () => {
  test('asks for every report and names the address', () => {
    expect(rcptDsnParams('hanako+a=b@example.jp')).toBe(
      ' NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;hanako+2Ba+3Db@example.jp',
    )
  })

  test('encodes a quoted local part as it goes over the wire', () => {
    expect(rcptDsnParams('"a..b c"@docomo.ne.jp')).toBe(
      ' NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;"a..b+20c"@docomo.ne.jp',
    )
  })

  test('names an address with other letters as utf-8 (RFC 6533)', () => {
    expect(rcptDsnParams('花子+a@example.jp')).toBe(' NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=utf-8;花子\\x{2B}a@example.jp')
  })

  test('leaves out an address that gets too long', () => {
    expect(rcptDsnParams(`${'+'.repeat(200)}@example.jp`)).toBe(' NOTIFY=SUCCESS,FAILURE,DELAY')
  })

  test('never has a byte that ends a parameter, and can be read back', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[ -~]{1,80}$/), (address) => {
        const value = rcptDsnParams(address).split('ORCPT=rfc822;')[1] ?? ''
        expect(value).toMatch(/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})+$/)
        const back = value.replace(/\+([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
        expect(back).toBe(address)
      }),
    )
  })
})
