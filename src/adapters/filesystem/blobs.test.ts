import { existsSync, mkdtempSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { folderBlobs } from './blobs.ts'

test('invariant 1: a blob is synced before it has its name, and the name before the commit ends', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'todoku-blobs-'))
  const handle = await open(join(folder, 'any'), 'w')
  const spy = vi.spyOn(Object.getPrototypeOf(handle) as { sync(): Promise<void> }, 'sync')
  onTestFinished(() => spy.mockRestore())
  await handle.close()

  const key = 'abcdefghijklmnopqrstuvwxyz'
  const target = join(folder, 'yz', key)
  /** Whether the blob had its name at the beginning of each sync. */
  const named: boolean[] = []
  spy.mockImplementation(async function (this: { datasync(): Promise<void> }) {
    named.push(existsSync(target))
    await this.datasync()
  })
  const blobs = folderBlobs(folder)
  const writer = await blobs.create(key)
  await writer.write(Uint8Array.of(1))
  await writer.commit()
  // The content first; then the folder with the name, and the new folder's own name.
  expect(named).toEqual([false, true, true])
  const second = await blobs.create('bbbbbbbbbbbbbbbbbbbbbbbbyz')
  await second.commit()
  expect(named).toHaveLength(5)
})
