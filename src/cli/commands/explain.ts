import { dataOf, type Schemas } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Tells the whole story of a submission as sentences, oldest first, then how things stand. */
export async function run(context: CommandContext): Promise<number> {
  const [reference = ''] = context.arguments
  const language = context.flags.language as Schemas['Language']
  return await withInstance(context, async (client) => {
    const params = { path: { reference }, query: { language } }
    print(context, dataOf(await client.GET('/api/v1/submissions/{reference}/story', { params })), text)
    return 0
  })
}

function text({ reference, form, reviewUrl, lines, now }: Schemas['Story']): string {
  const story = lines.map(({ at, text: sentence }) => `${at}  ${sentence}`)
  const ask = reviewUrl === null ? [] : [`To look at it and release it: ${reviewUrl}`]
  return `${[`${reference} (form ${form})`, '', ...story, '', ...now, ...ask].join('\n')}\n`
}
