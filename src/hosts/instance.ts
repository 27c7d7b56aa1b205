import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { altchaProofs } from '../adapters/altcha/proofs.ts'
import { captureTransport } from '../adapters/capture/transport.ts'
import { mailServerLookup, noLookup } from '../adapters/dns/mail-servers.ts'
import { folderBlobs } from '../adapters/filesystem/blobs.ts'
import { systemClock } from '../adapters/node/clock.ts'
import { nodeCrypto } from '../adapters/node/crypto.ts'
import { randomIds } from '../adapters/node/ids.ts'
import { boxedPatterns } from '../adapters/node/patterns.ts'
import { memoryRates } from '../adapters/node/rates.ts'
import { type LogDestination, type LogLevel, pinoLog } from '../adapters/pino/log.ts'
import { promMetrics } from '../adapters/prom-client/metrics.ts'
import { assessPattern } from '../adapters/recheck/patterns.ts'
import { createSmtpTransport, type SmtpSettings } from '../adapters/smtp/transport.ts'
import { openSqliteStores } from '../adapters/sqlite/stores.ts'
import { httpOutbound } from '../adapters/webhook/outbound.ts'
import type { Config } from '../config/schema.ts'
import type { Clock, Deps, Dns, Ids, Log, MailboxStore } from '../core/deps.ts'
import { TodokuError } from '../core/errors.ts'
import type { Transport } from '../core/messages/transport.ts'
import { type DataFolder, openDataFolder, unusable } from './data-folder.ts'
import { settingsOf } from './settings.ts'

/** Everything of one instance, joined: the ports with the adapters of this host. */
export type Instance = {
  deps: Deps
  folder: DataFolder
  /** Token of this process for commands on the same machine. */
  operatorToken: string
  ping(): Promise<void>
  close(): Promise<void>
}

export type InstanceOptions = {
  config: Config
  /** The port that is listened on; part of links where no public URL is set. */
  port: number
  logLevel: LogLevel
  logTo: LogDestination
  queue: Deps['queue']
}

/**
 * Opens the data folder and joins the adapters to it.
 *
 * @throws TodokuError('config-invalid'), ('data-in-use'), ('data-unusable'), ('data-newer')
 */
export function openInstance({ config, port, logLevel, logTo, queue }: InstanceOptions): Instance {
  // What is wrong with the settings is told before anything is made.
  const settings = settingsOf(config, port)
  const folder = openDataFolder(config.data)
  try {
    const stores = openSqliteStores({ file: folder.database })
    const clock = systemClock()
    const ids = randomIds()
    const log = pinoLog({ level: logLevel, destination: logTo })
    const patterns = boxedPatterns()
    const crypto = nodeCrypto(folder.secrets)
    const alarmTransport = alarmTransportOf(config, { clock, log })
    const transport = transportOf(config, { clock, ids, log, mailbox: stores.mailbox })
    return {
      deps: {
        settings,
        ...stores,
        queue,
        blobs: folderBlobs(folder.blobs),
        transport,
        alarmTransport,
        outbound: httpOutbound({ clock }),
        clock,
        ids,
        crypto,
        patterns: { assess: assessPattern, matches: patterns.matches },
        dns: dnsOf(config, clock),
        rates: memoryRates(clock),
        proofs: altchaProofs({ clock, secret: Buffer.from(crypto.mac('proof of work', '')).toString('base64url') }),
        log,
        metrics: promMetrics(),
      },
      folder,
      operatorToken: randomBytes(32).toString('base64url'),
      ping: () => stores.ping(),
      async close() {
        await Promise.all([transport.close(), alarmTransport?.close()])
        await patterns.close()
        stores.close()
        folder.release()
      },
    }
  } catch (error) {
    folder.release()
    throw error instanceof TodokuError && error.code === 'store-unavailable' ? unusable(folder.path, error) : error
  }
}

type TransportDeps = { clock: Clock; ids: Ids; log: Log; mailbox: MailboxStore }

function transportOf(config: Config, { clock, ids, log, mailbox }: TransportDeps): Transport {
  if (config.transport === 'capture') return captureTransport({ mailbox, clock, ids })
  const { smtp } = config
  return relayOf(
    'smtp',
    {
      ...smtpSettingsOf(config, smtp, 'smtp', log),
      maxConnections: smtp.connections,
      mailsPerConnection: smtp.mailsPerConnection,
      rate: smtp.perSecond === undefined ? null : { perSecond: smtp.perSecond, burst: smtp.burst },
    },
    { clock, log },
  )
}

function relayOf(key: string, settings: SmtpSettings, deps: Pick<TransportDeps, 'clock' | 'log'>): Transport {
  try {
    return createSmtpTransport(settings, deps)
  } catch (error) {
    // A certificate that is none, a login that can't be written into a command: the words name no value.
    const { message } = error as Error
    throw new TodokuError('config-invalid', {
      detail: `the configuration is not valid:\n  ${key}: ${message}`,
      cause: error,
    })
  }
}

/** The way of alarms, where one is set; its lanes carry the name `alarms`. */
function alarmTransportOf(config: Config, deps: Pick<TransportDeps, 'clock' | 'log'>): Transport | null {
  const { smtp } = config.alarms.email
  return smtp.host === undefined
    ? null
    : relayOf('alarms.email.smtp', { ...smtpSettingsOf(config, smtp, 'alarms', deps.log), maxConnections: 1 }, deps)
}

/** The relay of a section of the configuration, as the adapter wants it. */
export function smtpSettingsOf(
  config: Pick<Config, 'publicUrl'>,
  smtp: Config['alarms']['email']['smtp'],
  source: string,
  log: Pick<Log, 'error'>,
): SmtpSettings {
  return {
    host: smtp.host ?? '',
    port: smtp.port ?? (smtp.security === 'implicit' ? 465 : 587),
    security: smtp.security,
    verifyCertificate: smtp.verifyCertificate,
    ...(smtp.serverName === undefined ? {} : { serverName: smtp.serverName }),
    ...(smtp.caFile === undefined ? {} : { ca: readFileSync(smtp.caFile, 'utf8') }),
    auth: authOf(smtp, log),
    heloName: smtp.heloName ?? new URL(config.publicUrl ?? 'http://localhost').hostname,
    source,
  }
}

function dnsOf({ dns }: Config, clock: Clock): Dns {
  if (!dns.check) return noLookup
  return mailServerLookup({ clock }, dns.servers.length === 0 ? {} : { servers: dns.servers })
}

/** A token file is read at each login; while it can't be, the last token is used, and the relay says what it thinks. */
function authOf(
  { user, password, accessToken, accessTokenFile }: Config['alarms']['email']['smtp'],
  log: Pick<Log, 'error'>,
): SmtpSettings['auth'] {
  if (user === undefined) return null
  if (accessTokenFile === undefined) {
    return accessToken === undefined ? { user, password: password ?? '' } : { user, accessToken }
  }
  let last = readFileSync(accessTokenFile, 'utf8').trim()
  return () => {
    try {
      last = readFileSync(accessTokenFile, 'utf8').trim()
    } catch (error) {
      log.error({ transport: 'smtp', err: error }, 'smtp.accessTokenFile can’t be read')
    }
    return { user, accessToken: last }
  }
}
