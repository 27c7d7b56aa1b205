import { describe, expect, test } from 'vitest'
import type { Settings } from '../settings.ts'
import { checkSenderRecords } from './check-sender-records.ts'

type Texts = Readonly<Record<string, readonly string[] | 'unknown'>>

/** What is found with these TXT records: level and code, without what is always said. */
async function found(texts: Texts, address = 'forms@example.jp', envelope?: Settings['envelope']) {
  const asked: string[] = []
  const findings = await checkSenderRecords(
    { from: { address, name: null }, envelope: envelope ?? { kind: 'fixed', address } },
    {
      async texts(name) {
        asked.push(name)
        const answer = texts[name] ?? []
        return answer === 'unknown' ? { kind: 'unknown' } : { kind: 'texts', texts: answer as readonly string[] }
      },
    },
  )
  const shown = findings.filter(({ code }) => code !== 'dkim-not-checked').map(({ level, code }) => `${level} ${code}`)
  return { findings, asked, shown }
}

const spf = ['v=spf1 include:relay.example -all']
const dmarc = ['v=DMARC1; p=reject']

describe('the records of the sender’s domain', () => {
  test.each<[what: string, texts: Texts, shown: string[]]>([
    ['nothing', {}, ['warning spf-none', 'warning dmarc-none']],
    ['both', { 'example.jp': spf, '_dmarc.example.jp': dmarc }, ['info spf-present', 'info dmarc-present']],
    [
      'texts that only look like them',
      { 'example.jp': ['v=spf10 -all', 'spf2.0/pra', ' v=spf1'], '_dmarc.example.jp': ['v=DMARC12; p=none', 'x'] },
      ['warning spf-none', 'warning dmarc-none'],
    ],
    [
      'other texts beside them, and other cases',
      { 'example.jp': ['site-verification=1', 'V=SPF1 ~all'], '_dmarc.example.jp': ['v = DMARC1 ;P=Quarantine'] },
      ['info spf-present', 'info dmarc-present'],
    ],
    [
      'more than one of each',
      { 'example.jp': [...spf, 'v=spf1'], '_dmarc.example.jp': [...dmarc, ...dmarc] },
      ['error spf-several', 'warning dmarc-several'],
    ],
    [
      'p=none',
      { 'example.jp': spf, '_dmarc.example.jp': ['v=DMARC1; p=none; rua=mailto:a@b'] },
      ['info spf-present', 'info dmarc-p-none'],
    ],
    [
      'a policy that does not exist',
      { 'example.jp': spf, '_dmarc.example.jp': ['v=DMARC1; p=strict'] },
      ['info spf-present', 'warning dmarc-invalid'],
    ],
    [
      'a DNS that does not answer',
      { 'example.jp': 'unknown', '_dmarc.example.jp': 'unknown' },
      ['info spf-not-checked', 'info dmarc-not-checked'],
    ],
  ])('%s', async (_what, texts, shown) => {
    expect((await found(texts)).shown).toEqual(shown)
  })

  describe('DMARC of the organisational domain counts where there is none of its own', () => {
    const from = 'forms@mail.shop.co.jp'
    test.each<[what: string, texts: Texts, code: string, holder: string]>([
      ['with its policy for those below', { '_dmarc.shop.co.jp': ['v=DMARC1; p=reject; sp=none'] }, 'p-none', ''],
      ['else its own policy', { '_dmarc.shop.co.jp': dmarc }, 'present', 'p=reject'],
      [
        'but its own comes first',
        { '_dmarc.mail.shop.co.jp': ['v=DMARC1; p=quarantine'], '_dmarc.shop.co.jp': dmarc },
        'present',
        'p=quarantine',
      ],
      [
        'a registry’s is not it',
        { '_dmarc.shop.co.jp': dmarc, '_dmarc.co.jp': ['v=DMARC1; p=none; psd=y'] },
        'present',
        'p=reject',
      ],
      ['a registry’s counts where nobody has one', { '_dmarc.co.jp': ['v=DMARC1; p=none; psd=y'] }, 'p-none', ''],
      [
        'the walk ends at psd=n',
        { '_dmarc.shop.co.jp': ['v=DMARC1; p=reject; psd=n'], '_dmarc.jp': ['v=DMARC1; p=none'] },
        'present',
        'p=reject',
      ],
      ['trouble on the way is told as that', { '_dmarc.shop.co.jp': 'unknown' }, 'not-checked', ''],
    ])('%s', async (_what, texts, code, said) => {
      const { findings } = await found({ 'mail.shop.co.jp': spf, ...texts }, from)
      const finding = findings.find((one) => one.code.startsWith('dmarc-'))
      expect(finding?.code).toBe(`dmarc-${code}`)
      expect(finding?.sentence).toContain(said)
    })

    test('a name of a hundred labels takes eight questions', async () => {
      const { asked } = await found({}, `forms@${'a.'.repeat(100)}jp`)
      expect(asked.filter((name) => name.startsWith('_dmarc.'))).toHaveLength(8)
    })
  })

  test('SPF is that of the domain in the envelope, which is what servers look at', async () => {
    const { asked, shown } = await found({ 'bounces.example.jp': spf }, 'forms@example.jp', {
      kind: 'verp',
      domain: 'bounces.example.jp',
    })
    expect(asked).toContain('bounces.example.jp')
    expect(shown).toContain('info spf-present')
  })

  test('that DKIM is not looked up is said in one sentence, and how to see it', async () => {
    const { findings } = await found({})
    expect(findings.filter(({ sentence }) => sentence.includes('DKIM'))).toHaveLength(1)
    expect(findings.every(({ next }) => next !== '')).toBe(true)
  })
})
