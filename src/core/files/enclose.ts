import type { Entry, StoredFile } from '../submissions/submission.ts'
import { type FileRisk, riskOf } from './risk.ts'

/** An upload of a submission: `index` is that of its entry. */
export type EnclosedFile = { index: number; file: StoredFile; risk: FileRisk | null }

/**
 * Which uploads a mail carries, in the order they were posted: all that are harmless, as long as they fit together. The
 * others go as links, so that neither a large file nor a dangerous one costs the mail.
 *
 * @param room bytes that the attachments may take together as they travel; where it is negative, not even an empty file goes
 */
export function enclose(
  entries: readonly Entry[],
  room: number,
): { attached: readonly EnclosedFile[]; linked: readonly EnclosedFile[] } {
  const attached: EnclosedFile[] = []
  const linked: EnclosedFile[] = []
  let left = room
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'text') continue
    const { file } = entry
    const risk = riskOf(file)
    const bytes = travelBytes(file.size)
    const goes = risk === null && bytes <= left
    if (goes) left -= bytes
    ;(goes ? attached : linked).push({ index, file, risk })
  }
  return { attached, linked }
}

/** Bytes of an attachment in base64: four for three, and a line end after each 76 (RFC 2045 §6.8). */
export function travelBytes(size: number): number {
  const encoded = 4 * Math.ceil(size / 3)
  return encoded + 2 * Math.ceil(encoded / 76)
}

/** Letters that change the direction of text; in a file's name they only serve to hide its ending. */
const directionControls = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** A file's name as it is shown and attached. */
export function shownFileName(fileName: string): string {
  return fileName.replace(directionControls, '')
}
