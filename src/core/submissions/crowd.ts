import { base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'
import { type Client, networkKey, tellsNothing, widerNetworkKey, widerShare } from './network.ts'

type CrowdDeps = Pick<Deps, 'rates' | 'crypto' | 'clock'>

/** Posts of one network that are taken within the window; what comes beyond has to wait, or to prove work. */
const maxPosts = 60
const crowdWindow = 10_000

/** Beyond so many nothing is read that has to be written to the disk. */
const maxRead = 10 * maxPosts

/** How long a turn has to wait, and how long it is good. Milliseconds. */
const turnAfter = 5_000
const turnUntil = 15 * 60_000

/**
 * Whether a post is looked at, before anything of it is read. `crowded`: only with a proof of work; else it is given back
 * with a turn, with which it is let through later. `uploads`: whether files are read at all.
 */
export type Admission = { kind: 'open' } | { kind: 'crowded'; uploads: boolean; proof: boolean }

/**
 * Counts a post. A network is mostly one household, but may be a school, a company or a carrier with thousands of people
 * behind one address, and one of their machines may be a bot's. So a person whose form is given back gets through with
 * the second press of the button, while a bot that sends without reading answers does not.
 *
 * @param turn as the form that was given back carries it
 */
export async function admitPost(deps: CrowdDeps, client: Client, turn: string | null): Promise<Admission> {
  if (tellsNothing(client)) return { kind: 'open' }
  const posts = await countOf(deps, 'post', client)
  if (posts <= maxPosts || (turn !== null && (await useTurn(deps, client, turn)))) return { kind: 'open' }
  // To look at a proof costs us something: as often as posts are taken, and not more.
  const proof = (await countOf(deps, 'proof', client)) <= maxPosts
  return { kind: 'crowded', uploads: posts <= maxRead, proof }
}

/** Whether a client may have a puzzle: one costs us as much as one guess at its solution. */
export async function mayHavePuzzle(deps: Pick<Deps, 'rates' | 'crypto'>, client: Client): Promise<boolean> {
  return tellsNothing(client) || (await countOf(deps, 'puzzle', client)) <= maxPosts
}

/**
 * Counts one more, and says how many there were of a client's network within the window. Who has many networks at hand, as
 * everybody with IPv6 may, is counted in the wider one as well, where so many more are as many as one.
 */
async function countOf(deps: Pick<Deps, 'rates' | 'crypto'>, what: string, { address }: Client): Promise<number> {
  const count = await deps.rates.hit(`${what}:${networkKey(deps, address)}`, crowdWindow)
  const wider = widerNetworkKey(deps, address)
  if (wider === null) return count
  return Math.max(count, (await deps.rates.hit(`${what}:${wider}`, crowdWindow)) / widerShare)
}

/** A turn for a form that is given back: good from a few seconds later on, once, from the same network. */
export function newTurn(deps: Pick<Deps, 'crypto' | 'clock' | 'ids'>, client: Client): string {
  const named = `${deps.clock.now().toString(36)}-${deps.ids.next()}`
  return `${named}-${macOf(deps, client, named)}`
}

async function useTurn(deps: CrowdDeps, client: Client, turn: string): Promise<boolean> {
  const [, named = '', at = '', mac = ''] = /^(([0-9a-z]{1,12})-[0-9a-z]{1,40})-([\w-]{22})$/.exec(turn) ?? []
  const encode = (text: string) => new TextEncoder().encode(text)
  if (named === '' || !deps.crypto.equal(encode(macOf(deps, client, named)), encode(mac))) return false
  const age = deps.clock.now() - Number.parseInt(at, 36)
  if (age < turnAfter || age > turnUntil) return false
  if ((await deps.rates.hit(`turn:${named}`, turnUntil)) > 1) return false
  // Bots that read answers are a crowd as well.
  return (await countOf(deps, 'turns', client)) <= maxPosts
}

function macOf(deps: Pick<Deps, 'crypto'>, { address }: Client, named: string): string {
  return base64url(deps.crypto.mac('turn', `${networkKey(deps, address)}\n${named}`).subarray(0, 16))
}
