import type { FormRecord } from '../forms/form.ts'
import type { Entry } from './submission.ts'

/** What a post says about itself, in fields that are not part of what the visitor filled in. */
export type Controls = {
  /** Where the browser wants to go afterwards. */
  next: string | null
  language: string | null
  /** Made when the page was rendered: a repeated post of the same rendering is the same post. */
  idempotencyKey: string | null
  /** Uploads of an earlier try that our own error page carries along. */
  uploads: string | null
  /** An address to answer at, where the form has no e-mail field. */
  replyTo: string | null
}

/** Names with a meaning of their own; see the conventions of other services in `docs/guide/forms.md`. */
const meanings: Readonly<Record<string, keyof Controls>> = {
  _next: 'next',
  _redirect: 'next',
  _after: 'next',
  _language: 'language',
  _idempotency: 'idempotencyKey',
  _uploads: 'uploads',
  _replyto: 'replyTo',
  _reply_to: 'replyTo',
  _replyTo: 'replyTo',
}

/** Whether a field of this name gives an address to answer at. A page may state rules for it, as for a field of its own. */
export function isReplyToName(name: string): boolean {
  return meanings[name] === 'replyTo'
}

/** Names of that kind which a page of the form has rules for. */
export function ruledReplyToNames({ variants }: Pick<FormRecord, 'variants'>): string[] {
  const names = variants.flatMap(({ controls }) => controls.map(({ name }) => name))
  return [...new Set(names.filter(isReplyToName))]
}

/**
 * Parts a post into what was filled in and what controls it. Every name that begins with `_` is control: it is never
 * stored, mailed or shown, also when it means nothing here.
 */
export function splitControls(entries: readonly Entry[]): { fields: Entry[]; controls: Controls } {
  const controls: Controls = { next: null, language: null, idempotencyKey: null, uploads: null, replyTo: null }
  const fields: Entry[] = []
  for (const entry of entries) {
    if (!entry.name.startsWith('_')) fields.push(entry)
    else if (entry.kind === 'text') {
      const meaning = meanings[entry.name]
      if (meaning !== undefined && controls[meaning] === null && entry.value !== '') controls[meaning] = entry.value
    }
  }
  return { fields, controls }
}
