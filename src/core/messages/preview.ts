import { type ReadableMail, readMail } from '../../mail/read-mail.ts'
import type { Deps } from '../deps.ts'
import { templateProblems } from '../forms/apply-forms.ts'
import { emailOf } from '../forms/email-field.ts'
import type { ControlRule, FormRecord, Localized } from '../forms/form.ts'
import { type Language, languages, pickLanguage } from '../language.ts'
import { newReference } from '../submissions/reference.ts'
import type { Entry, Submission } from '../submissions/submission.ts'
import { composeMessage } from './compose.ts'
import type { Message } from './message.ts'
import { formLanguage, managersFor } from './plan.ts'
import { plannedMessage } from './planned-message.ts'
import { lineIn, unknownFields } from './templates/check.ts'

export const previewRoles = ['confirmation', 'notification', 'update'] as const
export type PreviewRole = (typeof previewRoles)[number]

/** What a text does not do as it should. `key` and `line` as in `SettingsProblem`. */
export type PreviewFault = { key: string; line: number | null; rule: string }

export type Preview = {
  role: PreviewRole
  language: Language
  reference: string
  /** Whether somebody posted what the mail is made of; else it is made up from the form's rules. */
  posted: boolean
  mail: ReadableMail
  faults: readonly PreviewFault[]
}

/**
 * The mail that a form sends, as it would go out: composed by the same code, read as a mail program reads it. Nothing is
 * stored and nothing is sent.
 *
 * @param wanted `language`: null is the one it would have; `submission`: null makes one up
 */
export async function previewMail(
  deps: Pick<Deps, 'settings' | 'crypto' | 'blobs' | 'clock' | 'ids'>,
  form: FormRecord,
  wanted: { role: PreviewRole; language: Language | null; submission: Submission | null },
): Promise<Preview> {
  const { role } = wanted
  const basis = wanted.submission ?? madeUp(deps, form, wanted.language ?? formLanguage(deps, form))
  const submission = role === 'update' && basis.resends.length === 0 ? corrected(basis, deps.clock.now()) : basis
  const language = wanted.language ?? (role === 'confirmation' ? submission.language : formLanguage(deps, form))
  const message = messageOf(deps, form, submission, role, language)
  const composed = await composeMessage(
    wanted.submission === null ? { ...deps, blobs: { ...deps.blobs, read: async () => sampleFile } } : deps,
    message,
    form,
    submission,
  )
  return {
    role,
    language,
    reference: submission.reference,
    posted: wanted.submission !== null,
    mail: await readMail(composed.mail),
    faults: faultsOf(form, role, language, composed.templateFault),
  }
}

function messageOf(
  deps: Pick<Deps, 'settings' | 'clock' | 'ids'>,
  form: FormRecord,
  submission: Submission,
  role: PreviewRole,
  language: Language,
): Message {
  const recipient = role === 'confirmation' ? submission.email : managersFor(deps, form, submission)[0]
  const planned = plannedMessage(deps, {
    id: deps.ids.next(),
    role,
    recipient: recipient ?? sampleAddress,
    language,
    content: null,
    // It goes nowhere.
    lane: '',
    form,
    about: submission,
    now: deps.clock.now(),
  })
  return { ...planned, attempts: 0, lease: null, version: 1 }
}

// --- what is wrong ----------------------------------------------------------------------------------------------

function faultsOf(form: FormRecord, role: PreviewRole, language: Language, composing: string | null): PreviewFault[] {
  if (role === 'update') return []
  const key = `forms.${form.name}.${role}`
  const known = templateProblems(form.name, form.settings)
    .filter((problem) => problem.key.startsWith(`${key}.`))
    .map((problem) => ({ ...problem, line: problem.line ?? null }))
  const faults = [...known, ...fieldFaults(form, role, key)]
  // What only shows when it is rendered: a filter that fails on a value, a loop that does too much.
  if (composing !== null && !known.some(({ rule }) => rule.startsWith('is not a template'))) {
    faults.push({
      key: `${key}.body${typeof form.settings[role]?.body === 'string' ? '' : `.${language}`}`,
      line: lineIn(composing),
      rule: `can’t be used, and the built-in text goes out: ${composing}`,
    })
  }
  return faults
}

function fieldFaults(form: FormRecord, role: 'confirmation' | 'notification', key: string): PreviewFault[] {
  // Without a page nobody knows the fields.
  if (form.variants.length === 0) return []
  const names = new Set(form.variants.flatMap(({ controls }) => controls.map(({ name }) => name)))
  const of = (part: string, text: Localized | undefined) =>
    sourcesOf(`${key}.${part}`, text).flatMap(([at, source]) =>
      unknownFields(source, names).map((fault) => ({ key: at, ...fault })),
    )
  const texts = form.settings[role]
  return [...of('subject', texts?.subject), ...of('body', texts?.body)]
}

function sourcesOf(key: string, text: Localized | undefined): [key: string, source: string][] {
  if (text === undefined) return []
  if (typeof text === 'string') return [[key, text]]
  return languages.flatMap((language) => {
    const source = text[language]
    return source === undefined ? [] : [[`${key}.${language}`, source] as [string, string]]
  })
}

// --- a submission that nobody posted ----------------------------------------------------------------------------

const sampleAddress = 'hanako@example.jp'
const sampleFile = new TextEncoder().encode('%PDF-1.7\n')

function madeUp(deps: Pick<Deps, 'clock' | 'ids' | 'crypto'>, form: FormRecord, language: Language): Submission {
  const now = deps.clock.now()
  const variant = form.variants.find((each) => pickLanguage([each.language]) === language) ?? form.variants[0]
  const known = (variant?.controls ?? []).flatMap((control) => entryOf(control, language))
  const entries = known.length > 0 ? known : fallbackEntries[language]
  return {
    id: deps.ids.next(),
    reference: newReference(deps.ids),
    form: form.name,
    formVersion: form.version,
    receivedAt: now,
    language,
    review: 'accepted',
    verdict: { reasons: [], shadow: [] },
    reviewedAt: null,
    disownedAt: null,
    test: false,
    wishes: { subject: null, senderName: null, cc: [] },
    entries,
    observations: [],
    email: emailOf(form, entries)?.value ?? sampleAddress,
    clientKey: '',
    networkKey: '',
    widerNetworkKey: null,
    tokenKey: deps.crypto.currentKey,
    salt: '',
    bodyHash: '',
    resends: [],
  }
}

function corrected(submission: Submission, at: number): Submission {
  const newEmail = submission.email ?? sampleAddress
  const resend = { kind: 'corrected', at, oldMessage: '', newMessage: '', oldEmail: `x${newEmail}`, newEmail } as const
  return { ...submission, resends: [resend] }
}

const texts: Readonly<Record<Language, { line: string; paragraph: string; file: string }>> = {
  en: { line: 'Hanako Yamada', paragraph: 'Hello,\nthis is what a visitor might write.', file: 'document.pdf' },
  ja: { line: '山田 花子', paragraph: 'お世話になっております。\n訪問者が入力する文章の例です。', file: '資料.pdf' },
}

const fallbackEntries: Readonly<Record<Language, readonly Entry[]>> = {
  en: sampleEntries('en'),
  ja: sampleEntries('ja'),
}

function sampleEntries(language: Language): Entry[] {
  const { line, paragraph } = texts[language]
  return [
    { kind: 'text', name: 'name', value: line },
    { kind: 'text', name: 'email', value: sampleAddress },
    { kind: 'text', name: 'message', value: paragraph },
  ]
}

/** One value that the control could have. */
function entryOf(control: ControlRule, language: Language): Entry[] {
  const { name, kind, min, options } = control
  const sample = texts[language]
  const text = (value: string): Entry[] => [{ kind: 'text', name, value }]
  switch (kind) {
    case 'hidden':
      return []
    case 'file': {
      const file = { blob: '', fileName: sample.file, type: 'application/pdf', size: sampleFile.length, hash: '' }
      return [{ kind: 'file', name, file }]
    }
    case 'select':
    case 'radio':
    case 'checkbox':
      return text(options?.find((option) => option !== '') ?? 'on')
    case 'textarea':
      return text(sample.paragraph)
    case 'email':
      return text(sampleAddress)
    case 'tel':
      return text('03-1234-5678')
    case 'url':
      return text('https://www.example.jp/')
    case 'number':
    case 'range':
      return text(min ?? '1')
    case 'date':
      return text(min ?? '2030-04-01')
    case 'month':
      return text(min ?? '2030-04')
    case 'week':
      return text(min ?? '2030-W14')
    case 'time':
      return text(min ?? '10:00')
    case 'datetime-local':
      return text(min ?? '2030-04-01T10:00')
    case 'color':
      return text('#336699')
    default:
      return text(sample.line)
  }
}
