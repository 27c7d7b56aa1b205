import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import { admitPost, mayHavePuzzle, newTurn } from './crowd.ts'

const bot = { address: '198.51.100.7' }

/** Deps after a flood from one address. */
async function flooded(posts = 60) {
  const deps = testDeps()
  for (let n = 0; n < posts; n += 1) await admitPost(deps, bot, null)
  return deps
}

describe('a flood from one network', () => {
  test('is taken up to sixty posts in ten seconds, and again when it is over', async () => {
    const deps = await flooded(59)
    expect(await admitPost(deps, bot, null)).toEqual({ kind: 'open' })
    expect((await admitPost(deps, bot, null)).kind).toBe('crowded')
    expect(await admitPost(deps, { address: '198.51.100.8' }, null)).toEqual({ kind: 'open' })
    deps.clock.advance(10_000)
    expect(await admitPost(deps, bot, null)).toEqual({ kind: 'open' })
  })

  test('counts an IPv6 household as one, and its neighbour apart', async () => {
    const deps = testDeps()
    for (let n = 0; n < 60; n += 1) await admitPost(deps, { address: `2001:db8:1:2::${n.toString(16)}` }, null)
    expect((await admitPost(deps, { address: '2001:db8:1:2:ffff::1' }, null)).kind).toBe('crowded')
    expect((await admitPost(deps, { address: '2001:db8:1:3::1' }, null)).kind).toBe('open')
  })

  test('spread over the 65,536 networks of one IPv6 customer is taken up to ten times as much', async () => {
    const deps = testDeps()
    let open = 0
    for (let n = 0; n < 2_000; n += 1) {
      const admission = await admitPost(deps, { address: `2001:db8:1:${n.toString(16)}::1` }, null)
      if (admission.kind === 'open') open += 1
    }
    expect(open).toBe(600)
    expect((await admitPost(deps, { address: '2001:db8:2:1::1' }, null)).kind).toBe('open')
    for (let n = 0; n < 4_000; n += 1) await admitPost(deps, { address: `2001:db8:1:${n.toString(16)}::2` }, null)
    expect(await admitPost(deps, { address: '2001:db8:1:ffff::1' }, null)).toEqual({
      kind: 'crowded',
      uploads: false,
      proof: false,
    })
  })

  test('reads files only up to some, and looks at proofs only as often as it takes posts', async () => {
    const deps = await flooded()
    expect(await admitPost(deps, bot, null)).toEqual({ kind: 'crowded', uploads: true, proof: true })
    for (let n = 0; n < 60; n += 1) await admitPost(deps, bot, null)
    expect(await admitPost(deps, bot, null)).toEqual({ kind: 'crowded', uploads: true, proof: false })
    for (let n = 0; n < 600; n += 1) await admitPost(deps, bot, null)
    expect(await admitPost(deps, bot, null)).toEqual({ kind: 'crowded', uploads: false, proof: false })
  })

  test('of a private network is one: there are people, at a university for example', async () => {
    const deps = testDeps()
    for (let n = 0; n < 60; n += 1) await admitPost(deps, { address: '10.1.2.3', isForwarded: false }, null)
    expect((await admitPost(deps, { address: '10.1.2.3' }, null)).kind).toBe('crowded')
    // A proxy there that `trustedProxies` does not name is everybody.
    expect((await admitPost(deps, { address: '10.1.2.3', isForwarded: true }, null)).kind).toBe('open')
    for (let n = 0; n < 60; n += 1) await admitPost(deps, { address: '198.51.100.9', isForwarded: true }, null)
    expect((await admitPost(deps, { address: '198.51.100.9', isForwarded: true }, null)).kind).toBe('crowded')
  })

  test('of this machine itself is none: that is a proxy, or somebody who tries things out', async () => {
    const deps = testDeps()
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
      for (let n = 0; n < 200; n += 1) expect(await admitPost(deps, { address }, null)).toEqual({ kind: 'open' })
    }
  })
})

describe('a turn', () => {
  test('lets a person through while the flood goes on: some seconds later, once, from the same network', async () => {
    const deps = await flooded(100)
    const turn = newTurn(deps, bot)
    expect((await admitPost(deps, bot, turn)).kind).toBe('crowded')
    deps.clock.advance(9_000)
    for (let n = 0; n < 100; n += 1) await admitPost(deps, bot, null)
    expect((await admitPost(deps, { address: '203.0.113.5' }, turn)).kind).toBe('open')
    expect((await admitPost(deps, bot, turn)).kind).toBe('open')
    expect((await admitPost(deps, bot, turn)).kind).toBe('crowded')
  })

  test('of another network, or an old one, is none', async () => {
    const deps = await flooded(100)
    const others = newTurn(deps, { address: '203.0.113.5' })
    const old = newTurn(deps, bot)
    deps.clock.advance(16 * 60_000)
    for (let n = 0; n < 100; n += 1) await admitPost(deps, bot, null)
    expect((await admitPost(deps, bot, old)).kind).toBe('crowded')
    expect((await admitPost(deps, bot, others)).kind).toBe('crowded')
  })

  test('helps a bot that reads answers no further than posts without one', async () => {
    const deps = await flooded(100)
    const turns = Array.from({ length: 300 }, () => newTurn(deps, bot))
    deps.clock.advance(6_000)
    let open = 0
    for (const turn of turns) if ((await admitPost(deps, bot, turn)).kind === 'open') open += 1
    expect(open).toBe(60)
  })

  test('can’t be made up', async () => {
    const deps = await flooded(100)
    const real = newTurn(deps, bot)
    deps.clock.advance(6_000)
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.integer({ min: 0, max: real.length - 1 })), async (way) => {
        const forged = typeof way === 'string' ? way : `${real.slice(0, way)}0x${real.slice(way + 2)}`
        if (forged === real) return
        expect((await admitPost(deps, bot, forged)).kind).toBe('crowded')
      }),
    )
  })
})

test('puzzles are given out as fast as posts are taken', async () => {
  const deps = testDeps()
  for (let n = 0; n < 60; n += 1) expect(await mayHavePuzzle(deps, bot)).toBe(true)
  expect(await mayHavePuzzle(deps, bot)).toBe(false)
  expect(await mayHavePuzzle(deps, { address: '127.0.0.1' })).toBe(true)
})
