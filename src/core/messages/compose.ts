import { type Address, parseAddress } from '../../mail/address.ts'
import { composeMail, type Mail } from '../../mail/mime/compose.ts'
import { base32 } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import { formatTime } from '../format-time.ts'
import type { FormRecord, Localized } from '../forms/form.ts'
import type { Language } from '../language.ts'
import { statusUrl } from '../submissions/status-token.ts'
import { asksFirst, type Submission } from '../submissions/submission.ts'
import { linkUrl } from '../suppressions/links.ts'
import { type Enclosures, encloseSubmission, fieldValues } from './enclosures.ts'
import type { Message } from './message.ts'
import { builtInTemplates, footers, requestTemplates, type TemplateText } from './templates/built-in.ts'
import { type Body, escapeHtml, renderBody, renderLine } from './templates/render.ts'
import { cutLine } from './templates/shown-text.ts'

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
  /** How many files it carries; a mail that is too large may go without them. */
  attachments: number
  /** Uploads that are not in the blob store any more; the text says so beside their names. */
  missingFiles: readonly string[]
}

/**
 * Makes the mail of a message. Date, Message-ID and boundaries come from the message, so that every attempt gives the
 * same bytes (until the submitter corrects the address, or a server finds it too large) and a second copy can be recognised
 * as one. With its files it has `limits.attachBytes` at most.
 *
 * @param note what its reader must learn of another mail of the submission, as text; `confirmation_note` in templates
 */
export async function composeMessage(
  deps: ComposeDeps,
  message: Message,
  form: FormRecord,
  submission: Submission,
  note: string | null = null,
): Promise<Composed> {
  const compose = (enclosures: Enclosures) => composeWith(deps, message, form, submission, note, enclosures)
  const bare = await encloseSubmission(deps, message, form, submission, nothing)
  const room = deps.settings.limits.attachBytes - headRoom(submission)
  // Without files, in a mail that carries none, or where a server found it too large with them, that is all.
  if (message.role !== 'notification' || !hasFiles(submission) || wasTooLarge(message)) return compose(bare)
  // What it says without attachments is the longest that its text can be: a link for each file.
  const left = room - compose(bare).mail.length
  return compose(await encloseSubmission(deps, message, form, submission, left))
}

/** No room for any attachment: an empty file still needs its header fields. */
const nothing = -1

function hasFiles({ entries }: Submission): boolean {
  return entries.some(({ kind }) => kind === 'file')
}

/** Bytes of the header fields of all attachments, at most: a name may be written twice, percent-encoded. */
function headRoom({ entries }: Submission): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? 400 + 24 * entry.file.fileName.length : 0), 0)
}

/** Whether a server refused the mail for its size (RFC 1870 §6): then its files go as links, or it would never arrive. */
export function wasTooLarge({ events }: Pick<Message, 'events'>): boolean {
  return events.some((event) => event.kind === 'deferred' && event.class === 'too-large')
}

function composeWith(
  deps: ComposeDeps,
  message: Message,
  form: FormRecord,
  submission: Submission,
  note: string | null,
  enclosures: Enclosures,
): Composed {
  const { settings } = deps
  const parts = renderParts(deps, message, form, submission, note, enclosures)
  const { utf8 } = addressOf(message.recipient)
  const replyTo = replyToOf(form, message, submission, utf8)
  const mail: Mail = {
    from: { name: fromName(settings.from.name, form, message, submission), address: settings.from.address },
    to: { name: null, address: message.recipient },
    replyTo: replyTo === null ? null : { name: null, address: replyTo },
    subject: submission.test ? `${testMarks[message.language]} ${parts.subject}` : parts.subject,
    date: message.createdAt,
    messageId: `${message.id}@${domainOf(settings.from.address)}`,
    headers: headersOf(message),
    text: parts.body.text,
    html: frame(parts.body.html, message.language),
    attachments: enclosures.attachments,
    boundary: message.id,
    utf8,
  }
  return {
    from: envelopeSender(deps, message),
    to: message.recipient,
    utf8,
    mail: composeMail(mail),
    templateFault: parts.fault,
    attachments: enclosures.attachments.length,
    missingFiles: enclosures.missing.map(({ fileName }) => fileName),
  }
}

/** Makes the mail of a message that no submission causes: its own text in our frame. */
export function composeContent(deps: ComposeDeps, message: Message): Composed {
  const { settings } = deps
  if (message.content === null) throw new TypeError('a message without a submission needs a text')
  const { utf8 } = addressOf(message.recipient)
  const nonce = base32(deps.crypto.mac('slots', message.id).subarray(0, 10))
  const body = renderBody(message.content.body, {}, [], nonce)
  const mail: Mail = {
    from: { name: settings.from.name, address: settings.from.address },
    to: { name: null, address: message.recipient },
    replyTo: null,
    subject: cutLine(message.content.subject.replace(/\s+/g, ' ').trim(), maxSubject),
    date: message.createdAt,
    messageId: `${message.id}@${domainOf(settings.from.address)}`,
    headers: headersOf(message),
    text: body.text,
    html: frame(body.html, message.language),
    attachments: [],
    boundary: message.id,
    utf8,
  }
  return {
    from: envelopeSender(deps, message),
    to: message.recipient,
    utf8,
    mail: composeMail(mail),
    templateFault: null,
    attachments: 0,
    missingFiles: [],
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

function fromName(
  instanceName: string | null,
  form: FormRecord,
  message: Message,
  { wishes }: Submission,
): string | null {
  const own = message.role === 'confirmation' ? form.settings.confirmation?.fromName : undefined
  // Anybody can post a name: only the managers, who know their forms, ever see it.
  const wished = message.role === 'notification' ? wishes.senderName : null
  return own ?? wished ?? instanceName
}

/**
 * Where an answer goes. A visitor's address with non-ASCII letters is left out where the mail is not internationalised
 * anyway: a relay without SMTPUTF8 would refuse the manager's mail for it, and the text names the address.
 */
function replyToOf(form: FormRecord, message: Message, submission: Submission, utf8: boolean): string | null {
  // A text of its own tells that the address is somebody else's.
  if (message.content !== null) return null
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

/** Before the subject of mails that a test causes, so that nobody takes it for a lead. */
const testMarks: Readonly<Record<Language, string>> = { en: '[Test]', ja: '[テスト]' }

/** UTF-16 code units of a subject; no mail program shows more. */
const maxSubject = 200

type Parts = { subject: string; body: Body; fault: string | null }

function renderParts(
  deps: ComposeDeps,
  message: Message,
  form: FormRecord,
  submission: Submission,
  note: string | null,
  enclosures: Enclosures,
): Parts {
  const builtIn = builtInTemplate(message, submission)
  const own = ownTemplate(form, message)
  const nonce = base32(deps.crypto.mac('slots', message.id).subarray(0, 10))
  const scope = {
    ...scopeOf(deps, message, form, submission, note),
    links: enclosures.links,
    links_until: enclosures.linksUntil,
  }
  const fields = message.role === 'confirmation' && !userTextAllowed(form) ? [] : enclosures.fields()
  const wished = message.role === 'notification' && own?.subject === undefined ? submission.wishes.subject : null
  const render = (template: TemplateText) => ({
    subject: cutLine(wished ?? renderLine(template.subject, scope, nonce), maxSubject),
    body: withFooters(renderBody(template.body, scope, fields, nonce), message.language, scope, nonce),
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

function builtInTemplate(message: Message, submission: Submission): TemplateText {
  const { content, role, language } = message
  if (content !== null) return content
  if (role === 'confirmation' && asksFirst(submission)) return requestTemplates[language]
  return builtInTemplates[role === 'alarm' ? 'notification' : role][language]
}

/** The body with what it must say and does not, below it. A link counts where people can use it: in both parts. */
function withFooters(body: Body, language: Language, scope: Scope & Pick<Enclosures, 'links'>, nonce: string): Body {
  const has = (text: string, html: string) => body.text.includes(text) && body.html.includes(html)
  const hasLink = (url: string) => url === '' || has(url, `href="${escapeHtml(url)}"`)
  const { confirm_url, stop_url, confirmation_note, links } = scope
  const missing = [
    ...(hasLink(confirm_url) ? [] : [footers.confirm]),
    ...(hasLink(stop_url) ? [] : [footers.stop]),
    ...(links.length === 0 ? [] : [footers.links]),
    ...(confirmation_note === '' || has(confirmation_note, escapeHtml(confirmation_note)) ? [] : [footers.note]),
  ].map((footer) => renderBody(footer[language], scope, [], nonce))
  return {
    text: [body.text, ...missing.map(({ text }) => text)].join('\n'),
    html: [body.html, ...missing.map(({ html }) => html)].join(''),
  }
}

function ownTemplate(form: FormRecord, message: Message): Partial<TemplateText> | null {
  if (message.content !== null || (message.role !== 'confirmation' && message.role !== 'notification')) return null
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

type Scope = Readonly<Record<string, unknown>> &
  Readonly<Record<'stop_url' | 'confirm_url' | 'confirmation_note', string>>

/**
 * The variables of templates; the ones with a visitor's text only where it may appear. The links by which the address's
 * owner speaks are in no other mail than the one to them.
 */
function scopeOf(
  deps: ComposeDeps,
  message: Message,
  form: FormRecord,
  submission: Submission,
  note: string | null,
): Scope {
  const isConfirmation = message.role === 'confirmation'
  const withUserText = message.role !== 'confirmation' || userTextAllowed(form)
  const resend = submission.resends.at(-1)
  return {
    form: { title: formTitle(form, message.language), name: form.name },
    reference: submission.reference,
    received_at: formatTime(submission.receivedAt, message.language, deps.settings.timeZone),
    status_url: isConfirmation ? statusUrl(deps, submission) : '',
    stop_url: isConfirmation ? linkUrl(deps, 'stop', message, submission) : '',
    confirm_url: isConfirmation && asksFirst(submission) ? linkUrl(deps, 'confirm', message, submission) : '',
    confirmation_note: note ?? '',
    email: withUserText ? (submission.email ?? '') : '',
    old_email: withUserText ? (resend?.oldEmail ?? '') : '',
    fields: withUserText ? fieldValues(submission.entries) : {},
  }
}

/** A quiet page around the rendered body: system fonts, readable width, no image, nothing from elsewhere. */
function frame(html: string, language: Language): string {
  return (
    `<!doctype html>\n<html lang="${escapeHtml(language)}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    '<meta name="color-scheme" content="light dark"></head>\n' +
    "<body style=\"margin:0;padding:20px;word-wrap:break-word;overflow-wrap:anywhere;font:16px/1.6 system-ui,-apple-system,'Hiragino Sans','Noto Sans JP',sans-serif\">" +
    `<div style="max-width:38em;margin:0 auto">\n${html}</div></body></html>\n`
  )
}
