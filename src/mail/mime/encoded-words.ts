/** RFC 2047 §2: an encoded word has at most 75 characters, and a line that holds one at most 76. */
export const lineWidth = 76
const longestWord = 75

/**
 * A text as it may stand in a header: control characters and line breaks become a space, characters that turn the
 * direction of what follows (bidi embeddings, overrides, isolates) and byte order marks go, half surrogate pairs become
 * U+FFFD. Everything else stays, the directional marks U+200E and U+200F of right-to-left text and joiners of emoji too.
 *
 * @example cleanHeaderText('Hi\r\nBcc: x@y') // 'Hi Bcc: x@y'
 */
export function cleanHeaderText(text: string): string {
  if (printableAscii.test(text)) return text
  return text
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\u202a-\u202e\u2066-\u2069\ufeff]/g, '')
}

const printableAscii = /^[\x20-\x7e]*$/

/**
 * Whether a clean text can be read literally in a header: printable ASCII, no space at its ends, and nothing that
 * readers take for an encoded word.
 */
export function isLiteral(text: string): boolean {
  return printableAscii.test(text) && !text.startsWith(' ') && !text.endsWith(' ') && !text.includes('=?')
}

/**
 * A clean text as encoded words (RFC 2047), one to a line, folded with CRLF and a space. No character is split over two
 * words, nor is a letter parted from its marks or an emoji from its modifiers as long as they fit into one word.
 * Base64, as Japanese mail programs have always read it, unless quoted-printable is clearly shorter.
 *
 * @param column characters that stand before it on its first line, at most 50
 * @param width of a line; less than 76 where something follows on the last one
 */
export function encodedWords(text: string, column: number, width: number = lineWidth): string {
  const asQ = costs(text, qCost) <= 0.9 * ((costs(text, utf8Length) * 4) / 3)
  const prefix = asQ ? '=?UTF-8?Q?' : '=?UTF-8?B?'
  const room = (before: number) => {
    const characters = Math.min(longestWord, width - before) - prefix.length - '?='.length
    return asQ ? characters : Math.floor(characters / 4) * 3
  }
  return split(text, room(column), room(1), asQ ? qCost : utf8Length)
    .map((piece) => `${prefix}${asQ ? encodeQ(piece) : encodeB(piece)}?=`)
    .join('\r\n ')
}

/**
 * Cuts a text into pieces that cost no more than `room` (the first: `firstRoom`, which is not larger), between characters
 * as people see them. `cost` is that of one code point; one that costs more than there is room for makes a piece of its own.
 */
export function split(text: string, firstRoom: number, room: number, cost: (codePoint: number) => number): string[] {
  const pieces: string[] = []
  let capacity = firstRoom
  /** Where the open piece begins, and what it costs so far. */
  let start = 0
  let size = 0
  /** The last place in it where a cut is good, and what stands before that costs. */
  let cut = 0
  let sizeAtCut = 0
  let previous = 0
  let flags = 0
  for (let index = 0; index < text.length; ) {
    const codePoint = text.codePointAt(index) as number
    flags = isRegionalIndicator(codePoint) ? flags + 1 : 0
    const endsFlag = flags > 0 && flags % 2 === 0
    if (!endsFlag && !joins(previous, codePoint)) {
      cut = index
      sizeAtCut = size
    }
    const own = cost(codePoint)
    while (size > 0 && size + own > capacity) {
      // A cluster too long for a piece (a pile of marks) is cut between its code points.
      const end = cut > start ? cut : index
      pieces.push(text.slice(start, end))
      size = end === cut ? size - sizeAtCut : 0
      start = end
      cut = end
      sizeAtCut = 0
      capacity = room
    }
    size += own
    previous = codePoint
    index += codePoint > 0xffff ? 2 : 1
  }
  pieces.push(text.slice(start))
  return pieces
}

const zeroWidthJoiner = 0x200d
const extending = /[\p{M}\p{Grapheme_Extend}\p{Emoji_Modifier}\u200d]/u

/** Whether two code points belong to one visible character; the rules of UAX #29 that matter in names and subjects. */
function joins(left: number, right: number): boolean {
  if (left === zeroWidthJoiner) return true
  // Most text has none of them: below the first mark, and the letters of Japanese and Chinese.
  if (right < 0x300 || (right > 0x309a && right < 0xa000)) return false
  return extending.test(String.fromCodePoint(right))
}

/** Letters that make a flag by twos. */
function isRegionalIndicator(codePoint: number): boolean {
  return codePoint >= 0x1f1e6 && codePoint <= 0x1f1ff
}

function costs(text: string, cost: (codePoint: number) => number): number {
  let sum = 0
  for (let index = 0; index < text.length; index++) {
    const codePoint = text.codePointAt(index) as number
    if (codePoint > 0xffff) index++
    sum += cost(codePoint)
  }
  return sum
}

/** Octets of a code point in UTF-8. */
export function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  return codePoint < 0x10000 ? 3 : 4
}

/** The characters that "Q" may leave as they are in every place, names included (RFC 2047 §5 (3)). */
const plainInQ = /[A-Za-z0-9!*+/ -]/

function qCost(codePoint: number): number {
  return codePoint < 0x80 && plainInQ.test(String.fromCharCode(codePoint)) ? 1 : 3 * utf8Length(codePoint)
}

const encoder = new TextEncoder()

function encodeB(piece: string): string {
  return btoa(String.fromCharCode(...encoder.encode(piece)))
}

function encodeQ(piece: string): string {
  const characters = [...encoder.encode(piece)].map((octet) => {
    const character = String.fromCharCode(octet)
    if (character === ' ') return '_'
    return plainInQ.test(character) ? character : `=${octet.toString(16).toUpperCase().padStart(2, '0')}`
  })
  return characters.join('')
}
