import { dataOf, type Schemas } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Shows one form. */
export async function run(context: CommandContext): Promise<number> {
  const [name = ''] = context.arguments
  return await withInstance(context, async (client) => {
    print(context, dataOf(await client.GET('/api/v1/forms/{name}', { params: { path: { name } } })), text)
    return 0
  })
}

function text({ name, version, title, createdAt, settings, variants, figures }: Schemas['FormWithFigures']): string {
  const lines = [
    `${name}, version ${version} of ${createdAt}`,
    `title: ${title}`,
    `settings: ${JSON.stringify(settings)}`,
    `waiting for review: ${figures.quarantined}, released: ${figures.released}`,
    `confirmations held: ${figures.held}, stopped by their recipients: ${figures.stopped}`,
    `mails that strangers were saved from: ${figures.saved}`,
  ]
  for (const { pages, language, charset, controls } of variants) {
    lines.push(
      '',
      `pages: ${pages.join(' ')}${language === null ? '' : `, lang ${language}`}${charset === 'utf-8' ? '' : `, ${charset}`}`,
    )
    for (const control of controls) lines.push(`  ${control.name}: ${ruleText(control)}`)
  }
  if (variants.length === 0)
    lines.push('', 'No page of this form is known: any field is taken, only the e-mail address is checked.')
  return `${lines.join('\n')}\n`
}

function ruleText(control: Schemas['Control']): string {
  const { kind, label, required, multiple, minLength, maxLength, pattern, min, max, step, accept, options } = control
  const parts = [
    kind,
    label === null ? null : `“${label}”`,
    required ? 'required' : null,
    multiple ? 'multiple' : null,
    minLength === null ? null : `at least ${minLength} characters`,
    maxLength === null ? null : `at most ${maxLength} characters`,
    pattern === null ? null : `pattern ${pattern.source}${pattern.safety === 'risky' ? ' (risky: runs in a box)' : ''}`,
    min === null ? null : `min ${min}`,
    max === null ? null : `max ${max}`,
    step === null ? null : `step ${step}`,
    accept === null ? null : `accept ${accept.join(',')}`,
    options === null ? null : `one of ${options.map((option) => JSON.stringify(option)).join(' ')}`,
  ]
  return parts.filter((part) => part !== null).join(', ')
}
