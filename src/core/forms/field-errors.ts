import type { Language, Sentence } from '../language.ts'
import type { ControlKind, ControlRule } from './form.ts'

/** What can be wrong with a post; API answers and pages carry these. */
export const fieldErrorCodes = [
  /** The post has no field of this name. */
  'REQUIRED_FIELD_MISSING',
  'REQUIRED_FIELD_EMPTY',
  'TYPE_EMAIL',
  'TYPE_URL',
  'TYPE_NUMERIC',
  'TYPE_DATE',
  'TYPE_TIME',
  'TYPE_MONTH',
  'TYPE_WEEK',
  'TYPE_DATETIME',
  'TYPE_COLOR',
  /** A file where text belongs, or several lines where one belongs. */
  'TYPE_TEXT',
  'PATTERN_MISMATCH',
  'TOO_LONG',
  'TOO_SHORT',
  'RANGE_UNDERFLOW',
  'RANGE_OVERFLOW',
  'STEP_MISMATCH',
  /** The last three only where the form says `rules: enforce`; otherwise they are observations. */
  'OPTION_UNKNOWN',
  'FIELD_UNKNOWN',
  'FILE_TYPE',
  /** Of the whole post: nothing in it is filled. */
  'EMPTY',
] as const
export type FieldErrorCode = (typeof fieldErrorCodes)[number]

/** `field` is the control's name, null where the whole post is meant. `message` is a sentence for the submitter. */
export type FieldError = { field: string | null; code: FieldErrorCode; message: string }

/** What a sentence about a field needs to know of it. `length` is that of the value that was posted. */
export type ErrorSubject = { name: string; rule: ControlRule | null; length: number }

/**
 * An error with its sentence, which calls the field by its label. Values are never repeated in it.
 *
 * @example fieldError('REQUIRED_FIELD_EMPTY', { name: 'n', rule, length: 0 }, 'en').message // 'Please fill in “Name”.'
 */
export function fieldError(
  code: Exclude<FieldErrorCode, 'EMPTY'>,
  subject: ErrorSubject,
  language: Language,
): FieldError {
  const label = labelOf(subject)
  const sentence = sentences[code](subject.rule, subject.length)
  return { field: subject.name, code, message: sentence[language].replace('{label}', () => label) }
}

/** The error of a post in which nothing is filled. */
export function emptyError(language: Language): FieldError {
  return { field: null, code: 'EMPTY', message: emptySentence[language] }
}

const emptySentence: Sentence = { en: 'Nothing was filled in.', ja: '何も入力されていません。' }

/** Colons and stars that labels often end with don't read well in a sentence. */
function labelOf({ name, rule }: ErrorSubject): string {
  const label = (rule?.label ?? '').replace(/[\s:：*＊※]{1,20}$/, '')
  const text = label === '' ? name : label
  return text.length <= 100 ? text : `${text.slice(0, 100).toWellFormed()}…`
}

type Writer = (rule: ControlRule | null, length: number) => Sentence

const required: Writer = (rule) => (rule === null ? askFor.text : (askFor[rule.kind] ?? askFor.text))

const askFor: Partial<Record<ControlKind, Sentence>> & { text: Sentence } = {
  text: { en: 'Please fill in “{label}”.', ja: '「{label}」を入力してください。' },
  select: { en: 'Please choose “{label}”.', ja: '「{label}」を選択してください。' },
  radio: { en: 'Please choose “{label}”.', ja: '「{label}」を選択してください。' },
  checkbox: { en: 'Please tick “{label}”.', ja: '「{label}」にチェックを入れてください。' },
  file: { en: 'Please choose a file for “{label}”.', ja: '「{label}」のファイルを選択してください。' },
}

const stepUnits: Partial<Record<ControlKind, Sentence>> = {
  date: { en: ' days', ja: ' 日' },
  month: { en: ' months', ja: ' か月' },
  week: { en: ' weeks', ja: ' 週' },
  time: { en: ' seconds', ja: ' 秒' },
  'datetime-local': { en: ' seconds', ja: ' 秒' },
}

/** Whether there is more and less of it, rather than later and earlier. */
function isMeasured(rule: ControlRule | null): boolean {
  return rule?.kind === 'number' || rule?.kind === 'range'
}

const sentences: Record<Exclude<FieldErrorCode, 'EMPTY'>, Writer> = {
  REQUIRED_FIELD_MISSING: required,
  REQUIRED_FIELD_EMPTY: required,
  TYPE_EMAIL: () => ({
    en: '“{label}” must be one e-mail address, like hanako@example.jp.',
    ja: '「{label}」には hanako@example.jp のように、メールアドレスを半角で 1 つ入力してください。',
  }),
  TYPE_URL: () => ({
    en: '“{label}” must be a full address, like https://www.example.jp/.',
    ja: '「{label}」には https://www.example.jp/ のように URL を入力してください。',
  }),
  TYPE_NUMERIC: () => ({
    en: '“{label}” must be a number, like 12 or 1.5.',
    ja: '「{label}」には 12 や 1.5 のように半角の数字を入力してください。',
  }),
  TYPE_DATE: () => ({
    en: '“{label}” must be a date, like 2026-04-01.',
    ja: '「{label}」には 2026-04-01 のように日付を入力してください。',
  }),
  TYPE_TIME: () => ({
    en: '“{label}” must be a time, like 09:30.',
    ja: '「{label}」には 09:30 のように時刻を入力してください。',
  }),
  TYPE_MONTH: () => ({
    en: '“{label}” must be a month, like 2026-04.',
    ja: '「{label}」には 2026-04 のように年月を入力してください。',
  }),
  TYPE_WEEK: () => ({
    en: '“{label}” must be a week, like 2026-W14.',
    ja: '「{label}」には 2026-W14 のように週を入力してください。',
  }),
  TYPE_DATETIME: () => ({
    en: '“{label}” must be a date and time, like 2026-04-01T09:30.',
    ja: '「{label}」には 2026-04-01T09:30 のように日時を入力してください。',
  }),
  TYPE_COLOR: () => ({
    en: '“{label}” must be a colour, like #33cc99.',
    ja: '「{label}」には #33cc99 のように色を入力してください。',
  }),
  TYPE_TEXT: (rule) =>
    rule?.kind === 'textarea' || rule?.kind === 'hidden'
      ? { en: '“{label}” takes text, not a file.', ja: '「{label}」にはファイルではなく文字を入力してください。' }
      : { en: '“{label}” takes one line of text.', ja: '「{label}」には改行のない 1 行の文字を入力してください。' },
  PATTERN_MISMATCH: (rule) => {
    const title = rule?.pattern?.title ?? null
    return {
      en: `“{label}” is not written as expected${title === null ? '.' : `: ${title}`}`,
      ja: `「{label}」の形式が正しくありません${title === null ? '。' : `: ${title}`}`,
    }
  },
  TOO_LONG: (rule, length) => ({
    en: `“{label}” may have at most ${rule?.maxLength} characters; it has ${length}.`,
    ja: `「{label}」は ${rule?.maxLength} 文字以内で入力してください（現在 ${length} 文字）。`,
  }),
  TOO_SHORT: (rule, length) => ({
    en: `“{label}” must have at least ${rule?.minLength} characters; it has ${length}.`,
    ja: `「{label}」は ${rule?.minLength} 文字以上で入力してください（現在 ${length} 文字）。`,
  }),
  RANGE_UNDERFLOW: (rule) => {
    const min = rule?.min ?? '0'
    return isMeasured(rule)
      ? { en: `“{label}” must be ${min} or more.`, ja: `「{label}」は ${min} 以上にしてください。` }
      : { en: `“{label}” must be ${min} or later.`, ja: `「{label}」は ${min} 以降にしてください。` }
  },
  RANGE_OVERFLOW: (rule) => {
    const max = rule?.max ?? '100'
    return isMeasured(rule)
      ? { en: `“{label}” must be ${max} or less.`, ja: `「{label}」は ${max} 以下にしてください。` }
      : { en: `“{label}” must be ${max} or earlier.`, ja: `「{label}」は ${max} 以前にしてください。` }
  },
  STEP_MISMATCH: (rule) => {
    const step = rule?.step ?? null
    if (step === null) return { en: '“{label}” is too precise.', ja: '「{label}」の値が細かすぎます。' }
    const unit = stepUnits[rule?.kind ?? 'number'] ?? { en: '', ja: ' ' }
    return {
      en: `“{label}” must be in steps of ${step}${unit.en}.`,
      ja: `「{label}」は ${step}${unit.ja}刻みで入力してください。`,
    }
  },
  OPTION_UNKNOWN: () => ({
    en: '“{label}” has a value that can’t be chosen.',
    ja: '「{label}」に選択肢にない値があります。',
  }),
  FIELD_UNKNOWN: () => ({
    en: 'This form has no field “{label}”.',
    ja: 'このフォームに「{label}」という項目はありません。',
  }),
  FILE_TYPE: (rule) => {
    const accept = (rule?.accept ?? []).slice(0, 20).join(', ')
    return accept === ''
      ? { en: '“{label}” takes a file.', ja: '「{label}」にはファイルを選択してください。' }
      : { en: `“{label}” takes only ${accept}.`, ja: `「{label}」で使えるファイルは ${accept} だけです。` }
  },
}
