import type { Deps } from '../core/deps.ts'
import { acceptedLanguages, pickLanguage } from '../core/language.ts'
import type { Client } from '../core/submissions/network.ts'

/** What the host knows and the core does not. */
export type ApiHost = {
  /** Where a request comes from, as far as trusted proxies tell it. */
  client(env: unknown, headers: Headers): Client
  /** Takes note of where a post comes from: called once for each, and for nothing else. */
  seePost(client: Client): void
  /** Values of the Host header that are answered; null: any (a gateway in front has checked it). */
  hosts: readonly string[] | null
  /** Whether a bearer token is this instance's. */
  isOperatorToken(token: string): boolean
  /** Whether a bearer token is the one that opens `/metrics`, and stays the same over restarts. */
  isMetricsToken(token: string): boolean
  /** The process is about to end: nothing new is taken. */
  stopping(): boolean
  /** Resolves when the store answers. */
  ready(): Promise<void>
  /** A page of the site that is served along; null when there is none at this path. */
  sitePage(request: Request): Promise<Response | null>
  /** A file of the dashboard. */
  dashboardFile(request: Request): Promise<Response | null>
  /** The script for other people's pages; null where it was not built. */
  snippetFile(request: Request): Promise<Response | null>
}

export type ApiDeps = Deps & { host: ApiHost }

export type ApiEnv = { Variables: { deps: ApiDeps } }

/** The language of a page for somebody we know nothing else of. */
export function visitorLanguage(request: Request): 'en' | 'ja' {
  return pickLanguage(acceptedLanguages(request.headers.get('accept-language'))) ?? 'en'
}
