import { formsWithTemplates, type TextSource } from '../config/read-templates.ts'
import type { Config } from '../config/schema.ts'

/** Settings of forms are wrong; every one is named at once. */
export class FormSettingsError extends Error {
  readonly code = 'settings-invalid'
  readonly next: string

  constructor(message: string, next: string) {
    super(message)
    this.next = next
  }
}

/** The settings of forms as they would be applied: those of the settings file, and the folder of templates. @throws FormSettingsError */
export function formsOf(config: Config): {
  forms: Readonly<Record<string, unknown>>
  sources: ReadonlyMap<string, TextSource>
} {
  const result = formsWithTemplates(config.forms, config.templates, process.cwd())
  if (result.kind === 'ok') return result
  throw new FormSettingsError(
    `the templates are not valid:\n${result.problems.map(({ key, rule }) => `  ${key} ${rule}`).join('\n')}`,
    'Correct the named files. docs/guide/templates.md shows what they hold.',
  )
}
