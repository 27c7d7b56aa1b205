import { hasRiskyName } from './risk.ts'

/** What the bytes of a file show, whatever its name and its sender say. */
export type FileContent = {
  /** Media type that its first bytes show. Absent where they show none: plain text shows none. */
  type?: string
  /** What lies inside a document or an archive. */
  holds?: 'macros' | 'program'
}

export type Inspector = {
  /** The next bytes of the file. */
  update(chunk: Uint8Array): void
  /** What was seen so far. */
  result(): FileContent
}

/** So much of a file's beginning is looked at; markup may begin with a comment. */
const headBytes = 1024

/**
 * Looks at a file while it passes. Keeps its first kilobyte and, of archives and old office documents, the names of
 * what lies inside; never the content.
 */
export function inspectFile(): Inspector {
  const head = new Uint8Array(headBytes)
  let length = 0
  let type: string | undefined
  let holds: FileContent['holds']
  const note = (found: FileContent['holds']) => {
    if (found === 'program' || holds === undefined) holds = found ?? holds
  }
  /** Before the head is full it is searched along with it. */
  let search: ((chunk: Uint8Array) => void) | null = null

  function decide(): void {
    type = typeOf(head.subarray(0, length))
    if (type === 'application/zip') search = zipSearch(note)
    else if (type === oleType) search = macroSearch(note)
    search?.(head.subarray(0, length))
  }

  return {
    update(chunk) {
      const taken = chunk.subarray(0, headBytes - length)
      head.set(taken, length)
      const wasOpen = length < headBytes
      length += taken.length
      if (wasOpen && length === headBytes) decide()
      if (length === headBytes) search?.(chunk.subarray(taken.length))
    },
    result() {
      if (length < headBytes) decide()
      return { ...(type === undefined ? {} : { type }), ...(holds === undefined ? {} : { holds }) }
    },
  }
}

// --- the first bytes --------------------------------------------------------------------------------------------

/** Compound file (MS-CFB): .doc, .xls, .ppt, .msg, .msi. */
export const oleType = 'application/x-ole-storage'

/** Offset, bytes as a string of octets, type. The first that fits counts. */
const signatures: readonly (readonly [offset: number, bytes: string, type: string])[] = [
  [0, '\x7fELF', 'application/x-executable'],
  [0, '\xfe\xed\xfa\xce', 'application/x-executable'],
  [0, '\xfe\xed\xfa\xcf', 'application/x-executable'],
  [0, '\xce\xfa\xed\xfe', 'application/x-executable'],
  [0, '\xcf\xfa\xed\xfe', 'application/x-executable'],
  [0, '\xca\xfe\xba\xbe', 'application/x-executable'],
  [0, '#!', 'text/x-script'],
  [0, '\x4c\0\0\0\x01\x14\x02\0', 'application/x-ms-shortcut'],
  [0, 'ITSF', 'application/vnd.ms-htmlhelp'],
  [0, 'FWS', 'application/x-shockwave-flash'],
  [0, 'CWS', 'application/x-shockwave-flash'],
  [0, '\x89PNG\r\n\x1a\n', 'image/png'],
  [0, '\xff\xd8\xff', 'image/jpeg'],
  [0, 'GIF87a', 'image/gif'],
  [0, 'GIF89a', 'image/gif'],
  [0, 'II*\0', 'image/tiff'],
  [0, 'MM\0*', 'image/tiff'],
  [8, 'WEBP', 'image/webp'],
  [8, 'WAVE', 'audio/wav'],
  [4, 'ftypavif', 'image/avif'],
  [4, 'ftyphei', 'image/heic'],
  [4, 'ftyphev', 'image/heic'],
  [4, 'ftypmif1', 'image/heic'],
  [4, 'ftypmsf1', 'image/heic'],
  [4, 'ftypM4A', 'audio/mp4'],
  [4, 'ftypqt', 'video/quicktime'],
  [4, 'ftyp', 'video/mp4'],
  [0, '\x1aE\xdf\xa3', 'video/webm'],
  [0, 'OggS', 'audio/ogg'],
  [0, 'fLaC', 'audio/flac'],
  [0, 'ID3', 'audio/mpeg'],
  [0, 'PK\x03\x04', 'application/zip'],
  [0, 'PK\x05\x06', 'application/zip'],
  [0, 'Rar!\x1a\x07', 'application/vnd.rar'],
  [0, '7z\xbc\xaf\x27\x1c', 'application/x-7z-compressed'],
  [0, '\x1f\x8b\x08', 'application/gzip'],
  [0, 'MSCF\0\0\0\0', 'application/vnd.ms-cab-compressed'],
  [0, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', oleType],
  [0, '{\\rtf', 'application/rtf'],
]

function typeOf(head: Uint8Array): string | undefined {
  const octets = Array.from(head, (byte) => String.fromCharCode(byte)).join('')
  // Two letters begin a text as well; a program of Windows has zeros in its first header.
  if (octets.startsWith('MZ') && octets.slice(0, 64).includes('\0')) return 'application/x-executable'
  const known = signatures.find(([offset, bytes]) => octets.startsWith(bytes, offset))
  if (known !== undefined) return known[2]
  return markupType(octets) ?? (octets.includes('%PDF-') ? 'application/pdf' : undefined)
}

/** HTML and SVG as browsers would take them for: by the first tags, in UTF-8 or UTF-16, after white space and comments. */
function markupType(octets: string): string | undefined {
  const text = octets
    .replaceAll('\0', '')
    .replace(/^(?:\xef\xbb\xbf|\xfe\xff|\xff\xfe)/, '')
    .trimStart()
  if (!text.startsWith('<')) return undefined
  if (/<svg[\s>/:]/i.test(text)) return 'image/svg+xml'
  if (
    /<(?:!doctype\s+html|html|head|body|script|iframe|object|embed|style|meta|table|div|a|img|form)[\s>/]/i.test(text)
  )
    return 'text/html'
  return text.startsWith('<?xml') ? 'text/xml' : undefined
}

// --- what lies inside -------------------------------------------------------------------------------------------

/** Where a header of a zip archive (APPNOTE 4.3) has its name: local ones, and those of the central directory. */
const zipHeaders = [
  { third: 3, fourth: 4, size: 30, nameLength: 26 },
  { third: 1, fourth: 2, size: 46, nameLength: 28 },
] as const

/** A longer name is cut: its ending is then not seen, and no archiver makes one. */
const maxName = 1024

/** Of a name its ending tells what it is. */
const maxEnding = 100

/** Headers looked at in one file: what has more is no archive that people send. */
const maxHeaders = 20_000

/** Reads the names in a zip archive, wherever its pieces are cut. */
function zipSearch(note: (found: 'macros' | 'program') => void): (chunk: Uint8Array) => void {
  let rest: Uint8Array = new Uint8Array()
  let headers = 0
  return (chunk) => {
    if (headers > maxHeaders) return
    const bytes = joined(rest, chunk)
    let from = 0
    for (;;) {
      const at = bytes.indexOf(0x50, from)
      if (at === -1) {
        rest = new Uint8Array()
        return
      }
      if (at + 4 > bytes.length) {
        rest = bytes.slice(at)
        return
      }
      const header = zipHeaders.find(({ third, fourth }) => bytes[at + 2] === third && bytes[at + 3] === fourth)
      if (bytes[at + 1] !== 0x4b || header === undefined) {
        from = at + 1
        continue
      }
      const start = at + header.size
      const size = start > bytes.length ? 0 : Math.min(u16(bytes, at + header.nameLength), maxName)
      if (start + size > bytes.length) {
        rest = bytes.slice(at)
        return
      }
      headers += 1
      if (headers > maxHeaders) return
      const ending = bytes.subarray(Math.max(start, start + size - maxEnding), start + size)
      const name = String.fromCharCode(...ending).toLowerCase()
      const risk = hasRiskyName(name)
      if (name.endsWith('vbaproject.bin')) note('macros')
      else if (risk === 'program' || risk === 'script' || name.endsWith('.class')) note('program')
      from = at + 4
    }
  }
}

/** `_VBA_PROJECT` as the directory of a compound file writes it (MS-OVBA §2.2.1, UTF-16LE). */
const vbaProject = Uint8Array.from([...'_VBA_PROJECT'].flatMap((char) => [char.charCodeAt(0), 0]))

function macroSearch(note: (found: 'macros') => void): (chunk: Uint8Array) => void {
  let rest: Uint8Array = new Uint8Array()
  return (chunk) => {
    const bytes = joined(rest, chunk)
    let at = bytes.indexOf(vbaProject[0] as number)
    while (at !== -1 && at + vbaProject.length <= bytes.length) {
      if (vbaProject.every((byte, index) => bytes[at + index] === byte)) note('macros')
      at = bytes.indexOf(vbaProject[0] as number, at + 1)
    }
    rest = at === -1 ? new Uint8Array() : bytes.slice(at)
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  const bytes = new Uint8Array(a.length + b.length)
  bytes.set(a)
  bytes.set(b, a.length)
  return bytes
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}
