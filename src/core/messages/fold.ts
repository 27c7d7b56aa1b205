import type { ClosingEvent, MessageEvent, MessageState, OutcomeEvent, WorkingEvent } from './message.ts'

/**
 * The state of a message from its events. The rank of the kind of evidence decides, never the time of arrival, so
 * that any order and any repetition of the same events gives the same state (DESIGN.md, "State of a message"):
 *
 * ```
 *  outcome   complained > bounced hard > bounced soft > delivered > suppressed by provider > accepted
 *      ▲
 *  closed    unknown > failed > expired > suppressed by us > cancelled     (only when no outcome is known)
 *      ▲
 *  working   the one with the highest turn: queued, held, deferred         (only when neither of the above)
 * ```
 *
 * An attempt that ended `unknown` stays true when later attempts could not be made: a message that then expires is
 * `unknown`, since it may well have arrived.
 *
 * @throws TypeError when there is no working event: a message begins with `queued` or `held`.
 */
export function fold(events: readonly MessageEvent[]): MessageState {
  const distinct = [...new Map(events.map((event) => [event.id, event])).values()]
  const outcome = strongest(distinct.filter(isOutcome), outcomeRank)
  if (outcome !== null) return outcomeState(outcome, distinct)

  const closing = strongest(distinct.filter(isClosing), closingRank)
  if (closing !== null) return closingState(closing, distinct)

  const working = strongest(distinct.filter(isWorking), (event) => event.turn)
  if (working === null) throw new TypeError('a message needs a queued or held event')
  return workingState(working)
}

/** Whether attempts are still to be made. */
export function isWorkingState(state: MessageState): boolean {
  return state.name === 'queued' || state.name === 'deferred' || state.name === 'held'
}

/** Whether the other side took the mail, or says that it was there. */
export function isTaken({ name }: Pick<MessageState, 'name'>): boolean {
  return name === 'accepted' || name === 'delivered' || name === 'complained'
}

/** Whether it came back, after the other side had it or instead of that. */
export function isBounced({ name }: Pick<MessageState, 'name'>): boolean {
  return name === 'bounced_soft' || name === 'bounced_hard'
}

/** Whether it ended without being taken, as far as is known: `unknown` may have arrived, `cancelled` was meant to end. */
export function isLost(state: MessageState): boolean {
  return !isWorkingState(state) && !isTaken(state)
}

/** The turn that the next working event gets. */
export function nextTurn(events: readonly MessageEvent[]): number {
  return 1 + Math.max(-1, ...events.filter(isWorking).map((event) => event.turn))
}

function isWorking(event: MessageEvent): event is WorkingEvent {
  return 'turn' in event
}

function isClosing(event: MessageEvent): event is ClosingEvent {
  return closingRank(event as ClosingEvent) > 0
}

function isOutcome(event: MessageEvent): event is OutcomeEvent | SuppressedByProvider {
  return outcomeRank(event as OutcomeEvent) > 0
}

type SuppressedByProvider = Extract<ClosingEvent, { kind: 'suppressed' }>

function outcomeRank(event: OutcomeEvent | SuppressedByProvider): number {
  switch (event.kind) {
    case 'complained':
      return 6
    case 'bounced':
      return event.hard ? 5 : 4
    case 'delivered':
      return 3
    case 'suppressed':
      return event.by === 'provider' ? 2.5 : 0
    case 'accepted':
      return 2
    // A delay notice can only come from a relay that has the mail, even if its 250 was never seen.
    case 'relay-delayed':
      return 1.5
    default:
      return 0
  }
}

function closingRank(event: ClosingEvent): number {
  switch (event.kind) {
    case 'unknown':
      return 5
    case 'failed':
      return 4
    case 'expired':
      return 3
    case 'suppressed':
      return event.by === 'us' ? 2 : 0
    case 'cancelled':
      return 1
    default:
      return 0
  }
}

/** The event of the highest rank; among equals the earliest, and of the same time the one with the smaller id. */
function strongest<E extends MessageEvent>(events: readonly E[], rank: (event: E) => number): E | null {
  let best: E | null = null
  for (const event of events) {
    if (best === null) {
      best = event
      continue
    }
    const order = rank(event) - rank(best) || best.at - event.at || (event.id < best.id ? 1 : -1)
    if (order > 0) best = event
  }
  return best
}

function outcomeState(event: OutcomeEvent | SuppressedByProvider, all: readonly MessageEvent[]): MessageState {
  const base = { since: event.at, event: event.id }
  const delivered = strongest(
    all.filter((other) => other.kind === 'delivered'),
    () => 0,
  )
  const deliveredAt = delivered === null ? {} : { deliveredAt: delivered.at }
  switch (event.kind) {
    case 'accepted':
      return { ...base, name: 'accepted', by: event.by, settleAt: event.settleAt, ...relayDelay(all) }
    case 'relay-delayed':
      return { ...base, name: 'accepted', by: 'relay', settleAt: event.at + relayDelaySettles, ...relayDelay(all) }
    case 'delivered':
      return { ...base, name: 'delivered', by: event.by, deliveredAt: event.at }
    case 'suppressed':
      return { ...base, name: 'suppressed', by: 'provider' }
    case 'bounced':
      return { ...base, name: event.hard ? 'bounced_hard' : 'bounced_soft', class: event.class, ...deliveredAt }
    case 'complained':
      return { ...base, name: 'complained', class: 'complaint', ...deliveredAt }
  }
}

/** Relays give up after five days at the latest by default (RFC 5321 §4.5.4.1). */
const relayDelaySettles = 5 * 24 * 3600 * 1000

function relayDelay(all: readonly MessageEvent[]): { relayDelayedUntil?: number } {
  const until = all.flatMap((event) => (event.kind === 'relay-delayed' && event.until !== null ? [event.until] : []))
  return until.length === 0 ? {} : { relayDelayedUntil: Math.max(...until) }
}

function closingState(event: ClosingEvent, all: readonly MessageEvent[]): MessageState {
  // A lost answer outlives every later ending of ours: what was sent may have arrived.
  const lost = strongest(
    all.filter((other) => other.kind === 'unknown' || other.kind === 'unknown-retry'),
    () => 0,
  )
  if (lost !== null) return { name: 'unknown', since: lost.at, event: lost.id }
  const base = { since: event.at, event: event.id }
  switch (event.kind) {
    case 'unknown':
      return { ...base, name: 'unknown' }
    case 'failed':
    case 'expired':
      return { ...base, name: event.kind, class: event.class }
    case 'suppressed':
      return { ...base, name: 'suppressed', by: event.by === 'us' ? 'us' : 'provider' }
    case 'cancelled':
      return { ...base, name: 'cancelled' }
  }
}

function workingState(event: WorkingEvent): MessageState {
  const base = { since: event.at, event: event.id }
  switch (event.kind) {
    case 'queued':
      return { ...base, name: 'queued', nextTryAt: event.dueAt }
    case 'held':
      return {
        ...base,
        name: 'held',
        heldReason: event.reason,
        ...(event.until === null ? {} : { nextTryAt: event.until }),
      }
    case 'deferred':
      return { ...base, name: 'deferred', class: event.class, nextTryAt: event.nextTryAt }
    case 'unknown-retry':
      return { ...base, name: 'deferred', class: 'network', nextTryAt: event.nextTryAt }
  }
}
