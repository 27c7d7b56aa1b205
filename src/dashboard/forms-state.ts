import { signal } from '@preact/signals'
import { ApiError, dataOf, type Schemas } from '../client/client.ts'
import { client, guarded, joined, loadOverview } from './connection-state.ts'
import { view } from './route-state.ts'
import { language } from './words.ts'

export type Row = Schemas['SubmissionRow']
export type Submission = Schemas['Submission']
export type Story = Schemas['Story']

/** The submissions of one form, newest first; `key` says of which, and whether of those that wait alone. */
export const listed = signal<{ key: string; items: readonly Row[]; cursor: string | null } | null>(null)

/** One submission with its story. */
export const shown = signal<{ submission: Submission; story: Story } | null>(null)

/** Whether a press of "release" is under way. */
export const releasing = signal(false)

/** How far a test of a form came: posted to its public address, then followed until its notification is taken. */
export type FormTest =
  | { kind: 'posting' }
  | { kind: 'not-taken'; fault: string }
  /** It was answered, but is not here: another server answers at the public address. */
  | { kind: 'elsewhere'; reference: string }
  | { kind: 'waiting' | 'lost'; reference: string; state: string; recipient: string }
  | { kind: 'arrived' | 'quarantined' | 'nobody'; reference: string }
export const tests = signal<Readonly<Record<string, FormTest>>>({})

export type AlarmTest = Schemas['AlarmTest']
export const alarmTest = signal<AlarmTest | 'sending' | null>(null)

/** What the rules against abuse did for the form that is shown; counted once, as it may take a while. */
export const figures = signal<{ form: string; saved: number } | null>(null)

const pageSize = 25

/** Brings what the current view shows up to date. */
export async function refreshForms(): Promise<void> {
  await loadOverview()
  await followTests()
  const now = view.value
  if (now?.name === 'form') {
    await loadList(now.form, now.waiting)
    if (figures.value?.form !== now.form) await loadFigures(now.form)
  }
  if (now?.name === 'submission') await loadSubmission(now.reference)
}

async function loadFigures(form: string): Promise<void> {
  const found = await client.GET('/api/v1/forms/{name}', { params: { path: { name: form } } })
  figures.value = { form, saved: found.data?.figures.saved ?? 0 }
}

export function keyOf(form: string, waiting: boolean): string {
  return `${waiting ? 'waiting' : 'all'} ${form}`
}

async function loadList(form: string, waiting: boolean): Promise<void> {
  const key = keyOf(form, waiting)
  const newest = dataOf(await client.GET('/api/v1/submissions', { params: { query: listQuery(form, waiting) } }))
  const known = listed.value
  listed.value = { key, ...(known?.key === key ? joined(known, newest, ({ reference }) => reference) : newest) }
}

export async function loadOlderSubmissions(form: string, waiting: boolean): Promise<void> {
  const known = listed.value
  const before = known?.cursor ?? null
  if (known === null || before === null || known.key !== keyOf(form, waiting)) return
  await guarded(async () => {
    const query = { ...listQuery(form, waiting), before }
    const page = dataOf(await client.GET('/api/v1/submissions', { params: { query } }))
    // Meanwhile somebody may have gone elsewhere.
    if (listed.value?.key === known.key)
      listed.value = { key: known.key, items: [...listed.value.items, ...page.items], cursor: page.cursor }
  })
}

function listQuery(form: string, waiting: boolean) {
  return { form, limit: pageSize, ...(waiting ? { review: 'quarantined' as const } : {}) }
}

async function loadSubmission(reference: string): Promise<void> {
  const params = { path: { reference }, query: { language } }
  const [submission, story] = await Promise.all([
    client.GET('/api/v1/submissions/{reference}', { params }),
    client.GET('/api/v1/submissions/{reference}/story', { params }),
  ])
  shown.value = { submission: dataOf(submission), story: dataOf(story) }
}

/** A person found it genuine: its mails go out. */
export async function release(reference: string): Promise<void> {
  if (releasing.value) return
  releasing.value = true
  await guarded(async () => {
    const params = { path: { reference } }
    dataOf(await client.POST('/api/v1/submissions/{reference}/release', { params }))
    await refreshForms()
  })
  releasing.value = false
}

/** Posts a test to a form at its public address. */
export async function startTest(form: string): Promise<void> {
  if (tests.value[form]?.kind === 'posting') return
  setTest(form, { kind: 'posting' })
  await guarded(async () => {
    const { reference, fault } = dataOf(
      await client.POST('/api/v1/forms/{name}/test', { params: { path: { name: form } } }),
    )
    if (reference === null) return setTest(form, { kind: 'not-taken', fault: fault ?? '' })
    setTest(form, { kind: 'waiting', reference, state: 'queued', recipient: '' })
    await followTests()
  })
  // What went wrong is told as the fault of the page.
  tests.value = Object.fromEntries(
    Object.entries(tests.value).filter(([name, { kind }]) => name !== form || kind !== 'posting'),
  )
}

/** Whether a test is still on its way. */
export function isTesting(): boolean {
  return Object.values(tests.value).some(({ kind }) => kind === 'waiting')
}

/** Sends a test the way alarms go. */
export async function testAlarms(): Promise<void> {
  if (alarmTest.value === 'sending') return
  alarmTest.value = 'sending'
  await guarded(async () => {
    alarmTest.value = dataOf(await client.POST('/api/v1/alarms/test'))
  })
  if (alarmTest.value === 'sending') alarmTest.value = null
}

async function followTests(): Promise<void> {
  for (const [form, test] of Object.entries(tests.value)) {
    if (test.kind === 'waiting') setTest(form, await fateOf(test.reference))
  }
}

/** Of several notifications the one that is worst off is told. */
async function fateOf(reference: string): Promise<FormTest> {
  const params = { path: { reference }, query: { language } }
  const answer = await client.GET('/api/v1/submissions/{reference}', { params })
  if (answer.response.status === 404) return { kind: 'elsewhere', reference }
  if (answer.data === undefined) throw new ApiError(answer.error, answer.response.status)
  const { review, messages } = answer.data
  if (review === 'quarantined') return { kind: 'quarantined', reference }
  const notifications = messages.filter(({ role }) => role === 'notification')
  if (notifications.length === 0) return { kind: 'nobody', reference }
  const working = notifications.find(({ state }) => workingStates.has(state))
  const lost = notifications.find(({ state }) => !workingStates.has(state) && !takenStates.has(state))
  if (lost !== undefined) return { kind: 'lost', reference, state: lost.state, recipient: lost.recipient }
  if (working === undefined) return { kind: 'arrived', reference }
  return { kind: 'waiting', reference, state: working.state, recipient: working.recipient }
}

const workingStates: ReadonlySet<string> = new Set(['queued', 'sending', 'deferred', 'held'])
const takenStates: ReadonlySet<string> = new Set(['accepted', 'delivered', 'complained'])

function setTest(form: string, test: FormTest): void {
  tests.value = { ...tests.value, [form]: test }
}
