import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print, table } from '../terminal.ts'

/** Lists all forms. */
export async function run(context: CommandContext): Promise<number> {
  return await withInstance(context, async (client) => {
    const { items } = dataOf(await client.GET('/api/v1/forms'))
    print(context, items, (forms) => {
      if (forms.length === 0) return 'No forms yet. `todoku forms sync DIR` takes them from pages.\n'
      const rows = forms.map(({ name, version, title, variants }) => [
        name,
        String(version),
        title,
        variants.flatMap(({ pages }) => pages).join(' '),
      ])
      return table([['FORM', 'VERSION', 'TITLE', 'PAGES'], ...rows])
    })
    return 0
  })
}
