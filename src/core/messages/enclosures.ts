import type { Attachment } from '../../mail/mime/compose.ts'
import type { Deps } from '../deps.ts'
import { enclose, shownFileName } from '../files/enclose.ts'
import { fileLinkUrl, linksEnd } from '../files/links.ts'
import { attachedType, type FileRisk } from '../files/risk.ts'
import { formatTime } from '../format-time.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language, Sentence } from '../language.ts'
import type { Entry, StoredFile, Submission } from '../submissions/submission.ts'
import { labelOf } from './labels.ts'
import type { Message } from './message.ts'
import type { FieldLine } from './templates/render.ts'
import { cutText } from './templates/shown-text.ts'

/** What of a submission is in a mail, and what is only linked there. */
export type Enclosures = {
  attachments: readonly Attachment[]
  /** Uploads that should be attached and are not in the blob store any more; each costs itself, not the mail. */
  missing: readonly StoredFile[]
  /** Listed below the fields of the mail; empty where it holds everything. */
  links: readonly { label: string; url: string; warning: string }[]
  /** When the links end, written out; empty without any. */
  linksUntil: string
  /** The fields as the mail lists them; most mails to submitters don't. */
  fields: () => readonly FieldLine[]
}

/** A text is shown up to so many UTF-16 code units; all texts of a mail share the second number. */
const shownOfOne = 10_000
const shownOfAll = 100_000
/** When they are used up, each further text still shows its beginning. */
const shownAtLeast = 200

/** More long texts than this are not linked; they are stored and shown like all others. */
const maxTextLinks = 20

/**
 * Divides a submission between a mail's text, its attachments and links. Only a notification has attachments and links:
 * whoever has a link can open it, so it goes to nobody but the managers.
 *
 * @param room bytes that the attachments may take together as they travel
 */
export async function encloseSubmission(
  deps: Pick<Deps, 'settings' | 'crypto' | 'blobs'>,
  message: Message,
  form: FormRecord,
  submission: Submission,
  room: number,
): Promise<Enclosures> {
  const { language, role } = message
  const fields = (missing: readonly StoredFile[]) => () => fieldLines(form, submission, language, missing)
  if (role !== 'notification') return { attachments: [], missing: [], links: [], linksUntil: '', fields: fields([]) }

  const { attached, linked } = enclose(submission.entries, room)
  const read = await Promise.all(
    attached.map(async ({ file }) => ({ file, content: await deps.blobs.read(file.blob) })),
  )
  const missing = read.flatMap(({ file, content }) => (content === null ? [file] : []))

  const until = linksEnd(deps, message.createdAt)
  const url = (index: number) => fileLinkUrl(deps, submission, index, until)
  const fileLinks = linked.map(({ index, file, risk }) => ({
    label: fileLine(file.fileName, file.size),
    url: url(index),
    warning: risk === null ? '' : riskWarnings[risk][language],
  }))
  const cut = [...shownTexts(submission.entries)].filter(([, text]) => text.isCut).slice(0, maxTextLinks)
  const textLinks = cut.map(([index]) => ({
    label: wholeText[language](labelOf(form, submission.entries[index]?.name ?? '', language)),
    url: url(index),
    warning: '',
  }))
  const links = [...fileLinks, ...textLinks]
  return {
    attachments: read.flatMap(({ file, content }) =>
      content === null ? [] : [{ fileName: shownFileName(file.fileName), type: attachedType(file), content }],
    ),
    missing,
    links,
    linksUntil: links.length === 0 ? '' : formatTime(until, language, deps.settings.timeZone),
    fields: fields(missing),
  }
}

/** The values of a submission by name, for `{{ fields.name }}`; as long as the list of fields shows them. */
export function fieldValues(entries: readonly Entry[]): Record<string, string> {
  const texts = shownTexts(entries)
  const values = new Map<string, string[]>()
  for (const [index, entry] of entries.entries()) {
    const value = entry.kind === 'file' ? shownFileName(entry.file.fileName) : (texts.get(index)?.text ?? '')
    const known = values.get(entry.name)
    if (known === undefined) values.set(entry.name, [value])
    else known.push(value)
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, all.join(', ')]))
}

/** A text as far as it is shown; `length` is that of the whole. */
export type ShownText = { text: string; isCut: boolean; length: number }

/** The texts as a mail shows them, by index: neither it nor a page must grow with what somebody pastes into a field. */
export function shownTexts(entries: readonly Entry[]): ReadonlyMap<number, ShownText> {
  const texts = new Map<number, ShownText>()
  let left = shownOfAll
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'file') continue
    const { value } = entry
    const text = cutText(value, Math.max(shownAtLeast, Math.min(shownOfOne, left)))
    left -= text.length
    const isCut = text.length < value.length
    texts.set(index, { text: isCut ? `${text}…` : text, isCut, length: value.length })
  }
  return texts
}

/** The fields under the labels of their page, in the order they were posted; files by name and size. */
function fieldLines(
  form: FormRecord,
  submission: Submission,
  language: Language,
  missing: readonly StoredFile[],
): FieldLine[] {
  const texts = shownTexts(submission.entries)
  const lines = new Map<string, string[]>()
  for (const [index, entry] of submission.entries.entries()) {
    const shown = texts.get(index)
    const value =
      entry.kind === 'file'
        ? `${fileLine(entry.file.fileName, entry.file.size)}${missing.includes(entry.file) ? notAvailable[language] : ''}`
        : `${shown?.text.replaceAll('\r\n', '\n')}${shown?.isCut === true ? `\n${cutHere[language](shown.length)}` : ''}`
    const known = lines.get(entry.name)
    if (known === undefined) lines.set(entry.name, [value])
    else known.push(value)
  }
  return [...lines].map(([name, values]) => ({ label: labelOf(form, name, language), value: values.join('\n') }))
}

function fileLine(fileName: string, size: number): string {
  return `${shownFileName(fileName)} (${formatBytes(size)})`
}

/** `1.4 MB`; decimal, as mail programs count. */
export function formatBytes(size: number): string {
  if (size < 1000) return `${size} B`
  if (size < 1_000_000) return `${(size / 1000).toFixed(1)} kB`
  return `${(size / 1_000_000).toFixed(1)} MB`
}

const notAvailable: Sentence = {
  en: ' — this file is not available any more',
  ja: ' — このファイルは利用できなくなりました',
}

const cutHere: Readonly<Record<Language, (length: number) => string>> = {
  en: (length) => `(cut here: ${length} characters in all; the whole text is stored)`,
  ja: (length) => `（ここで省略しています。全 ${length} 文字は保存されています）`,
}

const wholeText: Readonly<Record<Language, (label: string) => string>> = {
  en: (label) => `${label}: the whole text`,
  ja: (label) => `${label}: 全文`,
}

/** What to know before a file is opened. */
export const riskWarnings: Readonly<Record<FileRisk, Sentence>> = {
  program: {
    en: 'A program. Open it only if you know the sender and expect it.',
    ja: 'プログラムです。送信者に心当たりがあり、受け取る予定のものに限り開いてください。',
  },
  script: {
    en: 'A script, which runs when it is opened. Open it only if you know the sender and expect it.',
    ja: '開くと実行されるスクリプトです。送信者に心当たりがあり、受け取る予定のものに限り開いてください。',
  },
  markup: {
    en: 'A web page or drawing that can contain scripts. Open it only if you expect it.',
    ja: 'スクリプトを含むことがあるページまたは図です。受け取る予定のものに限り開いてください。',
  },
  macros: {
    en: 'A document with macros. Do not enable them unless you know what they do.',
    ja: 'マクロを含む文書です。内容が分からないマクロは有効にしないでください。',
  },
  archive: {
    en: 'An archive with a program inside. Open it only if you know the sender and expect it.',
    ja: 'プログラムを含む圧縮ファイルです。送信者に心当たりがあり、受け取る予定のものに限り開いてください。',
  },
}
