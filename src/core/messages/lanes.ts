import type { Clock } from '../deps.ts'
import type { LanePolicy } from './transport.ts'

/** How an attempt ended for its lane. `neutral`: it said nothing about the other side (composed wrongly, interrupted). */
export type LaneResult = 'success' | 'fault' | 'neutral'

export interface Lanes {
  /** How many attempts may start now. */
  room(lane: string): number
  /** The room of every lane that has been used lately. */
  rooms(): Record<string, number>
  start(lane: string): void
  end(lane: string, result: LaneResult): void
  /** Milliseconds until a closed lane gives room again; null when none is closed by time. */
  opensIn(): number | null
}

type LaneState = {
  policy: LanePolicy
  active: number
  concurrency: number
  /** Successes since concurrency last changed. */
  successes: number
  faults: number
  /** Breaker: monotonic time until which nothing starts; then one probe at a time until a success. */
  closedUntil: number
  opened: number
  tokens: number
  refilledAt: number
  usedAt: number
}

/**
 * The state of all lanes: concurrency that grows with success and halves with faults, a token bucket, and a circuit
 * breaker that is half-open after its pause. On the monotonic clock, in memory: a restart begins carefully anyway.
 * Lanes that were not used for an hour are forgotten, so that memory is bounded by what is going on.
 */
export function createLanes(deps: { clock: Pick<Clock, 'monotonic'>; policy: (lane: string) => LanePolicy }): Lanes {
  const lanes = new Map<string, LaneState>()

  function stateOf(lane: string): LaneState {
    const known = lanes.get(lane)
    if (known !== undefined) return known
    if (lanes.size >= 1000) forgetIdle()
    const policy = deps.policy(lane)
    const now = deps.clock.monotonic()
    const state: LaneState = {
      policy,
      active: 0,
      concurrency: policy.startConcurrency,
      successes: 0,
      faults: 0,
      closedUntil: 0,
      opened: 0,
      tokens: policy.rate?.burst ?? 0,
      refilledAt: now,
      usedAt: now,
    }
    lanes.set(lane, state)
    return state
  }

  function forgetIdle() {
    const limit = deps.clock.monotonic() - 3_600_000
    for (const [lane, state] of lanes) if (state.active === 0 && state.usedAt < limit) lanes.delete(lane)
  }

  function refill(state: LaneState) {
    const { rate } = state.policy
    if (rate === null) return
    const now = deps.clock.monotonic()
    state.tokens = Math.min(rate.burst, state.tokens + ((now - state.refilledAt) / 1000) * rate.perSecond)
    state.refilledAt = now
  }

  function roomOf(state: LaneState): number {
    if (deps.clock.monotonic() < state.closedUntil) return 0
    const limit = state.opened > 0 ? 1 : state.concurrency
    const free = Math.max(0, limit - state.active)
    if (state.policy.rate === null) return free
    refill(state)
    return Math.min(free, Math.floor(state.tokens))
  }

  function fault(state: LaneState) {
    const { policy } = state
    // Attempts that were under way when the breaker opened say nothing new.
    if (deps.clock.monotonic() < state.closedUntil) return
    state.faults += 1
    state.successes = 0
    state.concurrency = Math.max(1, Math.floor(state.concurrency / 2))
    if (state.opened > 0 || state.faults >= policy.breakerAfter) {
      const pause = policy.breakerPauses[Math.min(state.opened, policy.breakerPauses.length - 1)] ?? 60_000
      state.closedUntil = deps.clock.monotonic() + pause
      state.opened += 1
    }
  }

  function success(state: LaneState) {
    state.faults = 0
    state.opened = 0
    state.successes += 1
    if (state.successes >= state.concurrency && state.concurrency < state.policy.maxConcurrency) {
      state.concurrency += 1
      state.successes = 0
    }
  }

  return {
    room: (lane) => roomOf(stateOf(lane)),
    rooms: () => Object.fromEntries([...lanes].map(([lane, state]) => [lane, roomOf(state)])),
    start(lane) {
      const state = stateOf(lane)
      state.active += 1
      state.usedAt = deps.clock.monotonic()
      if (state.policy.rate !== null) {
        refill(state)
        state.tokens -= 1
      }
    },
    end(lane, result) {
      const state = stateOf(lane)
      state.active -= 1
      if (result === 'success') success(state)
      else if (result === 'fault') fault(state)
    },
    opensIn() {
      const now = deps.clock.monotonic()
      let soonest: number | null = null
      for (const state of lanes.values()) {
        const wait = waitOf(state, now)
        if (wait !== null && (soonest === null || wait < soonest)) soonest = wait
      }
      return soonest
    },
  }

  function waitOf(state: LaneState, now: number): number | null {
    if (now < state.closedUntil) return state.closedUntil - now
    const { rate } = state.policy
    if (rate === null) return null
    refill(state)
    return state.tokens >= 1 ? null : Math.ceil(((1 - state.tokens) / rate.perSecond) * 1000)
  }
}
