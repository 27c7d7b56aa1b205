import { dataOf, type Schemas } from '../../client/client.ts'
import { readPages } from '../../hosts/site.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Takes the rules of forms from the pages of a folder and prints what changed. Fails when a page was not adopted. */
export async function run(context: CommandContext): Promise<number> {
  const pages = await pagesOf(context.arguments[0] ?? '.')
  return await withInstance(
    context,
    async (client) => {
      const body = { pages: pages.map(({ path, bytes }) => ({ path, base64: Buffer.from(bytes).toString('base64') })) }
      const report = dataOf(await client.POST('/api/v1/forms/sync', { body }))
      if (report.notAdopted.length === 0) {
        print(context, report, text)
        return 0
      }
      print(context, { ok: false, code: 'page-not-adopted', ...report }, (all) => `${text(all)}[page-not-adopted]\n`)
      return 65
    },
    { create: true },
  )
}

async function pagesOf(folder: string): ReturnType<typeof readPages> {
  try {
    return await readPages(folder)
  } catch (error) {
    const next = 'Check the path of the folder.'
    const message = `The folder of the site can’t be read: ${folder}`
    throw Object.assign(new Error(message, { cause: error }), { code: 'site-unreadable', next })
  }
}

function text({ forms, notAdopted, warnings }: Schemas['SyncReport']): string {
  const lines = forms.flatMap(({ name, version, change, differences }) => [
    change === 'gone' ? `${name}: on no page any more; its rules are kept` : `${name}: ${change}, version ${version}`,
    ...differences.map((difference) => `  ${difference}`),
  ])
  const notes = [
    ...notAdopted.map(({ page, reason }) => `not adopted: ${page}: ${reason}`),
    ...warnings.map(({ page, form, text: warning }) => `note: ${page}, form ${form}: ${warning}`),
  ]
  const none =
    forms.length === 0 && notAdopted.length === 0 ? ['No page has a form of ours: one that posts to /f/….'] : []
  return `${[...none, ...lines, ...notes].join('\n')}\n`
}
