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

const proxy = z.string().regex(/^[0-9A-Fa-f.:]+(?:\/\d{1,3})?$/, 'must be an IP address or a network, like 10.0.0.0/8')

const timeZone = z.string().refine(isTimeZone, 'must be a time zone, like Asia/Tokyo')

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

export const configSchema = z.strictObject({
  host: host.default('127.0.0.1'),
  port: integer(0, 65535).default(4180),
  data: text.default('data'),
  site: text.optional(),
  publicUrl: publicUrl.optional(),
  allowedHosts: list(
    z.string().regex(/^[A-Za-z0-9.-]+(?::\d{1,5})?$/, 'must be a host name, with a port if it has one'),
  ).default([]),
  trustedProxies: list(proxy).default([]),

  transport: z.enum(['capture', 'smtp'], 'must be capture or smtp').default('capture'),
  smtp: z
    .strictObject({
      host: host.optional(),
      port: integer(1, 65535).optional(),
      security: z
        .enum(['implicit', 'starttls', 'opportunistic', 'none'], 'must be implicit, starttls, opportunistic or none')
        .default('starttls'),
      verifyCertificate: flag.default(true),
      serverName: host.optional(),
      caFile: text.optional(),
      user: text.optional(),
      password: text.optional(),
      passwordFile: text.optional(),
      accessToken: text.optional(),
      heloName: host.optional(),
      connections: integer(1, 100).default(5),
      mailsPerConnection: integer(1, 10_000).default(50),
    })
    .prefault({}),
  from: z.strictObject({ address: address.optional(), name: z.string().max(100).optional() }).prefault({}),
  envelope: z.enum(['fixed', 'verp'], 'must be fixed or verp').default('fixed'),
  returnAddress: address.optional(),
  returnDomain: domain.optional(),
  managers: list(address).default([]),

  language: z.enum(['en', 'ja'], 'must be en or ja').default('en'),
  timeZone: timeZone.optional(),
  limits: z
    .strictObject({
      fields: integer(1, 100_000).default(500),
      fieldBytes: size.default(1_000_000),
      bodyBytes: size.default(2_000_000),
      files: integer(0, 1000).default(10),
      fileBytes: size.default(10_000_000),
      totalBytes: size.default(25_000_000),
      bodySeconds: integer(1, 3600).default(120),
      attachBytes: size.default(7_000_000),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent')
        .optional(),
    })
    .prefault({}),

  /** Settings of forms: read here, checked and applied by `todoku forms apply`. */
  forms: z.record(z.string(), z.unknown()).default({}),
})

export type Config = z.output<typeof configSchema>
