import { describe, expect, test } from 'vitest'
import type { BlobStore } from '../../src/core/deps.ts'

const key = (letter: string) => letter.repeat(26)
const bytes = (text: string) => new TextEncoder().encode(text)

/** What every blob store does. */
export function testBlobStore(name: string, open: () => BlobStore): void {
  describe(`${name}: blob store`, () => {
    test('gives back what was written in pieces', async () => {
      const blobs = open()
      const writer = await blobs.create(key('a'))
      await writer.write(bytes('one '))
      await writer.write(bytes('two'))
      await writer.commit()
      expect(new TextDecoder().decode((await blobs.read(key('a'))) ?? undefined)).toBe('one two')
    })

    test('gives a blob in pieces, as often as it is asked, and may be left in the middle', async () => {
      const blobs = open()
      const content = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
      const writer = await blobs.create(key('a'))
      await writer.write(content)
      await writer.commit()
      for await (const piece of (await blobs.stream(key('a'))) ?? []) {
        expect(piece.length).toBeGreaterThan(0)
        break
      }
      const pieces: Uint8Array[] = []
      for await (const piece of (await blobs.stream(key('a'))) ?? []) pieces.push(Uint8Array.from(piece))
      expect(Buffer.concat(pieces).equals(content)).toBe(true)
      expect(await blobs.stream(key('b'))).toBeNull()
    })

    test('an empty blob is a blob', async () => {
      const blobs = open()
      await (await blobs.create(key('a'))).commit()
      expect(await blobs.read(key('a'))).toHaveLength(0)
    })

    test('what was not committed, or was discarded, is not there', async () => {
      const blobs = open()
      const open1 = await blobs.create(key('a'))
      await open1.write(bytes('x'))
      expect(await blobs.read(key('a'))).toBeNull()
      await open1.discard()
      await open1.discard()
      expect(await blobs.read(key('a'))).toBeNull()
    })

    test('can be deleted, also when it is gone already', async () => {
      const blobs = open()
      await (await blobs.create(key('a'))).commit()
      await blobs.delete(key('a'))
      await blobs.delete(key('a'))
      expect(await blobs.read(key('a'))).toBeNull()
    })

    test('lists what was written before a time', async () => {
      const blobs = open()
      await (await blobs.create(key('a'))).commit()
      await (await blobs.create(key('b'))).commit()
      const keys = async (time: number) => {
        const found: string[] = []
        for await (const each of blobs.olderThan(time)) found.push(each)
        return found.sort()
      }
      expect(await keys(Date.now() + 60_000)).toEqual([key('a'), key('b')])
      expect(await keys(Date.now() - 60_000)).toEqual([])
    })

    test('a key that could be a path is refused', async () => {
      for (const bad of ['../../etc/passwd', '', 'a/b', key('A')]) {
        await expect((async () => await open().create(bad))()).rejects.toThrow(TypeError)
        await expect((async () => await open().read(bad))()).rejects.toThrow(TypeError)
        await expect((async () => await open().stream(bad))()).rejects.toThrow(TypeError)
      }
    })
  })
}
