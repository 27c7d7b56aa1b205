import { readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { parseDocument } from 'yaml'
import * as z from 'zod'
import { type Config, configSchema, webhookSecret } from './schema.ts'

/** Names the wrong key and the rule it breaks; the value is never part of it, it may be a secret. */
export type ConfigProblem = { key: string; rule: string }

export type ConfigResult =
  | { kind: 'ok'; config: Config; file: string | null }
  | { kind: 'invalid'; problems: readonly ConfigProblem[] }

export type ConfigSources = {
  /** Flags of the command line by setting: `{ port: '4999' }`. */
  flags: Readonly<Record<string, string | undefined>>
  environment: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths begin at. */
  folder: string
}

const defaultFile = 'todoku.yaml'

/** Variables with our prefix that are not settings: the tests' folder of real mails. */
const notSettings = new Set(['TODOKU_CORPORA', 'TODOKU_CONFIG'])

/**
 * Reads the settings file, then the environment (`TODOKU_SMTP_HOST` is `smtp.host`), then the flags; a later one wins.
 * Gives one frozen value, or every problem at once.
 */
export function readConfig({ flags, environment, folder }: ConfigSources): ConfigResult {
  const problems: ConfigProblem[] = []
  const sources = new Map<string, string>()
  const named = flags.config ?? environment.TODOKU_CONFIG
  const { values, file } = readFile(resolve(folder, named ?? defaultFile), named !== undefined, problems)

  // `smtp:` with nothing below it is a group without settings.
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    if (values[key] === null && !isLeaf(schema)) delete values[key]
  }
  const leaves = leafPaths()
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('TODOKU_') || notSettings.has(name) || value === undefined) continue
    const path = leaves.find((leaf) => variableName(leaf) === name)
    if (path === undefined) problems.push({ key: name, rule: 'is not a setting' })
    else override(path, value, name)
  }
  for (const [name, value] of Object.entries(flags)) {
    if (name !== 'config' && value !== undefined) override([name], value, `--${name}`)
  }

  function override(path: readonly string[], value: string, source: string): void {
    set(values, path, value)
    sources.set(path.join('.'), source)
  }

  const result = configSchema.safeParse(values)
  if (!result.success) problems.push(...result.error.issues.flatMap((issue) => describe(issue, sources)))
  else problems.push(...crossChecks(result.data))
  if (problems.length > 0 || !result.success) return { kind: 'invalid', problems }

  const config = withPaths(result.data, folder, problems)
  problems.push(...servedSecrets(config, [file, ...secretFiles(result.data, folder)]))
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'ok', config: deepFreeze(config), file }
}

function readFile(
  path: string,
  required: boolean,
  problems: ConfigProblem[],
): { values: Record<string, unknown>; file: string | null } {
  let source: string
  try {
    source = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') problems.push({ key: path, rule: 'can’t be read' })
    else if (required) problems.push({ key: path, rule: 'does not exist' })
    return { values: {}, file: null }
  }
  const document = parseDocument(source)
  for (const error of document.errors) {
    const line = error.linePos?.[0].line ?? 0
    problems.push({ key: path, rule: `is not YAML at line ${line} (${error.code})` })
  }
  const values = document.errors.length > 0 ? {} : usable(() => document.toJS(), path, problems)
  if (values === null) return { values: {}, file: path }
  if (typeof values !== 'object' || Array.isArray(values)) {
    problems.push({ key: path, rule: 'must be a list of settings, `key: value`' })
    return { values: {}, file: path }
  }
  return { values: values as Record<string, unknown>, file: path }
}

/**
 * What `read` gives; nothing where it can't: an alias without an anchor (`*name`, also in a password that was not quoted),
 * or aliases of aliases that grow without end. The library's own words would repeat the value.
 */
function usable(read: () => unknown, path: string, problems: ConfigProblem[]): unknown {
  try {
    return read()
  } catch {
    problems.push({ key: path, rule: 'is not YAML that can be used (ALIAS): quote values that begin with *' })
    return {}
  }
}

type Leaf = { path: string[]; schema: z.ZodType }

/** Every setting with one value, with its path of keys. */
function leavesOf(schema: z.ZodType, path: readonly string[] = []): Leaf[] {
  const inner = unwrap(schema)
  if (!(inner instanceof z.ZodObject)) return [{ path: [...path], schema }]
  return Object.entries(inner.shape).flatMap(([key, value]) => leavesOf(value as z.ZodType, [...path, key]))
}

/** Forms have no variable: their settings are a tree of their own. */
function leafPaths(): string[][] {
  return leavesOf(configSchema).flatMap(({ path, schema }) => (unwrap(schema) instanceof z.ZodRecord ? [] : [path]))
}

/** Whether a setting has one value, not settings of its own. */
function isLeaf(schema: z.ZodType): boolean {
  const inner = unwrap(schema)
  return !(inner instanceof z.ZodObject || inner instanceof z.ZodRecord)
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap() as z.ZodType)
  }
  return schema
}

/** One setting, for the reference page. */
export type SettingReference = { key: string; variable: string | null; standard: string; description: string }

/** All settings in the order of the schema. */
export function settingsReference(): SettingReference[] {
  return leavesOf(configSchema).map(({ path, schema }) => ({
    key: path.join('.'),
    variable: unwrap(schema) instanceof z.ZodRecord ? null : variableName(path),
    standard:
      schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? JSON.stringify(schema.def.defaultValue) : '',
    description: schema.description ?? '',
  }))
}

/** `['smtp', 'mailsPerConnection']` → `TODOKU_SMTP_MAILS_PER_CONNECTION` */
function variableName(path: readonly string[]): string {
  return ['todoku', ...path].map((key) => key.replace(/[A-Z]/g, '_$&').toUpperCase()).join('_')
}

function set(values: Record<string, unknown>, path: readonly string[], value: string): void {
  let inner = values
  for (const key of path.slice(0, -1)) {
    inner[key] ??= {}
    const next = inner[key]
    // A value where a group belongs is a mistake of the file, and stays to be told.
    if (typeof next !== 'object' || Array.isArray(next)) return
    inner = next as Record<string, unknown>
  }
  inner[path.at(-1) as string] = value
}

function describe(issue: z.core.$ZodIssue, sources: ReadonlyMap<string, string>): ConfigProblem[] {
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ key: path === '' ? key : `${path}.${key}`, rule: 'is not a setting' }))
  }
  return [{ key: sources.get(path) ?? path, rule: issue.message }]
}

/** What can only be judged together. */
function crossChecks(config: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = []
  const need = (present: boolean, key: string, rule: string) => {
    if (!present) problems.push({ key, rule })
  }
  if (config.transport !== 'capture') {
    const why = `is needed with transport: ${config.transport}`
    need(config.publicUrl !== undefined, 'publicUrl', `${why}: links in mails begin with it`)
    need(config.from.address !== undefined, 'from.address', why)
    need(config.managers.length > 0, 'managers', `${why}: who is told of posts to forms that name nobody`)
  }
  if (config.transport === 'smtp') {
    need(config.smtp.host !== undefined, 'smtp.host', 'is needed with transport: smtp')
    loginChecks(config.smtp, 'smtp', need)
  }
  const { webhook, email } = config.alarms
  const secrets = [webhook.secret, webhook.secretFile].filter((secret) => secret !== undefined)
  need(webhook.url === undefined || secrets.length > 0, 'alarms.webhook.secret', 'is needed with alarms.webhook.url')
  need(
    secrets.length <= 1,
    'alarms.webhook.secret',
    'give only one of alarms.webhook.secret and alarms.webhook.secretFile',
  )
  need(email.smtp.host === undefined || email.to.length > 0, 'alarms.email.to', 'is needed with alarms.email.smtp')
  loginChecks(email.smtp, 'alarms.email.smtp', need)
  if (config.envelope === 'verp')
    need(config.returnDomain !== undefined, 'returnDomain', 'is needed with envelope: verp')
  return problems
}

function loginChecks(
  {
    user,
    password,
    passwordFile,
    accessToken,
    accessTokenFile,
  }: Pick<Config['smtp'], 'user' | 'password' | 'passwordFile' | 'accessToken' | 'accessTokenFile'>,
  key: string,
  need: (present: boolean, key: string, rule: string) => void,
): void {
  const secrets = [password, passwordFile, accessToken, accessTokenFile].filter((secret) => secret !== undefined)
  need(
    user === undefined || secrets.length > 0,
    `${key}.password`,
    `is needed with ${key}.user (or ${key}.passwordFile, ${key}.accessToken, ${key}.accessTokenFile)`,
  )
  need(user !== undefined || secrets.length === 0, `${key}.user`, 'is needed with a password or an access token')
  need(
    secrets.length <= 1,
    `${key}.password`,
    `give only one of ${key}.password, ${key}.passwordFile, ${key}.accessToken and ${key}.accessTokenFile`,
  )
}

/** Relative paths begin at the working folder; a password file is read now, so that its absence is told now. */
function withPaths(config: Config, folder: string, problems: ConfigProblem[]): Config {
  const { webhook, email } = config.alarms
  return {
    ...config,
    data: resolve(folder, config.data),
    ...(config.site === undefined ? {} : { site: resolve(folder, config.site) }),
    ...(config.templates === undefined ? {} : { templates: resolve(folder, config.templates) }),
    smtp: relayWithPaths(config.smtp, 'smtp', folder, problems),
    alarms: {
      ...config.alarms,
      webhook:
        webhook.secretFile === undefined
          ? webhook
          : { ...webhook, secret: webhookSecretOf(resolve(folder, webhook.secretFile), problems) },
      email: { ...email, smtp: relayWithPaths(email.smtp, 'alarms.email.smtp', folder, problems) },
    },
  }
}

type SecretFiles = Pick<Config['smtp'], 'passwordFile' | 'caFile' | 'accessTokenFile'>

function relayWithPaths<R extends SecretFiles>(relay: R, key: string, folder: string, problems: ConfigProblem[]): R {
  const { passwordFile, caFile, accessTokenFile } = relay
  if (caFile !== undefined) readSecret(resolve(folder, caFile), `${key}.caFile`, problems)
  if (accessTokenFile !== undefined) readSecret(resolve(folder, accessTokenFile), `${key}.accessTokenFile`, problems)
  return {
    ...relay,
    ...(passwordFile === undefined
      ? {}
      : { password: readSecret(resolve(folder, passwordFile), `${key}.passwordFile`, problems) }),
    ...(caFile === undefined ? {} : { caFile: resolve(folder, caFile) }),
    ...(accessTokenFile === undefined ? {} : { accessTokenFile: resolve(folder, accessTokenFile) }),
  }
}

function webhookSecretOf(path: string, problems: ConfigProblem[]): string {
  const known = problems.length
  const secret = readSecret(path, 'alarms.webhook.secretFile', problems)
  if (problems.length === known && !webhookSecret.safeParse(secret).success)
    problems.push({ key: 'alarms.webhook.secretFile', rule: 'must hold whsec_ and 24 to 64 bytes in base64' })
  return secret
}

function secretFiles({ smtp, alarms }: Config, folder: string): string[] {
  const relays: SecretFiles[] = [smtp, alarms.email.smtp]
  return [
    alarms.webhook.secretFile,
    ...relays.flatMap(({ passwordFile, caFile, accessTokenFile }) => [passwordFile, caFile, accessTokenFile]),
  ].flatMap((file) => (file === undefined ? [] : [resolve(folder, file)]))
}

/** What lies below the site is sent to whoever asks for it: neither stored posts nor secrets may. */
function servedSecrets({ site, data }: Config, files: readonly (string | null)[]): ConfigProblem[] {
  if (site === undefined) return []
  const root = realPath(site)
  const isServed = (path: string) => path === root || path.startsWith(root + sep)
  const problems: ConfigProblem[] = []
  if (isServed(realPath(data))) {
    const rule =
      'holds the data folder, so everything that is stored would be served: name a folder with nothing but pages'
    problems.push({ key: 'site', rule })
  }
  if (files.some((file) => file !== null && isServed(realPath(file)))) {
    const rule = 'holds the settings file or a secret, which would be served: name a folder with nothing but pages'
    problems.push({ key: 'site', rule })
  }
  return problems
}

/** Where a path leads to, through links; what is not there yet lies below the part that is. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(path)
    return parent === path ? path : join(realPath(parent), basename(path))
  }
}

function readSecret(path: string, key: string, problems: ConfigProblem[]): string {
  try {
    return readFileSync(path, 'utf8').trimEnd()
  } catch {
    problems.push({ key, rule: 'names a file that can’t be read' })
    return ''
  }
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}
