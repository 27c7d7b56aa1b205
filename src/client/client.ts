import createClient, { type Client } from 'openapi-fetch'
import type { components, paths } from './schema.ts'

export type Schemas = components['schemas']

export type TodokuClient = Client<paths>

/**
 * A client of the API, typed by its OpenAPI document.
 *
 * @param options.token the instance's token; a browser uses its session instead
 * @param options.fetch how requests travel; the platform's by default
 * @example const { data } = await createTodokuClient({ baseUrl: '', }).GET('/api/v1/forms')
 */
export function createTodokuClient(options: {
  baseUrl: string
  token?: string
  fetch?: (request: Request) => Promise<Response>
}): TodokuClient {
  const { baseUrl, token, fetch } = options
  return createClient<paths>({
    baseUrl,
    ...(fetch === undefined ? {} : { fetch }),
    headers: { Accept: 'application/json', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
  })
}

/** An answer of the API that is not a success. */
export class ApiError extends Error {
  readonly code: string
  /** What can be done. */
  readonly next: string

  constructor(problem: Partial<Schemas['Problem']> | undefined, status: number) {
    super(problem?.title ?? `the server answered ${status}`)
    this.name = 'ApiError'
    this.code = problem?.code ?? 'internal'
    this.next = problem?.detail ?? ''
  }
}

/**
 * The data of an answer.
 *
 * @throws ApiError when it is a problem
 */
export function dataOf<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data !== undefined) return answer.data
  throw new ApiError(answer.error as Partial<Schemas['Problem']> | undefined, answer.response.status)
}
