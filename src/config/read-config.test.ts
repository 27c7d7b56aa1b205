import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from './read-config.ts'

function read(yaml: string | null, environment: Record<string, string> = {}, flags: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'todoku-config-'))
  if (yaml !== null) writeFileSync(join(folder, 'todoku.yaml'), yaml)
  return readConfig({ flags, environment, folder })
}

function problems(result: ReturnType<typeof readConfig>) {
  return result.kind === 'invalid' ? result.problems : []
}

describe('settings', () => {
  test('without any, everything has a safe default', () => {
    const result = read(null)
    expect(result).toMatchObject({
      kind: 'ok',
      config: { host: '127.0.0.1', port: 4180, transport: 'capture', envelope: 'fixed' },
    })
  })

  test('a flag wins over the environment, which wins over the file', () => {
    const yaml = 'port: 1000\nhost: 10.0.0.1\nlanguage: ja\n'
    const result = read(yaml, { TODOKU_PORT: '2000', TODOKU_HOST: '10.0.0.2' }, { port: '3000' })
    expect(result).toMatchObject({ config: { port: 3000, host: '10.0.0.2', language: 'ja' } })
  })

  test('nested settings have variables of their own, lists are parted by commas', () => {
    const environment = {
      TODOKU_SMTP_MAILS_PER_CONNECTION: '7',
      TODOKU_MANAGERS: 'a@example.jp, b@example.jp',
      TODOKU_LIMITS_FILE_BYTES: '3MB',
    }
    expect(read(null, environment)).toMatchObject({
      config: {
        smtp: { mailsPerConnection: 7 },
        managers: ['a@example.jp', 'b@example.jp'],
        limits: { fileBytes: 3_000_000 },
      },
    })
  })

  test('the ways of alarms are checked together, and a secret that is wrong is not printed', () => {
    const url = 'alarms: { webhook: { url: "https://hooks.example/x" } }'
    expect(problems(read(url)).map(({ key }) => key)).toEqual(['alarms.webhook.secret'])
    const short = read(url, { TODOKU_ALARMS_WEBHOOK_SECRET: 'hunter2' })
    expect(problems(short).map(({ key }) => key)).toEqual(['TODOKU_ALARMS_WEBHOOK_SECRET'])
    expect(JSON.stringify(short)).not.toContain('hunter2')
    const secret = `whsec_${Buffer.alloc(32).toString('base64')}`
    expect(read(url, { TODOKU_ALARMS_WEBHOOK_SECRET: secret })).toMatchObject({
      config: { alarms: { webhook: { secret } } },
    })
    const mail =
      'alarms: { email: { smtp: { host: smtp.example.com, user: ops } }, heartbeat: "https://a:b@c.example/" }'
    expect(problems(read(mail)).map(({ key }) => key)).toEqual(['alarms.heartbeat'])
    expect(problems(read(mail.replace('a:b@', ''))).map(({ key }) => key)).toEqual([
      'alarms.email.to',
      'alarms.email.smtp.password',
    ])
  })

  test('resolvers are IP addresses, with a port if need be', () => {
    const servers = ['192.0.2.1', '127.0.0.1:5353', '2001:db8::1', '[::1]:5353']
    expect(read(null, { TODOKU_DNS_SERVERS: servers.join(',') })).toMatchObject({
      config: { dns: { check: true, servers } },
    })
    for (const wrong of [
      'dns.example',
      '192.0.2',
      '192.0.2.1:',
      '192.0.2.1:0',
      '192.0.2.1:70000',
      '::1:x',
      '[::1]',
      '',
    ]) {
      expect(
        problems(read(null, { TODOKU_DNS_SERVERS: wrong })).map(({ key }) => key),
        wrong,
      ).toHaveLength(1)
    }
  })

  test('the value is frozen to its depth', () => {
    const result = read(null)
    if (result.kind !== 'ok') throw new Error('not read')
    expect(() => Object.assign(result.config.limits, { fields: 1 })).toThrow(TypeError)
  })

  test('invariant 11: every wrong key is named at once, and no value is printed', () => {
    const yaml =
      'prot: 80\nport: hunter2-file\nsmtp:\n  securty: none\n  password: hunter2-secret\nlimits:\n  files: -4\n'
    const result = read(
      yaml,
      { TODOKU_SMPT_HOST: 'hunter2-env', TODOKU_LANGUAGE: 'hunter2-language' },
      { host: 'hunter2 flag' },
    )
    const keys = problems(result).map(({ key }) => key)
    expect(keys.sort()).toEqual([
      '--host',
      'TODOKU_LANGUAGE',
      'TODOKU_SMPT_HOST',
      'limits.files',
      'port',
      'prot',
      'smtp.securty',
    ])
    expect(JSON.stringify(problems(result))).not.toContain('hunter2')
  })

  test('a transport that reaches people needs an address, a sender and managers', () => {
    const keys = problems(read('transport: smtp\n')).map(({ key }) => key)
    expect(keys).toEqual(['publicUrl', 'from.address', 'managers', 'smtp.host'])
  })

  test('a file that is not YAML is named with its line', () => {
    expect(problems(read('port: [1\nhost: x\n'))[0]?.rule).toMatch(/is not YAML at line \d/)
  })

  test.each([
    ['an alias nobody defined', 'smtp:\n  password: *hunter2secret\n'],
    [
      'aliases that grow without end',
      `a0: &a0 [hunter2, hunter2]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`).join('\n')}\n`,
    ],
  ])('invariant 11: %s is named without its value', (_what, yaml) => {
    const found = problems(read(yaml))
    expect(found).toEqual([
      {
        key: expect.stringMatching(/todoku\.yaml$/),
        rule: expect.stringContaining('is not YAML that can be used (ALIAS)'),
      },
    ])
    expect(JSON.stringify(found)).not.toContain('hunter2')
  })

  test('a group with nothing below it has its defaults', () => {
    const result = read('smtp:\nfrom:\nlimits:\nlog:\nforms:\n', { TODOKU_SMTP_PORT: '2525' })
    expect(result).toMatchObject({ kind: 'ok', config: { smtp: { port: 2525, connections: 5 }, forms: {} } })
  })

  test.each(['smtp: hunter2\n', 'smtp: [hunter2]\n'])(
    'a value where a group belongs is told, also beside a variable of the group: %j',
    (yaml) => {
      const found = problems(read(yaml, { TODOKU_SMTP_HOST: 'relay.example.jp' }))
      expect(found.map(({ key }) => key)).toEqual(['smtp'])
      expect(JSON.stringify(found)).not.toContain('hunter2')
    },
  )

  test('a file that was asked for must be there', () => {
    expect(problems(read(null, {}, { config: 'other.yaml' }))[0]?.rule).toBe('does not exist')
  })

  test('a public address has no path, and keeps no slash', () => {
    expect(read('publicUrl: https://forms.example.jp/\n')).toMatchObject({
      config: { publicUrl: 'https://forms.example.jp' },
    })
    expect(problems(read('publicUrl: https://example.jp/forms\n'))[0]?.key).toBe('publicUrl')
  })

  test('the folder of test mails is not a setting, and not a mistake', () => {
    expect(read(null, { TODOKU_CORPORA: 'x' }).kind).toBe('ok')
  })
})

describe('what is served', () => {
  test.each([
    ['the data folder', 'site: .\n', {}],
    ['the settings file', 'site: .\ndata: /nowhere/data\n', {}],
    ['a password file', 'site: pages\ndata: /nowhere/data\nsmtp:\n  user: me\n  passwordFile: pages/password\n', {}],
  ])('a site that holds %s is refused', (_name, yaml, environment) => {
    const folder = mkdtempSync(join(tmpdir(), 'todoku-config-'))
    mkdirSync(join(folder, 'pages'))
    writeFileSync(join(folder, 'pages/password'), 'secret')
    writeFileSync(join(folder, 'todoku.yaml'), yaml)
    const result = readConfig({ flags: {}, environment, folder })
    expect(problems(result)).toContainEqual({ key: 'site', rule: expect.stringContaining('would be served') })
  })

  test('also behind a link, and by a flag; a folder with nothing but pages is fine', () => {
    const folder = mkdtempSync(join(tmpdir(), 'todoku-config-'))
    mkdirSync(join(folder, 'pages/stored'), { recursive: true })
    symlinkSync(join(folder, 'pages/stored'), join(folder, 'data'))
    const read = (flags: Record<string, string>) => readConfig({ flags, environment: {}, folder })
    expect(problems(read({ site: 'pages' }))).toHaveLength(1)
    expect(read({ site: 'pages', data: 'elsewhere' }).kind).toBe('ok')
    expect(read({ site: 'pages', data: 'pages-data' }).kind).toBe('ok')
  })
})

test.each([
  ['10.0.0.0/99', false],
  ['10.0.0', false],
  ['300.1.1.1', false],
  ['10.0.0.0/', false],
  ['10.0.0.0/8/8', false],
  ['10.0.0.0/8', true],
  ['2001:db8::/128', true],
  ['::1', true],
])('a trusted proxy %s is taken: %s', (proxy, taken) => {
  const result = read(null, { TODOKU_TRUSTED_PROXIES: proxy })
  expect(result.kind).toBe(taken ? 'ok' : 'invalid')
  expect(JSON.stringify(problems(result))).not.toContain('300.1')
})

test.each([
  ['48h', 48 * 3_600_000],
  ['10m', 600_000],
  ['5d', 5 * 86_400_000],
  ['9m', null],
  ['6d', null],
  ['soon', null],
  ['1e9', null],
])('expiresAfter: %s', (text, expected) => {
  const result = read(null, { TODOKU_EXPIRES_AFTER: text })
  expect(result.kind === 'ok' ? result.config.expiresAfter : null).toBe(expected)
})

test('files of secrets that are not there are named', () => {
  const result = read('smtp:\n  user: me\n  accessTokenFile: none\n  caFile: none\n')
  expect(problems(result).map(({ key }) => key)).toEqual(['smtp.caFile', 'smtp.accessTokenFile'])
})
