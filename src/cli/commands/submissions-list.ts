import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print, table } from '../terminal.ts'

/** Lists submissions, newest first, with the fate of their mails. */
export async function run(context: CommandContext): Promise<number> {
  const { form, limit, before } = context.flags as Record<string, string | undefined>
  return await withInstance(context, async (client) => {
    const query = {
      ...(form === undefined ? {} : { form }),
      ...(limit === undefined ? {} : { limit: Number(limit) }),
      ...(before === undefined ? {} : { before }),
    }
    const page = dataOf(await client.GET('/api/v1/submissions', { params: { query } }))
    print(context, page, ({ items, cursor }) => {
      if (items.length === 0) return 'No submissions.\n'
      const rows = items.map((item) => [
        item.receivedAt,
        item.reference,
        item.form,
        item.confirmation ?? '-',
        item.notification ?? '-',
        item.email ?? '-',
      ])
      const more = cursor === null ? '' : `more: --before ${cursor}\n`
      return table([['RECEIVED', 'REFERENCE', 'FORM', 'CONFIRMATION', 'NOTIFICATION', 'E-MAIL'], ...rows]) + more
    })
    return 0
  })
}
