import { signal } from '@preact/signals'
import { ApiError, createTodokuClient, dataOf, type Schemas } from '../client/client.ts'
import { t } from './words.ts'

export type MailSummary = Schemas['MailSummary']
export type Mail = Schemas['Mail']

const client = createTodokuClient({ baseUrl: location.origin })

/** How often the list looks for new mail, in milliseconds. */
const pollMs = 2000

export const mails = signal<readonly MailSummary[] | null>(null)
/** Cursor of the next older page; null when there is none. */
export const older = signal<string | null>(null)
export const opened = signal<Mail | null>(null)
export const fault = signal<string | null>(null)

/** Which mail is open stands in the address, so that it can be reloaded and sent to somebody. */
function idInPath(): string | null {
  return /^\/app\/mailbox\/([a-z2-7]{26})$/.exec(location.pathname)?.[1] ?? null
}

export async function open(id: string | null, push = true): Promise<void> {
  if (push) history.pushState(null, '', id === null ? '/app/mailbox' : `/app/mailbox/${id}`)
  if (id === null) {
    opened.value = null
    return
  }
  await guarded(async () => {
    opened.value = dataOf(await client.GET('/api/v1/mailbox/{id}', { params: { path: { id } } }))
  })
}

export async function loadOlder(): Promise<void> {
  const before = older.value
  if (before === null) return
  await guarded(async () => {
    const page = dataOf(await client.GET('/api/v1/mailbox', { params: { query: { before } } }))
    mails.value = [...(mails.value ?? []), ...page.items]
    older.value = page.cursor
  })
}

export async function clear(): Promise<void> {
  await guarded(async () => {
    const { error, response } = await client.DELETE('/api/v1/mailbox')
    if (!response.ok) throw new ApiError(error, response.status)
    mails.value = []
    older.value = null
    await open(null)
  })
}

/** Keeps the list up to date for as long as the page is open. */
export function watchMailbox(): void {
  addEventListener('popstate', () => void open(idInPath(), false))
  void open(idInPath(), false)
  const look = async () => {
    if (!document.hidden) await guarded(refresh)
    setTimeout(look, pollMs)
  }
  void look()
}

async function refresh(): Promise<void> {
  const { items, cursor } = dataOf(await client.GET('/api/v1/mailbox', { params: { query: {} } }))
  const known = mails.value ?? []
  const last = items.at(-1)
  const at = known.findIndex(({ id }) => id === last?.id)
  // Older pages that were loaded before stay below the newest one, as long as the two meet.
  if (at === -1 || at === known.length - 1) {
    mails.value = items
    older.value = cursor
  } else mails.value = [...items, ...known.slice(at + 1)]
}

async function guarded(work: () => Promise<void>): Promise<void> {
  try {
    await work()
    fault.value = null
  } catch (error) {
    fault.value =
      error instanceof ApiError && error.code === 'not-signed-in' ? t.signIn : t.failed((error as Error).message)
  }
}
