import { afterEach, describe, expect, test } from 'vitest'
import { type DnsReply, type DnsScript, type FakeDns, startFakeDns } from '../../../test/fakes/fake-dns.ts'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import type { MailServers } from '../../core/deps.ts'
import { type DnsOptions, mailServerLookup, noLookup } from './mail-servers.ts'

const open: FakeDns[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function rig(script: DnsScript, options: DnsOptions = {}) {
  const server = await startFakeDns({ 'com MX': 'no-records', ...script })
  open.push(server)
  const clock = manualClock()
  const { mailServers, texts } = mailServerLookup({ clock }, { servers: [server.address], ...options })
  return { server, clock, mailServers, texts, count: () => server.questions.length }
}

const mail: DnsReply = { mx: [[10, 'mail.example.jp']] }
const hosts = (...names: string[]): MailServers => ({ kind: 'mx', hosts: names })

describe('an answer', () => {
  test.each<[what: string, script: DnsScript, answer: MailServers]>([
    [
      'MX records, in the order of preference, each name once and in lower case',
      {
        'x.jp MX': {
          mx: [
            [20, 'b.x.jp'],
            [10, 'A.x.jp'],
            [30, 'b.x.jp'],
          ],
        },
      },
      hosts('a.x.jp', 'b.x.jp'),
    ],
    ['null MX (RFC 7505)', { 'x.jp MX': { mx: [[0, '']] } }, { kind: 'null-mx' }],
    [
      'a null MX beside a host is no null MX',
      {
        'x.jp MX': {
          mx: [
            [0, ''],
            [10, 'mail.x.jp'],
          ],
        },
      },
      hosts('mail.x.jp'),
    ],
    ['only localhost takes no mail', { 'x.jp MX': { mx: [[0, 'localhost']] } }, { kind: 'no-mail' }],
    [
      'no MX but an address: the domain itself (RFC 5321 §5.1)',
      { 'x.jp MX': 'no-records', 'x.jp A': { a: ['192.0.2.1'] }, 'x.jp AAAA': 'no-records' },
      hosts('x.jp'),
    ],
    [
      'no MX but an IPv6 address',
      { 'x.jp MX': 'no-records', 'x.jp A': 'no-records', 'x.jp AAAA': { aaaa: ['2001:db8:0:0:0:0:0:1'] } },
      hosts('x.jp'),
    ],
    ['neither', { 'x.jp MX': 'no-records', 'x.jp A': 'no-records', 'x.jp AAAA': 'no-records' }, { kind: 'no-mail' }],
    ['no such name', {}, { kind: 'no-domain' }],
    [
      'NXDOMAIN for MX alone is a fault of the server',
      { 'x.jp MX': 'no-name', 'x.jp A': { a: ['192.0.2.1'] }, 'x.jp AAAA': 'no-name' },
      hosts('x.jp'),
    ],
    [
      'NXDOMAIN for MX and AAAA, but a name without addresses',
      { 'x.jp MX': 'no-name', 'x.jp A': 'no-records', 'x.jp AAAA': 'no-name' },
      { kind: 'no-mail' },
    ],
  ])('%s', async (_what, script, answer) => {
    const { mailServers } = await rig(script)
    expect(await mailServers('x.jp')).toEqual(answer)
  })
})

describe('trouble with the DNS is unknown, never a fault of the address', () => {
  test.each<DnsReply>(['server-failure', 'refused', 'not-implemented', 'truncated'])('%j', async (reply) => {
    const { mailServers } = await rig({ 'x.jp MX': reply, 'x.jp A': 'no-records', 'x.jp AAAA': 'no-records' })
    expect(await mailServers('x.jp')).toEqual({ kind: 'unknown' })
  })

  test('a fault for the addresses, where there are no MX records', async () => {
    const { mailServers } = await rig({
      'x.jp MX': 'no-records',
      'x.jp A': 'server-failure',
      'x.jp AAAA': 'no-records',
    })
    expect(await mailServers('x.jp')).toEqual({ kind: 'unknown' })
  })

  test.each<DnsReply>(['silence', 'wrong-id', 'garbage'])('%j, after three seconds in all', async (reply) => {
    const { mailServers, clock, server } = await rig({ 'x.jp MX': reply })
    const answer = mailServers('x.jp')
    await server.asked(1)
    clock.advance(2_999)
    expect(await Promise.race([answer, 'not yet'])).toBe('not yet')
    clock.advance(1)
    expect(await answer).toEqual({ kind: 'unknown' })
    expect(clock.timers).toBe(0)
  })

  test.each<DnsReply>(['no-name', 'server-failure'])(
    'a resolver that denies everything, `com` as well (%j): a closed network',
    async (reply) => {
      const { mailServers } = await rig({ 'com MX': reply })
      expect(await mailServers('x.jp')).toEqual({ kind: 'unknown' })
    },
  )

  test('silence for the addresses counts against the same three seconds', async () => {
    const { mailServers, clock, server } = await rig({
      'x.jp MX': 'no-records',
      'x.jp A': 'silence',
      'x.jp AAAA': 'silence',
    })
    const answer = mailServers('x.jp')
    await server.asked(3)
    clock.advance(3_000)
    expect(await answer).toEqual({ kind: 'unknown' })
  })

  test('a resolver that is not there', async () => {
    const { server, mailServers } = await rig({})
    await server.close()
    open.length = 0
    expect(await mailServers('x.jp')).toEqual({ kind: 'unknown' })
  })

  test.each(['', '.', 'a..b', 'x'.repeat(300), 'ü.jp', 'x.jp\0'])(
    'a name that can’t be asked for: %j',
    async (name) => {
      const { mailServers, clock } = await rig({})
      const answer = mailServers(name)
      await clock.advanceAsync(3_000)
      expect((await answer).kind).toMatch(/^(?:unknown|no-domain)$/)
    },
  )
})

describe('answers are kept', () => {
  test('an hour for a domain that takes mail', async () => {
    const { mailServers, clock, count } = await rig({ 'x.jp MX': mail })
    await mailServers('x.jp')
    clock.advance(3_599_999)
    await mailServers('x.jp')
    expect(count()).toBe(1)
    clock.advance(1)
    await mailServers('x.jp')
    expect(count()).toBe(2)
  })

  test('ten minutes for one that is not there, so that a new domain is not in doubt for long', async () => {
    const { mailServers, clock } = await rig({ 'x.jp MX': ['no-name', mail] })
    expect(await mailServers('x.jp')).toEqual({ kind: 'no-domain' })
    clock.advance(599_999)
    expect(await mailServers('x.jp')).toEqual({ kind: 'no-domain' })
    clock.advance(1)
    expect(await mailServers('x.jp')).toEqual(hosts('mail.example.jp'))
  })

  test('half a minute for trouble, so that a dead resolver does not cost every mail three seconds', async () => {
    const { mailServers, clock, count } = await rig({ 'x.jp MX': 'refused' })
    await mailServers('x.jp')
    const asked = count()
    clock.advance(29_999)
    await mailServers('x.jp')
    expect(count()).toBe(asked)
    clock.advance(1)
    await mailServers('x.jp')
    expect(count()).toBeGreaterThan(asked)
  })

  test('only so many, the least recently used go first', async () => {
    const script = { 'a.jp MX': mail, 'b.jp MX': mail, 'c.jp MX': mail }
    const { mailServers, server } = await rig(script, { cacheSize: 2 })
    for (const domain of ['a.jp', 'b.jp', 'a.jp', 'c.jp', 'a.jp', 'b.jp']) await mailServers(domain)
    expect(server.questions.map(({ name }) => name)).toEqual(['a.jp', 'b.jp', 'c.jp', 'b.jp'])
  })
})

test('whether a resolver sees the world is asked once in ten minutes, and only where it denies a name', async () => {
  const { mailServers, server, clock } = await rig({ 'x.jp MX': mail })
  const checks = () => server.questions.filter(({ name }) => name === 'com').length
  await mailServers('x.jp')
  expect(checks()).toBe(0)
  await mailServers('a.jp')
  await mailServers('b.jp')
  expect(checks()).toBe(1)
  clock.advance(600_000)
  expect(await mailServers('c.jp')).toEqual({ kind: 'no-domain' })
  expect(checks()).toBe(2)
})

test('who asks at the same time waits for one lookup', async () => {
  const { mailServers, count } = await rig({ 'x.jp MX': mail })
  const answers = await Promise.all([mailServers('x.jp'), mailServers('x.jp'), mailServers('x.jp')])
  expect(answers).toEqual([hosts('mail.example.jp'), hosts('mail.example.jp'), hosts('mail.example.jp')])
  expect(count()).toBe(1)
})

test('beyond the bound of lookups at once an answer is unknown at once, and is not kept', async () => {
  const { mailServers, server, clock } = await rig({ 'slow.jp MX': 'silence', 'x.jp MX': mail }, { maxLookups: 1 })
  const slow = mailServers('slow.jp')
  await server.asked(1)
  expect(await mailServers('x.jp')).toEqual({ kind: 'unknown' })
  clock.advance(3_000)
  await slow
  expect(await mailServers('x.jp')).toEqual(hosts('mail.example.jp'))
})

describe('texts', () => {
  test('are joined from their pieces, and asked for each time', async () => {
    const long = ['v=spf1 include:a.jp ', '-all']
    const { texts, count } = await rig({ 'x.jp TXT': { txt: [long, ['other'], ['']] } })
    expect(await texts('x.jp')).toEqual({ kind: 'texts', texts: ['v=spf1 include:a.jp -all', 'other', ''] })
    await texts('x.jp')
    expect(count()).toBe(2)
  })

  test.each<DnsReply>(['no-records', 'no-name'])('where there are none (%j), there are none', async (reply) => {
    const { texts } = await rig({ 'x.jp TXT': reply })
    expect(await texts('x.jp')).toEqual({ kind: 'texts', texts: [] })
  })

  test.each<DnsReply>(['server-failure', 'refused', 'truncated'])('trouble (%j) is unknown', async (reply) => {
    const { texts } = await rig({ 'x.jp TXT': reply })
    expect(await texts('x.jp')).toEqual({ kind: 'unknown' })
  })

  test('a resolver that denies everything is not believed', async () => {
    const { texts } = await rig({ 'com MX': 'no-name' })
    expect(await texts('x.jp')).toEqual({ kind: 'unknown' })
  })

  test('silence is unknown after three seconds, and lookups of both kinds share their bound', async () => {
    const { texts, mailServers, clock, server } = await rig({ 'x.jp TXT': 'silence' }, { maxLookups: 1 })
    const answer = texts('x.jp')
    await server.asked(1)
    expect(await texts('y.jp')).toEqual({ kind: 'unknown' })
    expect(await mailServers('y.jp')).toEqual({ kind: 'unknown' })
    clock.advance(3_000)
    expect(await answer).toEqual({ kind: 'unknown' })
    expect(clock.timers).toBe(0)
  })
})

test('without lookups nothing is known', async () => {
  expect(await noLookup.mailServers('x.jp')).toEqual({ kind: 'unknown' })
  expect(await noLookup.texts('x.jp')).toEqual({ kind: 'unknown' })
})
