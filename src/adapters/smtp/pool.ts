import type { Clock } from '../../core/deps.ts'
import type { Session } from './session.ts'
import type { Wire } from './wire.ts'

/** The connections of a relay: never more than `max` in use, some kept open for the next mail. */
export interface Pool {
  /** Waits for a free place. False: the pool closes, or the wait was aborted. Each true is given back with `leave`. */
  enter(signal: AbortSignal): Promise<boolean>
  leave(): void
  /** A kept connection that is still good; the one used last, so that the others may run out. */
  take(): Session | null
  /** Keeps a connection for the next mail, or ends it. */
  keep(session: Session): void
  /** Counts a connection until it is gone. */
  opened(wire: Wire): void
  /** Lets nobody in any more, ends kept connections, resolves when all are gone. */
  close(): Promise<void>
}

export function createPool(
  limits: { max: number; mailsPerConnection: number; idleMs: number; quitMs: number },
  clock: Clock,
): Pool {
  let used = 0
  let closing = false
  const waiting: ((entered: boolean) => void)[] = []
  const kept: { session: Session; cancel: () => void }[] = []
  const wires = new Set<Wire>()
  const emptied = Promise.withResolvers<void>()

  function checkEmptied(): void {
    if (closing && used === 0 && wires.size === 0) emptied.resolve()
  }

  return {
    async enter(signal) {
      if (closing || signal.aborted) return false
      if (used < limits.max) {
        used += 1
        return true
      }
      return new Promise((resolve) => {
        function settle(entered: boolean): void {
          signal.removeEventListener('abort', give)
          resolve(entered)
        }
        function give(): void {
          waiting.splice(waiting.indexOf(settle), 1)
          settle(false)
        }
        waiting.push(settle)
        signal.addEventListener('abort', give, { once: true })
      })
    },

    leave() {
      const next = waiting.shift()
      if (next !== undefined) return next(true)
      used -= 1
      checkEmptied()
    },

    take() {
      for (let last = kept.pop(); last !== undefined; last = kept.pop()) {
        last.cancel()
        if (last.session.wire.quiet) return last.session
        last.session.wire.drop('unasked-replies')
      }
      return null
    },

    keep(session) {
      const { wire } = session
      // A reply that nobody asked for would be taken for the answer to the next command.
      if (!wire.quiet) return wire.drop('unasked-replies')
      if (closing || session.mails >= limits.mailsPerConnection || limits.idleMs <= 0) return wire.quit(limits.quitMs)
      const place = {
        session,
        cancel: clock.after(limits.idleMs, () => {
          kept.splice(kept.indexOf(place), 1)
          wire.quit(limits.quitMs)
        }),
      }
      kept.push(place)
    },

    opened(wire) {
      wires.add(wire)
      void wire.closed.then(() => {
        wires.delete(wire)
        checkEmptied()
      })
    },

    close() {
      closing = true
      for (const settle of waiting.splice(0)) settle(false)
      for (const { session, cancel } of kept.splice(0)) {
        cancel()
        session.wire.quit(limits.quitMs)
      }
      checkEmptied()
      return emptied.promise
    },
  }
}
