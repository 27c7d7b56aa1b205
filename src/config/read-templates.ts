import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { ConfigProblem } from './read-config.ts'

/** Where a text of a form's settings comes from: a file, and the line of it that the text begins at. */
export type TextSource = { file: string; line: number }

export type FormsResult =
  /** `sources`: by key of the settings, as in `forms.contact.confirmation.body.ja`. */
  | { kind: 'ok'; forms: Readonly<Record<string, unknown>>; sources: ReadonlyMap<string, TextSource> }
  | { kind: 'invalid'; problems: readonly ConfigProblem[] }

/** Liquid takes no longer template. */
const maxBytes = 100_000

/** `confirmation.ja.md` */
const fileNamePattern = /^(confirmation|notification)\.(ja|en)\.md$/

/**
 * The settings of forms with the texts in the folder of templates put into them:
 * `{form}/{confirmation|notification}.{ja|en}.md`, a head with the subject, then the body in Markdown.
 *
 * ```
 * ---
 * subject: We have it ({{ reference }})
 * ---
 * Thank you. …
 * ```
 *
 * A file that can't be used, or says what the settings file says too, is named with its line, and nothing is read then.
 */
export function formsWithTemplates(
  forms: Readonly<Record<string, unknown>>,
  folder: string | undefined,
  workingFolder: string,
): FormsResult {
  if (folder === undefined) return { kind: 'ok', forms, sources: new Map() }
  const merged: Record<string, unknown> = { ...forms }
  const sources = new Map<string, TextSource>()
  const problems: ConfigProblem[] = []
  for (const { form, role, language, path } of templateFiles(folder, workingFolder, problems)) {
    const file = relative(workingFolder, path)
    const text = readTemplate(path)
    if ('rule' in text) {
      problems.push({ key: `${file}:${text.line}`, rule: text.rule })
      continue
    }
    for (const [part, { value, line }] of Object.entries(text)) {
      const key = `forms.${form}.${role}.${part}`
      const put = withText(merged[form], role, part, language, value)
      if (put.kind === 'taken') problems.push({ key, rule: `is also in ${file}:${line}; keep one of them` })
      if (put.kind !== 'put') continue
      merged[form] = put.settings
      sources.set(`${key}.${language}`, { file, line })
    }
  }
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'ok', forms: merged, sources }
}

/** Where a key of the settings stands, for a person: `texts/contact/confirmation.ja.md:7`, or the key itself. */
export function placeOf(
  { key, line }: { key: string; line?: number | null | undefined },
  sources: ReadonlyMap<string, TextSource>,
): string {
  const source = sources.get(key)
  if (source !== undefined) return `${source.file}:${source.line + (line ?? 1) - 1}`
  return line === undefined || line === null ? key : `${key} (line ${line})`
}

// --- the folder -------------------------------------------------------------------------------------------------

type TemplateFile = { form: string; role: string; language: string; path: string }

/** The files of texts. What lies there and is none is named: a mistyped name must not be left out without a word. */
function templateFiles(folder: string, workingFolder: string, problems: ConfigProblem[]): TemplateFile[] {
  const files: TemplateFile[] = []
  for (const entry of list(folder, workingFolder, problems)) {
    const path = join(folder, entry.name)
    if (!isFolder(entry, path)) {
      if (entry.name !== 'README.md')
        problems.push({ key: relative(workingFolder, path), rule: 'is not a folder with the name of a form' })
      continue
    }
    for (const { name } of list(path, workingFolder, problems)) {
      const [, role, language] = fileNamePattern.exec(name) ?? []
      if (role !== undefined && language !== undefined) {
        files.push({ form: entry.name, role, language, path: join(path, name) })
      } else {
        problems.push({
          key: relative(workingFolder, join(path, name)),
          rule: 'is not called confirmation.ja.md, confirmation.en.md, notification.ja.md or notification.en.md',
        })
      }
    }
  }
  return files
}

/** Without hidden files and the backups of editors. */
function list(folder: string, workingFolder: string, problems: ConfigProblem[]): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith('.') && !name.endsWith('~'))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    problems.push({ key: relative(workingFolder, folder) || folder, rule: 'can’t be read as a folder' })
    return []
  }
}

function isFolder(entry: Dirent, path: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

// --- one file ---------------------------------------------------------------------------------------------------

type Part = { value: string; line: number }
type Template = { subject?: Part; body?: Part }
type Fault = { line: number; rule: string }

function readTemplate(path: string): Template | Fault {
  let text: string
  try {
    const bytes = readFileSync(path)
    if (bytes.length > maxBytes) return { line: 1, rule: `is larger than ${maxBytes} bytes` }
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replaceAll('\r\n', '\n')
  } catch (error) {
    return { line: 1, rule: error instanceof TypeError ? 'is not UTF-8' : 'can’t be read' }
  }
  return parseTemplate(text)
}

/** The head is not YAML: there `subject: {{ form.title }}` would be something else than what it looks like. */
function parseTemplate(text: string): Template | Fault {
  const lines = text.split('\n')
  const marker = lines.findIndex((line) => line.includes('\0') || /^(?:<{7} |={7}$|>{7} )/.test(line))
  if (marker !== -1) return { line: marker + 1, rule: 'is not finished: it holds marks of a merge, or zero bytes' }
  const hasHead = lines[0]?.trimEnd() === '---'
  const end = hasHead ? lines.findIndex((line, index) => index > 0 && line.trimEnd() === '---') : -1
  if (hasHead && end === -1) return { line: 1, rule: 'begins a head with --- that nothing ends' }

  let subject: Part | undefined
  for (const [index, line] of lines.slice(1, Math.max(end, 1)).entries()) {
    if (line.trim() === '') continue
    const [, key, value = ''] = /^(\w+):(.*)$/.exec(line) ?? []
    const at = index + 2
    if (key !== 'subject') return { line: at, rule: 'is not `subject: …`, which is all that a head may hold' }
    if (subject !== undefined) return { line: at, rule: 'is a second subject' }
    if (value.trim() === '') return { line: at, rule: 'is an empty subject' }
    subject = { value: value.trim(), line: at }
  }
  const body = lines.slice(end + 1).join('\n')
  if (body.trim() === '') return { line: end + 2, rule: 'has no text; delete the file to have the built-in one' }
  return { ...(subject === undefined ? {} : { subject }), body: { value: body, line: end + 2 } }
}

// --- into the settings ------------------------------------------------------------------------------------------

type Put = { kind: 'put'; settings: unknown } | { kind: 'taken' } | { kind: 'not-settings' }

/** `not-settings`: what stands there is wrong in itself, which is told when the settings are checked. */
function withText(form: unknown, role: string, part: string, language: string, text: string): Put {
  const settings = recordOf(form)
  const texts = recordOf(settings?.[role])
  if (settings === null || texts === null) return { kind: 'not-settings' }
  if (typeof texts[part] === 'string') return { kind: 'taken' }
  const byLanguage = recordOf(texts[part])
  if (byLanguage === null) return { kind: 'not-settings' }
  if (byLanguage[language] !== undefined) return { kind: 'taken' }
  return {
    kind: 'put',
    settings: { ...settings, [role]: { ...texts, [part]: { ...byLanguage, [language]: text } } },
  }
}

/** Nothing is an empty record; what is no record is null. */
function recordOf(value: unknown): Record<string, unknown> | null {
  if (value === undefined || value === null) return {}
  return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null
}
