import { describe, expect, test } from 'vitest'
import type { FormStore } from '../../src/core/deps.ts'
import { sampleForm } from './samples.ts'

/** What every form store does. */
export function testFormStore(name: string, open: () => FormStore): void {
  describe(`${name}: form store`, () => {
    test('a form that was never put is null', async () => {
      expect(await open().get('contact')).toBeNull()
      expect(await open().getVersion('contact', 1)).toBeNull()
    })

    test('gives back what was put, and every version stays', async () => {
      const store = open()
      const first = sampleForm({ settings: { language: 'ja' } })
      const second = sampleForm({ version: 2, origin: 'settings', settings: { managers: ['a@example.jp'] } })
      expect(await store.put(first)).toEqual({ kind: 'stored' })
      expect(await store.get('contact')).toEqual(first)
      expect(await store.put(second)).toEqual({ kind: 'stored' })
      expect(await store.get('contact')).toEqual(second)
      expect(await store.getVersion('contact', 1)).toEqual(first)
    })

    test('a version that is not the next one is stale and changes nothing', async () => {
      const store = open()
      await store.put(sampleForm())
      expect(await store.put(sampleForm({ settings: { language: 'en' } }))).toEqual({ kind: 'stale' })
      expect(await store.put(sampleForm({ version: 3 }))).toEqual({ kind: 'stale' })
      expect(await store.get('contact')).toEqual(sampleForm())
    })

    test('of two writers of the same version one is stored', async () => {
      const store = open()
      const results = await Promise.all([store.put(sampleForm()), store.put(sampleForm({ createdAt: 2000 }))])
      expect(results.map(({ kind }) => kind).sort()).toEqual(['stale', 'stored'])
    })

    test('lists the newest version of each form by name', async () => {
      const store = open()
      await store.put(sampleForm({ name: 'b' }))
      await store.put(sampleForm({ name: 'a' }))
      await store.put(sampleForm({ name: 'a', version: 2 }))
      expect((await store.list()).map(({ name, version }) => `${name}${version}`)).toEqual(['a2', 'b1'])
    })
  })
}
