import type { Deps } from '../deps.ts'
import { isNearby } from '../submissions/network.ts'
import { end, raise } from './lifecycle.ts'

type ProxyDeps = Pick<Deps, 'alarms' | 'clock' | 'log' | 'metrics'>

export interface ProxyWatch {
  /**
   * Takes note of a post. `peer`: the address that it came from, without a trusted proxy's help; `isForwarded`: it carries a
   * header of a proxy (`X-Forwarded-For`; `Forwarded`, RFC 7239) that is not believed.
   */
  see(post: { peer: string; isForwarded: boolean }): void
  /** Opens the alarm, or ends it where it is no longer true. */
  look(): Promise<void>
}

/** Posts from public addresses are judged by so many at once, of which so many must be forwarded, all by one address. */
const [windowPosts, enough] = [20, 18]

/** A proxy that was not seen for so long is gone, or forwards under another name. Milliseconds. */
const forgottenAfter = 24 * 3_600_000

const key = 'proxy-not-trusted'

/**
 * Notices a reverse proxy that `trustedProxies` does not name. Behind one all visitors share an address, so that rules by
 * address judge everybody as one.
 *
 * Anybody can write the header, so it is never believed, and a single post from the internet says nothing: some visitors'
 * own proxies write it too, and so do bots. From this machine or its network it comes from a proxy of ours; from the internet
 * when nearly every post comes from one address and carries it. Bots at many addresses are nobody's proxy; one that posts
 * more than everybody else together is told of as an address that may be one, which its owner has to know.
 *
 * @param isTrusted whether `trustedProxies` names an address
 */
export function createProxyWatch(deps: ProxyDeps, isTrusted: (address: string) => boolean): ProxyWatch {
  const startedAt = deps.clock.monotonic()
  let found: { peer: string; since: number; seenAt: number } | null = null
  let isTold = false
  let posts = 0
  /** How many of these posts each address forwarded; no more addresses than posts. */
  const forwarded = new Map<string, number>()

  function note(peer: string): void {
    const seenAt = deps.clock.monotonic()
    found = { peer: found?.peer ?? peer, since: found?.since ?? deps.clock.now(), seenAt }
  }

  return {
    see({ peer, isForwarded }) {
      if (isForwarded && isNearby(peer)) return note(peer)
      posts += 1
      if (isForwarded) forwarded.set(peer, (forwarded.get(peer) ?? 0) + 1)
      if (posts < windowPosts) return
      for (const [proxy, count] of forwarded) if (count >= enough) note(proxy)
      posts = 0
      forwarded.clear()
    },
    async look() {
      const now = deps.clock.monotonic()
      if (found !== null && now - found.seenAt >= forgottenAfter) found = null
      if (found === null) {
        const open = await deps.alarms.get(key)
        if (isTrusted(String(open?.facts.peer ?? '')) || now - startedAt >= forgottenAfter)
          await end(deps, key, deps.clock.now())
        return
      }
      const { peer, since } = found
      await raise(deps, { key, kind: key, form: null, since, facts: { peer } })
      if (isTold) return
      isTold = true
      // An address of the internet may be a visitor's, which no log holds; the alarm names it.
      const at = isNearby(peer) ? ` at ${peer}` : ''
      deps.log.warn({ code: key }, `trustedProxies does not name the proxy${at}: all visitors seem to be one`)
    },
  }
}
