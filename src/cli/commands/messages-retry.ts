import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { messageText } from '../message-text.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Makes a waiting message due now; it goes out as soon as a server is running. */
export async function run(context: CommandContext): Promise<number> {
  const [id = ''] = context.arguments
  return await withInstance(context, async (client) => {
    print(context, dataOf(await client.POST('/api/v1/messages/{id}/retry', { params: { path: { id } } })), messageText)
    return 0
  })
}
