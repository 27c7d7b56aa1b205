import type { Config } from '../config/schema.ts'
import { standardSchedule } from '../core/messages/retry.ts'
import type { Settings } from '../core/settings.ts'

/** On `capture` five minutes pass in a second, so that each story ends while one watches. */
const captureSpeed = 300

/** Address of mails on `capture`, where no other is set: nothing of it leaves the machine. */
const captureAddress = 'todoku@localhost.test'

/** Who gets the notifications on `capture`, where nobody is named. */
const captureManager = 'manager@simulator.test'

/** The core's settings from the configuration; `port` is the one that is listened on. */
export function settingsOf(config: Config, port: number): Settings {
  const capture = config.transport === 'capture'
  const from = config.from.address ?? captureAddress
  return {
    publicUrl: config.publicUrl ?? `http://localhost:${port}`,
    transport: config.transport,
    from: { address: from, name: config.from.name ?? null },
    envelope:
      config.envelope === 'verp' && config.returnDomain !== undefined
        ? { kind: 'verp', domain: config.returnDomain }
        : { kind: 'fixed', address: config.returnAddress ?? from },
    managers: config.managers.length > 0 ? config.managers : [captureManager],
    language: config.language,
    timeZone: config.timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone,
    limits: config.limits,
    schedule: standardSchedule(capture ? captureSpeed : 1),
  }
}
