import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { messageText } from '../message-text.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Ends a waiting message. */
export async function run(context: CommandContext): Promise<number> {
  const [id = ''] = context.arguments
  return await withInstance(context, async (client) => {
    print(context, dataOf(await client.POST('/api/v1/messages/{id}/cancel', { params: { path: { id } } })), messageText)
    return 0
  })
}
