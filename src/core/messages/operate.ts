import type { Deps } from '../deps.ts'
import { fold, isWorkingState, nextTurn } from './fold.ts'
import type { Message, MessageEvent } from './message.ts'

export type OperateOutcome =
  | { kind: 'done'; message: Message }
  | { kind: 'message-not-found' }
  /** It is being sent right now, or has ended. */
  | { kind: 'message-busy' }

/** Makes a waiting message due now, after its cause was mended. */
export async function retryMessage(
  deps: Pick<Deps, 'messages' | 'queue' | 'clock'>,
  id: string,
): Promise<OperateOutcome> {
  const at = deps.clock.now()
  const outcome = await change(deps, id, (message) => {
    const turn = nextTurn(message.events)
    return { event: { id: `${id}.requeued-${turn}`, at, kind: 'queued', turn, dueAt: at, by: 'operator' }, dueAt: at }
  })
  if (outcome.kind === 'done') deps.queue.announce()
  return outcome
}

/** Ends a waiting message: no further attempt is made. */
export async function cancelMessage(deps: Pick<Deps, 'messages' | 'clock'>, id: string): Promise<OperateOutcome> {
  const at = deps.clock.now()
  return await change(deps, id, () => ({
    event: { id: `${id}.cancelled`, at, kind: 'cancelled', reason: 'operator' },
    dueAt: null,
  }))
}

async function change(
  deps: Pick<Deps, 'messages' | 'clock'>,
  id: string,
  make: (message: Message) => { event: MessageEvent; dueAt: number | null },
): Promise<OperateOutcome> {
  const message = await deps.messages.get(id)
  if (message === null) return { kind: 'message-not-found' }
  if (!isWorkingState(message.state) || message.lease !== null) return { kind: 'message-busy' }
  const { event, dueAt } = make(message)
  const { version, attempts } = message
  const state = fold([...message.events, event])
  const written = await deps.messages.write({ id, version, events: [event], state, dueAt, attempts, lease: 'keep' })
  const fresh = await deps.messages.get(id)
  return written === 'ok' && fresh !== null ? { kind: 'done', message: fresh } : { kind: 'message-busy' }
}
