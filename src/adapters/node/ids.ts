import { randomBytes } from 'node:crypto'
import { sortedBase32 } from '../../core/base-encoding.ts'
import type { Ids } from '../../core/deps.ts'

/**
 * Ids from the clock and the operating system's generator. Those made later sort later, so that a store appends to its
 * indexes instead of writing all over them.
 */
export function randomIds(): Ids {
  return {
    next() {
      const id = randomBytes(16)
      id.writeUIntBE(Date.now(), 0, 6)
      return sortedBase32(id)
    },
    bytes: (count) => randomBytes(count),
    fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
  }
}
