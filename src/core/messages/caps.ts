import { canonicalMailbox, isSharedMailDomain } from '../address-help/mail-domains.ts'
import { base64url } from '../base-encoding.ts'
import type { Cap, Deps } from '../deps.ts'

type CapDeps = Pick<Deps, 'crypto' | 'settings'>

/**
 * How many confirmations one person, and one domain, may get over all forms of the instance (invariant 9). What is over a
 * cap is held and shown, never dropped.
 */
export function confirmationCaps(deps: CapDeps, recipient: string): Cap[] {
  const { perAddress, perDomain, perSharedDomain } = deps.settings.caps
  const [local, domain] = partsOf(recipient)
  const keyed = (kind: string, subject: string) => `${kind}:${base64url(deps.crypto.mac('cap', subject))}`
  return [
    { key: keyed('address', `${local}@${domain}`), ...perAddress },
    // Half of all people are at some of these: the cap of a company's domain would hold back many who did nothing.
    { key: keyed('domain', domain), ...(isSharedMailDomain(domain) ? perSharedDomain : perDomain) },
  ]
}

/**
 * How many notifications of one form go to one address, each as a mail of its own; what is over it waits for a digest
 * (`flood.ts`). Tests count for themselves: whoever tests a form in a flood gets the mail at once, and since anybody can
 * call a post a test, a flood of tests is one too. Our own (`isTestKey`) are not counted at all.
 */
export function notificationCaps(
  deps: CapDeps,
  { form, recipient }: { form: string; recipient: string },
  { test }: { test: boolean },
): Cap[] {
  const kind = test ? 'tests' : 'notifications'
  const subject = base64url(deps.crypto.mac('cap', JSON.stringify([form, recipient])))
  return [{ key: `${kind}:${subject}`, ...deps.settings.caps.notifications }]
}

/**
 * The caps that a confirmation has to be counted against anew, since it goes out long after it was planned: it was held, or
 * the other side did not take it. Else what had to wait in many hours would come in one. Empty where it is not late.
 */
export function lateCaps(
  deps: CapDeps & Pick<Deps, 'clock'>,
  { recipient, createdAt }: { recipient: string; createdAt: number },
): Cap[] {
  const caps = confirmationCaps(deps, recipient)
  const late = deps.clock.now() - createdAt
  return caps.some(({ windowMs }) => late > windowMs / 50) ? caps : []
}

/**
 * One mailbox, one text: without case and tags, the way its provider reads it, the domain as an A-label (as addresses are
 * stored). As far as providers' ways are known (`mail-domains.ts`): elsewhere two texts may still be one mailbox, and rarely,
 * where a `+` or other letters that look alike (NFKC) belong to a name, one text two.
 */
export function normalizedAddress(recipient: string): string {
  return partsOf(recipient).join('@')
}

function partsOf(recipient: string): [local: string, domain: string] {
  const at = recipient.lastIndexOf('@')
  const domain = recipient.slice(at + 1).toLowerCase()
  const typed = recipient.slice(0, at).normalize('NFKC').toLowerCase()
  const local = typed.startsWith('"') && typed.endsWith('"') ? typed.slice(1, -1).replace(/\\(.)/gu, '$1') : typed
  return canonicalMailbox(local, domain)
}
