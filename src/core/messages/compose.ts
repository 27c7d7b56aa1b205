import { type Address, parseAddress } from '../../mail/address.ts'
import { type Attachment, composeMail, type Mail } from '../../mail/mime/compose.ts'
import { base32 } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import { formatTime } from '../format-time.ts'
import type { FormRecord, Localized } from '../forms/form.ts'
import type { Language } from '../language.ts'
import { statusUrl } from '../submissions/status-token.ts'
import type { Entry, StoredFile, Submission } from '../submissions/submission.ts'
import type { Message } from './message.ts'
import { builtInTemplates, type TemplateText } from './templates/built-in.ts'
import { type Body, escapeHtml, type FieldLine, renderBody, renderLine } from './templates/render.ts'

type ComposeDeps = Pick<Deps, 'settings' | 'crypto' | 'blobs'>

/** Header with the id of our message; feedback that quotes the mail's headers is matched by it. */
export const tagHeader = 'X-Todoku-Message'

export type Composed = {
  /** Envelope sender. */
  from: string
  to: string
  utf8: boolean
  mail: Uint8Array
  /** Why the form's own template was not used; null when nothing was wrong. */
  templateFault: string | null
  /** Uploads that are not in the blob store any more; the text says so beside their names. */
  missingFiles: readonly string[]
}

/**
 * Makes the mail of a message. Date, Message-ID and boundaries come from the message, so that every attempt gives the
 * same bytes (until the submitter corrects the address) and a second copy can be recognised as one.
 */
export async function composeMessage(
  deps: ComposeDeps,
  message: Message,
  form: FormRecord,
  submission: Submission,
): Promise<Composed> {
  const { settings } = deps
  const { attachments, missing } =
    message.role === 'notification' ? await attachmentsOf(deps, submission) : { attachments: [], missing: [] }
  const parts = renderParts(deps, message, form, submission, new Set(missing.map(({ blob }) => blob)))
  const { utf8 } = addressOf(message.recipient)
  const replyTo = replyToOf(form, message, submission, utf8)
  const mail: Mail = {
    from: { name: fromName(settings.from.name, form, message), address: settings.from.address },
    to: { name: null, address: message.recipient },
    replyTo: replyTo === null ? null : { name: null, address: replyTo },
    subject: parts.subject,
    date: message.createdAt,
    messageId: `${message.id}@${domainOf(settings.from.address)}`,
    headers: headersOf(message),
    text: parts.body.text,
    html: frame(parts.body.html, message.language),
    attachments,
    boundary: message.id,
    utf8,
  }
  return {
    from: envelopeSender(deps, message),
    to: message.recipient,
    utf8,
    mail: composeMail(mail),
    templateFault: parts.fault,
    missingFiles: missing.map(({ fileName }) => fileName),
  }
}

/** `verp`: a return path of the message's own, so that whatever comes back names it. Lower case: relays may fold it. */
function envelopeSender(deps: ComposeDeps, message: Message): string {
  const { envelope } = deps.settings
  if (envelope.kind === 'fixed') return envelope.address
  const mac = base32(deps.crypto.mac('verp', message.id).subarray(0, 10))
  return `b-${message.id}-${mac}@${envelope.domain}`
}

/**
 * `Auto-Submitted` on what no person wrote (RFC 3834 §5.2: the answer to a web form is `auto-generated`), not on
 * notifications: help desks drop such mail.
 */
function headersOf(message: Message): [string, string][] {
  const automatic: [string, string][] =
    message.role === 'notification'
      ? []
      : [
          ['Auto-Submitted', 'auto-generated'],
          ['X-Auto-Response-Suppress', 'All'],
        ]
  const lost = message.events.some((event) => event.kind === 'unknown-retry')
  const duplicate: [string, string][] = lost ? [['X-Todoku-Possible-Duplicate', 'yes']] : []
  return [...automatic, ...duplicate, [tagHeader, message.id]]
}

function fromName(instanceName: string | null, form: FormRecord, message: Message): string | null {
  const own = message.role === 'confirmation' ? form.settings.confirmation?.fromName : undefined
  return own ?? instanceName
}

/**
 * Where an answer goes. A visitor's address with non-ASCII letters is left out where the mail is not internationalised
 * anyway: a relay without SMTPUTF8 would refuse the manager's mail for it, and the text names the address.
 */
function replyToOf(form: FormRecord, message: Message, submission: Submission, utf8: boolean): string | null {
  const replyTo = message.role === 'confirmation' ? (form.settings.confirmation?.replyTo ?? null) : submission.email
  return replyTo !== null && addressOf(replyTo).utf8 && !utf8 ? null : replyTo
}

function addressOf(text: string): Address {
  const parsed = parseAddress(text)
  if (!parsed.ok) throw new TypeError(`an address that was accepted is not one: ${parsed.fault}`)
  return parsed.address
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

// --- text -------------------------------------------------------------------------------------------------------

/** Characters of a subject; no mail program shows more. */
const maxSubject = 200

type Parts = { subject: string; body: Body; fault: string | null }

function renderParts(
  deps: ComposeDeps,
  message: Message,
  form: FormRecord,
  submission: Submission,
  missing: ReadonlySet<string>,
): Parts {
  const builtIn = builtInTemplates[message.role === 'alarm' ? 'notification' : message.role][message.language]
  const own = ownTemplate(form, message)
  const nonce = base32(deps.crypto.mac('slots', message.id).subarray(0, 10))
  const scope = scopeOf(deps, message, form, submission)
  const fields =
    message.role === 'confirmation' && !userTextAllowed(form)
      ? []
      : fieldLines(form, submission, message.language, missing)
  const render = (template: TemplateText) => ({
    subject: [...renderLine(template.subject, scope, nonce)].slice(0, maxSubject).join(''),
    body: renderBody(template.body, scope, fields, nonce),
  })
  if (own === null) return { ...render(builtIn), fault: null }
  try {
    return { ...render({ ...builtIn, ...own }), fault: null }
  } catch (error) {
    // A template's mistake must not cost the mail: the built-in text goes out, and the fault is shown.
    return {
      ...render(builtIn),
      fault: error instanceof Error ? (error.message.split('\n')[0] ?? 'unknown') : String(error),
    }
  }
}

function ownTemplate(form: FormRecord, message: Message): Partial<TemplateText> | null {
  if (message.role !== 'confirmation' && message.role !== 'notification') return null
  const settings = form.settings[message.role]
  const subject = localizedText(settings?.subject, message.language)
  const body = localizedText(settings?.body, message.language)
  if (subject === null && body === null) return null
  return { ...(subject === null ? {} : { subject }), ...(body === null ? {} : { body }) }
}

/** The text for a language: one text stands for both, and one given only in the other language is better than none. */
function localizedText(text: Localized | undefined, language: Language): string | null {
  if (text === undefined) return null
  if (typeof text === 'string') return text
  return text[language] ?? text.en ?? text.ja ?? null
}

/** What people call the form: its settings' title, else the title of its page in this language, else its name. */
export function formTitle(form: FormRecord, language: Language): string {
  const own = localizedText(form.settings.title, language)
  if (own !== null) return own
  const titled = form.variants.filter((variant) => variant.title !== null)
  const fitting = titled.find((variant) => variant.language?.toLowerCase().startsWith(language)) ?? titled[0]
  return fitting?.title ?? form.name
}

function userTextAllowed(form: FormRecord): boolean {
  return form.settings.confirmation?.allowUserText === true
}

/** The variables of templates; the ones with a visitor's text only where it may appear. */
function scopeOf(
  deps: ComposeDeps,
  message: Message,
  form: FormRecord,
  submission: Submission,
): Record<string, unknown> {
  const withUserText = message.role !== 'confirmation' || userTextAllowed(form)
  const resend = submission.resends.at(-1)
  return {
    form: { title: formTitle(form, message.language), name: form.name },
    reference: submission.reference,
    received_at: formatTime(submission.receivedAt, message.language, deps.settings.timeZone),
    status_url: message.role === 'confirmation' ? statusUrl(deps, submission) : '',
    email: withUserText ? (submission.email ?? '') : '',
    old_email: withUserText ? (resend?.oldEmail ?? '') : '',
    fields: withUserText ? fieldValues(submission.entries) : {},
  }
}

function fieldValues(entries: readonly Entry[]): Record<string, string> {
  const values = new Map<string, string[]>()
  for (const entry of entries) {
    const value = entry.kind === 'text' ? entry.value : entry.file.fileName
    values.set(entry.name, [...(values.get(entry.name) ?? []), value])
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, all.join(', ')]))
}

/** The fields of a submission under the labels of its page, in the order they were posted; files by name and size. */
function fieldLines(
  form: FormRecord,
  submission: Submission,
  language: Language,
  missing: ReadonlySet<string>,
): FieldLine[] {
  const lines = new Map<string, string[]>()
  for (const entry of submission.entries) {
    const value =
      entry.kind === 'text'
        ? entry.value.replaceAll('\r\n', '\n')
        : `${fileLine(entry.file.fileName, entry.file.size)}${missing.has(entry.file.blob) ? notAvailable[language] : ''}`
    lines.set(entry.name, [...(lines.get(entry.name) ?? []), value])
  }
  return [...lines].map(([name, values]) => ({ label: labelOf(form, name, language), value: values.join('\n') }))
}

/** The label of a field as its pages show it, best in this language; else the field's name. */
export function labelOf(form: FormRecord, name: string, language: Language): string {
  const labels = form.variants.flatMap((variant) =>
    variant.controls
      .filter((control) => control.name === name && control.label !== null)
      .map((control) => ({
        label: control.label as string,
        fits: variant.language?.toLowerCase().startsWith(language),
      })),
  )
  return (labels.find(({ fits }) => fits) ?? labels[0])?.label ?? name
}

const notAvailable: Readonly<Record<Language, string>> = {
  en: ' — this file is not available any more',
  ja: ' — このファイルは利用できなくなりました',
}

function fileLine(fileName: string, size: number): string {
  return `${fileName} (${formatBytes(size)})`
}

/** `1.4 MB`; decimal, as mail programs count. */
function formatBytes(size: number): string {
  if (size < 1000) return `${size} B`
  if (size < 1_000_000) return `${(size / 1000).toFixed(1)} kB`
  return `${(size / 1_000_000).toFixed(1)} MB`
}

/**
 * Uploads go along when they are small together; else only their names do, and they are fetched with `todoku submissions
 * files`. One that is gone costs itself, not the mail.
 */
async function attachmentsOf(
  deps: ComposeDeps,
  submission: Submission,
): Promise<{ attachments: Attachment[]; missing: StoredFile[] }> {
  const files = submission.entries.flatMap((entry) => (entry.kind === 'file' ? [entry.file] : []))
  const total = files.reduce((sum, file) => sum + file.size, 0)
  if (total > deps.settings.limits.attachBytes) return { attachments: [], missing: [] }
  const read = await Promise.all(files.map(async (file) => ({ file, content: await deps.blobs.read(file.blob) })))
  return {
    attachments: read.flatMap(({ file: { fileName, type }, content }) =>
      content === null ? [] : [{ fileName, type, content }],
    ),
    missing: read.flatMap(({ file, content }) => (content === null ? [file] : [])),
  }
}

/** A quiet page around the rendered body: system fonts, readable width, no image, nothing from elsewhere. */
function frame(html: string, language: Language): string {
  return (
    `<!doctype html>\n<html lang="${escapeHtml(language)}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    '<meta name="color-scheme" content="light dark"></head>\n' +
    "<body style=\"margin:0;padding:24px;font:16px/1.6 system-ui,-apple-system,'Hiragino Sans','Noto Sans JP',sans-serif\">" +
    `<div style="max-width:38em;margin:0 auto">\n${html}</div></body></html>\n`
  )
}
