import { addressIn, parseAddress } from '../../mail/address.ts'
import type { Deps } from '../deps.ts'
import { fitsAccept } from '../files/risk.ts'
import { type Language, pickLanguage } from '../language.ts'
import type { Entry, Observation } from '../submissions/submission.ts'
import { emailOf } from './email-field.ts'
import { emptyError, type FieldError, type FieldErrorCode, fieldError } from './field-errors.ts'
import type { ControlRule, FormRecord, RuleVariant } from './form.ts'
import { isNumericKind, type NumericKind, rangeFaults, readValue } from './input-values.ts'
import { compilePattern } from './pattern.ts'

export type { FieldError, FieldErrorCode }

export type Verdict = {
  /** Empty: the post is accepted. In the order of the form's fields. */
  errors: readonly FieldError[]
  /** What is kept although the page's rules do not know it. */
  observations: readonly Observation[]
  /** The rules it was judged by; null when no page of the form is known. */
  variant: RuleVariant | null
}

export type ValidationContext = {
  /** Path of the page that posted, from the Referer; null when unknown. */
  refererPath: string | null
  /** Language of the messages. */
  language: Language
}

/**
 * Judges a post by the rules of the form's pages, as the browser would have on the values it submits (HTML §4.10.21.3);
 * `test/e2e/constraint-validation.test.ts` compares the two and lists where they differ. Control fields (`_next` …)
 * are not among `entries`.
 *
 * Type, required, length, pattern, minimum, maximum and step are always enforced. Options, unknown fields and kinds of
 * files are observations until the form says `rules: enforce`: a script may well add a field that no page shows.
 *
 * Where pages state different rules, a post that any of them accepts is accepted. Otherwise the errors are those of the
 * page that posted it, or of the page whose fields fit best.
 *
 * Whatever the pages say, the e-mail field must hold one single address of a whole domain, since mail is sent there.
 *
 * @throws nothing that depends on the entries; a pattern that can't be run leaves an observation.
 */
export async function validate(
  deps: Pick<Deps, 'patterns'>,
  form: FormRecord,
  entries: readonly Entry[],
  context: ValidationContext,
): Promise<Verdict> {
  const post: Post = {
    byName: Map.groupBy(entries, ({ name }) => name),
    enforce: form.settings.rules === 'enforce',
    language: context.language,
    badAddress: badAddress(form, entries),
    matches: patternRunner(deps),
  }
  const verdict = await judgeByVariants(post, form.variants, context)
  const isEmpty = !entries.some(isFilled) && form.variants.every(canBeFilled)
  return verdict.errors.length === 0 && isEmpty ? { ...verdict, errors: [emptyError(context.language)] } : verdict
}

type Post = {
  byName: ReadonlyMap<string, readonly Entry[]>
  enforce: boolean
  language: Language
  /** Name of the e-mail field, when what it holds is not one address. */
  badAddress: string | null
  matches: (source: string, safety: 'safe' | 'risky', value: string) => Promise<boolean | 'unknown'>
}

function badAddress(form: FormRecord, entries: readonly Entry[]): string | null {
  const email = emailOf(form, entries)
  return email === null || addressIn(email.value) !== null ? null : email.field
}

/** More patterns than this are not run in the box for one post, which could keep it busy with one field sent many times. */
const maxBoxedRuns = 50

/** Patterns natively, or in a box: there each with each value once, and no more after it took too long. */
function patternRunner({ patterns }: Pick<Deps, 'patterns'>): Post['matches'] {
  const known = new Map<string, boolean | 'unknown'>()
  const stuck = new Set<string>()
  return async (source, safety, value) => {
    if (safety === 'safe') return compilePattern(source)?.test(value) ?? 'unknown'
    const key = `${source}\0${value}`
    const before = known.get(key)
    if (before !== undefined || stuck.has(source) || known.size >= maxBoxedRuns) return before ?? 'unknown'
    const result = await boxed(patterns, source, value)
    known.set(key, result)
    if (result === 'unknown') stuck.add(source)
    return result
  }
}

async function boxed(patterns: Deps['patterns'], source: string, value: string): Promise<boolean | 'unknown'> {
  try {
    const result = await patterns.matches(source, value)
    return result === 'timeout' ? 'unknown' : result
  } catch {
    // A box that is broken is no reason to refuse a visitor.
    return 'unknown'
  }
}

// --- variants ---------------------------------------------------------------------------------------------------

async function judgeByVariants(
  post: Post,
  variants: readonly RuleVariant[],
  context: ValidationContext,
): Promise<Verdict> {
  let accepted: Verdict | null = null
  let refused: { verdict: Verdict; fit: Fit } | null = null
  for (const { variant, fit } of rank(variants, post, context)) {
    const verdict = await judge(post, variant)
    if (verdict.errors.length === 0) {
      if (verdict.observations.length === 0) return verdict
      if (accepted === null || verdict.observations.length < accepted.observations.length) accepted = verdict
    } else if (
      refused === null ||
      (isSameFit(fit, refused.fit) && verdict.errors.length < refused.verdict.errors.length)
    ) {
      refused = { verdict, fit }
    }
  }
  return accepted ?? refused?.verdict ?? judgeWithoutRules(post)
}

function judgeWithoutRules({ badAddress: field, language }: Post): Verdict {
  return { errors: field === null ? [] : [addressError(field, null, language)], observations: [], variant: null }
}

/** How likely a variant is the one the visitor saw. */
type Fit = { isReferer: boolean; overlap: number }

function rank(
  variants: readonly RuleVariant[],
  post: Post,
  { refererPath, language }: ValidationContext,
): { variant: RuleVariant; fit: Fit }[] {
  const ranked = variants.map((variant) => {
    const isOnPage = refererPath !== null && isOnPath(variant, refererPath)
    // Browsers tell other origins no path, so that every page seems to be the front page: a hint, no more.
    const fit = { isReferer: isOnPage && refererPath !== '/', overlap: overlap(variant, post) }
    const hints = Number(isOnPage) + Number(pickLanguage([variant.language]) === language)
    return { variant, fit, hints }
  })
  return ranked.sort(
    (a, b) => Number(b.fit.isReferer) - Number(a.fit.isReferer) || b.fit.overlap - a.fit.overlap || b.hints - a.hints,
  )
}

function isSameFit(a: Fit, b: Fit): boolean {
  return a.isReferer === b.isReferer && a.overlap === b.overlap
}

function overlap(variant: RuleVariant, post: Post): number {
  const names = new Set(variant.controls.map(({ name }) => name))
  return [...post.byName.keys()].filter((name) => names.has(name)).length
}

/**
 * Whether a variant's rules stand on the page with this path, however a server writes it: `/ja/` is `/ja/index.html`,
 * `/contact` is `/contact.html`.
 */
export function isOnPath(variant: RuleVariant, path: string): boolean {
  const asked = comparablePath(path)
  return variant.pages.some((page) => comparablePath(page) === asked)
}

function comparablePath(path: string): string {
  const decoded = percentDecoded(path)
  return decoded.replace(/(?:(?:^|\/)index)?\.html?$/, '').replace(/\/$/, '') || '/'
}

function percentDecoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

// --- one variant ------------------------------------------------------------------------------------------------

/** `length` is that of the value, where there is one. */
type Finding = { code: Exclude<FieldErrorCode, 'EMPTY'> | 'PATTERN_NOT_CHECKED'; length: number }

async function judge(post: Post, variant: RuleVariant): Promise<Verdict> {
  const errors: FieldError[] = []
  const observations = new Map<string, Observation>()
  const observe = (field: string, code: Observation['code']) => observations.set(`${code} ${field}`, { field, code })
  const report = (rule: ControlRule, { code, length }: Finding) => {
    const { name } = rule
    if (code === 'PATTERN_NOT_CHECKED') observe(name, code)
    else if ((code === 'OPTION_UNKNOWN' || code === 'FILE_TYPE') && !post.enforce) observe(name, code)
    else errors.push(fieldError(code, { name, rule, length }, post.language))
  }
  const controls = Map.groupBy(variant.controls, ({ name }) => name)
  for (const [name, rules] of controls) {
    const entries = post.byName.get(name) ?? []
    const shares = allot(rules, entries)
    for (const [index, rule] of rules.entries()) {
      for (const finding of await ruleFindings(post, rule, shares[index] ?? [], entries.length > 0))
        report(rule, finding)
    }
  }
  for (const name of post.byName.keys()) {
    if (controls.has(name)) continue
    if (post.enforce) errors.push(fieldError('FIELD_UNKNOWN', { name, rule: null, length: 0 }, post.language))
    else observe(name, 'FIELD_UNKNOWN')
  }
  const { badAddress: field } = post
  if (field !== null && !errors.some((error) => error.field === field && error.code === 'TYPE_EMAIL')) {
    errors.push(addressError(field, controls.get(field)?.[0] ?? null, post.language))
  }
  return { errors, observations: [...observations.values()], variant }
}

function addressError(name: string, rule: ControlRule | null, language: Language): FieldError {
  return fieldError('TYPE_EMAIL', { name, rule, length: 0 }, language)
}

/**
 * Which control of a name each entry came from. Browsers post controls in tree order: one value each for those that one
 * types into, none or many for those one chooses from. A value that one of the latter offers is its own; the others go to
 * the text fields in turn, and what is left over to the last of them, since scripts copy rows.
 */
function allot(rules: readonly ControlRule[], entries: readonly Entry[]): Entry[][] {
  const shares: Entry[][] = rules.map(() => [])
  if (rules.length === 1) return [[...entries]]
  const choosing = rules.flatMap((rule, index) =>
    rule.options === null ? [] : [{ index, options: new Set(rule.options) }],
  )
  const open = new Set(rules.keys())
  for (const entry of entries) {
    const value = entry.kind === 'text' ? entry.value : null
    const offered = choosing.find(
      ({ index, options }) => value !== null && open.has(index) && options.has(value),
    )?.index
    const isFile = (index: number) => rules[index]?.kind === 'file'
    const next = [...open].find((index) => rules[index]?.options === null && isFile(index) === (value === null))
    const rest = rules.findLastIndex((rule, index) => rule.options === null && isFile(index) === (value === null))
    const index = offered ?? next ?? (rest === -1 ? rules.length - 1 : rest)
    shares[index]?.push(entry)
    if (!takesMany(rules[index])) open.delete(index)
  }
  return shares
}

function takesMany(rule: ControlRule | undefined): boolean {
  return rule?.kind === 'checkbox' || (rule?.multiple === true && rule.kind !== 'email')
}

/** Each fault of a control once, however many of its values have it. `isPosted`: whether the post has the name at all. */
async function ruleFindings(
  post: Post,
  rule: ControlRule,
  share: readonly Entry[],
  isPosted: boolean,
): Promise<Iterable<Finding>> {
  const findings = new Map<Finding['code'], Finding>()
  const find = (code: Finding['code'], length: number) => {
    if (!findings.has(code)) findings.set(code, { code, length })
  }
  if (rule.required && !isMet(rule, share)) find(isPosted ? 'REQUIRED_FIELD_EMPTY' : 'REQUIRED_FIELD_MISSING', 0)
  for (const entry of share) {
    const length = entry.kind === 'text' ? lengthOf(entry.value) : 0
    for (const code of entryFaults(rule, entry)) find(code, length)
    const fault = entry.kind === 'text' ? await patternFault(post, rule, entry.value) : null
    if (fault !== null) find(fault, length)
  }
  return findings.values()
}

function isMet(rule: ControlRule, share: readonly Entry[]): boolean {
  const { requiredOptions } = rule
  if (requiredOptions === undefined) return share.some((entry) => isGiven(rule, entry))
  const values = new Set(share.map((entry) => (entry.kind === 'text' ? entry.value : null)))
  return requiredOptions.every((option) => values.has(option))
}

/** Whether an entry gives a required control what it asks for. An option may well have an empty value. */
function isGiven(rule: ControlRule, entry: Entry): boolean {
  if (entry.kind === 'file') return isFilled(entry)
  return entry.value !== '' || (rule.options?.includes('') ?? false)
}

function entryFaults(rule: ControlRule, entry: Entry): Finding['code'][] {
  if (rule.kind === 'file') return fileFaults(rule, entry)
  if (entry.kind === 'text') return textFaults(rule, entry.value)
  return isFilled(entry) ? ['TYPE_TEXT'] : []
}

/** Without `multipart/form-data` a browser posts no file but its name; the manager must see that it is missing. */
function fileFaults(rule: ControlRule, entry: Entry): Finding['code'][] {
  if (!isFilled(entry)) return []
  if (entry.kind === 'text') return ['FILE_TYPE']
  return rule.accept === null || rule.accept.some((token) => fitsAccept(token, entry.file)) ? [] : ['FILE_TYPE']
}

function textFaults(rule: ControlRule, value: string): Finding['code'][] {
  // All but `required` leave empty values alone.
  if (value === '' || rule.kind === 'hidden') return []
  if (rule.options !== null) return rule.options.includes(value) ? [] : ['OPTION_UNKNOWN']
  const type = typeFault(rule, value)
  if (type !== null) return [type]

  const codes: Finding['code'][] = []
  const length = lengthOf(value)
  if (rule.maxLength !== null && length > rule.maxLength) codes.push('TOO_LONG')
  if (rule.minLength !== null && length < rule.minLength) codes.push('TOO_SHORT')
  const number = isNumericKind(rule.kind) ? readValue(rule.kind, value) : null
  return number !== null && isNumericKind(rule.kind) ? [...codes, ...rangeFaults(rule.kind, rule, number)] : codes
}

/** UTF-16 code units, a newline counted as one: the value a script sees, not the one that is posted with CRLF. */
function lengthOf(value: string): number {
  return value.replace(/\r\n/g, '\n').length
}

const typeCodes: Record<NumericKind, Finding['code']> = {
  number: 'TYPE_NUMERIC',
  range: 'TYPE_NUMERIC',
  date: 'TYPE_DATE',
  month: 'TYPE_MONTH',
  week: 'TYPE_WEEK',
  time: 'TYPE_TIME',
  'datetime-local': 'TYPE_DATETIME',
}

/** What browsers would not let one type, or not post; white space around addresses they drop before. */
function typeFault({ kind, multiple }: ControlRule, value: string): Finding['code'] | null {
  if (isNumericKind(kind)) return readValue(kind, value) === null ? typeCodes[kind] : null
  switch (kind) {
    case 'email':
      return (multiple ? value.split(',') : [value]).every((one) => isEmail(one.trim())) ? null : 'TYPE_EMAIL'
    case 'url':
      return isUrl(value.trim()) ? null : 'TYPE_URL'
    case 'color':
      return /^#[0-9a-f]{6}$/i.test(value) ? null : 'TYPE_COLOR'
    case 'text':
    case 'search':
    case 'tel':
    case 'password':
      return /[\r\n]/.test(value) ? 'TYPE_TEXT' : null
    default:
      return null
  }
}

/** HTML §4.10.5.1.5. Browsers send international domains as A-labels; what others send may have the letters themselves. */
const emailPattern =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i

function isEmail(text: string): boolean {
  return emailPattern.test(text) || parseAddress(text).ok
}

function isUrl(text: string): boolean {
  return !/[\r\n]/.test(text) && URL.canParse(text)
}

async function patternFault(post: Post, rule: ControlRule, value: string): Promise<Finding['code'] | null> {
  const { pattern } = rule
  if (pattern === null || value === '' || typeFault(rule, value) !== null) return null
  const values = rule.kind === 'email' && rule.multiple ? value.split(',').map((one) => one.trim()) : [value]
  let isChecked = true
  for (const one of values) {
    const result = await post.matches(pattern.source, pattern.safety, one)
    if (result === false) return 'PATTERN_MISMATCH'
    isChecked &&= result !== 'unknown'
  }
  return isChecked ? null : 'PATTERN_NOT_CHECKED'
}

// --- the whole post ---------------------------------------------------------------------------------------------

/** Whether somebody filled it in: blank text is nothing, and so is the empty file that browsers post for none. */
function isFilled(entry: Entry): boolean {
  return entry.kind === 'text' ? entry.value.trim() !== '' : entry.file.size > 0 || entry.file.fileName !== ''
}

/** A form of nothing but buttons and hidden fields is posted as it is. */
function canBeFilled(variant: RuleVariant): boolean {
  return variant.controls.some(({ kind }) => kind !== 'hidden')
}
