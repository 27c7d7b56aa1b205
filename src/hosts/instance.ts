import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { captureTransport } from '../adapters/capture/transport.ts'
import { folderBlobs } from '../adapters/filesystem/blobs.ts'
import { systemClock } from '../adapters/node/clock.ts'
import { nodeCrypto } from '../adapters/node/crypto.ts'
import { randomIds } from '../adapters/node/ids.ts'
import { boxedPatterns } from '../adapters/node/patterns.ts'
import { type LogDestination, type LogLevel, pinoLog } from '../adapters/pino/log.ts'
import { promMetrics } from '../adapters/prom-client/metrics.ts'
import { assessPattern } from '../adapters/recheck/patterns.ts'
import { createSmtpTransport } from '../adapters/smtp/transport.ts'
import { openSqliteStores } from '../adapters/sqlite/stores.ts'
import type { Config } from '../config/schema.ts'
import type { Clock, Deps, Ids, Log, MailboxStore } from '../core/deps.ts'
import type { Transport } from '../core/messages/transport.ts'
import { type DataFolder, openDataFolder } from './data-folder.ts'
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
 * @throws TodokuError('data-in-use'), TodokuError('data-newer')
 */
export function openInstance({ config, port, logLevel, logTo, queue }: InstanceOptions): Instance {
  const folder = openDataFolder(config.data)
  try {
    const stores = openSqliteStores({ file: folder.database })
    const clock = systemClock()
    const ids = randomIds()
    const log = pinoLog({ level: logLevel, destination: logTo })
    const patterns = boxedPatterns()
    const transport = transportOf(config, { clock, ids, log, mailbox: stores.mailbox })
    return {
      deps: {
        settings: settingsOf(config, port),
        ...stores,
        queue,
        blobs: folderBlobs(folder.blobs),
        transport,
        clock,
        ids,
        crypto: nodeCrypto(folder.secrets),
        patterns: { assess: assessPattern, matches: patterns.matches },
        log,
        metrics: promMetrics(),
      },
      folder,
      operatorToken: randomBytes(32).toString('base64url'),
      ping: () => stores.ping(),
      async close() {
        await transport.close()
        await patterns.close()
        stores.close()
        folder.release()
      },
    }
  } catch (error) {
    folder.release()
    throw error
  }
}

type TransportDeps = { clock: Clock; ids: Ids; log: Log; mailbox: MailboxStore }

function transportOf(config: Config, { clock, ids, log, mailbox }: TransportDeps): Transport {
  if (config.transport === 'capture') return captureTransport({ mailbox, clock, ids })
  const { smtp } = config
  return createSmtpTransport(
    {
      host: smtp.host ?? '',
      port: smtp.port ?? (smtp.security === 'implicit' ? 465 : 587),
      security: smtp.security,
      verifyCertificate: smtp.verifyCertificate,
      ...(smtp.serverName === undefined ? {} : { serverName: smtp.serverName }),
      ...(smtp.caFile === undefined ? {} : { ca: readFileSync(smtp.caFile, 'utf8') }),
      auth: authOf(smtp),
      heloName: smtp.heloName ?? new URL(config.publicUrl ?? 'http://localhost').hostname,
      source: 'smtp',
      maxConnections: smtp.connections,
      mailsPerConnection: smtp.mailsPerConnection,
    },
    { clock, log },
  )
}

function authOf({ user, password, accessToken }: Config['smtp']) {
  if (user === undefined) return null
  return accessToken === undefined ? { user, password: password ?? '' } : { user, accessToken }
}
