import { describe, expect, test } from 'vitest'
import { dnsWhere } from '../../../test/fakes/test-deps.ts'
import type { MailServers } from '../deps.ts'
import { type Doubt, doubtOf } from './doubt.ts'

type Answers = Readonly<Record<string, MailServers['kind']>>

describe('a confirmation should wait', () => {
  test.each<[what: string, email: string, answers: Answers, doubt: Doubt]>([
    [
      'for a likely typo, though the domain takes mail',
      'hanako@gmial.com',
      {},
      { reason: 'typo', suggestion: 'hanako@gmail.com' },
    ],
    [
      'for a likely typo, when the DNS says nothing',
      'hanako@docomo.co.jp',
      { 'docomo.co.jp': 'unknown' },
      { reason: 'typo', suggestion: 'hanako@docomo.ne.jp' },
    ],
    [
      'for a domain that is not there',
      'hanako@no-such-company.com',
      { 'no-such-company.com': 'no-domain' },
      { reason: 'no-domain', suggestion: null },
    ],
    [
      'for a domain that is not there, with a suggestion by spelling',
      'Hanako+x@example.cojp',
      { 'example.cojp': 'no-domain' },
      { reason: 'no-domain', suggestion: 'Hanako+x@example.co.jp' },
    ],
    [
      'for a domain that says it takes no mail',
      'hanako@company.com',
      { 'company.com': 'null-mx' },
      { reason: 'no-mail', suggestion: null },
    ],
    [
      'for a domain with nothing that would take mail',
      'hanako@company.jp',
      { 'company.jp': 'no-mail' },
      { reason: 'no-mail', suggestion: null },
    ],
  ])('%s', async (_what, email, answers, doubt) => {
    expect(await doubtOf({ dns: dnsWhere(answers) }, email)).toEqual(doubt)
  })
})

describe('a confirmation goes out', () => {
  test.each<[what: string, email: string, answers: Answers]>([
    ['to a domain that takes mail', 'hanako@company.co.jp', {}],
    ['when the DNS says nothing', 'hanako@no-such-company.com', { 'no-such-company.com': 'unknown' }],
    ['to an old address of a carrier', 'a..b.@docomo.ne.jp', {}],
    ['where the text is no address at all: that is refused elsewhere', 'hanako', {}],
  ])('%s', async (_what, email, answers) => {
    expect(await doubtOf({ dns: dnsWhere(answers) }, email)).toBeNull()
  })

  test.each(['delivered@simulator.test', 'hanako@example.com', 'manager@localhost'])(
    'to a name for tests, without a question: %s',
    async (email) => {
      const domain = email.slice(email.indexOf('@') + 1)
      const dns = dnsWhere({ [domain]: 'no-domain' })
      expect(await doubtOf({ dns }, email)).toBeNull()
      expect(dns.asked).toEqual([])
    },
  )
})

describe('a second level of jp that was left out', () => {
  const gone: Answers = { 'tokodai.jp': 'no-domain' }
  const none: Answers = Object.fromEntries(
    ['ac', 'co', 'ne', 'or', 'go', 'ed'].map((level) => [`tokodai.${level}.jp`, 'no-domain']),
  )

  test('is suggested where one alone takes mail', async () => {
    const dns = dnsWhere({ ...gone, ...none, 'tokodai.ac.jp': 'mx' })
    expect(await doubtOf({ dns }, 'a..b@tokodai.jp')).toEqual({
      reason: 'no-domain',
      suggestion: 'a..b@tokodai.ac.jp',
    })
  })

  test.each<[what: string, answers: Answers]>([
    ['two take mail', { ...gone, ...none, 'tokodai.ac.jp': 'mx', 'tokodai.co.jp': 'mx' }],
    ['none takes mail', { ...gone, ...none, 'tokodai.ac.jp': 'no-mail' }],
    ['the DNS does not say', { ...gone, ...none, 'tokodai.ac.jp': 'unknown' }],
  ])('is not, where %s', async (_what, answers) => {
    expect(await doubtOf({ dns: dnsWhere(answers) }, 'a@tokodai.jp')).toEqual({
      reason: 'no-domain',
      suggestion: null,
    })
  })

  test('is not looked for where the domain is there, or has more labels, or is such a level', async () => {
    for (const email of ['a@tokodai.jp', 'a@www.tokodai.jp', 'a@tokodai.com', 'a@co.jp']) {
      const domain = email.slice(2)
      const dns = dnsWhere({ [domain]: domain === 'tokodai.jp' ? 'no-mail' : 'no-domain' })
      await doubtOf({ dns }, email)
      expect(dns.asked).toEqual([domain])
    }
  })
})
