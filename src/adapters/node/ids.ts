import { randomBytes } from 'node:crypto'
import { base32 } from '../../core/base-encoding.ts'
import type { Ids } from '../../core/deps.ts'

/** Random ids from the operating system's generator. */
export function randomIds(): Ids {
  return {
    next: () => base32(randomBytes(16)),
    bytes: (count) => randomBytes(count),
    fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
  }
}
