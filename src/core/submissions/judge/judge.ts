import { base64url } from '../../base-encoding.ts'
import type { AcceptCommand, Deps } from '../../deps.ts'
import type { FormRecord } from '../../forms/form.ts'
import type { HeldReason } from '../../messages/message.ts'
import type { Controls } from '../control-fields.ts'
import { widerShare } from '../network.ts'
import { proofIn } from '../proof.ts'
import { mayPost } from '../redirect.ts'
import { type Entry, type Verdict, type VerdictReason, type VerdictRule, verdictRules } from '../submission.ts'
import { countWords, mainText, suspiciousLinks, typedTexts } from './rules.ts'

type JudgeDeps = Pick<Deps, 'rates' | 'proofs' | 'crypto' | 'settings'>

/** What is known of a post before it is stored. */
type Evidence = {
  fields: readonly Entry[]
  controls: Controls
  pageOrigin: string | null
  /** Keyed hash of the client's network; null on our own machine, where people try things out quickly and often. */
  network: string | null
  /** The same of the network around it, which one customer may have as a whole; null where that is other people. */
  widerNetwork: string | null
  /** Whether it goes on to be answered by a mail, to an address that nobody has confirmed. */
  getsConfirmation: boolean
  /** Whether a proof of work is looked at in any case: so many posts come from this network that only it counts. */
  crowded: boolean
}

export type Judgement = {
  review: 'accepted' | 'quarantined' | 'unconfirmed'
  verdict: Verdict
  /** Why the confirmation waits from the beginning. */
  hold: Extract<HeldReason, 'no-proof'> | null
  /** A valid proof of work, which the store lets be used once. */
  proof: AcceptCommand['proof']
}

/** Where a form does not say otherwise. */
const spamDefaults = { minSeconds: 2, perClient: 20, repeated: 10, links: 10 } as const

/**
 * Posts of one network to all forms together, in the same window. Much more than to one form: an office has several
 * people, and a site several forms.
 */
const perClientInAll = 100

/** Rules that only show what they would have done, where a form does not say otherwise. */
const shadowDefault: readonly VerdictRule[] = ['automated-browser']

/** How far back posts of one network, and of one text, count. Milliseconds. */
const clientWindow = 10 * 60_000
const repeatedWindow = 60 * 60_000

/**
 * Judges a post by what came with it, asking nobody. A suspicious one is quarantined: stored, shown to its managers, and
 * released by them if it is a real one; no rule ever drops anything.
 *
 * | rule | suspicious |
 * |---|---|
 * | honeypot | a field that nobody sees is filled in |
 * | too-fast | sent within `spam.minSeconds` of showing the page; a page that tells nothing is not judged by it |
 * | automated-browser | the browser says that a program steers it (in shadow, unless the form says otherwise: testers and tools for the disabled are programs too, and bots that matter don't tell) |
 * | origin | posted by a page that is not in `origins`; one that tells no origin is not judged by it |
 * | client-rate | more than `spam.perClient` posts of one network to the form in 10 minutes, or very many to all forms; of the wider network ten times as many |
 * | repeated-content | more than `spam.repeated` posts with the same long text in an hour |
 * | links | more than `spam.links` links, one in a name or telephone number, or markup of links (one HTML link: only with another reason) |
 * | words | a word of `spam.words` |
 *
 * All rules are always asked, so that the time it takes tells nothing. `spam.shadow` names the rules that only show what
 * they would have done.
 */
export async function judge(deps: JudgeDeps, form: FormRecord, evidence: Evidence): Promise<Judgement> {
  const { shadow = shadowDefault } = form.settings.spam ?? {}
  const inShadow = (rule: VerdictRule) => shadow === true || shadow.includes(rule)
  const found = await findings(deps, form, evidence, inShadow)
  const verdict = {
    reasons: found.filter(({ rule }) => !inShadow(rule)),
    shadow: found.filter(({ rule }) => inShadow(rule)),
  }

  const required = evidence.getsConfirmation && form.settings.confirmation?.proof === 'required'
  const proof = required || evidence.crowded ? await proofIn(deps, evidence.controls.captcha.altcha) : null
  const hold = required && proof === null ? 'no-proof' : null
  const asked = form.settings.doubleOptIn === true && evidence.getsConfirmation
  // Who is to be asked first, and can't be, is seen by the managers at least.
  const isAside = verdict.reasons.length > 0 || (asked && hold !== null)
  return { review: isAside ? 'quarantined' : asked ? 'unconfirmed' : 'accepted', verdict, hold, proof }
}

/** What each rule says, in the order they are listed in. */
async function findings(
  deps: JudgeDeps,
  form: FormRecord,
  evidence: Evidence,
  inShadow: (rule: VerdictRule) => boolean,
): Promise<VerdictReason[]> {
  const { fields, controls, pageOrigin, network } = evidence
  const {
    minSeconds = spamDefaults.minSeconds,
    perClient = spamDefaults.perClient,
    repeated = spamDefaults.repeated,
    links = spamDefaults.links,
    words = [],
  } = form.settings.spam ?? {}
  const texts = typedTexts(form, fields)
  const { loadedMs, webdriver } = controls.evidence
  const tooMany = await postsBeyond(deps, `client:${form.name}`, evidence, perClient)
  const tooManyInAll = await postsBeyond(deps, 'clients', evidence, Math.max(perClient, perClientInAll))
  const main = mainText(texts)
  const times = main === null || network === null ? 0 : await deps.rates.hit(textKey(deps, form, main), repeatedWindow)
  const listed = countWords(texts, words)

  const details: Record<VerdictRule, string | null> = {
    honeypot: controls.honeypot.length === 0 ? null : String(controls.honeypot.length),
    'too-fast':
      network !== null && loadedMs !== null && loadedMs < minSeconds * 1000 ? (loadedMs / 1000).toFixed(1) : null,
    'automated-browser': webdriver ? '' : null,
    origin: mayPost(pageOrigin, { publicUrl: deps.settings.publicUrl, settings: form.settings }) ? null : '',
    'client-rate': tooMany ?? tooManyInAll,
    'repeated-content': times > repeated ? String(times) : null,
    links: null,
    words: listed > 0 ? String(listed) : null,
  }
  // What a rule on trial found must not change what becomes of a post.
  const alone = verdictRules.every((rule) => details[rule] === null || inShadow(rule))
  details.links = suspiciousLinks(texts, links, alone)
  return verdictRules.flatMap((rule) => {
    const detail = details[rule]
    return detail === null ? [] : [{ rule, detail }]
  })
}

/**
 * Counts one more post of the client's network, and of the wider one, where ten times as many may come.
 *
 * @returns how many there were, where that is too many
 */
async function postsBeyond(
  deps: JudgeDeps,
  what: string,
  { network, widerNetwork }: Evidence,
  max: number,
): Promise<string | null> {
  const count = async (counted: string | null) =>
    network === null || counted === null ? 0 : await deps.rates.hit(`${what}:${counted}`, clientWindow)
  const own = await count(network)
  const wider = await count(widerNetwork)
  if (own > max) return String(own)
  return wider > max * widerShare ? String(wider) : null
}

/** The text itself is not remembered. */
function textKey(deps: JudgeDeps, form: FormRecord, text: string): string {
  return `text:${base64url(deps.crypto.mac('repeated', `${form.name}\n${text}`))}`
}
