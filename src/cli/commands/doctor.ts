import { dataOf, type Schemas } from '../../client/client.ts'
import { doctorDeps, examine, type Finding } from '../../hosts/doctor.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Says what is wrong with the settings before a lead is lost by it. Status 1 when something is. */
export async function run(context: CommandContext): Promise<number> {
  return await withInstance(
    context,
    async (client, config) => {
      const forms = dataOf(await client.GET('/api/v1/forms')).items
      const alarms = dataOf(await client.GET('/api/v1/alarms', { params: { query: {} } })).items
      const findings = [...alarms.map(openAlarm), ...(await examine(config, forms, doctorDeps(config)))]
      print(context, { findings }, () => text(findings))
      return findings.some(({ level }) => level === 'error') ? 1 : 0
    },
    { create: true },
  )
}

function openAlarm({ kind, title, sentence, next }: Schemas['Alarm']): Finding {
  return { level: 'error', code: kind, sentence: `${title}. ${sentence}`, next }
}

function text(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'Nothing is wrong.\n'
  return findings.map(({ level, code, sentence, next }) => `${level}: ${sentence} [${code}]\n  ${next}\n`).join('\n')
}
