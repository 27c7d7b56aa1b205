import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'
import { submissionText } from './submissions-show.ts'

/** Lets a submission go on that waits for review; its mails go out as soon as a server is running. */
export async function run(context: CommandContext): Promise<number> {
  const [reference = ''] = context.arguments
  return await withInstance(context, async (client) => {
    const path = { reference }
    const released = await client.POST('/api/v1/submissions/{reference}/release', { params: { path } })
    print(context, dataOf(released), submissionText)
    return 0
  })
}
