import { ApiError } from '../../client/client.ts'
import { placeOf } from '../../config/read-templates.ts'
import { formsOf } from '../forms.ts'
import { configOf, withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Applies the settings of forms in the settings file and the folder of templates, or shows how they differ from what is applied. */
export async function run(context: CommandContext): Promise<number> {
  const { forms: settings, sources } = formsOf(configOf(context).config)
  return await withInstance(
    context,
    async (client) => {
      const dryRun = context.flags.dryRun === true
      const { data, error, response } = await client.POST('/api/v1/forms/apply', {
        body: { forms: settings, dryRun },
      })
      const report = data ?? error
      if (report === undefined || !('problems' in report)) throw new ApiError(report, response.status)
      if (report.problems.length > 0) {
        print(
          context,
          { ok: false, code: 'settings-invalid', ...report },
          ({ problems }) =>
            `nothing was applied:\n${problems.map((problem) => `  ${placeOf(problem, sources)} ${problem.rule}\n`).join('')}[settings-invalid]\n`,
        )
        return 78
      }
      print(context, report, ({ forms }) =>
        forms.length === 0
          ? 'There are no forms in the settings file.\n'
          : forms.map((form) => line(form, dryRun)).join(''),
      )
      // As with `diff`: a dry run says by its status whether there is a difference.
      return dryRun && report.forms.some(({ change }) => change !== 'same') ? 2 : 0
    },
    { create: true },
  )
}

function line(
  { name, version, change, keys }: { name: string; version: number; change: string; keys: string[] },
  dryRun: boolean,
): string {
  if (change === 'same') return `${name}: same, version ${version}\n`
  if (change === 'gone')
    return `${name}: not in the settings file any more; what was applied is kept (${keys.join(', ')}). To take it back: ${name}: {}\n`
  return `${name}: ${dryRun ? 'would be ' : ''}${change}, version ${version}${keys.length > 0 ? ` (${keys.join(', ')})` : ''}\n`
}
