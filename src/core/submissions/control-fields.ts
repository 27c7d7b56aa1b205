import { parseAddress } from '../../mail/address.ts'
import { cleanHeaderText } from '../../mail/mime/encoded-words.ts'
import { type ControlRule, isFormName, type RuleVariant } from '../forms/form.ts'
import { type Convention, conventionOf } from './control-names.ts'
import type { Entry } from './submission.ts'

/**
 * What a post says about itself, in fields that are not part of what the visitor filled in. All of it is only asked for:
 * anybody can post anything, so nothing here names a recipient, a text of a mail, or an address to call.
 */
export type Controls = {
  /** Where the browser wants to go afterwards; not judged yet. */
  next: string | null
  /** Where it wants to go when the post is refused; not judged yet. */
  error: string | null
  /** For the notification: at most 200 characters, nothing that ends a header. */
  subject: string | null
  /** Display name for the notification: at most 100 characters, and nothing that reads like an address. */
  fromName: string | null
  language: string | null
  /** Made when the page was rendered: a repeated post of the same rendering is the same post. */
  idempotencyKey: string | null
  /** Uploads of an earlier try that our own error page carries along. */
  uploads: string | null
  /** An address to answer at, where the form has no e-mail field: as posted, which may be none. */
  replyTo: string | null
  /** Those of the asked-for copies that the form's settings approve, as the settings write them. */
  cc: readonly string[]
  /** Traps that were filled in, with at most 200 characters of what with. */
  honeypot: readonly { name: string; value: string }[]
  /** `others`: names under which answers of captchas came that nobody checks here. */
  captcha: { altcha: string | null; others: readonly string[] }
  /** What the page's script says of the browser; a bot can leave it out or make it up. */
  evidence: { loadedMs: number | null; webdriver: boolean }
  test: boolean
  /** The form the post says it is for. */
  formName: string | null
}

/** What is known of the form: a `FormRecord` fits. Without it no page is known, and no copy approved. */
export type ControlContext = {
  variants: readonly RuleVariant[]
  settings: {
    cc?: readonly string[] | undefined
    emailField?: string | undefined
    route?: { field: string } | undefined
    /** `honeypot`: further names of traps. */
    spam?: { honeypot?: readonly string[] | undefined } | undefined
  }
}

const nothingKnown: ControlContext = { variants: [], settings: {} }

/** Whether a field of this name gives an address to answer at. A page may state rules for it, as for a field of its own. */
export function isReplyToName(name: string): boolean {
  return name.startsWith('_') && conventionOf(name)?.meaning === 'replyTo'
}

/** Names of that kind which a page of the form has rules for. */
export function ruledReplyToNames({ variants }: Pick<ControlContext, 'variants'>): string[] {
  const names = variants.flatMap(({ controls }) => controls.map(({ name }) => name))
  return [...new Set(names.filter(isReplyToName))]
}

/**
 * Parts a post into what was filled in and what controls it (the table in `control-names.ts`). Every name that begins with
 * `_` is control: it is never stored, mailed or shown, also when it means nothing here. Of a name without `_` the form's
 * pages decide; what its settings name as a field stays one. Where several say the same, the first that is filled counts.
 *
 * @example splitControls([{ kind: 'text', name: '_next', value: '/thanks' }]).controls.next // '/thanks'
 */
export function splitControls(
  entries: readonly Entry[],
  form: ControlContext = nothingKnown,
): { fields: Entry[]; controls: Controls } {
  const isControl = controlNames(entries, form)
  const fields: Entry[] = []
  const filled = new Map<string, string[]>()
  for (const entry of entries) {
    if (!isControl(entry)) fields.push(entry)
    else if (entry.kind === 'text' && entry.value.trim() !== '') {
      const values = filled.get(entry.name)
      if (values === undefined) filled.set(entry.name, [entry.value])
      else values.push(entry.value)
    }
  }
  return { fields, controls: read([...filled], form) }
}

// --- which fields -----------------------------------------------------------------------------------------------

function controlNames(entries: readonly Entry[], form: ControlContext): (entry: Entry) => boolean {
  const { emailField, route, spam } = form.settings
  const traps = new Set(spam?.honeypot)
  const own = new Set([emailField, route?.field])
  const rules = new Map<string, ControlRule[]>()
  for (const rule of form.variants.flatMap((variant) => variant.controls)) {
    const others = rules.get(rule.name)
    if (others === undefined) rules.set(rule.name, [rule])
    else others.push(rule)
  }
  const post = {
    pageKnown: form.variants.length > 0,
    saysItsForm: entries.some(({ name }) => conventionOf(name)?.meaning === 'formName'),
  }
  return ({ name, kind }) => {
    if (name.startsWith('_') || traps.has(name)) return true
    const row = conventionOf(name)
    if (row === null || own.has(name)) return false
    if (row.when === 'always') return true
    // A name that means something is never that of an upload.
    return kind === 'text' && isMeant(row, rules.get(name), post)
  }
}

/** What the pages of a form say about a field. */
export type ShownField = Pick<ControlRule, 'kind' | 'required'>

/**
 * Whether a field whose name has a meaning (`conventionOf`) means it.
 *
 * @param rules of the field, one for each page that has it; undefined when none does
 */
export function isMeant(
  { when }: Convention,
  rules: readonly ShownField[] | undefined,
  { pageKnown, saysItsForm }: { pageKnown: boolean; saysItsForm: boolean },
): boolean {
  switch (when) {
    case 'always':
      return true
    case 'not-required':
      return !(rules?.some(({ required }) => required) ?? false)
    case 'not-shown':
      return rules?.every(({ kind }) => kind === 'hidden') ?? true
    case 'hidden':
      if (!pageKnown) return saysItsForm
      return rules?.every(({ kind }) => kind === 'hidden') ?? false
  }
}

// --- what they say ----------------------------------------------------------------------------------------------

/** Longer targets are no addresses of pages; cutting one would lead elsewhere. Characters. */
const maxTarget = 2000
const maxSubject = 200
const maxName = 100
const maxKey = 200
/** Longer than any address: what was cut is none. */
const maxAddress = 1000
const maxCopies = 20
/** Of one trap: enough to see what filled it in. */
const maxTrapped = 200
/** A solution of ALTCHA has a few hundred characters. */
const maxProof = 5000
/** A page that was open for longer was not read for so long. Milliseconds. */
const maxLoaded = 7 * 86_400_000

function read(filled: readonly (readonly [string, readonly string[]])[], form: ControlContext): Controls {
  const meaningOf = (name: string) =>
    (form.settings.spam?.honeypot?.includes(name) ?? false) ? 'honeypot' : conventionOf(name)?.meaning
  const all = (meaning: Convention['meaning']) => filled.filter(([name]) => meaningOf(name) === meaning)
  const first = <T>(meaning: Convention['meaning'], reader: (value: string) => T | null): T | null =>
    all(meaning)
      .flatMap(([, values]) => values.slice(0, 10).map(reader))
      .find((value) => value !== null) ?? null
  return {
    next: first('next', target),
    error: first('error', target),
    subject: first('subject', (value) => line(value, maxSubject)),
    fromName: first('fromName', displayName),
    language: first('language', (value) => (value.length <= 35 ? value : null)),
    idempotencyKey: first('idempotencyKey', (value) => value.slice(0, maxKey)),
    uploads: first('uploads', (value) => value),
    replyTo:
      first('replyTo', (value) => (parseAddress(value).ok ? value.trim() : null)) ??
      first('replyTo', (value) => value.trim().slice(0, maxAddress)),
    cc: approved(
      all('cc').flatMap(([, values]) => values),
      form.settings.cc ?? [],
    ),
    honeypot: all('honeypot')
      .filter(([, values]) => values.some((value) => value !== 'false'))
      .map(([name, [value = '']]) => ({ name, value: start(value, maxTrapped) })),
    captcha: {
      altcha: proof(filled),
      others: all('captcha').flatMap(([name]) => (name === 'altcha' ? [] : [name])),
    },
    evidence: {
      loadedMs: first('loaded', duration),
      webdriver: first('webdriver', isYes) === true,
    },
    test: first('test', isYes) === true,
    formName: formNameOf(all('formName')),
  }
}

function target(value: string): string | null {
  return value.length <= maxTarget ? value : null
}

/** One line that may stand in a header: no control character, no line break of any alphabet, nothing that turns the text. */
function line(value: string, max: number): string | null {
  const clean = cleanHeaderText(value).trim()
  return clean === '' ? null : start(clean, max)
}

/** The first characters, none of them cut in half. */
function start(value: string, max: number): string {
  return value.length <= max ? value : [...value.slice(0, 2 * max)].slice(0, max).join('').toWellFormed()
}

/** Mail programs show the name instead of the address: one that reads like an address would pass for it. */
function displayName(value: string): string | null {
  return /[@＠﹫<>]/u.test(value) ? null : line(value, maxName)
}

function approved(values: readonly string[], allowed: readonly string[]): string[] {
  if (allowed.length === 0) return []
  const key = (text: string) => {
    const parsed = parseAddress(text)
    return parsed.ok ? `${parsed.address.local.toLowerCase()}@${parsed.address.domain}` : null
  }
  const asked = new Set(values.flatMap((value) => value.slice(0, maxTarget).split(/[,;]/).slice(0, maxCopies).map(key)))
  return allowed.filter((address) => asked.has(key(address)))
}

function proof(filled: readonly (readonly [string, readonly string[]])[]): string | null {
  const value = filled.find(([name]) => name === 'altcha')?.[1][0]
  return value !== undefined && value.length <= maxProof ? value : null
}

function duration(value: string): number | null {
  if (!/^[0-9]{1,9}$/.test(value)) return null
  const ms = Number(value)
  return ms <= maxLoaded ? ms : null
}

function isYes(value: string): boolean {
  return !['0', 'false', 'no', 'off'].includes(value.trim().toLowerCase())
}

/** A key says it more precisely than a name; a name that no form can have says nothing. */
function formNameOf(said: readonly (readonly [string, readonly string[]])[]): string | null {
  const rank = ['access_key', 'apikey', 'apiKey', 'accessKey', 'form-name', 'static-form-name', '_form']
  const names = rank.map((name) => said.find(([other]) => other === name)?.[1][0]?.trim())
  return names.find((name) => name !== undefined && isFormName(name)) ?? null
}
