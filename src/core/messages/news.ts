import type { Deps, MessageNews } from '../deps.ts'

/**
 * How far the first reading looks back, and one after the clock was set back by more than the overlap: what happened while
 * nobody looked, and some of what is known already.
 */
const lookBack = 7 * 24 * 3_600_000

/** An event may be stored a little after the time it names. */
const overlap = 2 * 60_000

/** News read at once. */
const batch = 250

/**
 * Follows what becomes of messages. Each call reads what changed since the call before, oldest change first, page by page,
 * and lets others take their turn between two pages. What names a time of the last two minutes comes again and again; what was
 * not read to its end comes again as a whole.
 */
export function followNews(deps: Pick<Deps, 'messages' | 'clock'>): () => AsyncGenerator<readonly MessageNews[]> {
  let from = deps.clock.now() - lookBack
  return async function* () {
    const now = deps.clock.now()
    // The clock was ahead: until it is there again, nothing would be news.
    if (from > now) from = now - lookBack
    for (let cursor: { from: number; after?: string } | null = { from }; cursor !== null; ) {
      const news: MessageNews[] = await deps.messages.news({ ...cursor, limit: batch })
      yield news
      const last = news.at(-1)
      cursor = last === undefined || news.length < batch ? null : { from: last.state.since, after: last.id }
      if (cursor !== null) await new Promise<void>((resolve) => deps.clock.after(0, resolve))
    }
    from = now - overlap
  }
}
