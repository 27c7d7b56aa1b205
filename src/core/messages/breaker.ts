import type { Deps } from '../deps.ts'
import { isBounced, isTaken } from './fold.ts'
import { type StateName, stateNames } from './message.ts'

type BreakerDeps = Pick<Deps, 'messages' | 'clock' | 'settings'>

/** How the confirmations of a form, or of the whole instance, fared lately. */
export type BreakerState = {
  /** Further ones wait. */
  open: boolean
  /** Confirmations that the other side answered for. */
  ended: number
  /** Those of them that came back for good, or were reported as spam. */
  failed: number
  /** Those of them that were reported as spam. */
  complained: number
}

/**
 * From how many ended confirmations on a share of failures counts, and which share is too much. One form may have an
 * unlucky day with a handful of mails; with as many as the whole instance sends, a tenth is where providers close accounts.
 */
const limits = {
  form: { atLeast: 20, share: 0.15 },
  instance: { atLeast: 100, share: 0.1 },
} as const

/**
 * From how many complaints on their share counts, and which share is too much. Of people who get a mail they asked for one
 * in some thousands complains, and large mailbox providers block a sender from 0.3 % on: so much smaller a share says so
 * much more. One form may meet one person who complains of several.
 */
const complaintLimits = {
  form: { atLeast: 3, share: 0.02 },
  instance: { atLeast: 5, share: 0.005 },
} as const

const answered = stateNames.filter((name) => name !== 'sending' && (isTaken({ name }) || isBounced({ name })))
const failing: readonly StateName[] = ['bounced_hard', 'complained']

/**
 * The circuit breaker of confirmations: open while too many of those made within `schedule.breakerWindow` bounced hard or
 * were complained about, or a much smaller share was complained about alone. Somebody then feeds the form with other
 * people's addresses, or with ones that do not exist.
 *
 * @param form its name, or null for all forms together
 */
export async function confirmationBreaker(deps: BreakerDeps, form: string | null): Promise<BreakerState> {
  const since = deps.clock.now() - deps.settings.schedule.breakerWindow
  const counts = await deps.messages.countConfirmations({ form, since })
  const sum = (states: readonly StateName[]) => states.reduce((total, state) => total + (counts[state] ?? 0), 0)
  const scope = form === null ? 'instance' : 'form'
  const ended = sum(answered)
  const failed = sum(failing)
  const complained = counts.complained ?? 0
  const tooManyFailed = ended >= limits[scope].atLeast && failed > ended * limits[scope].share
  const { atLeast, share } = complaintLimits[scope]
  const tooManyComplained = complained >= atLeast && complained > ended * share
  return { open: tooManyFailed || tooManyComplained, ended, failed, complained }
}

/** How long an answer is used again: a form's, and that of all forms, which costs more to count. Milliseconds. */
const freshFor = { form: 5_000, instance: 15_000 }

/**
 * The same for the hot path: asked once in some seconds per form, however many mails pass. A form that stands still is
 * forgotten with the next one, so that no more is kept than is in use.
 */
export function cachedBreaker(deps: BreakerDeps): (form: string) => Promise<boolean> {
  const known = new Map<string | null, { until: number; state: Promise<BreakerState> }>()

  function stateOf(form: string | null): Promise<BreakerState> {
    const now = deps.clock.monotonic()
    const cached = known.get(form)
    if (cached !== undefined && now < cached.until) return cached.state
    for (const [other, { until }] of known) if (now >= until) known.delete(other)
    const state = confirmationBreaker(deps, form)
    known.set(form, { until: now + (form === null ? freshFor.instance : freshFor.form), state })
    // A fault is told to those who ask now; the next one asks again.
    state.catch(() => known.delete(form))
    return state
  }

  return async (form) => (await stateOf(form)).open || (await stateOf(null)).open
}
