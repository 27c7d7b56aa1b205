import { describe, expect, test } from 'vitest'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import { alarmText } from './alarm-text.ts'
import { createProxyWatch } from './proxy-watch.ts'

const day = 24 * 3_600_000

function rig(trusted: readonly string[] = []) {
  const deps = testDeps()
  const start = (named = trusted) => createProxyWatch(deps, (address) => named.includes(address))
  const open = async () => (await deps.alarms.active()).filter(({ overAt }) => overAt === null)
  const warnings = () =>
    deps.lines.filter(({ level, fields }) => level === 'warn' && fields.code === 'proxy-not-trusted')
  return { deps, start, open, warnings }
}

describe('a reverse proxy that is not named', () => {
  test.each(['127.0.0.1', '::1', '10.88.0.1', '172.17.0.1', 'fd00::1'])(
    'beside us, at %s, is told by its first post: in the alarm and, once, in the log',
    async (peer) => {
      const { start, open, warnings } = rig()
      const watch = start()
      watch.see({ peer, isForwarded: true })
      await watch.look()
      watch.see({ peer, isForwarded: true })
      await watch.look()
      const [alarm, ...more] = await open()
      expect(more).toEqual([])
      expect(alarm).toMatchObject({ kind: 'proxy-not-trusted', facts: { peer } })
      for (const language of ['en', 'ja'] as const) {
        const { sentence, next } = alarmText(alarm as never, language)
        expect(sentence).toContain(peer)
        expect(next).toContain(`trustedProxies: ["${peer}"]`)
      }
      expect(warnings()).toHaveLength(1)
      expect(warnings()[0]?.message).toContain(peer)
    },
  )

  test('on the internet is told when nearly every post is forwarded by one address; the log names no such address', async () => {
    const { start, open, warnings } = rig()
    const watch = start()
    for (let n = 0; n < 20; n += 1)
      watch.see({ peer: n < 18 ? '203.0.113.7' : `203.0.113.${100 + n}`, isForwarded: n !== 19 })
    await watch.look()
    expect(await open()).toMatchObject([{ facts: { peer: '203.0.113.7' } }])
    expect(warnings()).toHaveLength(1)
    expect(JSON.stringify(warnings())).not.toContain('203.0.113')
  })

  test.each([
    ['many bots', 1_000],
    ['two bots', 2],
  ])('is not what %s are that write the header', async (_who, addresses) => {
    const { start, open } = rig()
    const watch = start()
    for (let n = 0; n < 1_000; n += 1) watch.see({ peer: `2001:db8::${n % addresses}`, isForwarded: true })
    await watch.look()
    expect(await open()).toEqual([])
  })

  test('is not a bot whose posts are too few, however many windows pass', async () => {
    const { start, open } = rig()
    const watch = start()
    for (let n = 0; n < 1_000; n += 1) {
      const isBot = n % 20 >= 3
      watch.see({ peer: isBot ? '203.0.113.66' : `198.51.100.${n % 250}`, isForwarded: isBot })
    }
    await watch.look()
    expect(await open()).toEqual([])
  })

  test('is not what some visitors’ own proxies are, however many posts come', async () => {
    const { start, open } = rig()
    const watch = start()
    for (let n = 0; n < 1_000; n += 1) watch.see({ peer: '203.0.113.7', isForwarded: n % 2 === 0 })
    watch.see({ peer: '127.0.0.1', isForwarded: false })
    await watch.look()
    expect(await open()).toEqual([])
  })

  test('is over as soon as a process starts that knows it, and only then', async () => {
    const { deps, start, open } = rig()
    const watch = start()
    watch.see({ peer: '10.88.0.1', isForwarded: true })
    await watch.look()
    deps.clock.advance(60_000)
    await start().look()
    expect(await open()).toHaveLength(1)
    await start(['10.88.0.1']).look()
    expect(await open()).toEqual([])
  })

  test('is over a day after the last of its posts, and told anew when it is back', async () => {
    const { deps, start, open, warnings } = rig()
    const watch = start()
    watch.see({ peer: '10.88.0.1', isForwarded: true })
    await watch.look()
    deps.clock.advance(day - 1)
    await watch.look()
    expect(await open()).toHaveLength(1)
    deps.clock.advance(1)
    await watch.look()
    expect(await open()).toEqual([])
    deps.clock.advance(1)
    watch.see({ peer: '10.88.0.1', isForwarded: true })
    await watch.look()
    expect(await open()).toHaveLength(1)
    expect(warnings()).toHaveLength(1)
  })
})
