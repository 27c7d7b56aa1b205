import type { ControlKind, FormRecord } from '../../forms/form.ts'
import type { Entry } from '../submission.ts'

/** What people may have typed somewhere, in one spelling: without case and width. */
export type TypedText = { name: string; kind: ControlKind | null; text: string }

/** Kinds whose values come from the page, or are addresses of pages by purpose. */
const untyped: ReadonlySet<ControlKind> = new Set(['hidden', 'select', 'radio', 'checkbox', 'color', 'range', 'url'])

/** The texts of a post that somebody typed, as far as the form's pages tell. */
export function typedTexts(form: Pick<FormRecord, 'variants'>, fields: readonly Entry[]): TypedText[] {
  const kinds = new Map(
    form.variants.flatMap(({ controls }) => controls.map(({ name, kind }) => [name, kind] as const)),
  )
  return fields.flatMap((entry) => {
    if (entry.kind !== 'text') return []
    const kind = kinds.get(entry.name) ?? null
    return kind !== null && untyped.has(kind) ? [] : [{ name: entry.name, kind, text: oneSpelling(entry.value) }]
  })
}

/** Of a longer text the rest tells nothing new. Characters. */
const maxJudged = 20_000

/** Marks on one letter that anybody needs; bringing thousands of them into order takes quadratic time. */
const manyMarks = /(\p{M}{30})\p{M}+/gu

function oneSpelling(text: string): string {
  return text.slice(0, maxJudged).replace(manyMarks, '$1').normalize('NFKC').toLowerCase()
}

// --- links ------------------------------------------------------------------------------------------------------

/**
 * What is suspicious about the links of a post: their number where it is over `max`; `markup` that only makes sense to
 * programs; or one in a field for a `name` or a telephone number. Null when nothing is.
 *
 * @param alone whether nothing else speaks against the post: people who make pages write an HTML link to each other, once
 */
export function suspiciousLinks(texts: readonly TypedText[], max: number, alone: boolean): string | null {
  const tags = (each: TypedText) => each.text.match(/<a\s[^>]{0,200}href/gu)?.length ?? 0
  const total = texts.reduce((sum, each) => sum + tags(each), 0)
  const few = total === 0 || (total === 1 && alone && !texts.some((each) => isShort(each) && tags(each) > 0))
  if (!few || texts.some(({ text }) => /\[(?:url|link)[=\]]/u.test(text))) return 'markup'
  if (texts.some((each) => isShort(each) && countLinks(each.text) > 0)) return 'name'
  const count = texts.reduce((sum, { text }) => sum + countLinks(text), 0)
  return count > max ? String(count) : null
}

function countLinks(text: string): number {
  return text.match(/https?:\/\/(?:www\.)?|www\./gu)?.length ?? 0
}

/** Whether a field holds a person's name or a telephone number: no link belongs there. */
function isShort({ name, kind }: TypedText): boolean {
  return kind === 'tel' || (name.length <= 100 && shortFields.has(oneSpelling(name).replace(/[\s._-]/gu, '')))
}

const shortFields = new Set([
  'familyname',
  'firstname',
  'fname',
  'fullname',
  'givenname',
  'lastname',
  'lname',
  'mobile',
  'name',
  'namae',
  'phone',
  'phonenumber',
  'surname',
  'tel',
  'telephone',
  'yourname',
  'yourphone',
  'yourtel',
  'お名前',
  'ご氏名',
  'ふりがな',
  'フリガナ',
  '名前',
  '姓',
  '姓名',
  '氏名',
  '電話',
  '電話番号',
])

// --- words ------------------------------------------------------------------------------------------------------

/** How many of the listed words a post has. Only whole words in Latin letters; Japanese has no spaces to go by. */
export function countWords(texts: readonly TypedText[], words: readonly string[]): number {
  const listed = words.map((word) => oneSpelling(word).trim()).filter((word) => word !== '')
  return listed.filter((word) => texts.some(({ text }) => hasWord(text, word))).length
}

function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + word.length)) {
    const end = at + word.length
    const cut = joins(text[at - 1], word[0]) || joins(word.at(-1), text[end])
    if (!cut) return true
  }
  return false
}

/** Whether two neighbours belong to one word. */
function joins(left: string | undefined, right: string | undefined): boolean {
  const letter = /[\p{Script=Latin}\p{N}]/u
  return left !== undefined && right !== undefined && letter.test(left) && letter.test(right)
}

// --- repetition -------------------------------------------------------------------------------------------------

/** Shorter texts ("thank you", "please call me") come from many people. Characters. */
const minRepeated = 40

/**
 * The text that tells posts apart: the longest one that was typed, without its spaces; null when it is too short to tell.
 * Only of fields that a page is known to let people type into: else it may be a sentence of the page itself.
 */
export function mainText(texts: readonly TypedText[]): string | null {
  const typed = texts.filter(({ kind }) => kind !== null)
  const longest = typed.reduce((best, { text }) => (text.length > best.length ? text : best), '')
  const dense = longest.replace(/\s/gu, '')
  return dense.length >= minRepeated ? dense : null
}
