import { pino } from 'pino'
import type { Log } from '../../core/deps.ts'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Where lines go; `process.stderr` is one. */
export type LogDestination = { write(line: string): void }

/** One JSON object a line; times as ISO 8601. */
export function pinoLog({ level, destination }: { level: LogLevel; destination: LogDestination }): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
      messageKey: 'message',
    },
    destination,
  )
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  }
}

/** Name, message, code and stack, with causes; never other properties, which may hold what was being worked on. */
function errorFields(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const { name, message, stack } = error
  const code = 'code' in error ? { code: error.code } : {}
  const cause = error.cause === undefined || depth > 3 ? {} : { cause: errorFields(error.cause, depth + 1) }
  return { name, message, ...code, stack, ...cause }
}
