import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Makes a one-time link to `/app/`. */
export async function run(context: CommandContext): Promise<number> {
  return await withInstance(context, async (client) => {
    print(
      context,
      dataOf(await client.POST('/api/v1/links')),
      ({ url, expiresAt }) => `${url}\nOpens once, until ${expiresAt}.\n`,
    )
    return 0
  })
}
