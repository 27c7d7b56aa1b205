import { mkdirSync } from 'node:fs'
import { access, type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { BlobStore } from '../../core/deps.ts'
import { TodokuError } from '../../core/errors.ts'

const keyPattern = /^[a-z2-7]{26}$/

/**
 * Blobs as files, each in a folder named by the last two letters of its key: those are random, so that no folder grows
 * large. A blob is written under another name, synced, renamed, and its folder synced: after `commit` it is there whole, or
 * not at all (invariant 1).
 */
export function folderBlobs(folder: string): BlobStore {
  const unfinished = join(folder, 'unfinished')
  /** Folders whose own name is known to be on the disk. */
  const settled = new Set<string>()
  mkdirSync(unfinished, { recursive: true })

  function pathOf(key: string): string {
    // Keys are ours; anything else would be a way out of the folder.
    if (!keyPattern.test(key)) throw new TypeError('not a blob key')
    return join(folder, key.slice(-2), key)
  }

  return {
    async create(key) {
      const target = pathOf(key)
      const temporary = join(unfinished, key)
      const file = await storing(open(temporary, 'wx', 0o600))
      return {
        async write(chunk) {
          await storing(writeAll(file, chunk))
        },
        async commit() {
          await storing(finish(file, temporary, target, settled))
        },
        async discard() {
          await file.close().catch(() => {})
          await rm(temporary, { force: true }).catch(() => {})
        },
      }
    },
    async read(key) {
      try {
        return await readFile(pathOf(key))
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
    },
    async stream(key) {
      const path = pathOf(key)
      try {
        await access(path)
      } catch (error) {
        if (isMissing(error)) return null
        throw error
      }
      return pieces(path)
    },
    async delete(key) {
      await rm(pathOf(key), { force: true })
    },
    async *olderThan(time) {
      for (const name of await readdir(folder)) {
        for (const key of await readdir(join(folder, name)).catch(() => [])) {
          const path = join(folder, name, key)
          const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
          if (mtimeMs >= time || !keyPattern.test(key)) continue
          if (name === 'unfinished') await rm(path, { force: true })
          else yield key
        }
      }
    },
  }
}

/** Opens the file with the first piece that is asked for, and closes it when the reader goes away. */
async function* pieces(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r')
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(pieceBytes), 0, pieceBytes)
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

const pieceBytes = 65_536

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  let written = 0
  while (written < chunk.length) written += (await file.write(chunk, written)).bytesWritten
}

async function finish(file: FileHandle, temporary: string, target: string, settled: Set<string>): Promise<void> {
  await file.sync()
  await file.close()
  const folder = dirname(target)
  await mkdir(folder, { recursive: true })
  await rename(temporary, target)
  await syncFolder(folder)
  // A new folder's name lies in its parent, which must be on the disk too, whoever made it.
  if (!settled.has(folder)) await syncFolder(dirname(folder))
  settled.add(folder)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** A full or failing disk is a store that is not available. */
async function storing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new TodokuError('store-unavailable', { cause: error })
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT'
}
