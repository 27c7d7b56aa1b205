import { isIP } from 'node:net'
import * as z from 'zod'

/**
 * All settings of an instance. Values may come as YAML or as text (environment, flags), so that every leaf reads both.
 * Messages name the rule, never the value.
 */

const text = z.string().min(1, 'must not be empty')

const integer = (min: number, max: number) =>
  z
    .union(
      [
        z.number(),
        z
          .string()
          .regex(/^\d{1,15}$/, 'must be a whole number')
          .transform(Number),
      ],
      'must be a whole number',
    )
    .refine(
      (value) => Number.isInteger(value) && value >= min && value <= max,
      `must be a whole number from ${min} to ${max}`,
    )

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}

/** Bytes: a number, or a number with a unit, as in `10MB`. */
const size = z.union([z.number(), z.string()], 'must be a size, like 10MB').transform((value, context) => {
  const [, digits = '', unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)\s*([A-Za-z]*)$/.exec(String(value)) ?? []
  const factor = units[unit]
  if (digits === '' || factor === undefined) {
    context.addIssue('must be a size, like 10MB')
    return z.NEVER
  }
  return Math.floor(Number(digits) * factor)
})

const durations: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds: a number with a unit, as in `48h`. */
const duration = (min: number, max: number) =>
  z.union([z.number(), z.string()], 'must be a time, like 48h').transform((value, context) => {
    const [, digits = '', unit = 'ms'] = /^(\d{1,12})\s*([a-z]+)?$/.exec(String(value)) ?? []
    const ms = Number(digits) * (durations[unit] ?? Number.NaN)
    if (digits === '' || !(ms >= min && ms <= max)) {
      context.addIssue(`must be a time from ${min / 60_000}m to ${max / 86_400_000}d, like 48h`)
      return z.NEVER
    }
    return ms
  })

const flag = z.union(
  [z.boolean(), z.enum(['true', 'false']).transform((value) => value === 'true')],
  'must be true or false',
)

const list = <T extends z.ZodType<string>>(item: T) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(item),
  )

const address = z
  .string()
  .regex(/^[^\s<>,;"]+@[^\s<>,;@"]+\.[^\s<>,;@".]+$/, 'must be one plain address, like office@example.jp')

const domain = z
  .string()
  .regex(/^(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+$/, 'must be a domain, like bounces.example.jp')

const publicUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be a URL, like https://forms.example.jp',
  )
  .refine((value) => !URL.canParse(value) || new URL(value).pathname === '/', 'must not have a path')
  .transform((value) => (URL.canParse(value) ? new URL(value).origin : value))

const host = z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be a host name or an IP address')

const proxy = z.string().refine((value) => {
  const [address = '', prefix, ...rest] = value.split('/')
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return bits > 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits))
}, 'must be an IP address or a network, like 10.0.0.0/8')

const dnsServer = z
  .string()
  .refine(isDnsServer, 'must be an IP address, with a port if it is not 53, like 127.0.0.1:5353 or [::1]:5353')

function isDnsServer(text: string): boolean {
  const [, bracketed, plain, port = '53'] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? []
  return isIP(bracketed ?? plain ?? text) !== 0 && Number(port) >= 1 && Number(port) <= 65535
}

const timeZone = z.string().refine(isTimeZone, 'must be a time zone, like Asia/Tokyo')

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** How to reach one relay. */
const relay = z.strictObject({
  host: host.optional().describe('The relay.'),
  port: integer(1, 65535).optional().describe('587, or 465 with security: implicit, unless given.'),
  security: z
    .enum(['implicit', 'starttls', 'opportunistic', 'none'], 'must be implicit, starttls, opportunistic or none')
    .default('starttls')
    .describe(
      '`implicit`: TLS from the first byte. `starttls`: no mail without TLS. `opportunistic`: TLS with any certificate where it works. `none`: no TLS, logins in the clear.',
    ),
  verifyCertificate: flag
    .default(true)
    .describe('Whether the relay’s certificate must be valid (implicit and starttls).'),
  serverName: host.optional().describe('The name the certificate must have, if not that of the relay.'),
  caFile: text.optional().describe('File with certificates (PEM) of a private authority.'),
  user: text.optional().describe('Login.'),
  password: text.optional().describe('Better given by passwordFile or the environment.'),
  passwordFile: text.optional().describe('File that holds the password.'),
  accessToken: text.optional().describe('OAuth 2 access token (XOAUTH2) instead of a password.'),
  accessTokenFile: text
    .optional()
    .describe('File that holds the access token; read at each login, since such tokens live for an hour.'),
  heloName: host.optional().describe('How we introduce ourselves; the host of publicUrl unless given.'),
})

const webUrl = z
  .string()
  .refine(
    (value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'must be a URL, like https://alarms.example.jp/hook',
  )
  .refine(
    (value) => !URL.canParse(value) || (new URL(value).username === '' && new URL(value).password === ''),
    'must not have a user or a password in it',
  )

/** `whsec_` and 24 to 64 bytes (Standard Webhooks). */
export const webhookSecret = z
  .string()
  .regex(
    /^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/,
    'must be whsec_ and 24 to 64 bytes in base64; make one with: echo whsec_$(openssl rand -base64 32)',
  )

/** Descriptions become `docs/reference/settings.md` (`npm run docs`). */
export const configSchema = z.strictObject({
  host: host
    .default('127.0.0.1')
    .describe('Address to listen on. Anything else than this machine’s own needs a reverse proxy with TLS in front.'),
  port: integer(0, 65535).default(4180).describe('Port to listen on; 0 takes a free one.'),
  data: text
    .default('data')
    .describe('Folder with everything that is stored: database, uploads, secrets. Back it up whole.'),
  site: text
    .optional()
    .describe(
      'Folder of pages to serve. The rules of their forms are taken at start and whenever a file changes. Without it, and with transport: capture, the demo is served.',
    ),
  publicUrl: publicUrl
    .optional()
    .describe('The address people use. Every link begins with it. Needed with every transport but capture.'),
  allowedHosts: list(
    z.string().regex(/^[A-Za-z0-9.-]+(?::\d{1,5})?$/, 'must be a host name, with a port if it has one'),
  )
    .default([])
    .describe('Further values of the Host header that are answered, besides those of publicUrl and of this machine.'),
  trustedProxies: list(proxy)
    .default([])
    .describe('Addresses and networks of reverse proxies whose X-Forwarded-For is believed.'),

  transport: z
    .enum(['capture', 'smtp'], 'must be capture or smtp')
    .default('capture')
    .describe('`capture` keeps every mail in the local mailbox; `smtp` hands it to a relay.'),
  smtp: relay
    .extend({
      connections: integer(1, 100).default(5).describe('Most connections at once.'),
      perSecond: integer(1, 10_000).optional().describe('Most mails in a second over time; no limit unless given.'),
      burst: integer(1, 10_000).default(10).describe('How many mails may come at once where perSecond is given.'),
      mailsPerConnection: integer(1, 10_000).default(50).describe('After so many mails a connection is closed.'),
    })
    .prefault({}),
  from: z
    .strictObject({
      address: address
        .optional()
        .describe('From of every mail; an address the relay may send for. Needed with every transport but capture.'),
      name: z.string().max(100).optional().describe('Display name beside it.'),
    })
    .prefault({}),
  envelope: z
    .enum(['fixed', 'verp'], 'must be fixed or verp')
    .default('fixed')
    .describe(
      'Envelope sender: `fixed` is returnAddress for all mails; `verp` is an own address per mail below returnDomain, where the relay allows it.',
    ),
  returnAddress: address.optional().describe('Where bounces go with envelope: fixed; from.address unless given.'),
  returnDomain: domain.optional().describe('Domain whose mail comes to you, for envelope: verp.'),
  expiresAfter: duration(10 * 60_000, 5 * 24 * 3_600_000)
    .prefault('48h')
    .describe(
      'How long delivery of a mail is tried, like 48h (10m to 5d). What was never tried is tried once, however late.',
    ),
  managers: list(address)
    .default([])
    .describe('Who is told of posts to forms that name no managers. Needed with every transport but capture.'),

  language: z
    .enum(['en', 'ja'], 'must be en or ja')
    .default('en')
    .describe('Language of managers, and of visitors who tell none.'),
  timeZone: timeZone.optional().describe('For times in mails and on pages; the machine’s unless given.'),
  limits: z
    .strictObject({
      fields: integer(1, 100_000).default(500).describe('Fields of one post.'),
      fieldBytes: size.default(1_000_000).describe('Size of one field.'),
      bodyBytes: size.default(2_000_000).describe('Size of a post without files.'),
      files: integer(0, 1000).default(10).describe('Files of one post.'),
      fileBytes: size.default(10_000_000).describe('Size of one file.'),
      totalBytes: size.default(25_000_000).describe('Size of a post with files.'),
      bodySeconds: integer(1, 3600).default(120).describe('Time for a post to arrive.'),
      attachBytes: size
        .default(9_500_000)
        .describe(
          'A notification with its uploads has at most this size as it travels, where files are a third larger than on the disk. What does not fit goes as links; and so do all, when a server finds the mail too large. Many servers take mails up to 10 MB.',
        ),
      linkDays: integer(1, 3650).default(30).describe('How long links to files in notifications work, in days.'),
    })
    .prefault({}),
  caps: z
    .strictObject({
      perAddressDaily: integer(1, 1000)
        .default(5)
        .describe(
          'Confirmations that one address may get in a day, over all forms. What is over a cap is held and shown.',
        ),
      perDomainHourly: integer(1, 1_000_000).default(500).describe('Confirmations to one domain in an hour.'),
      perSharedDomainHourly: integer(1, 1_000_000)
        .default(5000)
        .describe('The same for domains that many people share, like gmail.com or docomo.ne.jp.'),
      notificationsHourly: integer(1, 1_000_000)
        .default(60)
        .describe(
          'Notifications that one address gets of one form in an hour, each in a mail of its own; further ones are told together in a digest every quarter of an hour.',
        ),
    })
    .prefault({}),
  dns: z
    .strictObject({
      check: flag
        .default(true)
        .describe(
          'Whether the DNS is asked if the domain of a submitter’s address takes mail. Asked after the answer; trouble with the DNS never holds a mail back.',
        ),
      servers: list(dnsServer).default([]).describe('Resolvers to ask; the machine’s unless given.'),
    })
    .prefault({}),
  alarms: z
    .strictObject({
      webhook: z
        .strictObject({
          url: webUrl.optional().describe('Where alarms are posted, as Standard Webhooks.'),
          secret: webhookSecret.optional().describe('Signs them: `whsec_` and 24 to 64 bytes in base64.'),
          secretFile: text.optional().describe('File that holds the secret.'),
        })
        .prefault({}),
      email: z
        .strictObject({
          to: list(address).default([]).describe('Who is told of alarms by mail; best at another provider.'),
          smtp: relay
            .prefault({})
            .describe('The relay that alarms take; another one than `smtp`, or its failure silences its own alarm.'),
        })
        .prefault({}),
      heartbeat: webUrl
        .optional()
        .describe('Asked for every minute while posts are stored and mail is sent. Who watches it notices silence.'),
      allowPrivate: flag
        .default(false)
        .describe('Whether webhook and heartbeat may be on this machine or in a private network.'),
      canary: z
        .strictObject({
          form: text
            .optional()
            .describe('A test is posted to this form at its public address; its notification must arrive.'),
          everyMinutes: integer(5, 10_080).default(60).describe('How often.'),
          withinMinutes: integer(1, 1440).default(10).describe('How long the notification may take.'),
        })
        .prefault({}),
      digest: flag
        .default(true)
        .describe(
          'Whether the managers get a daily mail where there is something to say: what waits for review, what was held, what failed.',
        ),
      digestHour: integer(0, 23).default(8).describe('Hour of the day for it, by timeZone.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent')
        .optional()
        .describe('`info`, or `warn` in a terminal, unless given. Logs go to standard error, one JSON object a line.'),
    })
    .prefault({}),

  templates: text
    .optional()
    .describe(
      'Folder with texts of forms, `FORM/confirmation.ja.md` and so on, applied together with `forms`: see docs/guide/templates.md.',
    ),
  forms: z
    .record(z.string(), z.unknown())
    .default({})
    .describe('Settings of forms, applied by `todoku forms apply`: see docs/guide/forms.md.'),
})

export type Config = z.output<typeof configSchema>
