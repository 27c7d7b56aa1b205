import type { Deps } from '../core/deps.ts'
import { deliver, leaseMs } from '../core/messages/deliver.ts'
import { createGate } from '../core/messages/gate.ts'
import { createLanes } from '../core/messages/lanes.ts'
import type { Message } from '../core/messages/message.ts'
import { alarmLanes, type LanePolicy } from '../core/messages/transport.ts'

type DeliveryDeps = Parameters<typeof deliver>[0] & Parameters<typeof createGate>[0]

export interface Delivery {
  /** There may be new work. */
  wake(): void
  /** When the loop last came round, on the monotonic clock: it does at least every half minute, also with nothing to do. */
  lastRound(): number
  /**
   * Takes no new work, stops what has not reached the final dot (it goes back to the queue), and resolves when everything
   * under way has ended.
   */
  stop(): Promise<void>
}

/** Attempts at once over all lanes: bounds memory, whatever the length of the queue (invariant 10). */
const maxInFlight = 100

/** The queue is looked at least this often, should a wake-up be lost. */
const idleMs = 30_000

/** The same while something is due and other attempts are under way. */
const busyMs = 250

/**
 * The delivery loop: leases due messages as far as their lanes have room, makes the attempts, sleeps until the next one
 * is due. Retry rule: each message's own schedule; a fault of the loop itself (store not available) is tried again
 * after a pause that doubles up to ten seconds.
 */
export function startDelivery(deps: DeliveryDeps): Delivery {
  const lanes = createLanes({ clock: deps.clock, policy: (lane) => policyOf(deps, lane) })
  const gate = createGate(deps)
  const stopping = new AbortController()
  const inFlight = new Set<Promise<void>>()
  let running = false
  let again = false
  let cancelTimer = () => {}
  /** The round that runs now; what it leases while we stop still has to be handed back. */
  let round: Promise<void> = Promise.resolve()
  let faultPause = 100
  let roundAt = deps.clock.monotonic()

  function wake(): void {
    again = true
    if (!running && !stopping.signal.aborted) round = run()
  }

  async function run(): Promise<void> {
    running = true
    cancelTimer()
    try {
      while (again && !stopping.signal.aborted) {
        again = false
        await leaseAndStart()
        roundAt = deps.clock.monotonic()
      }
      faultPause = 100
      if (!stopping.signal.aborted) sleepFor(await pauseUntilNext())
    } catch (error) {
      deps.log.error({ err: error }, 'the delivery loop could not read the queue; trying again')
      deps.metrics.countFault('delivery-loop')
      sleepFor(faultPause)
      faultPause = Math.min(faultPause * 2, 10_000)
    } finally {
      running = false
      if (again && !stopping.signal.aborted) round = run()
    }
  }

  async function leaseAndStart(): Promise<void> {
    const limit = maxInFlight - inFlight.size
    if (limit <= 0) return
    const now = deps.clock.now()
    const leased = await deps.messages.leaseDue({
      now,
      until: now + leaseMs,
      limit,
      rooms: lanes.rooms(),
      defaultRoom: 1,
    })
    for (const message of leased) start(message)
    if (leased.length > 0) again = true
  }

  function start(message: Message): void {
    lanes.start(message.lane)
    const work = deliver(deps, gate, message, stopping.signal).then((result) => {
      lanes.end(message.lane, result)
      inFlight.delete(work)
      wake()
    })
    inFlight.add(work)
  }

  /**
   * Until the next message is due, or a closed lane opens; ended attempts wake the loop by themselves. What became due
   * since the last look, with its lane open, must not wait for them.
   */
  async function pauseUntilNext(): Promise<number> {
    const dueAt = await deps.messages.nextDueAt()
    if (dueAt === null) return idleMs
    const wait = dueAt - deps.clock.now()
    if (wait > 0) return Math.min(wait, idleMs)
    return Math.min(lanes.opensIn() ?? (inFlight.size > 0 ? busyMs : 0), idleMs)
  }

  function sleepFor(ms: number): void {
    cancelTimer()
    cancelTimer = deps.clock.after(ms, wake)
  }

  wake()
  return {
    wake,
    lastRound: () => roundAt,
    async stop() {
      stopping.abort()
      cancelTimer()
      await round
      cancelTimer()
      await Promise.all(inFlight)
    },
  }
}

/** The lanes of alarms have the policy of their own transport. */
function policyOf({ transport, alarmTransport }: DeliveryDeps, lane: string): LanePolicy {
  return lane.startsWith(alarmLanes) && alarmTransport !== null ? alarmTransport.policy(lane) : transport.policy(lane)
}

/** A queue port that wakes a delivery loop of this process. */
export function queueFor(delivery: () => Delivery | null): Deps['queue'] {
  return { announce: () => delivery()?.wake() }
}
