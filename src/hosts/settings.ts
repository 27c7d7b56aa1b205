import type { Config } from '../config/schema.ts'
import { TodokuError } from '../core/errors.ts'
import { standardSchedule } from '../core/messages/retry.ts'
import type { AlarmSettings, Caps, Settings } from '../core/settings.ts'
import { formatAddress, isFullyQualified, parseAddress } from '../mail/address.ts'

/** On `capture` five minutes pass in a second, so that each story ends while one watches. */
const captureSpeed = 300

/** Address of mails on `capture`, where no other is set: nothing of it leaves the machine. */
const captureAddress = 'todoku@localhost.test'

/** Who gets the notifications on `capture`, where nobody is named. */
const captureManager = 'manager@simulator.test'

/**
 * The core's settings from the configuration; `port` is the one that is listened on. Addresses are what the rest of the
 * product takes for one: what passes here must never fail when a mail is made.
 *
 * @throws TodokuError('config-invalid') naming every wrong key
 */
export function settingsOf(config: Config, port: number): Settings {
  const capture = config.transport === 'capture'
  const problems: string[] = []
  const canonical = (key: string, text: string, ownSide: boolean): string => {
    const parsed = parseAddress(text)
    // A sender with such letters could be answered by few servers only.
    if (!parsed.ok || !isFullyQualified(parsed.address.domain) || (ownSide && parsed.address.utf8)) {
      problems.push(`  ${key} must be one plain address, like office@example.jp`)
      return text
    }
    return formatAddress(parsed.address)
  }
  const from = canonical('from.address', config.from.address ?? captureAddress, true)
  const returnAddress = canonical('returnAddress', config.returnAddress ?? from, true)
  const managers = (config.managers.length > 0 ? config.managers : [captureManager]).map((manager) =>
    canonical('managers', manager, false),
  )
  if (problems.length > 0) {
    throw new TodokuError('config-invalid', {
      detail: `the configuration is not valid:\n${[...new Set(problems)].join('\n')}`,
    })
  }
  return {
    publicUrl: config.publicUrl ?? `http://localhost:${port}`,
    transport: config.transport,
    from: { address: from, name: config.from.name ?? null },
    envelope:
      config.envelope === 'verp' && config.returnDomain !== undefined
        ? { kind: 'verp', domain: config.returnDomain }
        : { kind: 'fixed', address: returnAddress },
    managers,
    language: config.language,
    timeZone: config.timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone,
    limits: config.limits,
    caps: capsOf(config, capture ? captureSpeed : 1),
    schedule: standardSchedule(capture ? captureSpeed : 1, config.expiresAfter),
    alarms: alarmsOf(config, capture ? captureSpeed : 1),
  }
}

const minute = 60_000
const hour = 60 * minute

function alarmsOf({ alarms, managers }: Config, speed: number): AlarmSettings {
  const { webhook, email, heartbeat, allowPrivate, canary, digest, digestHour } = alarms
  // However fast time goes, a process that is busy for a moment is not stuck.
  const patience = (ms: number) => Math.max(ms / speed, minute)
  return {
    webhook: webhook.url === undefined ? null : { url: webhook.url, secret: webhook.secret ?? '' },
    mailTo: email.to,
    heartbeat: heartbeat ?? null,
    allowPrivate,
    canary:
      canary.form === undefined
        ? null
        : { form: canary.form, every: canary.everyMinutes * minute, within: canary.withinMinutes * minute },
    digestHour: digest && managers.length > 0 ? digestHour : null,
    stuckAfter: patience(15 * minute),
    refusingAfter: patience(10 * minute),
    tellAgainAfter: [hour / speed, (24 * hour) / speed],
  }
}

function capsOf({ caps }: Config, speed: number): Caps {
  return {
    perAddress: { max: caps.perAddressDaily, windowMs: (24 * hour) / speed },
    perDomain: { max: caps.perDomainHourly, windowMs: hour / speed },
    perSharedDomain: { max: caps.perSharedDomainHourly, windowMs: hour / speed },
    notifications: { max: caps.notificationsHourly, windowMs: hour / speed },
  }
}
