import { run as spellCheck } from '@zootools/email-spell-checker'
import { formatAddress, isReservedDomain, parseAddress } from '../../mail/address.ts'
import { isKnownMailDomain, misplaced, oftenMistyped } from './mail-domains.ts'

/** The longest address there is (RFC 5321 §4.5.3.1.3, without its brackets). UTF-16 units. */
const longest = 254

/**
 * The address that somebody probably meant; null when nothing looks wrong with what they typed. It is only ever a
 * question to that person: `gmial.com` is a real domain, and nothing is changed without their yes.
 *
 * Looked for are the width and the punctuation of a Japanese keyboard (`＠`, `。`), endings that do not exist (`.con`,
 * `.cojp`, `.co.j`), lost, doubled and misplaced dots, providers under an ending they do not use (`docomo.co.jp`), and
 * misspelt names of providers that many people use. The local part stays as it is, but for its width. Known domains,
 * names for tests (RFC 2606), IP literals and international domains get no suggestion.
 *
 * What it gives is an address that `parseAddress` takes, differs from what was typed, and gets no suggestion itself. Takes
 * some microseconds; more than 254 characters give null.
 *
 * @example suggestAddress('hanako@docomo.co.jp') // 'hanako@docomo.ne.jp'
 * @example suggestAddress('hanako＠gmail。con') // 'hanako@gmail.com'
 * @example suggestAddress('hanako@example.co.jp') // null
 */
export function suggestAddress(email: string): string | null {
  if (email.length > longest) return null
  const [local, typedDomain, more] = narrow(email).trim().split('@')
  if (local === undefined || typedDomain === undefined || more !== undefined) return null
  const domain = punctuated(typedDomain)
  if (!plainDomain.test(domain) || hasALabel.test(domain) || isReservedDomain(domain)) return null

  const meant = parseAddress(`${local.trim()}@${meantDomain(domain)}`)
  if (!meant.ok) return null
  const suggestion = formatAddress(meant.address)
  const typed = parseAddress(email)
  return suggestion === email || (typed.ok && formatAddress(typed.address) === suggestion) ? null : suggestion
}

// --- characters -------------------------------------------------------------------------------------------------

/** ASCII in full width, and the full stop that an input method gives for a dot, also its half-width form. */
const wide = /[\uff01-\uff5e\u3002\uff61]/g
const wideOffset = 0xff01 - 0x21

function narrow(text: string): string {
  return text.replace(wide, (char) =>
    char === '\u3002' || char === '\uff61' ? '.' : String.fromCharCode(char.charCodeAt(0) - wideOffset),
  )
}

/** Labels of a domain in ASCII, with a dot or none. */
const plainDomain = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/
const hasALabel = /(?:^|\.)xn--/

/**
 * A domain with one dot where one or several of what stands for a dot were typed, and none at its ends. Commas are dots
 * that missed, `ー` is the key beside them; spaces come from keyboards that add one after a dot.
 */
function punctuated(typed: string): string {
  return typed
    .trim()
    .toLowerCase()
    .replace(/[\u30fc\u2010-\u2015\u2212]/g, '-')
    .split(/[.,;\u3001\uff64]/)
    .map((label) => label.trim())
    .filter((label) => label !== '')
    .join('.')
}

// --- domains ----------------------------------------------------------------------------------------------------

function meantDomain(typed: string): string {
  if (isRight(typed)) return typed
  const domain = withEnding(typed)
  if (isRight(domain)) return domain
  return misplaced.get(domain) ?? dotless.get(domain.replaceAll('.', '')) ?? closest(domain) ?? domain
}

function isRight(domain: string): boolean {
  return isKnownMailDomain(domain) && !misplaced.has(domain)
}

/** Often mistyped domains by their letters alone: `gmai.lcom`, `docomone.jp`, `isoftbank.jp`. */
const dotless = new Map(oftenMistyped.map((domain) => [domain.replaceAll('.', ''), domain]))

/** Last labels that no top-level domain has, and what they stand for. */
const slips = new Map([
  ...slipsOf('com', 'con cmo ocm vom xom cpm clm cim comm coom ccom comn conm coml c0m vcom xcom comcom'),
  ...slipsOf('net', 'nte nett neet nrt'),
  ...slipsOf('org', 'ogr orgg orf'),
  ...slipsOf('jp', 'jpp jjp jpjp jp1'),
  ...['co', 'ne', 'or', 'ac', 'go', 'ed', 'lg', 'gr', 'ad'].flatMap((label) =>
    slipsOf(`${label}.jp`, `${label}jp ${label}-jp ${label}jpp`),
  ),
  ...['co', 'ne', 'or', 'ac', 'go'].flatMap((label) => slipsOf(`${label}.jp`, `${label}j`)),
])

/** After the second level of `jp`: one of two letters lost, swapped or missed. Under `jo` and the others there is no such second level. */
const slipOfJp = /\.(co|ne|or|ac|go|ed|lg)\.(?:j|p|pj|hp|ip|jo|jl|kp|up|jb)$/

/** A single label that was meant to have an ending; the longest ending first. */
const lostDot = /^(.{2,})(cojp|nejp|orjp|acjp|gojp)$|^(.{3,})(jp|com)$/
/** Words that end in `com` themselves. */
const wordInCom = /(?:tele|inter|dot)com$/

/**
 * The domain with an ending that exists, where the one it has does not. What it gives has an ending that stays.
 *
 * @example withEnding('example.cojp') // 'example.co.jp'
 */
function withEnding(domain: string): string {
  const dot = domain.lastIndexOf('.')
  const last = domain.slice(dot + 1)
  if (dot === -1) {
    const [, longName, longEnding, name, ending] = lostDot.exec(domain) ?? []
    if (longName !== undefined && longEnding !== undefined) return `${longName}.${slips.get(longEnding) ?? longEnding}`
    return name === undefined || ending === undefined || wordInCom.test(domain) ? domain : `${name}.${ending}`
  }
  const meant = slips.get(last)
  if (meant !== undefined) return `${domain.slice(0, dot)}.${meant}`
  return domain.replace(slipOfJp, '.$1.jp')
}

function slipsOf(ending: string, typed: string): [string, string][] {
  return typed.split(' ').map((slip) => [slip, ending])
}

// --- spelling ---------------------------------------------------------------------------------------------------

/**
 * The often mistyped domain that differs by so little that it was probably meant. The library looks for it; the distance
 * is ours, and its rules for endings are off: they take every `.ne.jp` for a `.net`, and every `.or.jp` for an `.org`.
 */
function closest(domain: string): string | null {
  const found = spellCheck({
    email: `x@${domain}`,
    domains: candidates,
    domainThreshold: 2,
    secondLevelDomains: [],
    topLevelDomains: [],
    distanceFunction: spellingDistance,
  })
  return found?.domain ?? null
}

const candidates = [...oftenMistyped]

/** Greater than every threshold. */
const tooFar = 100

type Spelling = { name: string; ending: string; labels: number; tolerance: number; endingTolerance: number }

const spellings = new Map(
  oftenMistyped.map((domain): [string, Spelling] => {
    const first = domain.startsWith('i.') ? domain.indexOf('.', 2) : domain.indexOf('.')
    const name = domain.slice(0, first)
    const ending = domain.slice(first + 1)
    // Of two letters nearly each pair is a country; slips that are none were corrected before.
    const endingTolerance = ending.length === 2 ? 0 : 1
    const labels = ending.split('.').length
    return [domain, { name, ending, labels, tolerance: toleranceFor(name), endingTolerance }]
  }),
)

/** How many letters of a name may be wrong: none where nearly every short word is a domain of somebody. */
function toleranceFor(name: string): number {
  if (name.length <= 4) return 0
  return name.length <= 8 ? 1 : 2
}

/**
 * Mistakes that turn a candidate into what was typed; `tooFar` where it must not be suggested: a wrong first letter (but for
 * a swap with the second), too many wrong letters for the length, or another ending.
 */
function spellingDistance(typed: string, candidate: string): number {
  const spelling = spellings.get(candidate)
  if (spelling === undefined || Math.abs(typed.length - candidate.length) > 2) return tooFar
  const { name, ending, labels, tolerance, endingTolerance } = spelling
  const split = endingStart(typed, labels)
  if (split === -1) return tooFar
  const typedName = typed.slice(0, split)
  if (typedName[0] !== name[0] && !isSwapped(typedName, name)) return tooFar
  const wrongEnding = editDistance(typed.slice(split + 1), ending, endingTolerance)
  if (wrongEnding > endingTolerance) return tooFar
  const wrongName = editDistance(typedName, name, tolerance)
  return wrongName > tolerance ? tooFar : wrongName + wrongEnding
}

/** Where the dot before the last `labels` labels is; -1 when there are not so many. */
function endingStart(domain: string, labels: number): number {
  const last = domain.lastIndexOf('.')
  return labels === 1 || last <= 0 ? last : domain.lastIndexOf('.', last - 1)
}

function isSwapped(typed: string, name: string): boolean {
  return typed[0] === name[1] && typed[1] === name[0] && typed.slice(2) === name.slice(2)
}

/**
 * Letters added, lost, replaced or swapped with their neighbour (optimal string alignment); any number above `limit` means
 * more than `limit`. Both texts are short: a candidate's length and two more at most.
 */
function editDistance(a: string, b: string, limit: number): number {
  if (a === b) return 0
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const cost = Math.min(
        (row[j - 1] ?? 0) + 1,
        (last[j] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (beforeLast[j - 2] ?? 0) + 1 : tooFar,
      )
      row.push(cost)
      least = Math.min(least, cost)
    }
    if (least > limit) return limit + 1
    beforeLast = last
    last = row
  }
  return last[b.length] ?? limit + 1
}
