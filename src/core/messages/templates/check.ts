import { inspectTemplate } from './liquid.ts'

/** What is wrong with a template. `line` counts from 1; null where it can't be told. */
export type TemplateFault = { line: number | null; rule: string }

/** Variables a template may use. */
const knownVariables = new Set([
  'form.title',
  'form.name',
  'reference',
  'received_at',
  'status_url',
  'stop_url',
  'confirm_url',
  'confirmation_note',
  'email',
  'old_email',
])
/** Those that hold what the visitor typed. */
const isUserText = (variable: string) => variable === 'email' || variable === 'old_email' || /^fields\b/.test(variable)

/**
 * Checks a template without rendering it.
 *
 * @param strangers whether its mail goes to addresses that nobody confirmed, and so must not carry a visitor's text
 */
export function checkTemplate(source: string, strangers: boolean): TemplateFault[] {
  const inspected = inspectTemplate(source)
  if (!inspected.ok) return [{ line: lineIn(inspected.reason), rule: `is not a template: ${inspected.reason}` }]
  const faults: TemplateFault[] = []
  for (const variable of inspected.variables) {
    const line = lineOf(source, variable)
    if (!knownVariables.has(variable) && !/^(?:fields|form)\b/.test(variable)) {
      faults.push({ line, rule: `uses {{ ${variable} }}, which does not exist` })
    } else if (strangers && isUserText(variable)) {
      faults.push({
        line,
        rule: `uses {{ ${variable} }}: a confirmation goes to an address that nobody confirmed yet, and what a visitor typed could be spam. Set confirmation.allowUserText: true to allow it`,
      })
    }
  }
  const fields = /\{%-?\s*fields\s*-?%\}/.exec(source)
  if (strangers && fields !== null) {
    faults.push({
      line: lineAt(source, fields.index),
      rule: 'uses {% fields %}; set confirmation.allowUserText: true to send visitors’ text to unconfirmed addresses',
    })
  }
  return faults
}

/**
 * Fields that a template uses and no page of the form has; they would be empty in every mail.
 *
 * @param names of the form's fields
 */
export function unknownFields(source: string, names: ReadonlySet<string>): TemplateFault[] {
  const inspected = inspectTemplate(source)
  if (!inspected.ok) return []
  return inspected.variables.flatMap((variable) => {
    // The engine writes a name that is a word behind a dot, in whatever script, and others in single quotes.
    const name = /^fields\.([^.[]+)/.exec(variable)?.[1] ?? /^fields\['(.+?)'\]/.exec(variable)?.[1]
    if (name === undefined || names.has(name)) return []
    const line = lineOf(source, variable) ?? lineOf(source, name)
    return [{ line, rule: `uses the field “${name}”, which no page of the form has` }]
  })
}

/** The line that an error of the template engine names. */
export function lineIn(reason: string): number | null {
  const line = /\bline:(\d{1,9})/.exec(reason)?.[1]
  return line === undefined ? null : Number(line)
}

/** The line where a variable first stands inside of a tag or an output. */
function lineOf(source: string, variable: string): number | null {
  for (const tag of source.matchAll(/\{[{%]/g)) {
    const end = source.indexOf('}', tag.index)
    const inner = source.slice(tag.index, end === -1 ? undefined : end)
    const at = inner.indexOf(variable)
    if (at !== -1) return lineAt(source, tag.index + at)
    if (end === -1) break
  }
  return null
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split('\n').length
}
