import type { Language } from './language.ts'
import type { TransportName } from './messages/transport.ts'

/** What the operator decided for the whole instance; made by the host from the configuration. */
export type Settings = {
  /** Without a slash at the end. All links begin with it; the Host header never makes one. */
  publicUrl: string
  transport: TransportName
  /** From of every mail. `name` is the default display name. */
  from: { address: string; name: string | null }
  /** `verp`: an own return path per message below `domain`, so that bounces can be told apart. */
  envelope: { kind: 'fixed'; address: string } | { kind: 'verp'; domain: string }
  /** Who gets the notifications of forms that name no managers. */
  managers: readonly string[]
  language: Language
  /** IANA name, for times in mails and on pages. */
  timeZone: string
  limits: Limits
  schedule: Schedule
}

/** What one post may bring. Sizes in bytes. */
export type Limits = {
  fields: number
  fieldBytes: number
  /** Of an urlencoded or JSON body. */
  bodyBytes: number
  files: number
  fileBytes: number
  /** Of a multipart body, files included. */
  totalBytes: number
  /** For the whole body to arrive. */
  bodySeconds: number
  /** Uploads up to this sum are attached to the notification; beyond it they are only named. */
  attachBytes: number
}

/** When to try again, and for how long. Times in milliseconds, already sped up for `capture`. */
export type Schedule = {
  /** Pause before the 2nd, 3rd, … attempt; the last one repeats. */
  pauses: readonly number[]
  /** Pause instead of the first when nothing was reached (the connection failed before RCPT). */
  unreachedPause: number
  /** Each pause is lengthened or shortened by up to this share. */
  jitter: number
  /** No attempt is made later than this after the message was planned. */
  expiresAfter: number
  /** Before the one more attempt that a notification gets when the answer to the final dot was lost. */
  unknownPause: number
  /** How long after `accepted` news may still come. */
  settlesAfter: number
}
