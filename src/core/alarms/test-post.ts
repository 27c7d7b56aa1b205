import type { Deps } from '../deps.ts'
import type { ControlRule, FormRecord } from '../forms/form.ts'
import { carrierOf } from '../messages/carrier.ts'
import { isLost, isTaken } from '../messages/fold.ts'
import type { Message } from '../messages/message.ts'
import { managersFor } from '../messages/plan.ts'
import { normalizeReference } from '../submissions/reference.ts'
import { newTestKey } from '../submissions/test-key.ts'

type PostDeps = Pick<Deps, 'settings' | 'outbound' | 'ids' | 'crypto'>

export type TestPost =
  | { kind: 'posted'; reference: string }
  /** The public address did not take it: `fault` says why, in words of the network or of the answer. */
  | { kind: 'not-taken'; status: number | null; fault: string }

/**
 * Posts a test to a form at its public address, the way visitors take: through DNS, proxy and all. It is marked as a
 * test, and so are its mails.
 */
export async function postTest(deps: PostDeps, form: FormRecord): Promise<TestPost> {
  const { publicUrl } = deps.settings
  const fields = [...sampleFields(deps, form), ['_test', 'true']]
  const answer = await deps.outbound.request({
    method: 'POST',
    url: `${publicUrl}/f/${encodeURIComponent(form.name)}`,
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      Accept: 'application/json',
      Origin: form.settings.origins?.[0] ?? publicUrl,
      'Idempotency-Key': newTestKey(deps, form.name),
    },
    body: fields.map((pair) => pair.map(encodeField).join('=')).join('&'),
    // Our own address is where the operator put it.
    allowPrivate: true,
  })
  if (answer.kind === 'failed') return { kind: 'not-taken', status: null, fault: answer.fault }
  const { status, body } = answer
  const reference = status >= 200 && status <= 299 ? referenceIn(body) : null
  if (reference !== null) return { kind: 'posted', reference }
  return { kind: 'not-taken', status, fault: `answered ${status}` }
}

function encodeField(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

function referenceIn(body: string): string | null {
  try {
    const { reference } = JSON.parse(body) as { reference?: unknown }
    return typeof reference === 'string' ? normalizeReference(reference) : null
  } catch {
    return null
  }
}

/**
 * Something for each control that must be filled in. Patterns and files can't be guessed: a form with such a control,
 * and rules that are enforced, refuses the test, which is then told.
 */
function sampleFields(deps: PostDeps, form: FormRecord): string[][] {
  const manager = managersFor(deps, form, { entries: [] })[0] ?? deps.settings.from.address
  const [variant] = form.variants
  const seen = new Set<string>()
  return (variant?.controls ?? []).flatMap((control) => {
    // A group of radio buttons or checkboxes is several controls with one name.
    if (!(control.required || (control.requiredOptions ?? []).length > 0) || seen.has(control.name)) return []
    seen.add(control.name)
    return sampleValues(control, manager).map((value) => [control.name, value])
  })
}

function sampleValues(control: ControlRule, manager: string): string[] {
  const { kind, min, minLength, options, requiredOptions = [] } = control
  switch (kind) {
    case 'file':
    case 'hidden':
      return []
    case 'email':
      return [manager]
    case 'url':
      return ['https://example.com/']
    case 'tel':
      return ['0'.repeat(Math.max(10, minLength ?? 0))]
    case 'number':
    case 'range':
      return [min ?? '1']
    case 'date':
      return [min ?? '2030-01-07']
    case 'month':
      return [min ?? '2030-01']
    case 'week':
      return [min ?? '2030-W02']
    case 'time':
      return [min ?? '12:00']
    case 'datetime-local':
      return [min ?? '2030-01-07T12:00']
    case 'color':
      return ['#336699']
    case 'checkbox':
      return requiredOptions.length > 0 ? [...requiredOptions] : [options?.[0] ?? 'on']
    case 'radio':
    case 'select':
      return [options?.find((option) => option !== '') ?? '1']
    default:
      return ['Todoku test'.padEnd(minLength ?? 0, '.')]
  }
}

/** How far the notification of a test came; of several, the one that is worst off. */
export type TestFate =
  | { kind: 'waiting'; step: 'queued' | 'sending' | 'deferred' | 'held' }
  | { kind: 'arrived' }
  | { kind: 'lost'; message: Message }
  /** A rule found the test suspicious: it waits for review, and so would a visitor’s post. */
  | { kind: 'quarantined' }
  /** The form tells nobody. */
  | { kind: 'nobody' }
  /** It was answered, but is not here: another instance answers at the public address. */
  | { kind: 'elsewhere' }

/** What became of a test so far. */
export async function testFate(deps: Pick<Deps, 'submissions' | 'messages'>, reference: string): Promise<TestFate> {
  const submission = await deps.submissions.get(reference)
  if (submission === null) return { kind: 'elsewhere' }
  if (submission.review === 'quarantined') return { kind: 'quarantined' }
  const messages = await deps.messages.ofSubmission(submission.id)
  const notifications = messages.filter(({ role }) => role === 'notification')
  if (notifications.length === 0) return { kind: 'nobody' }
  // A test that somebody posted by hand, in a flood of tests, may be told in a digest.
  const carriers = await Promise.all(notifications.map((message) => carrierOf(deps, message)))
  const lost = carriers.find(({ state }) => isLost(state))
  if (lost !== undefined) return { kind: 'lost', message: lost }
  const waiting = carriers.find(({ state }) => !isTaken(state))
  if (waiting === undefined) return { kind: 'arrived' }
  const { name } = waiting.state
  return { kind: 'waiting', step: name === 'deferred' || name === 'held' ? name : waiting.lease ? 'sending' : 'queued' }
}
