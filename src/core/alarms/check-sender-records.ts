import type { Dns } from '../deps.ts'
import type { Settings } from '../settings.ts'
import type { Finding } from './check-settings.ts'

/**
 * Looks up what the sender's domain says of its mail: SPF of the envelope's domain (RFC 7208), DMARC of the From domain or
 * the organisational domain above it (RFC 9989, tree walk). DKIM can't be looked up without the relay's selector, which is
 * said.
 */
export async function checkSenderRecords(
  { from, envelope }: Pick<Settings, 'from' | 'envelope'>,
  dns: Pick<Dns, 'texts'>,
): Promise<Finding[]> {
  const domain = domainOf(from.address)
  const returned = envelope.kind === 'verp' ? envelope.domain : domainOf(envelope.address)
  const [spf, dmarc] = await Promise.all([checkSpf(dns, returned), checkDmarc(dns, domain)])
  return [
    spf,
    dmarc,
    {
      level: 'info',
      code: 'dkim-not-checked',
      sentence: `Whether mail from ${domain} is signed (DKIM) can’t be seen from here: only the relay knows the name of its key.`,
      next: 'Send yourself a mail with `npx todoku test`, and look for `dkim=pass` with your domain in its Authentication-Results.',
    },
  ]
}

async function checkSpf(dns: Pick<Dns, 'texts'>, domain: string): Promise<Finding> {
  const answer = await dns.texts(domain)
  if (answer.kind === 'unknown') return notChecked('SPF', domain)
  const records = answer.texts.filter((text) => /^v=spf1(?: |$)/i.test(text))
  if (records.length === 0)
    return {
      level: 'warning',
      code: 'spf-none',
      sentence: `${domain} has no SPF record, so no server may be known to send for it; large providers refuse such mail or file it as spam.`,
      next: `Ask your relay’s provider what to publish as TXT at ${domain}; it begins with v=spf1.`,
    }
  if (records.length > 1)
    return {
      level: 'error',
      code: 'spf-several',
      sentence: `${domain} has ${records.length} SPF records. Only one is allowed: with more, SPF fails for every mail (permerror).`,
      next: `Join them into one TXT record at ${domain} that begins with v=spf1.`,
    }
  return {
    level: 'info',
    code: 'spf-present',
    sentence: `${domain} has an SPF record. Whether it allows your relay’s servers is not checked.`,
    next: 'Compare it with what your relay’s provider asks for.',
  }
}

async function checkDmarc(dns: Pick<Dns, 'texts'>, domain: string): Promise<Finding> {
  const found = await dmarcRecords(dns, domain)
  if (found === null) return notChecked('DMARC', domain)
  const { holder, records } = found
  const [record] = records
  if (record === undefined || records.length > 1)
    return {
      level: 'warning',
      code: record === undefined ? 'dmarc-none' : 'dmarc-several',
      sentence:
        record === undefined
          ? `${domain} has no DMARC record; large providers ask senders of much mail for one.`
          : `There are ${records.length} DMARC records at _dmarc.${holder}; with more than one, none counts.`,
      next: `Publish one TXT record at _dmarc.${holder}, to begin with: v=DMARC1; p=none; rua=mailto:you@${holder}`,
    }
  const policy = policyOf(record, holder !== domain)
  if (policy === null)
    return {
      level: 'warning',
      code: 'dmarc-invalid',
      sentence: `The DMARC record at _dmarc.${holder} names no policy that exists (p=none, quarantine or reject), so it protects nothing.`,
      next: `Correct the TXT record at _dmarc.${holder}.`,
    }
  return {
    level: 'info',
    code: policy === 'none' ? 'dmarc-p-none' : 'dmarc-present',
    sentence:
      policy === 'none'
        ? `DMARC of ${domain} says p=none: it only asks for reports. Others can send in your name.`
        : `DMARC of ${domain} says p=${policy}: mail that is neither signed nor sent from a server of yours is ${policy === 'reject' ? 'refused' : 'filed as spam'}.`,
    next:
      policy === 'none'
        ? 'Go on to p=quarantine when the reports show that all your mail passes.'
        : 'See that your relay signs with your domain, or sends with a return address in it.',
  }
}

/**
 * The DMARC records that count for a domain, and where they are: its own, else those of the organisational domain, which is
 * the highest one above it with a single record, as far as `psd` does not end the walk. Null when the DNS did not say.
 */
async function dmarcRecords(
  dns: Pick<Dns, 'texts'>,
  domain: string,
): Promise<{ holder: string; records: string[] } | null> {
  const own = await recordsAt(dns, domain)
  if (own === null) return null
  let found = { holder: domain, records: own }
  if (own.length > 0) return found
  const labels = domain.split('.')
  // However long the name, eight questions in all.
  for (let kept = Math.min(labels.length - 1, 7); kept > 0; kept -= 1) {
    const holder = labels.slice(-kept).join('.')
    const records = await recordsAt(dns, holder)
    if (records === null) return null
    const [record] = records
    if (record === undefined || records.length > 1) continue
    const psd = tagsOf(record).get('psd')
    // Above is a registry such as co.jp; its word counts only where nobody below has one.
    if (psd !== 'y' || found.records.length === 0) found = { holder, records }
    if (psd === 'y' || psd === 'n') break
  }
  return found
}

/** DMARC records of a domain itself; null when the DNS did not say. */
async function recordsAt(dns: Pick<Dns, 'texts'>, domain: string): Promise<string[] | null> {
  const answer = await dns.texts(`_dmarc.${domain}`)
  return answer.kind === 'unknown' ? null : answer.texts.filter((text) => /^v\s*=\s*DMARC1\s*(?:;|$)/.test(text))
}

/** The policy for a domain itself, or for those below it where they have no record (`sp`, else `p`). */
function policyOf(record: string, isInherited: boolean): 'none' | 'quarantine' | 'reject' | null {
  const tags = tagsOf(record)
  const policy = (isInherited ? tags.get('sp') : undefined) ?? tags.get('p')
  return policy === 'none' || policy === 'quarantine' || policy === 'reject' ? policy : null
}

function tagsOf(record: string): Map<string, string> {
  return new Map(
    record.split(';').map((tag) => {
      const [name = '', value = ''] = tag.split('=')
      return [name.trim().toLowerCase(), value.trim().toLowerCase()]
    }),
  )
}

function notChecked(what: 'SPF' | 'DMARC', domain: string): Finding {
  return {
    level: 'info',
    code: `${what.toLowerCase()}-not-checked`,
    sentence: `The DNS did not say what the ${what} record of ${domain} is.`,
    next: 'Check that this machine can ask the DNS; `dns.servers` names others.',
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase()
}
