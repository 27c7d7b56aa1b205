import type { RefusalClass } from '../../mail/refusal-classes.ts'
import type { Evidence } from './message.ts'

export const transportNames = ['capture', 'smtp'] as const
export type TransportName = (typeof transportNames)[number]

/** The lanes of the transport that only alarms take begin so: its source is called `alarms`. */
export const alarmLanes = 'smtp:alarms|'

/** What a transport is asked to do: one recipient, one try. */
export type Delivery = {
  messageId: string
  attempt: number
  /** Envelope sender. */
  from: string
  /** Envelope recipient, as stored: domain as A-label, local part as typed. */
  to: string
  /** Local part of an address or a header has non-ASCII letters: needs SMTPUTF8 (RFC 6531). */
  utf8: boolean
  mail: Uint8Array
}

/** How the engine watches an attempt. */
export interface AttemptWatch {
  /** The recipient was taken; the attempt goes on. */
  rcptAccepted(): void
  /**
   * Must be asked, and awaited, before the final dot (or the request body of an API) is written; `lost` means: drop the
   * connection, do not write it. After `go` the dot must follow at once or not at all: see `isInTime`.
   */
  beforeFinalDot(): Promise<FinalDotWord>
  /** Fires when the attempt must stop if it can: before the dot it then ends `interrupted`. */
  readonly signal: AbortSignal
}

/** `askedAt` on both clocks: the monotonic one may stand still while a machine sleeps, the other one may be set. */
export type FinalDotWord =
  | { kind: 'go'; askedAt: { monotonic: number; wall: number }; dotWithinMs: number }
  | { kind: 'lost' }

/** Whether the dot may still be written: a process that was frozen since it asked may have a successor. */
export function isInTime(
  word: Extract<FinalDotWord, { kind: 'go' }>,
  clock: { now(): number; monotonic(): number },
): boolean {
  const { askedAt, dotWithinMs } = word
  return clock.monotonic() - askedAt.monotonic <= dotWithinMs && Math.abs(clock.now() - askedAt.wall) <= dotWithinMs
}

/** What became of one attempt: every ending has a name, also the one nobody likes. */
export type AttemptOutcome =
  | { kind: 'accepted'; by: 'relay' | 'provider' }
  | { kind: 'delivered'; by: 'recipient' | 'simulator' }
  | { kind: 'deferred'; class: RefusalClass; scope: FaultScope }
  | { kind: 'refused'; class: RefusalClass; scope: FaultScope }
  /** The answer after the final dot was lost. */
  | { kind: 'unknown' }
  /** We ended it before the dot (stop, lost lease, store away, a mistake of ours); nothing was sent. */
  | { kind: 'interrupted' }

/**
 * Whom a deferral or refusal speaks of. A `lane` fault (no connection, login refused, too many) counts against the whole
 * lane; an `own` one is ours (a mistake, or a way out that can't carry this mail) and says nothing of the other side.
 */
export type FaultScope = 'message' | 'lane' | 'own'

export type AttemptReport = { outcome: AttemptOutcome; evidence: Evidence }

/** How hard one lane may be used. */
export type LanePolicy = {
  /** Most attempts at once. */
  maxConcurrency: number
  /** Attempts at once to begin with; grows by one after as many successes. */
  startConcurrency: number
  /** Attempts per second over time, and how many may come at once. Null: no limit. */
  rate: { perSecond: number; burst: number } | null
  /** Lane faults in a row that open the circuit breaker. */
  breakerAfter: number
  /** Pauses of an open breaker, in milliseconds: first, second, …; the last one repeats. */
  breakerPauses: readonly number[]
}

/** A way out. */
export interface Transport {
  readonly name: TransportName
  /** The lane (source, receiving site) that mail for a recipient takes; in a relay's case always the same. */
  lane(recipient: string): string
  policy(lane: string): LanePolicy
  attempt(delivery: Delivery, watch: AttemptWatch): Promise<AttemptReport>
  /** Closes idle connections; resolves when those in use are closed too. */
  close(): Promise<void>
}
