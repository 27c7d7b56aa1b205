import { dataOf, type Schemas } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print, table } from '../terminal.ts'

/** Lists messages, newest first. */
export async function run(context: CommandContext): Promise<number> {
  const { state, limit, before } = context.flags as Record<string, string | undefined>
  return await withInstance(context, async (client) => {
    const query = {
      ...(state === undefined ? {} : { state: state as Schemas['Message']['state'] }),
      ...(limit === undefined ? {} : { limit: Number(limit) }),
      ...(before === undefined ? {} : { before }),
    }
    const page = dataOf(await client.GET('/api/v1/messages', { params: { query } }))
    print(context, page, ({ items, cursor }) => {
      if (items.length === 0) return 'No messages.\n'
      const rows = items.map((item) => [
        item.since,
        item.reference,
        item.role,
        item.state,
        item.class ?? item.heldReason ?? item.cancelReason ?? '-',
        item.recipient,
        item.id,
      ])
      return (
        table([['SINCE', 'REFERENCE', 'ROLE', 'STATE', 'WHY', 'RECIPIENT', 'ID'], ...rows]) +
        (cursor === null ? '' : `more: --before ${cursor}\n`)
      )
    })
    return 0
  })
}
