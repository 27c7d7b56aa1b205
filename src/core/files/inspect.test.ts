import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inspectFile } from './inspect.ts'

const octets = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

/** What is found when the bytes come in pieces of these sizes, and the rest in one. */
function inspect(bytes: Uint8Array, sizes: readonly number[] = []) {
  const inspector = inspectFile()
  let from = 0
  for (const size of sizes) {
    inspector.update(bytes.subarray(from, from + size))
    from += size
  }
  inspector.update(bytes.subarray(from))
  return inspector.result()
}

/** A local header of a zip archive and the file behind it. */
function zipped(...names: string[]): Uint8Array {
  const pieces = names.map((name) => {
    const header = new Uint8Array(30)
    header.set(octets('PK\x03\x04'))
    header[26] = name.length
    return [...header, ...octets(name), ...octets('content of it')]
  })
  return Uint8Array.from(pieces.flat())
}

const utf16 = (text: string) => [...text].map((char) => `${char}\0`).join('')
const ole = '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'

describe('what the bytes of a file show', () => {
  test.each([
    ['a PDF', '%PDF-1.7\n', 'application/pdf'],
    ['a PDF behind a mail header', '\r\n\r\n%PDF-1.4', 'application/pdf'],
    ['a PNG', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'image/png'],
    ['a JPEG', '\xff\xd8\xff\xe0', 'image/jpeg'],
    ['a photograph of a telephone', '\0\0\0\x24ftypheic', 'image/heic'],
    ['a film', '\0\0\0\x18ftypmp42', 'video/mp4'],
    ['a program for Windows', `MZ\x90\0${'\0'.repeat(60)}`, 'application/x-executable'],
    ['a program for Linux', '\x7fELF\x02', 'application/x-executable'],
    ['a shell script', '#!/bin/sh\nrm -rf ~', 'text/x-script'],
    ['a shortcut', '\x4c\0\0\0\x01\x14\x02\0', 'application/x-ms-shortcut'],
    ['HTML', '\xef\xbb\xbf\n <!DOCTYPE html><p>', 'text/html'],
    ['HTML without a head', '<script>alert(1)</script>', 'text/html'],
    ['HTML in UTF-16', `\xff\xfe${utf16('<html><body>')}`, 'text/html'],
    ['SVG', '<?xml version="1.0"?>\n<!-- x -->\n<svg xmlns="…">', 'image/svg+xml'],
    ['XML', '<?xml version="1.0"?><invoice/>', 'text/xml'],
    ['an archive', 'Rar!\x1a\x07\x01\0', 'application/vnd.rar'],
  ])('%s', (_name, text, type) => {
    expect(inspect(octets(text))).toEqual({ type })
  })

  test.each(['', 'MZ Trading Co., Ltd.', 'a < b and c > d', 'name,price\n花,1', '山田'])(
    'text shows nothing: %j',
    (text) => {
      expect(inspect(new TextEncoder().encode(text))).toEqual({})
    },
  )

  test('an archive tells of programs and macros inside, a document of neither', () => {
    expect(inspect(zipped('[Content_Types].xml', 'word/document.xml'))).toEqual({ type: 'application/zip' })
    expect(inspect(zipped('[Content_Types].xml', 'xl/vbaProject.bin'))).toMatchObject({ holds: 'macros' })
    expect(inspect(zipped('readme.txt', 'invoice.pdf.EXE'))).toMatchObject({ holds: 'program' })
    // A program counts for more, whatever comes first.
    expect(inspect(zipped('a.exe', 'vbaProject.bin'))).toMatchObject({ holds: 'program' })
    expect(inspect(zipped('vbaProject.bin', 'a.js'))).toMatchObject({ holds: 'program' })
  })

  test('an old office document with macros is told from one without', () => {
    expect(inspect(octets(ole + '\0'.repeat(2000)))).toEqual({ type: 'application/x-ole-storage' })
    expect(inspect(octets(`${ole}${'_'.repeat(2000)}${utf16('_VBA_PROJECT')}`))).toMatchObject({ holds: 'macros' })
  })

  test('how the bytes are cut into pieces changes nothing', () => {
    const files = [
      zipped(...Array.from({ length: 60 }, (_, index) => `file-${index}.txt`), 'setup.exe', 'last.txt'),
      octets(`${ole}${'_'.repeat(1500)}${utf16('_VBA_PROJECT')}${'\0'.repeat(500)}`),
      octets(`PK\x03\x04${'P'.repeat(5000)}PK\x01\x02${'\0'.repeat(24)}\x05${'\0'.repeat(17)}a.bat`),
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 30 }),
        (file, sizes) => {
          expect(inspect(file, sizes)).toEqual(inspect(file))
          expect(inspect(file).holds).toBeDefined()
        },
      ),
    )
  })

  test('any bytes at all are taken', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(() => inspect(Uint8Array.from([...octets('PK\x03\x04'), ...bytes]))).not.toThrow()
        expect(() => inspect(bytes)).not.toThrow()
      }),
    )
  })

  test('10 MB made to be slow are looked through in linear time', () => {
    const bytes = new Uint8Array(10_000_000).fill(0x50)
    bytes.set(octets('PK\x03\x04'))
    const startedAt = performance.now()
    inspect(
      bytes,
      Array.from({ length: 150 }, () => 65_536),
    )
    // Quadratic work would take hours.
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })
})
