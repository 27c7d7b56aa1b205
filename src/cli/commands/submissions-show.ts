import { dataOf, type Schemas } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Shows one submission: what was posted and where its mails are. */
export async function run(context: CommandContext): Promise<number> {
  const [reference = ''] = context.arguments
  return await withInstance(context, async (client) => {
    print(
      context,
      dataOf(await client.GET('/api/v1/submissions/{reference}', { params: { path: { reference } } })),
      submissionText,
    )
    return 0
  })
}

/** A submission as people read it. */
export function submissionText(submission: Schemas['Submission']): string {
  const { reference, form, formVersion, receivedAt, entries, observations, messages, statusUrl } = submission
  const { review, reviewedAt, reviewUrl, disownedAt, test, verdict } = submission
  const lines = [
    `${reference}, form ${form} (version ${formVersion}), received ${receivedAt}${test ? ', a test' : ''}`,
    statusUrl,
    ...(review === 'accepted' ? [] : [`${review}${reviewedAt === null ? '' : ` ${reviewedAt}`}`]),
    ...(disownedAt === null ? [] : [`disowned ${disownedAt}: the owner of the address says that it was not them`]),
    ...(reviewUrl === null ? [] : [`to look at it and release it: ${reviewUrl}`]),
    ...verdict.reasons.map((reason) => `put aside for review, ${reason.rule}: ${reason.text}`),
    ...verdict.shadow.map((reason) => `rule on trial, ${reason.rule}: ${reason.text}`),
    '',
  ]
  for (const { name, value, file } of entries) {
    lines.push(
      file === null ? `${name}: ${value ?? ''}` : `${name}: file ${file.number}, ${file.fileName} (${file.size} bytes)`,
    )
  }
  if (observations.length > 0)
    lines.push(
      '',
      `kept although unknown to the page: ${observations.map(({ field, code }) => `${field} (${code})`).join(', ')}`,
    )
  lines.push('')
  for (const { id, role, recipient, state, class: name, since } of messages) {
    lines.push(`${role} to ${recipient}: ${state}${name === null ? '' : ` (${name})`} since ${since}  ${id}`)
  }
  return `${lines.join('\n')}\n`
}
