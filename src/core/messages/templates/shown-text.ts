let segmenter: Intl.Segmenter | null = null

/**
 * The beginning of a text, at most `max` UTF-16 code units long, that ends where a character as people see it ends
 * (UAX #29): no half emoji, no letter without its accent. Where one such character alone is longer, it is cut.
 */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' })
  // Whether there is a boundary depends on what comes before it and on the one character after it.
  const end = segmenter.segment(text.slice(0, max + 2)).containing(max)?.index ?? max
  const cut = text.slice(0, end === 0 ? max : end)
  return cut.isWellFormed() || !isLead(cut.charCodeAt(cut.length - 1)) ? cut : cut.slice(0, -1)
}

function isLead(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** A line that is at most `max` UTF-16 code units long, with an ellipsis where something was left out. */
export function cutLine(line: string, max: number): string {
  return line.length <= max ? line : `${cutText(line, max - 1).trimEnd()}…`
}

const firstStrongIsolate = '\u2068'
const popIsolate = '\u2069'
const popFormatting = '\u202c'

/** Letters written from right to left, and the controls that turn the direction (UAX #9). */
const turning =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u200f\u202a-\u202e\u2066-\u2069\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

/**
 * A value that keeps its direction to itself: beside a Hebrew or Arabic name the neighbouring words and numbers stay where
 * they are, and a control within a value turns nothing outside it. What has neither is returned as it is, so that
 * addresses and numbers can be copied without invisible characters.
 */
export function isolated(value: string): string {
  if (!turning.test(value)) return value
  // Each line is a paragraph of its own, which ends every isolate.
  return value
    .split('\n')
    .map((line) => (turning.test(line) ? `${firstStrongIsolate}${balanced(line)}${popIsolate}` : line))
    .join('\n')
}

/** The text with an end for everything that it opens, and without ends of what it did not open. */
function balanced(line: string): string {
  if (!turning.test(line)) return line
  const open: string[] = []
  let text = ''
  for (const char of line) {
    if (char === popIsolate || char === popFormatting) {
      if (open.at(-1) !== char) continue
      open.pop()
    } else if (/[\u2066-\u2068]/.test(char)) open.push(popIsolate)
    else if (/[\u202a\u202b\u202d\u202e]/.test(char)) open.push(popFormatting)
    text += char
  }
  return text + open.reverse().join('')
}
