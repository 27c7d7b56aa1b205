import { dataOf, type Schemas } from '../../client/client.ts'
import { readPages } from '../../hosts/site.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Takes the rules of forms from the pages of a folder and prints what changed. Fails when a page was not adopted. */
export async function run(context: CommandContext): Promise<number> {
  const pages = await readPages(context.arguments[0] ?? '.')
  return await withInstance(
    context,
    async (client) => {
      const body = { pages: pages.map(({ path, bytes }) => ({ path, base64: Buffer.from(bytes).toString('base64') })) }
      const report = dataOf(await client.POST('/api/v1/forms/sync', { body }))
      print(context, report, text)
      return report.notAdopted.length > 0 ? 65 : 0
    },
    { create: true },
  )
}

function text({ forms, notAdopted, warnings }: Schemas['SyncReport']): string {
  if (forms.length === 0 && notAdopted.length === 0) return 'No page has a form that posts to /f/….\n'
  const lines = forms.flatMap(({ name, version, change, differences }) => [
    change === 'gone' ? `${name}: on no page any more; its rules are kept` : `${name}: ${change}, version ${version}`,
    ...differences.map((difference) => `  ${difference}`),
  ])
  const notes = [
    ...notAdopted.map(({ page, reason }) => `not adopted: ${page}: ${reason}`),
    ...warnings.map(({ page, form, text: warning }) => `note: ${page}, form ${form}: ${warning}`),
  ]
  return `${[...lines, ...notes].join('\n')}\n`
}
