import type { RefusalClass } from './refusal-classes.ts'

/** Where in an SMTP session an answer was given. */
export const smtpStages = [
  'connect',
  'greeting',
  'ehlo',
  'starttls',
  'auth',
  'mail',
  'rcpt',
  'data',
  'final-dot',
] as const
export type SmtpStage = (typeof smtpStages)[number]

/** An answer to be understood. `text` is the reply's text without codes. */
export type Refusal = {
  stage: SmtpStage
  code: number
  enhanced: string | null
  text: string
}

/** One line of the table; all conditions that are given must hold. */
export type RefusalRule = {
  id: string
  /** Where the fact comes from. */
  source: string
  when: {
    stage?: readonly SmtpStage[]
    /** The code, or how it begins. */
    code?: readonly string[]
    /** Tested on the enhanced code, or on nothing (`^$`) where there is none. */
    enhanced?: RegExp
    /** Tested on the text with single spaces and without addresses, see `searchable`. */
    text?: RegExp
  }
  class: RefusalClass
}

/** Rules that speak of how much one recipient gets, whoever sends it. */
export const recipientRateRules: readonly string[] = ['text-recipient-too-fast', 'x.2.121']

/**
 * What an answer other than success means. The first rule that fits decides: texts of providers, then the enhanced code,
 * then the basic code with its stage, then the first digit. Whether to try again is not in it: that is for the first
 * digit to say, and for the class.
 *
 * Nothing is called a fault of the recipient before RCPT: a relay that refuses our login does not know whom we
 * write to. And where only the code 550 speaks, the class is `unclassified`: RFC 5321 §4.2.3 has it for unknown
 * mailboxes as well as for policy, and "no such mailbox" must not be said of an address that exists.
 *
 * @example classifyRefusal({ stage: 'rcpt', code: 550, enhanced: '5.1.1', text: 'nope' }) // { class: 'unknown-user', rule: 'x.1.1' }
 */
export function classifyRefusal(refusal: Refusal): { class: RefusalClass; rule: string } {
  const code = String(refusal.code)
  const enhanced = refusal.enhanced ?? ''
  const text = searchable(refusal.text)
  for (const { id, when, class: refusalClass } of refusalRules) {
    if (when.stage !== undefined && !when.stage.includes(refusal.stage)) continue
    if (when.code !== undefined && !when.code.some((start) => code.startsWith(start))) continue
    if (when.enhanced !== undefined && !when.enhanced.test(enhanced)) continue
    if (when.text !== undefined && !when.text.test(text)) continue
    return { class: refusalClass, rule: id }
  }
  return { class: 'unclassified', rule: 'no-rule' }
}

/**
 * The text as rules read it: lower case, single spaces, at most 1,000 characters, every address as `<>`. Servers
 * repeat the recipient's address, and `spamhaus@example.jp` must not decide anything.
 */
function searchable(text: string): string {
  const words = text.slice(0, 1000).toLowerCase().split(/\s+/)
  return words.map((word) => (word.includes('@') ? withoutAddress(word) : word)).join(' ')
}

function withoutAddress(word: string): string {
  const at = word.indexOf('@')
  const open = word.lastIndexOf('<', at)
  const close = word.indexOf('>', word.lastIndexOf('@'))
  return `${open === -1 ? '' : word.slice(0, open)}<>${close === -1 ? '' : word.slice(close + 1)}`
}

/** Stages that know the recipient. */
const recipientStages = ['rcpt', 'data', 'final-dot'] as const
const contentStages = ['data', 'final-dot'] as const
const beforeRcpt = ['connect', 'greeting', 'ehlo', 'mail'] as const

/** First fit decides. Patterns have no nested repetition, and bounded gaps: linear on any text. */
export const refusalRules: readonly RefusalRule[] = [
  // --- texts: what servers mean, where their codes say less or something else ---------------------------------------

  // Our sender, our login. Before the recipient's texts: "sender address ... does not exist" is not about the recipient.
  {
    id: 'text-relaying-denied',
    source: 'Postfix, Exim, sendmail',
    when: {
      text: /\b(?:relay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:allowed|permitted))|unable to relay|not permitted to relay|(?:do|does) not relay|won't relay)/,
    },
    class: 'relaying-denied',
  },
  {
    id: 'text-login',
    source: 'Postfix, Exchange 5.7.57, SES',
    when: {
      text: /\b(?:authentication (?:is )?(?:required|failed|unsuccessful)|must (?:be )?authenticate|not authenticated|must issue a starttls|address is not verified|your account (?:\w+ ){0,3}(?:suspended|disabled|blocked|locked))\b/,
    },
    class: 'authentication',
  },
  {
    id: 'text-sender',
    source: 'Postfix, sendmail, cox.com',
    when: { text: /\b(?:sender (?:address|domain|verify|rejected)|(?:bad|invalid) sender|not owned by user)\b/ },
    class: 'authentication',
  },
  {
    id: 'text-sender-authentication',
    source: 'Gmail 5.7.26, Outlook 5.7.509 and 5.7.515, iCloud, qq.com; Postfix on our host name',
    when: {
      text: /\b(?:dmarc|dkim|spf|unauthenticated e?mail|reverse (?:dns|hostname|lookup)|ptr record|cannot find your|helo command rejected)\b/,
    },
    class: 'authentication',
  },

  // Too much, too fast.
  {
    id: 'text-docomo-full',
    source: 'docomo: 552 for a full mailbox',
    when: { stage: recipientStages, code: ['552'], text: /^too much mail data/ },
    class: 'mailbox-full',
  },
  {
    id: 'text-recipient-too-fast',
    source: 'Gmail 4.2.1 and 5.2.1',
    when: {
      enhanced: /^[45]\.2\.1$/,
      text: /\b(?:receiving (?:mail|email|messages) (?:too|at a rate)|too (?:fast|quickly))\b/,
    },
    class: 'rate-limited',
  },
  {
    id: 'text-relay-quota',
    source: 'SES 454, Exchange Online 5.2.0, Gmail relay 5.4.5',
    when: {
      text: /\b(?:throttling failure|submissionquotaexceeded\w*|daily (?:\w+ ){0,3}(?:quota|limit)|(?:sending|message|hourly) (?:\w+ )?(?:quota|limit|rate) (?:\w+ )?exceeded|maximum sending rate)\b/,
    },
    class: 'rate-limited',
  },
  {
    id: 'text-too-many',
    source: 'RFC 5321 §4.5.3.1.10 (552 too many recipients is temporary); Postfix, Apple, Exchange, qq.com',
    when: {
      text: /\b(?:too many (?:recipients|connections|concurrent|messages|mails|emails|sessions|login attempts)|too much mail|concurrent connections?|(?:rate|frequency) limit(?:ed)?|unusual rate|server busy)\b/,
    },
    class: 'rate-limited',
  },
  {
    id: 'text-volume',
    source: 'Yahoo [TSS04], Outlook RP-001',
    when: { text: /\[tss\d\d\]|\brp-00\d\b/ },
    class: 'rate-limited',
  },

  // What is thought of the content, of our address.
  {
    id: 'text-listed-link',
    source: 'URIBL, SURBL',
    when: { text: /\b(?:uribl|surbl|(?:black|block)?listed (?:url|link))\b/ },
    class: 'content-policy',
  },
  {
    id: 'text-listed-sender',
    source: 'Spamhaus and others; Yahoo [TS03], [BL21]; Outlook SC-001, S3140; sender.office.com',
    when: {
      text: /\b(?:spamhaus|(?:black|block) ?list(?:ed|s)?|dnsbl|blocked using|banned sending ip|client host (?:\S+ )?(?:rejected|blocked)|reputation|(?:sc|dy|ou)-00\d|s3[12]\d\d)\b|\[(?:ts03|ipts\d\d|bl2\d)\]/,
    },
    class: 'blocked-reputation',
  },
  {
    id: 'text-content',
    source: 'Gmail 5.7.0 (attachment), Amavis, Mimecast, qq.com',
    when: {
      text: /\b(?:virus|malware|phishing|content rejected|spam (?:message|content|detected)|(?:classified|identified|considered|detected) as spam|(?:looks|appears) (?:like|to be) spam|content presents a potential security|prohibited attachment|duplicate header)\b/,
    },
    class: 'content-policy',
  },
  {
    id: 'text-size',
    source: 'RFC 1870 servers without enhanced codes',
    when: {
      text: /\b(?:message|mail|size|length)\b[^.]{0,40}\b(?:too (?:large|big)|exceeds|larger than)\b/,
    },
    class: 'too-large',
  },
  {
    // Postgrey and its like know nothing of this mail, and nothing bad of us: they only want to see us again.
    id: 'text-greylisting',
    source: 'Postgrey, Rspamd',
    when: { code: ['4'], text: /\bgr[ae]y-?list/ },
    class: 'unclassified',
  },

  // The recipient.
  {
    id: 'text-kddi-filtered',
    source: 'KDDI: without the address, the receiver refuses the sender',
    when: { stage: recipientStages, code: ['550'], text: /^: ?user unknown/ },
    class: 'filtered-by-recipient',
  },
  {
    // The address was taken at RCPT, so it exists; what refuses the mail now is the receiver's own filter.
    id: 'text-unknown-after-rcpt',
    source: 'docomo, vtext.com',
    when: {
      stage: contentStages,
      code: ['550'],
      enhanced: /^$/,
      text: /\b(?:unknown user|user unknown)\b/,
    },
    class: 'filtered-by-recipient',
  },
  {
    id: 'text-domain',
    source: 'Postfix, sendmail',
    when: {
      stage: recipientStages,
      text: /\b(?:(?:domain|host)(?: name)? (?:not found|unknown|does not exist)|(?:unknown|no such) (?:domain|host))\b/,
    },
    class: 'domain-no-mail',
  },
  {
    id: 'text-full',
    source: 'Postfix, Dovecot, Courier',
    when: {
      stage: recipientStages,
      text: /\b(?:mailbox (?:is )?full|mailfolder is full|over ?quota|(?:quota|storage) (?:\w+ )?exceeded|exceed(?:s|ed) (?:\w+ ){0,3}(?:quota|storage)|out of storage)\b/,
    },
    class: 'mailbox-full',
  },
  {
    id: 'text-disabled',
    source: 'Gmail 5.2.1, Yahoo (554 delivery error: dd), iCloud',
    when: {
      stage: recipientStages,
      text: /\b(?:(?:account|mailbox|user|recipient|address)\b[^.]{0,40}\b(?:disabled|inactive|deactivated|suspended|discontinued)|(?:disabled|inactive) (?:email |mail )?(?:account|address|mailbox|recipient|user))\b/,
    },
    class: 'mailbox-disabled',
  },
  {
    id: 'text-unknown-user',
    source: 'Postfix, sendmail, Exim, qmail, Exchange 5.1.10 and 5.1.1, Yahoo, docomo and KDDI at RCPT',
    when: {
      stage: recipientStages,
      text: /\b(?:(?:unknown|no such|invalid|not our) (?:local )?(?:user|recipient|mailbox|address|person)|unknown or illegal user|user (?:is )?unknown|recip(?:ient)?(?: )?not ?found|no mailbox here|(?:user|mailbox|account|recipient|address)\b[^.]{0,30}(?:not found|not exist|doesn'?t exist)|doesn't have an? \S+ account)\b/,
    },
    class: 'unknown-user',
  },
  {
    id: 'text-mailbox-unavailable',
    source: 'Outlook 5.5.0, GMX: the sentence of RFC 5321 §4.2.3 for an unknown mailbox',
    when: { stage: ['rcpt'], code: ['550'], enhanced: /^(?:5\.5\.0|5\.0\.0)?$/, text: /\bmailbox unavailable\b/ },
    class: 'unknown-user',
  },
  {
    id: 'text-exchange-edge',
    source: 'Exchange Online 5.4.1: unknown in the directory',
    when: { stage: ['rcpt'], enhanced: /^5\.4\.1$/, text: /\brecipient address rejected: access denied\b/ },
    class: 'unknown-user',
  },

  // --- enhanced codes (RFC 3463, RFC 5248 registry), X.0.0 and X.1.0 left out: they say nothing ----------------------

  {
    id: 'x.1.1',
    source: 'RFC 3463 §3.2',
    when: { stage: recipientStages, enhanced: /^[45]\.1\.1$/ },
    class: 'unknown-user',
  },
  {
    id: 'x.1.2',
    source: 'RFC 3463 §3.2',
    when: { stage: recipientStages, enhanced: /^[45]\.1\.2$/ },
    class: 'domain-no-mail',
  },
  {
    id: 'x.1.3',
    source: 'RFC 3463 §3.2: wrong syntax, ambiguous; moved without a new address',
    when: { stage: recipientStages, enhanced: /^[45]\.1\.[346]$/ },
    class: 'unknown-user',
  },
  { id: 'x.1.7', source: 'RFC 3463 §3.2: our sender', when: { enhanced: /^[45]\.1\.[78]$/ }, class: 'authentication' },
  {
    id: 'x.1.10',
    source: 'RFC 7505 §4.1: null MX',
    when: { stage: recipientStages, enhanced: /^[45]\.1\.10$/ },
    class: 'domain-no-mail',
  },
  {
    id: 'x.2.0',
    source: 'RFC 3463 §3.3: some mailbox problem',
    when: { enhanced: /^[45]\.2\.[04]$/ },
    class: 'unclassified',
  },
  {
    id: 'x.2.1',
    source: 'RFC 3463 §3.3',
    when: { stage: recipientStages, enhanced: /^[45]\.2\.1$/ },
    class: 'mailbox-disabled',
  },
  {
    id: 'x.2.2',
    source: 'RFC 3463 §3.3',
    when: { stage: recipientStages, enhanced: /^[45]\.2\.2$/ },
    class: 'mailbox-full',
  },
  { id: 'x.2.3', source: 'RFC 3463 §3.3', when: { enhanced: /^[45]\.2\.3$/ }, class: 'too-large' },
  {
    id: 'x.2.121',
    source: "Exchange Online: the recipient's hourly limit",
    when: { enhanced: /^[45]\.2\.12[12]$/ },
    class: 'rate-limited',
  },
  { id: 'x.3.3', source: 'RFC 3463 §3.4: lacks a feature', when: { enhanced: /^[45]\.3\.3$/ }, class: 'unclassified' },
  { id: 'x.3.4', source: 'RFC 3463 §3.4', when: { enhanced: /^[45]\.3\.4$/ }, class: 'too-large' },
  {
    id: 'x.3',
    source: 'RFC 3463 §3.4: not accepting, full disk, wrong settings',
    when: { enhanced: /^[45]\.3\.[0125]$/ },
    class: 'network',
  },
  {
    id: '5.4.4',
    source: 'RFC 3463 §3.5: no route',
    when: { stage: recipientStages, enhanced: /^5\.4\.4$/ },
    class: 'domain-no-mail',
  },
  { id: 'x.4.7', source: 'RFC 3463 §3.5', when: { enhanced: /^[45]\.4\.7$/ }, class: 'expired' },
  {
    id: 'x.4',
    source: 'RFC 3463 §3.5: no answer, bad connection, directory, congestion, loop',
    when: { enhanced: /^[45]\.4\.[01234568]$/ },
    class: 'network',
  },
  {
    id: 'x.5.3',
    source: 'RFC 3463 §3.6: too many recipients',
    when: { enhanced: /^[45]\.5\.3$/ },
    class: 'rate-limited',
  },
  { id: 'x.6', source: 'RFC 3463 §3.7', when: { enhanced: /^[45]\.6\.[0-6]$/ }, class: 'content-policy' },
  {
    // The address may be good, only not by this way: no class that blames the recipient.
    id: 'x.6.7',
    source: 'RFC 6531 §3.2: no addresses with such characters',
    when: { enhanced: /^[45]\.6\.[789]$/ },
    class: 'unclassified',
  },
  {
    id: 'x.7.1-content',
    source: 'RFC 3463 §3.8: policy, after the content was seen',
    when: { stage: contentStages, enhanced: /^[45]\.7\.[01]$/ },
    class: 'content-policy',
  },
  {
    id: 'x.7.1-sender',
    source: 'RFC 3463 §3.8: policy, before the recipient was named',
    when: { stage: beforeRcpt, enhanced: /^[45]\.7\.[01]$/ },
    class: 'blocked-reputation',
  },
  {
    id: 'x.7.1',
    source: 'RFC 3463 §3.8: policy, never an error of the recipient by itself',
    when: { stage: ['rcpt'], enhanced: /^[45]\.7\.[01]$/ },
    class: 'unclassified',
  },
  {
    id: 'x.7.2',
    source: 'RFC 3463 §3.8: not for this list',
    when: { stage: recipientStages, enhanced: /^[45]\.7\.2$/ },
    class: 'filtered-by-recipient',
  },
  {
    id: 'x.7.13',
    source: 'RFC 5248: user disabled',
    when: { stage: recipientStages, enhanced: /^[45]\.7\.13$/ },
    class: 'mailbox-disabled',
  },
  {
    id: 'x.7.3',
    source: 'RFC 3463 §3.8, RFC 4954 §6: encryption, login',
    when: { enhanced: /^[45]\.7\.(?:[3-9]|1[0-4])$/ },
    class: 'authentication',
  },
  { id: 'x.7.15', source: 'RFC 6710: priority', when: { enhanced: /^[45]\.7\.1[56]$/ }, class: 'unclassified' },
  {
    id: 'x.7.17',
    source: 'RFC 7293: mailbox or domain changed its owner',
    when: { stage: recipientStages, enhanced: /^[45]\.7\.1[789]$/ },
    class: 'unknown-user',
  },
  {
    id: 'x.7.20',
    source: 'RFC 7372 (DKIM, SPF, reverse DNS), RFC 7505 (sender with null MX), Gmail 29 to 32 and 40, Exchange 57',
    when: { enhanced: /^[45]\.7\.(?:2[0-7]|29|3[0-2]|40|57|509|515)$/ },
    class: 'authentication',
  },
  { id: 'x.7.28', source: 'IANA: mail flood; Gmail', when: { enhanced: /^[45]\.7\.28$/ }, class: 'rate-limited' },
  {
    id: '4.7.500',
    source: 'Outlook: throttling',
    when: { enhanced: /^4\.7\.(?:[56]\d\d|8[5-9]\d)$/ },
    class: 'rate-limited',
  },
  {
    id: '5.7.500',
    source: 'Exchange Online: banned sender or IP',
    when: { enhanced: /^5\.7\.(?:50[1-8]|51[1-3]|6[0-4]\d)$/ },
    class: 'blocked-reputation',
  },

  // --- basic codes ---------------------------------------------------------------------------------------------------

  { id: '421', source: 'RFC 5321 §4.2.3', when: { code: ['421'] }, class: 'network' },
  {
    id: '451',
    source: 'RFC 5321 §4.2.3: error in processing, out of storage',
    when: { code: ['451', '452'] },
    class: 'network',
  },
  { id: '454-starttls', source: 'RFC 3207 §4', when: { stage: ['starttls'], code: ['454'] }, class: 'network' },
  { id: 'auth', source: 'RFC 4954 §6', when: { stage: ['auth'] }, class: 'authentication' },
  {
    id: '530',
    source: 'RFC 4954 §6, RFC 3207 §4',
    when: { code: ['530', '534', '535', '538'] },
    class: 'authentication',
  },
  {
    id: '525',
    source: 'RFC 5248: user disabled',
    when: { stage: recipientStages, code: ['525'] },
    class: 'mailbox-disabled',
  },
  // In a greeting 521 and 554 speak of the server we reached, a relay perhaps, and of no recipient.
  {
    id: '521-greeting',
    source: 'RFC 7504: takes no mail',
    when: { stage: ['greeting'], code: ['521'] },
    class: 'network',
  },
  {
    id: '521',
    source: 'RFC 7504: the domain takes no mail',
    when: { stage: recipientStages, code: ['521', '556'] },
    class: 'domain-no-mail',
  },
  {
    id: '551',
    source: 'RFC 5321 §4.2.3: user not local',
    when: { stage: ['rcpt'], code: ['551'] },
    class: 'unknown-user',
  },
  {
    id: '552-rcpt',
    source: 'RFC 5321 §4.2.3: storage exceeded',
    when: { stage: ['rcpt'], code: ['552'] },
    class: 'mailbox-full',
  },
  {
    id: '552',
    source: 'RFC 1870 §6: message too large',
    when: { stage: ['mail', 'data', 'final-dot'], code: ['552'] },
    class: 'too-large',
  },
  {
    id: '553-mail',
    source: 'RFC 5321 §4.2.3: our sender is not allowed',
    when: { stage: ['mail'], code: ['553'] },
    class: 'authentication',
  },
  {
    id: '553',
    source: 'RFC 5321 §4.2.3: mailbox name not allowed',
    when: { stage: ['rcpt'], code: ['553'] },
    class: 'unknown-user',
  },

  // --- first digit ---------------------------------------------------------------------------------------------------

  { id: '4yz', source: 'RFC 5321 §4.2.1', when: { code: ['4'] }, class: 'unclassified' },
  { id: '5yz', source: 'RFC 5321 §4.2.1', when: { code: ['5'] }, class: 'unclassified' },
]
