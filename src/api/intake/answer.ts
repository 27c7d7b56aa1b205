import type { Context } from 'hono'
import type { ErrorCode } from '../../core/errors.ts'
import { errorEntry, errorText } from '../../core/errors.ts'
import type { FieldError } from '../../core/forms/field-errors.ts'
import type { FormRecord, RuleVariant } from '../../core/forms/form.ts'
import type { Language, Sentence } from '../../core/language.ts'
import { labelOf } from '../../core/messages/labels.ts'
import type { AcceptOutcome } from '../../core/submissions/accept-submission.ts'
import { ruledReplyToNames } from '../../core/submissions/control-fields.ts'
import { filesBeyond, openUploads, sealUploads, withStaged } from '../../core/submissions/staged-uploads.ts'
import type { Entry, FileEntry, Review } from '../../core/submissions/submission.ts'
import { type ResubmitField, renderResubmit } from '../../pages/resubmit.tsx'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { pageResponse } from '../page-response.ts'
import { type ProblemItem, problemResponse, retryAfterSeconds } from '../problem.ts'
import { wantsJson } from './negotiate.ts'

type Accepted = Extract<AcceptOutcome, { kind: 'accepted' }>

/** The answer to an accepted post: a redirect for a browser, the fields that clients of other services look for as JSON. */
export function acceptedAnswer(c: Context<ApiEnv>, outcome: Accepted): Response {
  const { submission, statusUrl, next, receipt, repeated } = outcome
  const target = next ?? statusUrl
  const headers = { 'Cache-Control': 'no-store', ...(repeated ? { 'Idempotent-Replayed': 'true' } : {}) }
  if (!wantsJson(c.req.raw.headers, c.req.url))
    return new Response(null, { status: 303, headers: { ...headers, Location: target } })
  return Response.json(
    {
      ok: true,
      success: true,
      status: 'success',
      code: 200,
      next: target,
      redirect_url: target,
      id: submission.id,
      reference: submission.reference,
      review: submission.review,
      message: acceptedMessage(submission),
      receipt: { url: statusUrl, signature: receipt() },
      mail: { confirmation: outcome.confirmation },
    },
    { headers },
  )
}

/** The same success whatever was found; only that it waits is said, and for whom, since its mails do. */
function acceptedMessage({ language, reference, review }: Accepted['submission']): string {
  return language === 'ja'
    ? `送信内容を受付番号 ${reference} で保存しました。${waiting[review]?.ja ?? ''}`
    : `Your message is stored under the reference ${reference}.${waiting[review]?.en ?? ''}`
}

const waiting: Readonly<Partial<Record<Review, Sentence>>> = {
  quarantined: {
    en: ' It waits for review: somebody looks at it before it goes on.',
    ja: '確認待ちです。担当者が確認してから先へ進みます。',
  },
  unconfirmed: {
    en: ' One more step: open the mail that we send you and confirm that it was you. It goes on only then.',
    ja: 'あと一歩です。お送りするメールを開き、ご自身の送信であることを確認してください。その後に先へ進みます。',
  },
}

export type Refusal = {
  code: ErrorCode
  language: Language
  errors: readonly FieldError[]
  /** What the visitor filled in, as far as it could be read. */
  fields: readonly Entry[]
  /** What the page added to it. */
  controls: readonly Entry[]
  variant: RuleVariant | null
  /** Lets the form that is given back through a crowd (`crowd.ts`). */
  turn?: string
}

/**
 * The answer to a post that was not accepted. A browser gets everything back that was typed, uploads included, in a form
 * it can send again; only what could not be read at all gets a plain page.
 */
export function refusedAnswer(deps: ApiDeps, c: Context<ApiEnv>, form: FormRecord, refusal: Refusal): Response {
  const { code, language, errors, fields: posted, controls } = refusal
  const entry = errorEntry(code)
  if (wantsJson(c.req.raw.headers, c.req.url)) {
    return unreadAnswer(
      c,
      code,
      language,
      errors,
      refusal.turn === undefined ? {} : wayThrough(deps, c, form, refusal.turn),
    )
  }
  if (posted.length === 0 && controls.length === 0 && errors.length === 0) return problemResponse(c, code, language)

  const { sentence, next } = errorText(code, language)
  const unknown = unknownFields(refusal)
  const fields = resubmitFields(form, refusal, unknown)
  const shown = new Set([...fields.map((field) => field.name), ...unknown.keys()])
  const staged = openUploads(deps, form.name, textOf(controls, '_uploads'))
  const kept = keptFiles(deps, withStaged(posted, staged), unknown)
  const sealed = sealUploads(deps, form.name, kept, staged)
  return pageResponse(
    deps,
    renderResubmit({
      language,
      sentence,
      next,
      status: entry.status,
      code,
      action: `/f/${form.name}${refusal.turn === undefined ? '' : `?turn=${refusal.turn}`}`,
      fields,
      leftOut: posted.flatMap((field) => {
        const error = unknown.get(field.name)
        return error === undefined ? [] : [{ error, value: field.kind === 'text' ? field.value : field.file.fileName }]
      }),
      files: kept.map(({ name, file }) => ({ label: labelOf(form, name, language), fileName: file.fileName })),
      fileFields: fileFields(form, refusal),
      formErrors: errors.flatMap(({ field, message }) =>
        field === null || !(shown.has(field) || isFileField(refusal, field)) ? [message] : [],
      ),
      hidden: [
        ...controls.flatMap((control) =>
          control.kind === 'text' && isCarried(control.name) && !shown.has(control.name)
            ? [{ name: control.name, value: control.value }]
            : [],
        ),
        // The page it is posted from next is ours and says nothing of the language.
        { name: '_language', value: language },
        ...(sealed === null ? [] : [{ name: '_uploads', value: sealed }]),
      ],
    }),
    entry.status,
    // The form it posts to may answer with a redirect to the site it belongs to.
    { formAction: "'self' https: http:", ...(entry.retry ? { retryAfter: retryAfterSeconds } : {}) },
  )
}

/**
 * A refusal without what was typed: a page, or a problem document. Formspree's packages show nothing but what stands in
 * `errors`, so that it is never empty; Formcarry's clients expect the status in `code`.
 */
export function unreadAnswer(
  c: Context<ApiEnv>,
  code: ErrorCode,
  language: Language,
  errors: readonly ProblemItem[] = [],
  members: Record<string, string> = {},
): Response {
  const { sentence } = errorText(code, language)
  const whole = { field: null, code: formspreeCodes[code] ?? wordOf(code), message: sentence }
  return problemResponse(c, code, language, {
    errors: errors.length === 0 ? [whole] : errors,
    members,
    ...(c.req.path.startsWith('/s/') ? { legacyCode: errorEntry(code).status } : {}),
  })
}

/**
 * How a script's post gets through a crowd, as members of the problem document: the turn; the same address with it, good
 * from a few seconds later on; and where a puzzle is to be had whose solution counts at once.
 */
export function wayThrough(
  { settings: { publicUrl } }: ApiDeps,
  c: Context<ApiEnv>,
  form: FormRecord | null,
  turn: string,
): Record<string, string> {
  const { pathname, searchParams } = new URL(c.req.url)
  searchParams.set('turn', turn)
  return {
    turn,
    retryUrl: `${publicUrl}${pathname}?${searchParams}`,
    ...(form === null ? {} : { challengeUrl: `${publicUrl}/f/${form.name}/challenge` }),
  }
}

/** The first text of a name; null when there is none. */
function textOf(entries: readonly Entry[], name: string): string | null {
  const entry = entries.find((posted) => posted.kind === 'text' && posted.name === name && posted.value !== '')
  return entry?.kind === 'text' ? entry.value : null
}

/** Fields that the form does not take, with the error of each: posted again, they would be refused again. */
function unknownFields({ errors }: Refusal): ReadonlyMap<string, string> {
  return new Map(
    errors.flatMap(({ field, code, message }) =>
      field !== null && code === 'FIELD_UNKNOWN' ? [[field, message]] : [],
    ),
  )
}

/** The uploads that the next post may name: as many, from the first, as one post may have. */
function keptFiles(deps: ApiDeps, entries: readonly Entry[], unknown: ReadonlyMap<string, string>): FileEntry[] {
  const kept: FileEntry[] = []
  for (const entry of entries) {
    if (entry.kind !== 'file' || unknown.has(entry.name)) continue
    if (filesBeyond([...kept, entry], deps.settings.limits) === null) kept.push(entry)
  }
  return kept
}

/** What Formspree's packages know as errors of a whole form; they call every other code unspecified. */
const formspreeCodes: Readonly<Partial<Record<ErrorCode, string>>> = {
  'form-not-found': 'FORM_NOT_FOUND',
  'too-large': 'FILES_TOO_BIG',
  'file-too-large': 'FILES_TOO_BIG',
  'too-many-files': 'TOO_MANY_FILES',
}

function wordOf(code: ErrorCode): string {
  return code.toUpperCase().replaceAll('-', '_')
}

/**
 * Control fields go along; those that belong to one rendering of the page (its encoding, its key, its uploads, the
 * language it came out in) are made anew.
 */
function isCarried(name: string): boolean {
  return !['_charset_', '_uploads', '_idempotency', '_language'].includes(name)
}

function resubmitFields(
  form: FormRecord,
  { fields: posted, controls, errors, variant, language }: Refusal,
  unknown: ReadonlyMap<string, string>,
): ResubmitField[] {
  const left = new Map<string, string>()
  for (const { field, message } of errors) if (field !== null && !left.has(field)) left.set(field, message)
  const takeError = (name: string) => {
    const message = left.get(name) ?? null
    left.delete(name)
    return message
  }
  const rules = Map.groupBy(variant?.controls ?? [], ({ name }) => name)
  const ruleOf = (name: string) => rules.get(name)?.[0]
  const fieldFor = (name: string, value: string, posted: boolean): ResubmitField => {
    const rule = ruleOf(name)
    const kind = rule?.kind ?? 'text'
    const ownOptions = kind === 'select' || kind === 'radio' ? (rule?.options ?? null) : null
    const label = labelOf(form, name, language)
    // Boxes of one name share a label; their values tell them apart.
    const isOneOfSeveral = kind === 'checkbox' && (rule?.options?.length !== 1 || rule.options[0] !== value)
    return {
      name,
      label: isOneOfSeveral ? `${label}: ${value}` : label,
      kind,
      value,
      checked: posted,
      required: rule?.requiredOptions?.includes(value) ?? rule?.required ?? false,
      options: ownOptions,
      error: takeError(name),
      hidden: kind === 'hidden',
    }
  }

  const replyTo = ruledReplyToNames(form)
  const isShown = (name: string) => !unknown.has(name) && (!name.startsWith('_') || replyTo.includes(name))
  const fields: ResubmitField[] = []
  for (const entry of [...posted, ...controls.filter(({ name }) => replyTo.includes(name))]) {
    if (entry.kind === 'text' && isShown(entry.name)) fields.push(fieldFor(entry.name, entry.value, true))
  }
  // Boxes that were not ticked are not posted; they stand behind those of their name that were.
  for (const [name, [rule]] of rules) {
    if (rule?.kind !== 'checkbox') continue
    const ticked = new Set(fields.flatMap((field) => (field.name === name ? [field.value] : [])))
    const open = (rule.options ?? ['on']).filter((value) => !ticked.has(value))
    const last = fields.findLastIndex((field) => field.name === name)
    const boxes = open.map((value) => fieldFor(name, value, false))
    fields.splice(last === -1 ? fields.length : last + 1, 0, ...boxes)
  }
  // Fields that were not posted but that something is wrong with.
  for (const name of [...left.keys()]) {
    const rule = ruleOf(name)
    if (rule !== undefined && rule.kind !== 'file') fields.push(fieldFor(name, '', false))
  }
  return fields
}

function isFileField({ variant }: Refusal, name: string): boolean {
  return variant?.controls.some((control) => control.kind === 'file' && control.name === name) ?? false
}

function fileFields(form: FormRecord, { variant, errors, language }: Refusal) {
  const controls = variant?.controls.filter((control) => control.kind === 'file') ?? []
  return controls.map(({ name, multiple }) => ({
    name,
    label: labelOf(form, name, language),
    multiple,
    error: errors.find(({ field }) => field === name)?.message ?? null,
  }))
}
