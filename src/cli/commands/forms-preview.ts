import { writeFileSync } from 'node:fs'
import { ApiError, dataOf, type Schemas, type TodokuClient } from '../../client/client.ts'
import { placeOf, type TextSource } from '../../config/read-templates.ts'
import { FormSettingsError, formsOf } from '../forms.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Shows a mail of a form as it would go out after `forms apply`. Status 1 when one of its texts can’t be used as it is. */
export async function run(context: CommandContext): Promise<number> {
  const [name = ''] = context.arguments
  const { html, applied } = context.flags
  return await withInstance(
    context,
    async (client, config) => {
      const written = applied === true ? null : formsOf(config)
      const sources = written?.sources ?? new Map<string, TextSource>()
      const preview = await previewOf(client, name, written?.forms[name], context)
      if (typeof html === 'string') writeFileSync(html, preview.html)
      const { html: _, ...rest } = preview
      print(
        context,
        { ...preview, faults: preview.faults.map((fault) => ({ ...fault, at: placeOf(fault, sources) })) },
        () => text(rest, sources, typeof html === 'string' ? html : null),
      )
      return preview.faults.length > 0 ? 1 : 0
    },
    { create: true },
  )
}

/** @param settings of the form in the settings file; undefined: it is previewed as it is applied */
async function previewOf(
  client: TodokuClient,
  name: string,
  settings: unknown,
  { flags }: CommandContext,
): Promise<Schemas['Preview']> {
  const wanted = {
    role: (flags.role ?? 'confirmation') as Schemas['Preview']['role'],
    ...(typeof flags.lang === 'string' ? { language: flags.lang as Schemas['Preview']['language'] } : {}),
    ...(typeof flags.reference === 'string' ? { reference: flags.reference } : {}),
  }
  const path = '/api/v1/forms/{name}/preview'
  if (settings === undefined) return dataOf(await client.GET(path, { params: { path: { name }, query: wanted } }))
  const body = { ...wanted, settings: settings as Record<string, unknown> }
  const { data, error, response } = await client.POST(path, { params: { path: { name } }, body })
  if (data !== undefined) return data
  const wrong = error?.errors ?? []
  if (wrong.length === 0) throw new ApiError(error, response.status)
  throw new FormSettingsError(
    `the settings of the form are not valid:\n${wrong.map(({ field, message }) => `  ${field} ${message}`).join('\n')}`,
    'Correct the named keys in todoku.yaml.',
  )
}

function text(
  preview: Omit<Schemas['Preview'], 'html'>,
  sources: ReadonlyMap<string, TextSource>,
  html: string | null,
): string {
  const { role, language, reference, posted, from, to, replyTo, subject, attachments, faults } = preview
  const lines = [
    `${role}, ${language}; ${posted ? `made of ${reference}` : 'made up: nothing was posted yet'}`,
    '',
    `From: ${from}`,
    `To: ${to}`,
    ...(replyTo === null ? [] : [`Reply-To: ${replyTo}`]),
    `Subject: ${subject}`,
    ...attachments.map(({ fileName, type, size }) => `Attached: ${fileName} (${type}, ${size} bytes)`),
    '',
    preview.text.trimEnd(),
    '',
    ...(html === null ? [] : [`The HTML part is in ${html}.`]),
    ...faults.map((fault) => `! ${placeOf(fault, sources)} ${fault.rule}`),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}
