import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { messageText } from '../message-text.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Shows one message with its events and what was seen on the wire. */
export async function run(context: CommandContext): Promise<number> {
  const [id = ''] = context.arguments
  return await withInstance(context, async (client) => {
    print(context, dataOf(await client.GET('/api/v1/messages/{id}', { params: { path: { id } } })), messageText)
    return 0
  })
}
