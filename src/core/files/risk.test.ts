import { describe, expect, test } from 'vitest'
import type { StoredFile } from '../submissions/submission.ts'
import type { FileContent } from './inspect.ts'
import { attachedType, fitsAccept, riskOf, riskyExtensions } from './risk.ts'

const file = (fileName: string, type = '', content?: FileContent): StoredFile => ({
  blob: 'b',
  fileName,
  type,
  size: 1,
  hash: 'h',
  ...(content === undefined ? {} : { content }),
})

describe('what stays out of mails', () => {
  test.each([
    ['見積書.pdf', 'application/pdf', { type: 'application/pdf' }, null],
    ['photo.HEIC', 'image/heic', { type: 'image/heic' }, null],
    ['data.csv', 'text/csv', undefined, null],
    ['report.docx', '', { type: 'application/zip' }, null],
    ['old.xls', '', { type: 'application/x-ole-storage' }, null],
    ['setup.exe', 'application/pdf', undefined, 'program'],
    ['setup.EXE. . ', '', undefined, 'program'],
    ['invoice\u202efdp.exe', 'application/pdf', undefined, 'program'],
    ['photo.jpg', 'image/jpeg', { type: 'application/x-executable' }, 'program'],
    ['run', '', { type: 'text/x-script' }, 'script'],
    ['macro.js', 'text/plain', undefined, 'script'],
    ['logo.svg', 'image/svg+xml', undefined, 'markup'],
    ['logo.png', 'image/png', { type: 'image/svg+xml' }, 'markup'],
    ['page', 'TEXT/HTML; charset=utf-8', undefined, 'markup'],
    ['book.xlsm', '', { type: 'application/zip' }, 'macros'],
    ['book.xls', '', { type: 'application/x-ole-storage', holds: 'macros' }, 'macros'],
    ['files.zip', '', { type: 'application/zip', holds: 'program' }, 'archive'],
    ['files.zip', '', { type: 'application/zip' }, null],
  ] as const)('%s (%s, %j): %s', (name, type, content, risk) => {
    expect(riskOf(file(name, type, content))).toBe(risk)
  })

  test('no ending is listed twice', () => {
    const all = Object.values(riskyExtensions).flat()
    expect(new Set(all).size).toBe(all.length)
  })
})

describe('the type a file is attached with', () => {
  test.each([
    ['image/png', { type: 'image/png' }, 'image/png'],
    ['application/pdf', undefined, 'application/pdf'],
    ['text/plain; charset=Shift_JIS', undefined, 'text/plain'],
    ['image/png', { type: 'image/jpeg' }, 'image/jpeg'],
    ['text/html', undefined, 'application/octet-stream'],
    ['image/svg+xml', undefined, 'application/octet-stream'],
    ['application/xhtml+xml', undefined, 'application/octet-stream'],
    ['text/xml', undefined, 'application/octet-stream'],
    ['application/x-msdownload', undefined, 'application/octet-stream'],
    ['message/rfc822', undefined, 'application/octet-stream'],
    ['image/png', { type: 'text/html' }, 'application/octet-stream'],
    [
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      { type: 'application/zip' },
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    ],
    ['\r\nBcc: x', undefined, 'application/octet-stream'],
  ] as const)('%s with %j goes as %s', (type, content, attached) => {
    expect(attachedType(file('x', type, content))).toBe(attached)
  })
})

describe('whether a file is what the page asks for', () => {
  test.each([
    ['image/*', file('a.png', 'image/png', { type: 'image/png' }), true],
    ['image/*', file('a.png', 'image/png'), true],
    ['image/*', file('a.png', 'image/png', { type: 'application/x-executable' }), false],
    ['image/*', file('a.png', 'image/png', { type: 'application/pdf' }), false],
    ['audio/*', file('a.m4a', 'audio/mp4', { type: 'video/mp4' }), true],
    ['.pdf', file('a.PDF', '', { type: 'application/pdf' }), true],
    ['.pdf', file('a.pdf', 'application/pdf', { type: 'application/x-executable' }), false],
    ['.pdf', file('a.txt', 'application/pdf'), false],
    ['.docx', file('a.docx', '', { type: 'application/zip' }), true],
    ['.docx', file('a.docx', '', { type: 'application/pdf' }), false],
    ['.doc', file('a.doc', '', { type: 'application/x-ole-storage' }), true],
    ['.doc', file('a.doc', '', { type: 'application/rtf' }), true],
    ['.dwg', file('a.dwg', '', { type: 'text/html' }), false],
    ['.exe', file('a.exe', '', { type: 'application/x-executable' }), true],
    ['.csv', file('a.csv', '', { type: 'text/x-script' }), true],
    ['image/jpeg', file('a.jpg', 'image/jpeg', { type: 'image/jpeg' }), true],
    ['image/jpeg', file('a.jpg', 'image/jpeg', { type: 'image/png' }), false],
    ['image/jpeg', file('a.jpg', 'image/jpg', { type: 'image/jpeg' }), false],
    ['application/zip', file('a.zip', 'application/zip', { type: 'application/zip' }), true],
    ['*/*', file('a', ''), true],
  ] as const)('%s, %j: %s', (token, posted, fits) => {
    expect(fitsAccept(token, posted)).toBe(fits)
  })
})
