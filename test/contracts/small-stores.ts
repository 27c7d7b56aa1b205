import { describe, expect, test } from 'vitest'
import type { Deps } from '../../src/core/deps.ts'

type Stores = Pick<Deps, 'mailbox' | 'access' | 'budgets'>

/** What every mailbox, access and budget store does. */
export function testSmallStores(name: string, open: () => Stores): void {
  const mail = (id: string, changes: { messageId?: string; attempt?: number } = {}) => ({
    id,
    messageId: `m-${id}`,
    attempt: 1,
    at: 5,
    from: 'a@example.jp',
    to: 'b@example.jp',
    subject: '件名',
    raw: new TextEncoder().encode(`Subject: ${id}\r\n\r\n`),
    ...changes,
  })

  describe(`${name}: mailbox store`, () => {
    test('keeps mails, newest first, and gives one with its bytes', async () => {
      const { mailbox } = open()
      for (const id of ['a', 'b', 'c']) await mailbox.add(mail(id), null, 10)
      const { raw, ...summary } = mail('c')
      const page = await mailbox.list({ limit: 2 })
      expect(page.items.map(({ id }) => id)).toEqual(['c', 'b'])
      expect(page.items[0]).toEqual(summary)
      expect((await mailbox.list({ limit: 2, before: page.cursor ?? '' })).items.map(({ id }) => id)).toEqual(['a'])
      const got = await mailbox.get('c')
      expect([...(got?.raw ?? [])]).toEqual([...raw])
      expect(await mailbox.get('none')).toBeNull()
    })

    test('the same attempt of the same message is kept once', async () => {
      const { mailbox } = open()
      await mailbox.add(mail('a', { messageId: 'm' }), null, 10)
      await mailbox.add(mail('b', { messageId: 'm' }), null, 10)
      await mailbox.add(mail('c', { messageId: 'm', attempt: 2 }), null, 10)
      expect((await mailbox.list({ limit: 10 })).items.map(({ id }) => id)).toEqual(['c', 'a'])
    })

    test('drops old mails beyond what it shall keep, and can be emptied', async () => {
      const { mailbox } = open()
      for (const id of ['a', 'b', 'c']) await mailbox.add(mail(id), null, 2)
      expect((await mailbox.list({ limit: 10 })).items.map(({ id }) => id)).toEqual(['c', 'b'])
      await mailbox.clear()
      expect((await mailbox.list({ limit: 10 })).items).toEqual([])
    })

    test('gives feedback when it is due, until it is done', async () => {
      const { mailbox } = open()
      const feedback = { messageId: 'm-a', kind: 'bounce', dueAt: 100 } as const
      await mailbox.add(mail('a'), feedback, 10)
      expect(await mailbox.dueFeedback(99)).toEqual([])
      expect(await mailbox.dueFeedback(100)).toEqual([feedback])
      await mailbox.doneFeedback('m-a')
      expect(await mailbox.dueFeedback(100)).toEqual([])
    })
  })

  describe(`${name}: access store`, () => {
    test('a link opens once, a session until it ends', async () => {
      const { access } = open()
      await access.add({ hash: 'l', kind: 'link', expiresAt: 100 })
      await access.add({ hash: 's', kind: 'session', expiresAt: 100 })
      expect(await access.use({ hash: 'l', kind: 'session', now: 1 })).toBe(false)
      expect(await access.use({ hash: 'l', kind: 'link', now: 1 })).toBe(true)
      expect(await access.use({ hash: 'l', kind: 'link', now: 1 })).toBe(false)
      expect(await access.use({ hash: 's', kind: 'session', now: 1 })).toBe(true)
      expect(await access.use({ hash: 's', kind: 'session', now: 99 })).toBe(true)
      expect(await access.use({ hash: 's', kind: 'session', now: 100 })).toBe(false)
    })

    test('of two who use a link at once one gets in', async () => {
      const { access } = open()
      await access.add({ hash: 'l', kind: 'link', expiresAt: 100 })
      const results = await Promise.all([1, 2, 3].map(() => access.use({ hash: 'l', kind: 'link', now: 1 })))
      expect(results.filter(Boolean)).toHaveLength(1)
    })

    test('what was removed does not open', async () => {
      const { access } = open()
      await access.add({ hash: 's', kind: 'session', expiresAt: 100 })
      await access.remove('s')
      expect(await access.use({ hash: 's', kind: 'session', now: 1 })).toBe(false)
    })
  })

  describe(`${name}: budget store`, () => {
    test('counts distinct subjects per key within a time', async () => {
      const { budgets } = open()
      const spend = (key: string, subject: string, now: number) =>
        budgets.spend({ key, subject, max: 2, now, since: now - 100 })
      expect(await spend('k', 'a', 1)).toBe('allowed')
      expect(await spend('k', 'b', 2)).toBe('allowed')
      expect(await spend('k', 'c', 3)).toBe('exhausted')
      expect(await spend('k', 'a', 4)).toBe('allowed')
      expect(await spend('other', 'c', 5)).toBe('allowed')
      expect(await spend('k', 'c', 102)).toBe('allowed')
    })

    test('forgets what was counted before a time, a limited number at once', async () => {
      const { budgets } = open()
      for (const subject of ['a', 'b', 'c']) await budgets.spend({ key: 'k', subject, max: 3, now: 5, since: 0 })
      await budgets.spend({ key: 'l', subject: 'a', max: 1, now: 9, since: 0 })
      expect(await budgets.forget({ before: 9, limit: 2 })).toBe(2)
      expect(await budgets.forget({ before: 9, limit: 2 })).toBe(1)
      expect(await budgets.forget({ before: 9, limit: 2 })).toBe(0)
      expect(await budgets.spend({ key: 'l', subject: 'b', max: 1, now: 9, since: 0 })).toBe('exhausted')
    })
  })
}
