import type { Entry, TextEntry } from '../submissions/submission.ts'
import type { ControlKind, FormRecord } from './form.ts'

/**
 * The field that holds the submitter's address, with what was typed there; null when nothing was. The value is given as
 * typed, without the white space around it: it may still be a list, or no address at all.
 *
 * The field is the one the settings name; else an email input of the pages; else a text field called `email`, `mail`,
 * `_replyto`, `メールアドレス` or the like. An email input that takes several addresses asks for those of other people as a
 * rule, so it counts by its name only. Where a name is posted more than once, the first that is filled counts.
 */
export function emailOf(form: FormRecord, entries: readonly Entry[]): { field: string; value: string } | null {
  const filled = entries.filter((entry): entry is TextEntry => entry.kind === 'text' && entry.value.trim() !== '')
  const entry = chosenEntry(form, filled)
  return entry === undefined ? null : { field: entry.name, value: entry.value.trim() }
}

function chosenEntry(form: FormRecord, filled: readonly TextEntry[]): TextEntry | undefined {
  const { emailField } = form.settings
  if (emailField !== undefined) return filled.find(({ name }) => name === emailField)

  const controls = form.variants.flatMap((variant) => variant.controls)
  const inputs = controls.filter(({ kind, multiple }) => kind === 'email' && !multiple)
  if (inputs.length > 0) {
    const names = [...new Set(inputs.map(({ name }) => name))]
    return names.map((name) => filled.find((entry) => entry.name === name)).find((entry) => entry !== undefined)
  }
  // What people can't type into is not their address: a hidden `email` is often the site's own.
  const untyped = new Set(controls.filter(({ kind }) => !typedKinds.includes(kind)).map(({ name }) => name))
  return filled.find(({ name }) => isEmailName(name) && !untyped.has(name))
}

const typedKinds: readonly ControlKind[] = ['text', 'search', 'url', 'tel', 'email', 'password', 'textarea']

const emailNames = new Set([
  'email',
  'emailaddress',
  'emailreplyto',
  'fromemail',
  'mail',
  'mailaddress',
  'replyto',
  'useremail',
  'youremail',
  'yourmail',
  'eメール',
  'eメールアドレス',
  'メール',
  'メールアドレス',
  '電子メール',
  '電子メールアドレス',
])

/** Compared without case, width and separators: `E-Mail`, `your_email`, `ｅメール`. */
function isEmailName(name: string): boolean {
  return (
    name.length <= 100 &&
    emailNames.has(
      name
        .normalize('NFKC')
        .toLowerCase()
        .replace(/[\s._-]/g, ''),
    )
  )
}
