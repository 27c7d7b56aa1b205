import { createTodokuClient, type TodokuClient } from '../client/client.ts'
import { processEnvironment } from '../config/environment.ts'
import { readConfig } from '../config/read-config.ts'
import type { Config } from '../config/schema.ts'
import { connect } from '../hosts/connect.ts'
import type { CommandContext } from './terminal.ts'

/** The configuration is wrong; every problem is named at once. */
class ConfigError extends Error {
  readonly code = 'config-invalid'
  readonly next = 'Correct the named keys and start again. docs/reference/settings.md lists all of them.'
}

/** Reads the configuration for a command. @throws ConfigError */
export function configOf(
  { flags }: CommandContext,
  settings: readonly string[] = [],
): { config: Config; file: string | null } {
  const named = Object.fromEntries(
    ['config', 'data', ...settings].map((name) => [name, flags[name] as string | undefined]),
  )
  const result = readConfig({ flags: named, environment: processEnvironment(), folder: process.cwd() })
  if (result.kind === 'ok') return result
  throw new ConfigError(
    `the configuration is not valid:\n${result.problems.map(({ key, rule }) => `  ${key} ${rule}`).join('\n')}`,
  )
}

/** Runs a command's work against the instance of its data folder, running or not. */
export async function withInstance(
  context: CommandContext,
  work: (client: TodokuClient, config: Config) => Promise<number>,
  { create = false }: { create?: boolean } = {},
): Promise<number> {
  const { config } = configOf(context)
  const { baseUrl, token, fetch, close } = await connect(config, { create })
  try {
    return await work(createTodokuClient({ baseUrl, token, fetch }), config)
  } finally {
    await close()
  }
}
