import { timingSafeEqual } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { join } from 'node:path'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import type { LogDestination, LogLevel } from '../adapters/pino/log.ts'
import type { ApiHost } from '../api/api-types.ts'
import { createApp } from '../api/app.ts'
import { formsWithTemplates } from '../config/read-templates.ts'
import type { Config } from '../config/schema.ts'
import { newLink } from '../core/access/access.ts'
import { alarmText } from '../core/alarms/alarm-text.ts'
import { checkAlarms } from '../core/alarms/check-settings.ts'
import { createProxyWatch, type ProxyWatch } from '../core/alarms/proxy-watch.ts'
import type { Deps } from '../core/deps.ts'
import { TodokuError } from '../core/errors.ts'
import { applyForms } from '../core/forms/apply-forms.ts'
import { recoverAtStart } from '../core/messages/recover.ts'
import { canaryJob } from '../jobs/canary.ts'
import { type Delivery, queueFor, startDelivery } from '../jobs/deliver.ts'
import { digestJob } from '../jobs/digest.ts'
import { heartbeatJob } from '../jobs/heartbeat.ts'
import { proxyJob } from '../jobs/proxy-watch.ts'
import { schedule as scheduleOfAll, startSchedule } from '../jobs/schedule.ts'
import { tellJob } from '../jobs/tell-alarms.ts'
import { floodJob } from '../jobs/tell-floods.ts'
import { unaskedJob } from '../jobs/unasked.ts'
import { watchJob } from '../jobs/watch.ts'
import { clientFrom, trustedBy } from './client-address.ts'
import { announceServer, keepMetricsToken, withdrawServer } from './data-folder.ts'
import { openInstance } from './instance.ts'
import { openSite, pageOf } from './site.ts'
import { snippetFiles } from './snippet.ts'
import type { Greeting } from './start-screen.ts'

export type { LogLevel }

export type Running = {
  greeting: Greeting
  /** Ends what is under way, or hands it back to the queue, and lets go of the data folder. */
  stop(): Promise<void>
}

export type ServeOptions = {
  config: Config
  logLevel: LogLevel
  logTo: LogDestination
  /** Folders with the built dashboard, the built script for other pages, and the demo pages of this installation. */
  assets: { dashboard: string; snippet: string; demo: string }
}

/** Requests that are under way when the server stops have this long. Milliseconds. */
const requestGraceMs = 10_000

/**
 * An attempt after its final dot may wait long for the answer; beyond this it is left to the next start, and is `unknown`
 * there. Milliseconds.
 */
const deliveryGraceMs = 20_000

/** Connections that are still waiting then are given up. Milliseconds. */
const closeGraceMs = 2_000

/**
 * Starts everything in one process: HTTP, delivery, schedule, site.
 *
 * @throws TodokuError('config-invalid'), ('data-in-use'), ('data-unusable'), ('data-newer'), ('port-in-use'),
 *   ('site-unreadable')
 */
export async function serve({ config, logLevel, logTo, assets }: ServeOptions): Promise<Running> {
  let answer: ReturnType<typeof getRequestListener> | null = null
  const server = createServer((request, response) => {
    if (answer === null) response.writeHead(503, { 'Retry-After': '1' }).end()
    else void answer(request, response)
  })
  limit(server, config)
  const port = await listen(server, config)
  let onAcceptError: (error: Error) => void = () => {}
  // Too many open files, for one: the connection is lost, the server is not.
  server.on('error', (error) => onAcceptError(error))

  let delivery: Delivery | null = null
  const closing: (() => void | Promise<void>)[] = [() => closeServer(server)]
  const closeAll = async () => {
    for (const close of closing.reverse()) await close()
  }
  try {
    const instance = openInstance({ config, port, logLevel, logTo, queue: queueFor(() => delivery) })
    closing.push(() => instance.close())
    const { deps, folder, operatorToken } = instance
    onAcceptError = (error) => deps.log.error({ err: error }, 'a connection could not be taken')
    const siteFolder = config.site ?? (config.transport === 'capture' ? assets.demo : null)
    const site = siteFolder === null ? null : await openSite(deps, siteFolder)
    closing.push(() => site?.stop())

    const metricsToken = Buffer.from(deps.crypto.mac('metrics token', '')).toString('base64url')
    keepMetricsToken(folder.path, metricsToken)
    let stopping = false
    const proxyWatch = createProxyWatch(deps, trustedBy(config.trustedProxies))
    const host: ApiHost = {
      client: clientOf(config),
      seePost({ address: peer, isForwarded }) {
        if (isForwarded !== undefined) proxyWatch.see({ peer, isForwarded })
      },
      hosts: hostNames(config, port),
      isOperatorToken: (token) => isSame(token, operatorToken),
      isMetricsToken: (token) => isSame(token, metricsToken),
      stopping: () => stopping,
      ready: () => instance.ping(),
      sitePage: async (request) => (await site?.page(request)) ?? null,
      dashboardFile: (request) => dashboardFile(assets.dashboard, request),
      snippetFile: snippetFiles(assets.snippet),
    }
    const app = createApp({ ...deps, host })
    answer = getRequestListener(app.fetch, { overrideGlobalObjects: false })

    await recoverAtStart(deps)
    const url = `http://${isIPv6(config.host) ? `[${config.host}]` : config.host}:${port}`
    announceServer(folder.path, { url, token: operatorToken, pid: process.pid })
    closing.push(() => withdrawServer(folder.path))
    deps.log.info({ url: deps.settings.publicUrl, transport: config.transport, dataFolder: folder.path }, 'started')

    const link = await newLink(deps)
    const written = formsWithTemplates(config.forms, config.templates, process.cwd())
    const drift = written.kind === 'invalid' ? written : await applyForms(deps, written.forms, { dryRun: true })
    const all = await deps.forms.list()
    const forms = all.map(({ name }) => name)
    const unwatched = [
      ...checkAlarms(deps.settings, all, deps.alarmTransport !== null),
      ...(await unnamedProxy(deps, proxyWatch)),
    ]

    // Last, when nothing can fail any more: mail that is on its way must not lose its store.
    const running = startDelivery(deps)
    delivery = running
    const schedule = startSchedule(deps, [
      ...scheduleOfAll,
      watchJob(deps),
      unaskedJob(deps),
      tellJob(deps),
      heartbeatJob(deps, running),
      canaryJob(deps, () => stopping),
      digestJob(deps),
      proxyJob(proxyWatch),
      floodJob(deps),
    ])
    return {
      greeting: {
        publicUrl: deps.settings.publicUrl,
        listens: url,
        enterUrl: `${deps.settings.publicUrl}/app/enter/${link}`,
        dataFolder: folder.path,
        transport: config.transport,
        relay: config.smtp.host ?? null,
        from: deps.settings.from.address,
        demo: config.site === undefined && config.transport === 'capture',
        site: siteFolder,
        forms,
        notAdopted: site?.report().notAdopted ?? [],
        unwatched,
        drift:
          drift.kind === 'invalid'
            ? 'invalid'
            : drift.forms.filter(({ change }) => change !== 'same').map(({ name }) => name),
      },
      async stop() {
        if (stopping) return
        stopping = true
        deps.log.info({}, 'stopping')
        // At once: no new mail is begun while requests end.
        const mails = withGrace(Promise.all([running.stop(), schedule.stop()]), deliveryGraceMs)
        await Promise.all([closeServer(server), mails, site?.stop()])
        withdrawServer(folder.path)
        await withGrace(instance.close(), closeGraceMs)
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** Slow or idle clients must not hold connections for ever. */
function limit(server: Server, config: Config): void {
  server.headersTimeout = 15_000
  // The reader of a body has its own time; this is for clients that send nothing at all.
  server.requestTimeout = (config.limits.bodySeconds + 15) * 1000
  server.keepAliveTimeout = 5_000
}

function listen(server: Server, config: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const detail = `Port ${config.port} on ${config.host} can’t be listened on (${error.code}). Choose another one with --port.`
      reject(
        error.code === 'EADDRINUSE' || error.code === 'EACCES'
          ? new TodokuError('port-in-use', { detail, cause: error })
          : error,
      )
    }
    server.once('error', refuse)
    server.listen(config.port, config.host, () => {
      server.off('error', refuse)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** Takes no new connection, lets requests end, and cuts off those that don't. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const cut = setTimeout(() => server.closeAllConnections(), requestGraceMs)
  await closed
  clearTimeout(cut)
}

async function withGrace(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, over])
  clearTimeout(timer)
}

function clientOf(config: Config): ApiHost['client'] {
  const client = clientFrom(config.trustedProxies)
  return (env, headers) => {
    const { incoming } = env as Partial<HttpBindings>
    return client(incoming?.socket?.remoteAddress ?? '', headers)
  }
}

/** What an earlier process found out about a proxy that `trustedProxies` does not name, unless it does now. */
async function unnamedProxy(deps: Pick<Deps, 'alarms'>, watch: ProxyWatch): Promise<Greeting['unwatched']> {
  await watch.look()
  const open = (await deps.alarms.active()).filter(
    ({ kind, overAt }) => kind === 'proxy-not-trusted' && overAt === null,
  )
  return open.map((alarm) => alarmText(alarm, 'en'))
}

/** Names we answer to: those of this machine's own addresses, the public one, and those that are allowed. */
function hostNames(config: Config, port: number): string[] {
  const local = ['localhost', '127.0.0.1', '[::1]', isIPv6(config.host) ? `[${config.host}]` : config.host]
  const withPort = local.flatMap((name) => (port === 80 ? [name, `${name}:80`] : [`${name}:${port}`]))
  const publicHost = config.publicUrl === undefined ? [] : [new URL(config.publicUrl).host]
  return [...withPort, ...publicHost, ...config.allowedHosts].map((name) => name.toLowerCase())
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

/** The dashboard is one page for every path below `/app/`, and its files. */
async function dashboardFile(folder: string, request: Request): Promise<Response | null> {
  const { pathname } = new URL(request.url)
  const below = pathname.replace(/^\/app/, '') || '/'
  const path = /\.[a-z0-9]+$/i.test(below) ? below : '/'
  const file = await pageOf(folder, new Request(new URL(path, request.url), request))
  if (file === null) return null
  file.headers.set(
    'Content-Security-Policy',
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-src 'self' data: blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
  file.headers.set('Referrer-Policy', 'no-referrer')
  return file
}

/** Where the files of this installation lie, seen from the compiled host. */
export function installedAssets(): ServeOptions['assets'] {
  const root = join(import.meta.dirname, '../..')
  return { dashboard: join(root, 'dist/app'), snippet: join(root, 'dist/snippet'), demo: join(root, 'assets/demo') }
}
