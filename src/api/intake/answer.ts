import type { Context } from 'hono'
import type { ErrorCode } from '../../core/errors.ts'
import { errorEntry, errorText } from '../../core/errors.ts'
import type { FieldError } from '../../core/forms/field-errors.ts'
import type { FormRecord, RuleVariant } from '../../core/forms/form.ts'
import type { Language } from '../../core/language.ts'
import { labelOf } from '../../core/messages/compose.ts'
import type { AcceptOutcome } from '../../core/submissions/accept-submission.ts'
import { sealUploads } from '../../core/submissions/staged-uploads.ts'
import type { Entry } from '../../core/submissions/submission.ts'
import { type ResubmitField, renderResubmit } from '../../pages/resubmit.tsx'
import type { ApiDeps, ApiEnv } from '../api-types.ts'
import { pageResponse } from '../page-response.ts'
import { problemResponse, retryAfterSeconds } from '../problem.ts'
import { wantsJson } from './negotiate.ts'

type Accepted = Extract<AcceptOutcome, { kind: 'accepted' }>

/** The answer to an accepted post: a redirect for a browser, the fields that clients of other services look for as JSON. */
export function acceptedAnswer(c: Context<ApiEnv>, outcome: Accepted): Response {
  const { submission, statusUrl, next, receipt, repeated } = outcome
  const target = next ?? statusUrl
  const headers = { 'Cache-Control': 'no-store', ...(repeated ? { 'Idempotent-Replayed': 'true' } : {}) }
  if (!wantsJson(c.req.raw.headers))
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
      message: acceptedMessage[submission.language](submission.reference),
      receipt: { url: statusUrl, signature: receipt() },
      mail: { confirmation: outcome.confirmation ? 'queued' : null },
    },
    { headers },
  )
}

const acceptedMessage: Readonly<Record<Language, (reference: string) => string>> = {
  en: (reference) => `Your message is stored under the reference ${reference}.`,
  ja: (reference) => `送信内容を受付番号 ${reference} で保存しました。`,
}

export type Refusal = {
  code: ErrorCode
  language: Language
  errors: readonly FieldError[]
  /** What was posted, as far as it could be read. */
  entries: readonly Entry[]
  variant: RuleVariant | null
}

/**
 * The answer to a post that was not accepted. A browser gets everything back that was typed, uploads included, in a form
 * it can send again; only what could not be read at all gets a plain page.
 */
export function refusedAnswer(deps: ApiDeps, c: Context<ApiEnv>, form: FormRecord, refusal: Refusal): Response {
  const { code, language, errors, entries } = refusal
  const entry = errorEntry(code)
  if (wantsJson(c.req.raw.headers)) return problemResponse(c, code, language, { errors })
  if (entries.length === 0 && errors.length === 0) return problemResponse(c, code, language)

  const { sentence, next } = errorText(code, language)
  const fields = resubmitFields(form, refusal)
  const shown = new Set(fields.map((field) => field.name))
  const sealed = sealUploads(deps, form.name, entries)
  return pageResponse(
    deps,
    renderResubmit({
      language,
      sentence,
      next,
      status: entry.status,
      code,
      action: `/f/${form.name}`,
      fields,
      files: entries.flatMap((posted) =>
        posted.kind === 'file' ? [{ label: labelOf(form, posted.name, language), fileName: posted.file.fileName }] : [],
      ),
      fileFields: fileFields(form, refusal),
      formErrors: errors.flatMap(({ field, message }) =>
        field === null || !(shown.has(field) || isFileField(refusal, field)) ? [message] : [],
      ),
      hidden: [
        ...entries.flatMap((posted) =>
          posted.kind === 'text' && isCarried(posted.name) ? [{ name: posted.name, value: posted.value }] : [],
        ),
        ...(sealed === null ? [] : [{ name: '_uploads', value: sealed }]),
      ],
    }),
    entry.status,
    // The form it posts to may answer with a redirect to the site it belongs to.
    { formAction: "'self' https: http:", ...(entry.retry ? { retryAfter: retryAfterSeconds } : {}) },
  )
}

/** Control fields go along; those that belong to one rendering of the page (its encoding, its key, its uploads) are made anew. */
function isCarried(name: string): boolean {
  return name.startsWith('_') && name !== '_charset_' && name !== '_uploads' && name !== '_idempotency'
}

function resubmitFields(form: FormRecord, { entries, errors, variant, language }: Refusal): ResubmitField[] {
  const left = new Map<string, string>()
  for (const { field, message } of errors) if (field !== null && !left.has(field)) left.set(field, message)
  const takeError = (name: string) => {
    const message = left.get(name) ?? null
    left.delete(name)
    return message
  }
  const ruleOf = (name: string) => variant?.controls.find((control) => control.name === name)
  const fieldFor = (name: string, value: string, posted: boolean): ResubmitField => {
    const rule = ruleOf(name)
    const kind = rule?.kind ?? 'text'
    const ownOptions = kind === 'select' || kind === 'radio' ? (rule?.options ?? null) : null
    return {
      name,
      label: labelOf(form, name, language),
      kind,
      value,
      checked: posted,
      required: rule?.required ?? false,
      options: ownOptions,
      error: takeError(name),
      hidden: kind === 'hidden',
    }
  }

  const fields: ResubmitField[] = []
  for (const entry of entries) {
    if (entry.kind === 'text' && !entry.name.startsWith('_')) fields.push(fieldFor(entry.name, entry.value, true))
  }
  // Fields that were not posted, an unticked box among them, but that something is wrong with.
  for (const name of [...left.keys()]) {
    const rule = ruleOf(name)
    if (rule === undefined || rule.kind === 'file') continue
    if (rule.kind === 'checkbox') {
      const values = rule.requiredOptions ?? rule.options ?? ['on']
      for (const value of values) fields.push(fieldFor(name, value, false))
    } else fields.push(fieldFor(name, '', false))
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
