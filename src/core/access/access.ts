import { base32, base64url } from '../base-encoding.ts'
import type { Deps } from '../deps.ts'

type AccessDeps = Pick<Deps, 'access' | 'ids' | 'clock' | 'crypto'>

/** A one-time link is for the person who started the server, soon. */
export const linkLivesMs = 24 * 3_600_000
export const sessionLivesMs = 30 * 24 * 3_600_000

/** A new secret for a one-time link to `/app/`. Only its hash is stored. */
export async function newLink(deps: AccessDeps): Promise<string> {
  return await newSecret(deps, 'link', linkLivesMs)
}

/** Trades a one-time secret for a session; null when it was used, has expired, or never was. */
export async function enterByLink(deps: AccessDeps, secret: string): Promise<{ session: string } | null> {
  const used = await deps.access.use({ hash: hashOf(deps, secret), kind: 'link', now: deps.clock.now() })
  return used ? { session: await newSecret(deps, 'session', sessionLivesMs) } : null
}

/** Whether a session is good. */
export async function isSession(deps: AccessDeps, secret: string): Promise<boolean> {
  return await deps.access.use({ hash: hashOf(deps, secret), kind: 'session', now: deps.clock.now() })
}

export async function endSession(deps: AccessDeps, secret: string): Promise<void> {
  await deps.access.remove(hashOf(deps, secret))
}

async function newSecret(deps: AccessDeps, kind: 'link' | 'session', livesMs: number): Promise<string> {
  const secret = base32(deps.ids.bytes(20))
  await deps.access.add({ hash: hashOf(deps, secret), kind, expiresAt: deps.clock.now() + livesMs })
  return secret
}

function hashOf(deps: Pick<Deps, 'crypto'>, secret: string): string {
  return base64url(deps.crypto.mac('access', secret))
}
