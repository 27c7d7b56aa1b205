import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RefusalClass, refusalClasses } from './refusal-classes.ts'
import { classifyRefusal, refusalRules, type SmtpStage, smtpStages } from './refusal-rules.ts'

/** Stage, reply as `code [enhanced] text`, class, rule. */
type Line = [SmtpStage, string, RefusalClass, string]

function classify(stage: SmtpStage, reply: string): { class: RefusalClass; rule: string } {
  const [, code = '', enhanced, text = ''] = /^(\d{3})(?: ([245]\.\d+\.\d+))?(?: (.*))?$/s.exec(reply) ?? []
  return classifyRefusal({ stage, code: Number(code), enhanced: enhanced ?? null, text })
}

/** Each rule has a line that it decides, most of them words that a server was seen to say. */
const lines: Line[] = [
  // Our sender, our login.
  ['rcpt', '554 5.7.1 <a@example.org>: Relay access denied', 'relaying-denied', 'text-relaying-denied'],
  ['rcpt', '550 relay not permitted', 'relaying-denied', 'text-relaying-denied'],
  ['rcpt', '550 5.7.1 Unable to relay', 'relaying-denied', 'text-relaying-denied'],
  ['mail', '530 5.7.57 Client not authenticated to send mail', 'authentication', 'text-login'],
  ['mail', '530 5.7.0 Must issue a STARTTLS command first', 'authentication', 'text-login'],
  ['auth', '535 5.7.8 Error: authentication failed: generic failure', 'authentication', 'text-login'],
  ['final-dot', '554 Message rejected: Email address is not verified.', 'authentication', 'text-login'],
  ['mail', '554 5.7.1 your account has been suspended', 'authentication', 'text-login'],
  ['mail', '553 5.7.1 <a@b.example>: Sender address rejected: not owned by user c', 'authentication', 'text-sender'],
  ['rcpt', '450 4.1.8 <a@b.example>: Sender address rejected: Domain not found', 'authentication', 'text-sender'],
  [
    'mail',
    '553 5.1.8 <a@b.example>... Domain of sender address a@b.example does not exist',
    'authentication',
    'text-sender',
  ],
  [
    'final-dot',
    "550 5.7.26 Unauthenticated email from example.jp is not accepted due to domain's DMARC policy.",
    'authentication',
    'text-sender-authentication',
  ],
  [
    'final-dot',
    '550 5.7.1 This message was not accepted due to domain owner DMARC policy',
    'authentication',
    'text-sender-authentication',
  ],
  [
    'rcpt',
    '450 4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]',
    'authentication',
    'text-sender-authentication',
  ],
  [
    'rcpt',
    '450 4.7.1 <client.test>: Helo command rejected: Host not found',
    'authentication',
    'text-sender-authentication',
  ],

  // Too much, too fast.
  ['final-dot', '552 Too much mail data', 'mailbox-full', 'text-docomo-full'],
  [
    'rcpt',
    '450 4.2.1 The user you are trying to contact is receiving mail too quickly.',
    'rate-limited',
    'text-recipient-too-fast',
  ],
  [
    'rcpt',
    '550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages.',
    'rate-limited',
    'text-recipient-too-fast',
  ],
  ['mail', '454 Throttling failure: Maximum sending rate exceeded.', 'rate-limited', 'text-relay-quota'],
  ['final-dot', '454 Throttling failure: Daily message quota exceeded.', 'rate-limited', 'text-relay-quota'],
  [
    'final-dot',
    '554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException',
    'rate-limited',
    'text-relay-quota',
  ],
  ['final-dot', '550 5.4.5 Daily user sending limit exceeded.', 'rate-limited', 'text-relay-quota'],
  ['greeting', "554 CAT : You've reached your daily relay quota - 203.0.113.0", 'rate-limited', 'text-relay-quota'],
  ['rcpt', '552 Too many recipients', 'rate-limited', 'text-too-many'],
  ['greeting', '421 4.7.0 Too many connections from your address', 'rate-limited', 'text-too-many'],
  ['mail', '452 4.3.2 Connection rate limit exceeded.', 'rate-limited', 'text-too-many'],
  ['greeting', '432 4.3.2 Concurrent connections limit exceeded', 'rate-limited', 'text-too-many'],
  [
    'rcpt',
    '421 4.7.0 [TSS04] Messages from 192.0.2.25 temporarily deferred due to user complaints',
    'rate-limited',
    'text-volume',
  ],

  // What is thought of the content, of our address.
  [
    'final-dot',
    '550 REJECTED - Blacklisted URL in message. See http://lookup.uribl.com.',
    'content-policy',
    'text-listed-link',
  ],
  [
    'rcpt',
    '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org',
    'blocked-reputation',
    'text-listed-sender',
  ],
  ['rcpt', '550 5.7.606 Access denied, banned sending IP [192.0.2.225].', 'blocked-reputation', 'text-listed-sender'],
  [
    'rcpt',
    "550 SC-004 (COL0-MC1-F1) Unfortunately, messages from 192.0.2.22 weren't sent.",
    'blocked-reputation',
    'text-listed-sender',
  ],
  [
    'final-dot',
    '550 5.7.1 likely suspicious due to the very low reputation of the sending IP address',
    'blocked-reputation',
    'text-listed-sender',
  ],
  [
    'greeting',
    '553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1',
    'blocked-reputation',
    'text-listed-sender',
  ],
  [
    'final-dot',
    '552 5.7.0 This message was blocked because its content presents a potential security issue.',
    'content-policy',
    'text-content',
  ],
  ['final-dot', '550 Virus Detected; Content Rejected', 'content-policy', 'text-content'],
  ['mail', '552 5.3.4 Message size exceeds fixed limit', 'too-large', 'text-size'],
  ['final-dot', '552 5.2.3 Message length exceeds administrative limit', 'too-large', 'text-size'],
  [
    'rcpt',
    '450 4.7.1 <a@b.example>: Recipient address rejected: Greylisted, see http://postgrey.example',
    'unclassified',
    'text-greylisting',
  ],

  // The recipient.
  ['rcpt', '550 : User unknown', 'filtered-by-recipient', 'text-kddi-filtered'],
  ['final-dot', '550 : User unknown', 'filtered-by-recipient', 'text-kddi-filtered'],
  ['final-dot', '550 Unknown user hanako@docomo.ne.jp', 'filtered-by-recipient', 'text-unknown-after-rcpt'],
  ['data', '550 Unknown user hanako@docomo.ne.jp', 'filtered-by-recipient', 'text-unknown-after-rcpt'],
  ['rcpt', '550 5.1.2 <a@example.org>... Host unknown (Name server: host not found)', 'domain-no-mail', 'text-domain'],
  ['rcpt', '450 4.1.2 <a@b.example>: Recipient address rejected: Domain not found', 'domain-no-mail', 'text-domain'],
  ['rcpt', '552 5.2.2 <a@icloud.com>: user is over quota', 'mailbox-full', 'text-full'],
  ['final-dot', '552 5.2.2 <a@b.example> Quota exceeded (mailbox for user is full)', 'mailbox-full', 'text-full'],
  ['rcpt', '550 5.2.1 The email account that you tried to reach is disabled.', 'mailbox-disabled', 'text-disabled'],
  ['rcpt', '550 5.1.1 <a@icloud.com>: inactive email address', 'mailbox-disabled', 'text-disabled'],
  ['rcpt', '550 Unknown user hanako@docomo.ne.jp', 'unknown-user', 'text-unknown-user'],
  ['rcpt', '550 <hanako@ezweb.ne.jp>: User unknown', 'unknown-user', 'text-unknown-user'],
  [
    'rcpt',
    "554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [0]",
    'unknown-user',
    'text-unknown-user',
  ],
  [
    'rcpt',
    '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
    'unknown-user',
    'text-unknown-user',
  ],
  [
    'rcpt',
    '550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking',
    'unknown-user',
    'text-unknown-user',
  ],
  ['rcpt', '550 5.7.1 550 User Unknown: a@example.org', 'unknown-user', 'text-unknown-user'],
  [
    'rcpt',
    '550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302)',
    'unknown-user',
    'text-mailbox-unavailable',
  ],
  ['rcpt', '550 Requested action not taken: mailbox unavailable', 'unknown-user', 'text-mailbox-unavailable'],
  ['rcpt', '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)', 'unknown-user', 'text-exchange-edge'],

  // Enhanced codes alone.
  ['rcpt', '550 5.1.1 Adresse invalide', 'unknown-user', 'x.1.1'],
  ['final-dot', '550 5.1.1 Adresse invalide', 'unknown-user', 'x.1.1'],
  ['rcpt', '550 5.1.2 no', 'domain-no-mail', 'x.1.2'],
  ['rcpt', '501 5.1.3 no', 'unknown-user', 'x.1.3'],
  ['rcpt', '553 5.1.4 no', 'unknown-user', 'x.1.3'],
  ['rcpt', '550 5.1.6 no', 'unknown-user', 'x.1.3'],
  ['mail', '553 5.1.7 no', 'authentication', 'x.1.7'],
  ['rcpt', '450 4.1.8 no', 'authentication', 'x.1.7'],
  ['rcpt', '556 5.1.10 no', 'domain-no-mail', 'x.1.10'],
  ['rcpt', '550 5.2.0 no', 'unclassified', 'x.2.0'],
  ['rcpt', '550 5.2.4 no', 'unclassified', 'x.2.0'],
  ['rcpt', '550 5.2.1 no', 'mailbox-disabled', 'x.2.1'],
  ['rcpt', '452 4.2.2 no', 'mailbox-full', 'x.2.2'],
  ['rcpt', '552 5.2.2 no', 'mailbox-full', 'x.2.2'],
  ['final-dot', '552 5.2.3 no', 'too-large', 'x.2.3'],
  ['rcpt', '550 5.2.121 no', 'rate-limited', 'x.2.121'],
  ['rcpt', '550 5.2.122 no', 'rate-limited', 'x.2.121'],
  ['mail', '554 5.3.3 no', 'unclassified', 'x.3.3'],
  ['mail', '552 5.3.4 no', 'too-large', 'x.3.4'],
  ['mail', '452 4.3.0 no', 'network', 'x.3'],
  ['mail', '452 4.3.1 no', 'network', 'x.3'],
  ['rcpt', '450 4.3.2 no', 'network', 'x.3'],
  ['rcpt', '554 5.3.5 no', 'network', 'x.3'],
  ['rcpt', '550 5.4.4 no', 'domain-no-mail', '5.4.4'],
  ['rcpt', '450 4.4.4 no', 'network', 'x.4'],
  ['rcpt', '554 5.4.7 no', 'expired', 'x.4.7'],
  ['rcpt', '554 5.4.0 no', 'network', 'x.4'],
  ['rcpt', '451 4.4.1 no', 'network', 'x.4'],
  ['rcpt', '451 4.4.2 no', 'network', 'x.4'],
  ['rcpt', '451 4.4.3 no', 'network', 'x.4'],
  ['rcpt', '421 4.4.5 no', 'network', 'x.4'],
  ['final-dot', '554 5.4.6 no', 'network', 'x.4'],
  ['rcpt', '451 4.4.8 no', 'network', 'x.4'],
  ['rcpt', '452 4.5.3 no', 'rate-limited', 'x.5.3'],
  ['final-dot', '550 5.6.0 no', 'content-policy', 'x.6'],
  ['final-dot', '554 5.6.6 no', 'content-policy', 'x.6'],
  ['rcpt', '550 5.6.7 no', 'unclassified', 'x.6.7'],
  ['rcpt', '553 5.6.9 no', 'unclassified', 'x.6.7'],
  ['final-dot', '550 5.7.1 no', 'content-policy', 'x.7.1-content'],
  ['final-dot', '550 5.7.0 no', 'content-policy', 'x.7.1-content'],
  ['greeting', '554 5.7.1 no', 'blocked-reputation', 'x.7.1-sender'],
  ['rcpt', '550 5.7.1 no', 'unclassified', 'x.7.1'],
  ['rcpt', '550 5.7.2 no', 'filtered-by-recipient', 'x.7.2'],
  ['rcpt', '525 5.7.13 no', 'mailbox-disabled', 'x.7.13'],
  ['auth', '525 5.7.13 no', 'authentication', 'x.7.3'],
  ['final-dot', '554 5.7.3 no', 'authentication', 'x.7.3'],
  ['final-dot', '554 5.7.7 no', 'authentication', 'x.7.3'],
  ['auth', '535 5.7.8 no', 'authentication', 'x.7.3'],
  ['auth', '534 5.7.9 no', 'authentication', 'x.7.3'],
  ['auth', '538 5.7.11 no', 'authentication', 'x.7.3'],
  ['mail', '550 5.7.15 no', 'unclassified', 'x.7.15'],
  ['rcpt', '550 5.7.17 no', 'unknown-user', 'x.7.17'],
  ['rcpt', '550 5.7.19 no', 'unknown-user', 'x.7.17'],
  ['final-dot', '550 5.7.20 no', 'authentication', 'x.7.20'],
  ['final-dot', '451 4.7.24 no', 'authentication', 'x.7.20'],
  ['final-dot', '550 5.7.25 no', 'authentication', 'x.7.20'],
  ['final-dot', '550 5.7.26 no', 'authentication', 'x.7.20'],
  ['mail', '550 5.7.27 no', 'authentication', 'x.7.20'],
  ['final-dot', '550 5.7.30 no', 'authentication', 'x.7.20'],
  ['final-dot', '550 5.7.515 no', 'authentication', 'x.7.20'],
  ['final-dot', '421 4.7.28 no', 'rate-limited', 'x.7.28'],
  ['mail', '451 4.7.650 no', 'rate-limited', '4.7.500'],
  ['mail', '451 4.7.500 no', 'rate-limited', '4.7.500'],
  ['mail', '550 5.7.501 no', 'blocked-reputation', '5.7.500'],
  ['rcpt', '550 5.7.606 no', 'blocked-reputation', '5.7.500'],

  // Basic codes alone.
  ['greeting', '421 no', 'network', '421'],
  ['rcpt', '451 no', 'network', '451'],
  ['mail', '452 no', 'network', '451'],
  ['starttls', '454 no', 'network', '454-starttls'],
  ['auth', '454 no', 'authentication', 'auth'],
  ['mail', '530 no', 'authentication', '530'],
  ['rcpt', '535 no', 'authentication', '530'],
  ['rcpt', '525 no', 'mailbox-disabled', '525'],
  ['greeting', '521 no', 'network', '521-greeting'],
  ['rcpt', '521 no', 'domain-no-mail', '521'],
  ['rcpt', '556 no', 'domain-no-mail', '521'],
  ['rcpt', '551 no', 'unknown-user', '551'],
  ['rcpt', '552 no', 'mailbox-full', '552-rcpt'],
  ['mail', '552 no', 'too-large', '552'],
  ['final-dot', '552 no', 'too-large', '552'],
  ['mail', '553 no', 'authentication', '553-mail'],
  ['rcpt', '553 no', 'unknown-user', '553'],

  // What nobody knows.
  ['rcpt', '450 no', 'unclassified', '4yz'],
  ['rcpt', '499 no', 'unclassified', '4yz'],
  ['rcpt', '550 no', 'unclassified', '5yz'],
  ['rcpt', '550 5.0.0 no', 'unclassified', '5yz'],
  ['rcpt', '550 5.1.0 no', 'unclassified', '5yz'],
  ['final-dot', '554 Transaction failed', 'unclassified', '5yz'],
  ['data', '503 5.5.1 bad sequence', 'unclassified', '5yz'],
  ['rcpt', '550 5.5.0 no', 'unclassified', '5yz'],
  ['rcpt', '599 no', 'unclassified', '5yz'],
  ['rcpt', '999 no', 'unclassified', 'no-rule'],
]

test.each(lines)('%s: %s → %s', (stage, reply, refusalClass, rule) => {
  expect(classify(stage, reply)).toEqual({ class: refusalClass, rule })
})

test('every rule decides some line of the table, and has an id of its own', () => {
  const ids = refusalRules.map((rule) => rule.id)
  expect(new Set(ids).size).toBe(ids.length)
  const tested = new Set(lines.map(([, , , rule]) => rule))
  expect(ids.filter((id) => !tested.has(id))).toEqual([])
})

describe('the recipient', () => {
  const ofRecipient = new Set<RefusalClass>([
    'unknown-user',
    'mailbox-disabled',
    'mailbox-full',
    'domain-no-mail',
    'filtered-by-recipient',
  ])
  const early: SmtpStage[] = ['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail']

  test('is never blamed for what was said before RCPT', () => {
    for (const stage of early) {
      for (const [, reply] of lines) {
        expect(ofRecipient.has(classify(stage, reply).class), `${stage}: ${reply}`).toBe(false)
      }
    }
  })

  test('is never blamed for policy, reputation or sender authentication (X.7.z)', () => {
    const own = new Set(['5.7.2', '5.7.13', '5.7.17', '5.7.18', '5.7.19'])
    for (let detail = 0; detail < 1000; detail += 1) {
      const enhanced = `5.7.${detail}`
      if (own.has(enhanced)) continue
      const { class: found } = classifyRefusal({ stage: 'rcpt', code: 550, enhanced, text: 'no' })
      expect(ofRecipient.has(found), enhanced).toBe(false)
    }
  })

  test.each([
    '550 <spamhaus.user-unknown@example.jp>: no',
    '550 no (dmarc@example.jp)',
    '550 no such-user@example.jp',
    '550 relay-access-denied@quota-exceeded.example no',
  ])('does not decide by an address that the server repeats: %s', (reply) => {
    expect(classify('rcpt', reply)).toEqual({ class: 'unclassified', rule: '5yz' })
  })

  test('is read beside a word that is glued to the address', () => {
    expect(classify('rcpt', '550 unknown user<hanako@example.co.jp>').class).toBe('unknown-user')
  })
})

describe('any answer', () => {
  const anyRefusal = fc.record({
    stage: fc.constantFrom(...smtpStages),
    code: fc.integer({ min: 0, max: 999 }),
    enhanced: fc.option(fc.constantFrom('5.1.1', '4.7.1', '5.7.26', '5.999.999', '')),
    text: fc.oneof(fc.string(), fc.lorem(), fc.constantFrom(...lines.map(([, reply]) => reply))),
  })

  test('has a class of the list and a rule', () => {
    fc.assert(
      fc.property(anyRefusal, (refusal) => {
        const found = classifyRefusal(refusal)
        expect(refusalClasses).toContain(found.class)
        expect(found.rule).not.toBe('')
      }),
    )
  })

  test.each([['message ', 'size '], ['daily a '], ['user ', 'mailbox '], ['exceeds a ', '@'], ['@<>'], ['a@']])(
    'of a megabyte is understood at once: %s',
    (...parts) => {
      const text = parts.join('').repeat(1_000_000 / parts.join('').length)
      const startedAt = performance.now()
      classifyRefusal({ stage: 'rcpt', code: 550, enhanced: null, text })
      expect(performance.now() - startedAt).toBeLessThan(200)
    },
  )
})
