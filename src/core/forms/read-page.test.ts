import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxPageBytes, readPage } from './read-page.ts'

const utf8 = new TextEncoder()
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))
const charsetOf = (head: string) => {
  const page = readPage(latin1(head))
  return page.kind === 'text' ? page.charset : page.reason
}

describe('the encoding of a page', () => {
  test.each([
    ['<p>', 'utf-8'],
    ['<meta charset=shift_jis>', 'shift_jis'],
    ['<META CHARSET="Shift_JIS">', 'shift_jis'],
    ["<meta charset = 'euc-jp' >", 'euc-jp'],
    ['<meta/charset=euc-jp/>', 'utf-8'],
    ['<meta/charset=euc-jp>', 'euc-jp'],
    ['<meta\n  name=x\tcharset=euc-jp>', 'euc-jp'],
    ['<html lang="a>b" x=\'<meta charset=euc-jp>\'><meta charset=shift_jis>', 'shift_jis'],
    ['<!-- <meta charset=euc-jp> --><meta charset=shift_jis>', 'shift_jis'],
    ['<!--><meta charset=euc-jp>', 'euc-jp'],
    ['<!DOCTYPE html "<meta charset=euc-jp>"><meta charset=shift_jis>', 'shift_jis'],
    ['</p charset=x><meta charset=euc-jp>', 'euc-jp'],
    ['<metadata charset=euc-jp>', 'utf-8'],
    ['<meta charset=nonsense><meta charset=euc-jp>', 'euc-jp'],
    ['<meta name=charset content=euc-jp>', 'utf-8'],
    ['<meta http-equiv="Content-Type" content="text/html; charset=EUC-JP">', 'euc-jp'],
    ['<meta content="text/html;charset=\'iso-2022-jp\'" http-equiv=content-type>', 'iso-2022-jp'],
    ['<meta http-equiv=refresh content="0; charset=euc-jp">', 'utf-8'],
    ['<meta charset=euc-jp charset=shift_jis>', 'euc-jp'],
    ['<meta charset=utf-16>', 'utf-8'],
    ['<?xml version="1.0" encoding="Shift_JIS"?><html>', 'shift_jis'],
    ['<meta charset="shift_jis', 'shift_jis'],
    ['< meta charset=euc-jp>', 'utf-8'],
    ['<=><meta charset=iso-8859-1>', 'windows-1252'],
    [`<!--${' '.repeat(2000)}--><meta charset=euc-jp>`, 'utf-8'],
    [`${' '.repeat(1000)}<meta charset=euc-jp>`, 'euc-jp'],
    [`${' '.repeat(1020)}<meta charset=euc-jp>`, 'utf-8'],
  ])('is what browsers take it for: %s', (head, charset) => {
    expect(charsetOf(head)).toBe(charset)
  })

  test('is told by a byte order mark first, and forms of UTF-16 pages post UTF-8', () => {
    expect(readPage(Uint8Array.of(0xef, 0xbb, 0xbf, ...latin1('<meta charset=euc-jp>あ'.slice(0, 21))))).toEqual({
      kind: 'text',
      text: '<meta charset=euc-jp>',
      charset: 'utf-8',
    })
    expect(readPage(Uint8Array.of(0xff, 0xfe, 0x42, 0x30))).toEqual({ kind: 'text', text: 'あ', charset: 'utf-8' })
    expect(readPage(Uint8Array.of(0xfe, 0xff, 0x30, 0x42))).toEqual({ kind: 'text', text: 'あ', charset: 'utf-8' })
  })

  test('holds for the whole page', () => {
    const page = readPage(readFileSync('test/fixtures/pages/old/catalog.html'))
    expect(page).toMatchObject({
      kind: 'text',
      charset: 'shift_jis',
      text: expect.stringContaining('<td>お名前 ※</td>'),
    })
  })
})

describe('a page is not adopted', () => {
  test('when it is empty or too large', () => {
    expect(readPage(new Uint8Array())).toEqual({ kind: 'not-adopted', reason: 'the file is empty' })
    expect(readPage(new Uint8Array(maxPageBytes).fill(0x20)).kind).toBe('text')
    expect(readPage(new Uint8Array(maxPageBytes + 1).fill(0x20))).toEqual({
      kind: 'not-adopted',
      reason: 'the file is larger than 5 MB',
    })
  })

  test('when its bytes are not of its encoding', () => {
    expect(readPage(latin1('<p>\xff'))).toEqual({
      kind: 'not-adopted',
      reason: 'its bytes are not valid utf-8, which holds for pages that name no encoding in their first 1024 bytes',
    })
    expect(readPage(latin1('<meta charset=shift_jis>\x82'))).toEqual({
      kind: 'not-adopted',
      reason: 'its bytes are not valid shift_jis, as the page says',
    })
    // Cut in the middle of a character.
    expect(readPage(utf8.encode('<p>花').subarray(0, 5)).kind).toBe('not-adopted')
  })
})

test('any bytes are read or not adopted', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc
      .constantFrom(
        '<meta',
        ' charset=',
        'euc-jp',
        '>',
        '<!--',
        '-->',
        '"',
        "'",
        '=',
        '/',
        '<',
        '\xef\xbb\xbf',
        '\xfe\xff',
      )
      .map(latin1),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 100 }), (pieces) => {
      const page = readPage(Uint8Array.from(pieces.flatMap((bytes) => [...bytes])))
      expect(page.kind === 'text' ? page.charset : page.reason).not.toBe('')
    }),
    { numRuns: 1000 },
  )
})
