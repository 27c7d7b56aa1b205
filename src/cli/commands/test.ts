import { dataOf, type TodokuClient } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

type Step = { at: string; text: string }

/** How often is looked for news, and for how long. Milliseconds. */
const pollMs = 500
const giveUpMs = 120_000

/**
 * Posts a test to a form at its public address and follows its mails, step by step, until the notification was taken or
 * lost. Status 1 when it was not taken.
 */
export async function run(context: CommandContext): Promise<number> {
  const [name] = context.arguments
  const isJson = context.flags.json === true
  return await withInstance(context, async (client) => {
    const form = name ?? (await onlyForm(client))
    const tell = ({ at, text }: Step) => {
      if (!isJson) context.terminal.out(`${at}  ${text}\n`)
    }
    const { reference, fault } = dataOf(
      await client.POST('/api/v1/forms/{name}/test', { params: { path: { name: form } } }),
    )
    if (reference === null) {
      const text = `The public address of the form did not take the test: ${fault}.`
      if (isJson) print(context, { ok: false, form, reference, fault, steps: [] }, () => '')
      else context.terminal.error(`${text}\nIs the server running, and does publicUrl lead to it? npx todoku doctor\n`)
      return 1
    }
    const { steps, arrived } = await follow(client, form, reference, tell)
    if (isJson) print(context, { ok: arrived, form, reference, fault: null, steps }, () => '')
    else context.terminal.out(arrived ? 'The notification was taken.\n' : 'The notification was not taken.\n')
    return arrived ? 0 : 1
  })
}

async function onlyForm(client: TodokuClient): Promise<string> {
  const { items } = dataOf(await client.GET('/api/v1/forms'))
  const [only] = items
  if (only !== undefined && items.length === 1) return only.name
  const names = items.map(({ name }) => name).join(', ')
  throw Object.assign(new Error(items.length === 0 ? 'there is no form yet' : `which form? There are ${names}`), {
    code: 'form-not-found',
    next: 'Name one: npx todoku test FORM',
  })
}

async function follow(
  client: TodokuClient,
  form: string,
  reference: string,
  tell: (step: Step) => void,
): Promise<{ steps: readonly Step[]; arrived: boolean }> {
  const params = { path: { reference } }
  const steps: Step[] = []
  for (let waited = 0; ; waited += pollMs) {
    const story = dataOf(
      await client.GET('/api/v1/submissions/{reference}/story', { params: { ...params, query: { language: 'en' } } }),
    )
    // Lines may come between others; what is new is told once, whenever it came.
    for (const { at, text } of story.lines) {
      if (steps.some((known) => known.at === at && known.text === text)) continue
      steps.push({ at, text })
      tell({ at, text })
    }
    const { fate, step } = dataOf(
      await client.GET('/api/v1/forms/{name}/test/{reference}', { params: { path: { name: form, reference } } }),
    )
    // What is held does not go on by itself for long enough.
    const goesOn = fate === 'waiting' && step !== 'held' && waited < giveUpMs
    if (!goesOn) return { steps, arrived: fate === 'arrived' }
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
}
