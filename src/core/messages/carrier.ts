import type { Deps } from '../deps.ts'
import type { Message } from './message.ts'

/** The mail by which a message was told instead, where the digest of a flood did (`flood.ts`); null elsewhere. */
export function digestOf({ events, state }: Pick<Message, 'events' | 'state'>): string | null {
  const event = events.find(({ id }) => id === state.event)
  return event?.kind === 'cancelled' && event.reason === 'digest' ? event.digest : null
}

/** The mail whose fate is that of a message: its digest, where one told it, else itself. */
export async function carrierOf(deps: Pick<Deps, 'messages'>, message: Message): Promise<Message> {
  const digest = digestOf(message)
  return (digest === null ? null : await deps.messages.get(digest)) ?? message
}
