import { signal } from '@preact/signals'
import { ApiError, dataOf, type Schemas } from '../client/client.ts'
import { client, guarded, joined, loadOverview } from './connection-state.ts'
import { go } from './route-state.ts'

export type MailSummary = Schemas['MailSummary']
export type Mail = Schemas['Mail']

export const mails = signal<readonly MailSummary[] | null>(null)
/** Cursor of the next older page; null when there is none. */
export const older = signal<string | null>(null)
export const opened = signal<Mail | null>(null)

/** Shows one mail, or none. */
export async function openMail(id: string | null): Promise<void> {
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
    go({ name: 'mailbox', id: null })
  })
}

/** Looks for new mail. */
export async function refreshMailbox(): Promise<void> {
  await loadOverview()
  const newest = dataOf(await client.GET('/api/v1/mailbox', { params: { query: {} } }))
  const page = joined({ items: mails.value ?? [], cursor: older.value }, newest, ({ id }) => id)
  mails.value = page.items
  older.value = page.cursor
}
