import { dataOf, type Schemas } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Lists what is wrong now; with `--all` also what was. */
export async function run(context: CommandContext): Promise<number> {
  const all = context.flags.all === true ? 'true' : 'false'
  return await withInstance(context, async (client) => {
    const found = dataOf(await client.GET('/api/v1/alarms', { params: { query: { all } } }))
    print(context, found, ({ items }) => (items.length === 0 ? 'No alarms.\n' : items.map(text).join('\n')))
    return 0
  })
}

function text({ since, overAt, title, sentence, next, told, fault }: Schemas['Alarm']): string {
  const head = overAt === null ? `since ${since}` : `${since} to ${overAt}`
  const untold = told === 0 ? `\n  Not told yet${fault === null ? '' : `: ${fault}`}.` : ''
  return `${title} (${head})\n  ${sentence}\n${overAt === null ? `  ${next}${untold}\n` : ''}`
}
