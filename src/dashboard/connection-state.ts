import { signal } from '@preact/signals'
import { ApiError, createTodokuClient, dataOf, type Schemas } from '../client/client.ts'
import { language, t } from './words.ts'

export type Overview = Schemas['Overview']
export type Alarm = Schemas['Alarm']

export const client = createTodokuClient({ baseUrl: location.origin })

/** What can't be done or loaded now, as a sentence. */
export const fault = signal<string | null>(null)

/** What `/app/` begins with; null until it came once. */
export const overview = signal<Overview | null>(null)

/** Does something that asks the server; what goes wrong becomes the `fault`, and ends with the next thing that works. */
export async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work()
    fault.value = null
  } catch (error) {
    fault.value =
      error instanceof ApiError && error.code === 'not-signed-in' ? t.signIn : t.failed((error as Error).message)
  }
}

export async function loadOverview(): Promise<void> {
  overview.value = dataOf(await client.GET('/api/v1/overview', { params: { query: { language } } }))
}

type Page<T> = { items: readonly T[]; cursor: string | null }

/** The newest page above those loaded before; older ones stay below it, as long as the two meet. */
export function joined<T>(known: Page<T>, newest: Page<T>, idOf: (item: T) => string): Page<T> {
  const last = newest.items.at(-1)
  const at = last === undefined ? -1 : known.items.findIndex((item) => idOf(item) === idOf(last))
  if (at === -1 || at === known.items.length - 1) return newest
  return { items: [...newest.items, ...known.items.slice(at + 1)], cursor: known.cursor }
}
