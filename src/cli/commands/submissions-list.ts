import { dataOf, type Schemas } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print, table } from '../terminal.ts'

/** Lists submissions, newest first, with the fate of their mails. */
export async function run(context: CommandContext): Promise<number> {
  const { form, limit, before } = context.flags as Record<string, string | undefined>
  const { quarantined, unconfirmed } = context.flags
  const review =
    quarantined === true ? ('quarantined' as const) : unconfirmed === true ? ('unconfirmed' as const) : undefined
  return await withInstance(context, async (client) => {
    const query = {
      ...(form === undefined ? {} : { form }),
      ...(review === undefined ? {} : { review }),
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
        reviewOf(item),
        item.confirmation ?? '-',
        item.notification ?? '-',
        item.email ?? '-',
        ...(quarantined === true ? [item.reviewUrl ?? '-'] : []),
      ])
      const links = quarantined === true ? ['TO LOOK AT IT AND RELEASE IT'] : []
      const more = cursor === null ? '' : `more: --before ${cursor}\n`
      return (
        table([
          ['RECEIVED', 'REFERENCE', 'FORM', 'REVIEW', 'CONFIRMATION', 'NOTIFICATION', 'E-MAIL', ...links],
          ...rows,
        ]) + more
      )
    })
    return 0
  })
}

/** What keeps it from being an ordinary submission. */
function reviewOf({ review, disownedAt }: Schemas['SubmissionRow']): string {
  if (disownedAt !== null) return 'disowned'
  return review === 'accepted' ? '-' : review
}
