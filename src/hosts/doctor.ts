import { existsSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { mailServerLookup } from '../adapters/dns/mail-servers.ts'
import { systemClock } from '../adapters/node/clock.ts'
import { probeRelay } from '../adapters/smtp/probe.ts'
import { httpOutbound } from '../adapters/webhook/outbound.ts'
import type { Config } from '../config/schema.ts'
import { checkSenderRecords } from '../core/alarms/check-sender-records.ts'
import { type CheckedForm, checkSettings, type Finding } from '../core/alarms/check-settings.ts'
import { tryWebhook } from '../core/alarms/tell.ts'
import type { Clock, Dns, Outbound } from '../core/deps.ts'
import type { Settings } from '../core/settings.ts'
import { smtpSettingsOf } from './instance.ts'
import { settingsOf } from './settings.ts'

export type { CheckedForm, Finding }

export type DoctorDeps = { clock: Clock; dns: Dns; outbound: Outbound }

/** What the doctor looks with, on this machine. */
export function doctorDeps(config: Config): DoctorDeps {
  const clock = systemClock()
  const { servers } = config.dns
  return {
    clock,
    dns: mailServerLookup({ clock }, servers.length === 0 ? {} : { servers }),
    outbound: httpOutbound({ clock }),
  }
}

/**
 * Examines an instance: its settings, and what they lead to (relays, webhook, domains, disk, clock). Nothing is sent but
 * a test to the webhook. The worst comes first.
 */
export async function examine(config: Config, forms: readonly CheckedForm[], deps: DoctorDeps): Promise<Finding[]> {
  const settings = settingsOf(config, config.port)
  const ownAlarmRelay = config.alarms.email.smtp.host !== undefined
  const found = await Promise.all([
    checkSettings(settings, forms, { ownAlarmRelay }),
    config.transport === 'smtp' ? checkRelay(config, config.smtp, 'smtp', deps) : [],
    ownAlarmRelay ? checkRelay(config, config.alarms.email.smtp, 'alarms.email.smtp', deps) : [],
    checkWebhook(settings, deps),
    config.transport === 'capture'
      ? []
      : checkDomains(settings.from.address, allManagers(settings.managers, forms), deps),
    config.transport === 'capture' ? [] : checkSenderRecords(settings, deps.dns),
    checkDisk(config.data),
    checkClock(config.data, deps),
  ])
  const order: readonly Finding['level'][] = ['error', 'warning', 'info']
  return found.flat().sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level))
}

function allManagers(managers: readonly string[], forms: readonly CheckedForm[]): string[] {
  return [
    ...managers,
    ...forms.flatMap(({ settings }) => [
      ...(settings.managers ?? []),
      ...Object.values(settings.route?.to ?? {}).flat(),
      ...(settings.cc ?? []),
    ]),
  ]
}

/** What a file of a secret lacks is a finding of the configuration's own checks. */
const quiet = { error() {} }

async function checkRelay(
  config: Config,
  smtp: Config['alarms']['email']['smtp'],
  key: string,
  { clock }: DoctorDeps,
): Promise<Finding[]> {
  const result = await probeRelay(smtpSettingsOf(config, smtp, 'doctor', quiet), clock)
  if (result.kind === 'ready') return []
  const login = result.stage === 'auth' ? ` Check ${key}.user and its password.` : ''
  return [
    {
      level: 'error',
      code: 'relay-unreachable',
      sentence: `The relay of \`${key}\` (${result.peer}) can’t be used: ${result.stage}: ${result.said}`,
      next: `Check ${key}.host, port and security, and whether this machine may connect there.${login}`,
    },
  ]
}

async function checkWebhook(settings: Settings, { clock, outbound }: DoctorDeps): Promise<Finding[]> {
  if (settings.alarms.webhook === null) return []
  const why = await tryWebhook({ settings, clock, outbound }, `msg_doctor_${clock.now()}`)
  if (why === null) return []
  return [
    {
      level: 'error',
      code: 'webhook-unreachable',
      sentence: `The webhook for alarms does not take a test: ${why}.`,
      next:
        why === 'private-address'
          ? 'Its address is on this machine or in a private network: set `alarms.allowPrivate: true` if you mean it.'
          : 'Check `alarms.webhook.url`; only an answer from 200 to 299 counts, and redirects are not followed.',
    },
  ]
}

async function checkDomains(from: string, managers: readonly string[], { dns }: DoctorDeps): Promise<Finding[]> {
  const domains = new Map([
    [domainOf(from), 'the sender'],
    ...managers.map((manager) => [domainOf(manager), 'a manager'] as const),
  ])
  const findings: Finding[] = []
  for (const [domain, whose] of domains) {
    const servers = await dns.mailServers(domain)
    if (servers.kind === 'mx') continue
    if (servers.kind === 'unknown') {
      findings.push({
        level: 'info',
        code: 'domain-not-checked',
        sentence: `The DNS did not say where mail to ${domain} goes.`,
        next: 'Check that this machine can ask the DNS; `dns.servers` names others.',
      })
      continue
    }
    findings.push({
      level: 'error',
      code: 'domain-no-mail',
      sentence: `The domain ${domain} of ${whose} takes no mail (${servers.kind}).`,
      next: 'Correct the address, or the MX record of the domain.',
    })
  }
  return findings
}

function checkDisk(folder: string): Finding[] {
  if (!existsSync(folder)) return []
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  if (free >= 1e9) return []
  return [
    {
      level: free < 1e8 ? 'error' : 'warning',
      code: 'disk-almost-full',
      sentence: `There are ${Math.floor(free / 1e6)} MB left where the data folder lies. When it is full, posts are refused.`,
      next: 'Make room, or move the folder (`data`) to a larger disk.',
    },
  ]
}

/** A clock that stands before what was stored with it went back; times in mails and expiries are then wrong. */
function checkClock(folder: string, { clock }: DoctorDeps): Finding[] {
  const database = join(folder, 'todoku.db')
  const written = existsSync(database) ? statSync(database).mtimeMs : 0
  if (clock.now() >= Math.max(written - 60_000, Date.UTC(2026, 0, 1))) return []
  return [
    {
      level: 'error',
      code: 'clock-wrong',
      sentence: `This machine’s clock says ${new Date(clock.now()).toISOString()}, which can’t be.`,
      next: 'Set it, and let it follow a time server.',
    },
  ]
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase()
}
