import { dataOf, type Schemas } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Sends a test the way alarms go. Fails when there is no way, or the webhook does not take it. */
export async function run(context: CommandContext): Promise<number> {
  return await withInstance(context, async (client) => {
    const result = dataOf(await client.POST('/api/v1/alarms/test'))
    print(context, result, text)
    const { webhook, mailTo } = result
    return webhook?.ok === false || (webhook === null && mailTo.length === 0) ? 1 : 0
  })
}

function text({ webhook, mailTo }: Schemas['AlarmTest']): string {
  const lines = [
    ...(webhook === null ? [] : [webhook.ok ? 'The webhook took the test.' : `The webhook did not: ${webhook.fault}`]),
    ...(mailTo.length === 0 ? [] : [`A test mail was queued for ${mailTo.join(', ')}.`]),
  ]
  return lines.length === 0
    ? 'There is no way for alarms: set alarms.webhook or alarms.email (docs/guide/alarms.md).\n'
    : `${lines.join('\n')}\n`
}
