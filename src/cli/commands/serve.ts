import { installedAssets, type LogLevel, serve } from '../../hosts/serve.ts'
import { startScreen } from '../../hosts/start-screen.ts'
import { configOf } from '../instance.ts'
import type { CommandContext } from '../terminal.ts'

/** Runs until it is told to stop. A second signal ends it at once. */
export async function run(context: CommandContext): Promise<number> {
  const { config } = configOf(context, ['host', 'port', 'site'])
  // Who reads the log may go away (a pipe that ends); the server goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  // A person sees the start screen and what is wrong; a service manager wants everything.
  const logLevel: LogLevel = config.log.level ?? (process.stdout.isTTY ? 'warn' : 'info')
  const running = await serve({ config, logLevel, logTo: process.stderr, assets: installedAssets() })
  const { terminal, flags } = context
  terminal.out(flags.json === true ? `${JSON.stringify(running.greeting)}\n` : startScreen(running.greeting))

  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1))
        resolve()
      })
    }
  })
  await running.stop()
  // A relay that does not answer would keep the process alive; what becomes of its mail is settled at the next start.
  process.exit(0)
}
