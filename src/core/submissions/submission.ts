import type { Language } from '../language.ts'

/** A field's value as posted: text, or a file that lies in the blob store. Order and repeated names are kept. */
export type Entry = TextEntry | FileEntry
export type TextEntry = { kind: 'text'; name: string; value: string }
export type FileEntry = { kind: 'file'; name: string; file: StoredFile }

/** An upload, on disk before the submission is. */
export type StoredFile = {
  /** Key in the blob store. */
  blob: string
  /** As the browser sent it; only ever shown or encoded, never used as a path. */
  fileName: string
  /** As the browser claims. */
  type: string
  /** Bytes. */
  size: number
  /** SHA-256, base64url. */
  hash: string
}

/** Something about a field that was kept although the page's rules do not know it. */
export type Observation = {
  field: string
  /** `ADDRESS_UNUSABLE`: of `_replyto`, which is no address that mail can go to, so there is no confirmation. */
  code: 'FIELD_UNKNOWN' | 'OPTION_UNKNOWN' | 'FILE_TYPE' | 'PATTERN_NOT_CHECKED' | 'ADDRESS_UNUSABLE'
}

/** Whether a submission may cause mail at all. `quarantined` and `released` come with the spam rules. */
export type Review = 'accepted'

/** The submitter asked for the confirmation again, to the same or to another address. */
export type Resend = {
  kind: 'corrected' | 'resent'
  at: number
  /** The confirmation that failed, and the one that replaces it. */
  oldMessage: string
  newMessage: string
  oldEmail: string
  newEmail: string
}

/** One accepted post of a form. */
export type Submission = {
  id: string
  /** For people: no look-alike letters, no sequence. Not secret. */
  reference: string
  form: string
  formVersion: number
  /** Milliseconds since 1970, as all times in the store. */
  receivedAt: number
  language: Language
  review: Review
  entries: readonly Entry[]
  observations: readonly Observation[]
  /** The address confirmations go to: as posted, or as corrected since. One addr-spec; null when the post had none. */
  email: string | null
  /** Keyed hash of client address and agent; the address itself is not kept. */
  clientKey: string
  /** Keyed hash of the client address alone (IPv6: its /64), for budgets. */
  networkKey: string
  /** Id of the key that its status token is derived with, so that a repeated answer has the same token. */
  tokenKey: string
  /** Random; the receipt's commitment is a hash of salt and content. */
  salt: string
  /** Keyed hash of the content, for idempotency. */
  bodyHash: string
  resends: readonly Resend[]
}
