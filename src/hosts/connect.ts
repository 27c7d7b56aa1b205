import { existsSync } from 'node:fs'
import { createApp, openApiDocument } from '../api/app.ts'
import type { Config } from '../config/schema.ts'
import { TodokuError } from '../core/errors.ts'
import { announcedServer } from './data-folder.ts'
import { openInstance } from './instance.ts'

export { openApiDocument }

/** The API of an instance: the running server's, or that of a store opened for this command alone. */
export type Connection = {
  baseUrl: string
  token: string
  fetch: (request: Request) => Promise<Response>
  close(): Promise<void>
}

/**
 * Reaches the instance of a data folder: over HTTP when a server is running there, else by opening the store. Both give
 * the same API, so that no command knows the difference.
 *
 * @param create whether a folder that does not exist is made
 * @throws TodokuError('server-unreachable'), ('no-data'), ('data-newer')
 */
export async function connect(config: Config, { create }: { create: boolean }): Promise<Connection> {
  if (!create && !existsSync(config.data))
    throw new TodokuError('no-data', {
      detail: `There is no data folder at ${config.data}. Run \`todoku serve\` first, or name the folder with --data.`,
    })
  try {
    return openStore(config)
  } catch (error) {
    if (!(error instanceof TodokuError) || error.code !== 'data-in-use') throw error
  }
  const server = announcedServer(config.data)
  if (server === null)
    throw new TodokuError('server-unreachable', {
      detail: `${config.data} is in use, but no server has announced itself there.`,
    })
  return {
    baseUrl: server.url,
    token: server.token,
    async fetch(request) {
      try {
        return await fetch(request)
      } catch (error) {
        throw new TodokuError('server-unreachable', {
          detail: `The server at ${server.url} (process ${server.pid}) did not answer.`,
          cause: error,
        })
      }
    },
    async close() {},
  }
}

function openStore(config: Config): Connection {
  const instance = openInstance({
    config,
    port: config.port,
    logLevel: 'warn',
    logTo: process.stderr,
    // What a command plans is sent when the server runs again.
    queue: { announce() {} },
  })
  const app = createApp({
    ...instance.deps,
    host: {
      client: () => ({ address: '127.0.0.1' }),
      seePost() {},
      hosts: null,
      isOperatorToken: (token) => token === instance.operatorToken,
      isMetricsToken: () => false,
      stopping: () => false,
      ready: () => instance.ping(),
      sitePage: async () => null,
      dashboardFile: async () => null,
      snippetFile: async () => null,
    },
  })
  return {
    baseUrl: 'http://localhost',
    token: instance.operatorToken,
    fetch: async (request) => await app.fetch(request),
    close: () => instance.close(),
  }
}
