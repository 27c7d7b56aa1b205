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
  caps: Caps
  schedule: Schedule
  alarms: AlarmSettings
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
  /** A mail with its uploads as it travels (base64), text and header included; what does not fit goes as links. */
  attachBytes: number
  /** How long the links to files in notifications work. Days. */
  linkDays: number
}

/** Of mails to one recipient; times in milliseconds, already sped up for `capture`. */
export type Caps = {
  /** Confirmations, over all forms. */
  perAddress: { max: number; windowMs: number }
  perDomain: { max: number; windowMs: number }
  /** Domains that many people share. */
  perSharedDomain: { max: number; windowMs: number }
  /** Notifications of one form to one address; what is over it is told in a digest. */
  notifications: { max: number; windowMs: number }
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
  /** How long a confirmation to a doubtful address waits for its submitter's answer. */
  doubtPause: number
  /** Before an open circuit breaker of confirmations is looked at again; longer where it stays open. */
  breakerPause: number
  /** How far back bounces and complaints count for it. */
  breakerWindow: number
  /** How long notifications of a flooded form are gathered for one digest. */
  floodPause: number
  /** After this such a notification goes out by itself, should no digest have told it. */
  floodFallback: number
}

/** Who is told when something is wrong, and how it is found out. Times in milliseconds, already sped up for `capture`. */
export type AlarmSettings = {
  webhook: { url: string; secret: string } | null
  /** Who is told by mail. Empty: nobody. */
  mailTo: readonly string[]
  /** A URL that is asked for every minute while the process works; who watches it notices silence. */
  heartbeat: string | null
  /** Whether webhook and heartbeat may be on this machine or in its network. */
  allowPrivate: boolean
  /** Posts a test to this form, whose notification must arrive in time. */
  canary: { form: string; every: number; within: number } | null
  /** Hour of the day, by `timeZone`, from which the digest goes out; null: never. */
  digestHour: number | null
  /** A due mail that waits longer than this means that the queue is stuck. */
  stuckAfter: number
  /** A transport that refuses for longer than this, without taking one mail, is told. */
  refusingAfter: number
  /** What lasts is told again after the first of these, then after the second, and so on; the last one repeats. */
  tellAgainAfter: readonly number[]
}
