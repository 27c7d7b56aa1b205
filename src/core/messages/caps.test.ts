import { describe, expect, test } from 'vitest'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import { confirmationCaps, normalizedAddress } from './caps.ts'

const deps = testDeps()
const { perDomain, perSharedDomain } = deps.settings.caps
const domainCap = (recipient: string) => confirmationCaps(deps, recipient)[1]
const isSharedCap = (recipient: string) => domainCap(recipient)?.max === perSharedDomain.max

describe('the spellings of one mailbox count as one', () => {
  test.each([
    [
      'gmail.com',
      ['hanako.y@gmail.com', 'hanakoy@googlemail.com', 'H.a.n.a.k.o.Y+x@gmail.com', '"hanako.y"@gmail.com'],
    ],
    [
      'proton.me',
      [
        'hanako.y@proton.me',
        'hanakoy@protonmail.com',
        'hanako-y@pm.me',
        'Hanako_Y+a@protonmail.ch',
        'h.a-n_akoy@pm.me',
      ],
    ],
    ['icloud.com', ['hanako.y@icloud.com', 'hanako.y@me.com', 'Hanako.Y+news@mac.com']],
    ['yandex.com', ['hanako.y@yandex.ru', 'hanako-y@yandex.com', 'hanako.y+a@ya.ru', 'Hanako-Y@yandex.kz']],
    ['yahoo.co.jp', ['hanako@yahoo.co.jp', 'Hanako-shop@yahoo.co.jp']],
  ])('%s', (domain, spellings) => {
    expect(new Set(spellings.map(normalizedAddress)).size).toBe(1)
    expect(normalizedAddress(spellings[0] ?? '')).toMatch(new RegExp(`@${domain}$`))
    // The domain's cap is one, too.
    expect(new Set(spellings.map((spelling) => domainCap(spelling)?.key)).size).toBe(1)
  })

  test.each([
    ['hanako.y@icloud.com', 'hanakoy@icloud.com'],
    ['hanako-y@gmail.com', 'hanakoy@gmail.com'],
    ['hanako.y@yandex.ru', 'hanakoy@yandex.ru'],
    ['hanako.y@docomo.ne.jp', 'hanakoy@docomo.ne.jp'],
    ['hanako@hotmail.com', 'hanako@outlook.com'],
    ['hanako-y@example.jp', 'hanako@example.jp'],
    ['hanako@gmail.com', 'hanako@gmail.com.example.jp'],
  ])('%s and %s are two people', (one, other) => {
    expect(normalizedAddress(one)).not.toBe(normalizedAddress(other))
  })

  test.each(['"..."@gmail.com', '"-._"@pm.me', '"."@proton.me', '+@gmail.com', '"+x"@proton.me', '"a@b"@proton.me'])(
    '%s keeps a name',
    (address) => {
      expect(normalizedAddress(address)).toMatch(/^.+@[a-z.]+$/)
      expect(normalizedAddress(normalizedAddress(address))).toBe(normalizedAddress(address))
    },
  )
})

describe('the cap of a domain that many people share', () => {
  test.each([
    'gmail.com',
    'docomo.ne.jp',
    'yahoo.fr',
    'ocn.ne.jp',
    'aaa.ocn.ne.jp',
    'jp-t.ne.jp',
    'btinternet.com',
    'qq.com',
  ])('is that of %s', (domain) => expect(isSharedCap(`hanako@${domain}`)).toBe(true))

  test.each([
    'google.com',
    'microsoft.com',
    'apple.com',
    'kddi.com',
    'nttdocomo.com',
    'softbank.co.jp',
    'rakuten.co.jp',
    'verizon.com',
    'cloud.com',
    'corp.google.com',
    'example.jp',
    'notgmail.com',
  ])('is not that of %s, which is one organisation’s', (domain) => {
    expect(isSharedCap(`hanako@${domain}`)).toBe(false)
    expect(domainCap(`hanako@${domain}`)).toMatchObject(perDomain)
  })
})
