import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { testDeps } from '../../test/fakes/test-deps.ts'
import { readConfig } from '../config/read-config.ts'
import { clientAddressFrom, clientFrom } from './client-address.ts'
import { announcedServer, announceServer, openDataFolder, withdrawServer } from './data-folder.ts'
import { settingsOf } from './settings.ts'
import { openSite, pageOf } from './site.ts'
import { type Greeting, startScreen } from './start-screen.ts'

describe('the client’s address', () => {
  const of = clientAddressFrom(['10.0.0.0/8', '127.0.0.1', '2001:db8::/32'])

  test.each([
    ['203.0.113.9', null, '203.0.113.9'],
    // What a client writes itself is not believed.
    ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['10.1.2.3', '6.6.6.6, 198.51.100.1', '198.51.100.1'],
    ['10.1.2.3', '198.51.100.1, 10.9.9.9', '198.51.100.1'],
    ['::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['2001:db8::1', '2001:4860::7', '2001:4860::7'],
    ['10.1.2.3', 'nonsense', '10.1.2.3'],
    ['10.1.2.3', '', '10.1.2.3'],
    ['10.1.2.3', null, '10.1.2.3'],
  ])('%s with %s is %s', (peer, forwarded, expected) => {
    expect(of(peer, forwarded)).toBe(expected)
  })

  test('a proxy that is not trusted is seen and not believed; of one that is, nothing is said', () => {
    const client = clientFrom(['10.0.0.1'])
    const ask = (peer: string, headers: Record<string, string>) => client(peer, new Headers(headers))
    expect(ask('::ffff:127.0.0.1', { 'X-Forwarded-For': '198.51.100.1' })).toEqual({
      address: '127.0.0.1',
      isForwarded: true,
    })
    expect(ask('127.0.0.1', { Forwarded: 'for=198.51.100.1' })).toEqual({ address: '127.0.0.1', isForwarded: true })
    expect(ask('203.0.113.9', {})).toEqual({ address: '203.0.113.9', isForwarded: false })
    // A visitor in a private network, behind a proxy that is named, is one person among others.
    expect(ask('10.0.0.1', { 'X-Forwarded-For': '10.9.8.7' })).toEqual({ address: '10.9.8.7' })
  })
})

describe('the data folder', () => {
  test('is for one process; the next one gets in when it is released', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'todoku-data-')), 'new')
    const first = openDataFolder(path)
    expect(() => openDataFolder(path)).toThrow(expect.objectContaining({ code: 'data-in-use' }))
    first.release()
    const second = openDataFolder(path)
    onTestFinished(() => second.release())
    // Secrets are made once; links made before still open.
    expect(second.secrets).toEqual(first.secrets)
  })

  test('what is secret can be read by its owner only', () => {
    const path = mkdtempSync(join(tmpdir(), 'todoku-data-'))
    chmodSync(path, 0o755)
    const folder = openDataFolder(path)
    onTestFinished(() => folder.release())
    announceServer(path, { url: 'http://x', token: 't', pid: 1 })
    for (const file of ['secrets.json', 'server.json']) expect(statSync(join(path, file)).mode & 0o077).toBe(0)
    // Also of what others made: nobody else gets into the folder, to the database or the uploads.
    expect(statSync(path).mode & 0o077).toBe(0)
    expect(announcedServer(path)).toEqual({ url: 'http://x', token: 't', pid: 1 })
    withdrawServer(path)
    expect(announcedServer(path)).toBeNull()
  })

  test('only another process is called one: a broken lock, or a place that can’t be written, is told as that', () => {
    const broken = mkdtempSync(join(tmpdir(), 'todoku-data-'))
    writeFileSync(join(broken, 'lock.db'), 'garbage '.repeat(500))
    expect(() => openDataFolder(broken)).toThrow(expect.objectContaining({ code: 'data-unusable' }))
    const file = join(mkdtempSync(join(tmpdir(), 'todoku-data-')), 'file')
    writeFileSync(file, '')
    expect(() => openDataFolder(file)).toThrow(expect.objectContaining({ code: 'data-unusable' }))
  })

  test('secrets that can’t be read stop the start; new ones would open nothing that was given out', () => {
    const path = mkdtempSync(join(tmpdir(), 'todoku-data-'))
    writeFileSync(join(path, 'secrets.json'), '{"keys":')
    expect(() => openDataFolder(path)).toThrow()
    expect(readFileSync(join(path, 'secrets.json'), 'utf8')).toBe('{"keys":')
  })
})

describe('the settings', () => {
  const settings = (values: Record<string, string>) => {
    const result = readConfig({ flags: {}, environment: values, folder: mkdtempSync(join(tmpdir(), 'todoku-config-')) })
    if (result.kind === 'invalid') throw new Error(JSON.stringify(result.problems))
    return settingsOf(result.config, 4180)
  }

  test('addresses are what the rest of the product takes for one, and are kept in that form', () => {
    const { from, envelope, managers } = settings({
      TODOKU_FROM_ADDRESS: 'forms@日本語.jp',
      TODOKU_MANAGERS: 'a@Example.JP,花子@example.jp',
    })
    expect(from.address).toBe('forms@xn--wgv71a119e.jp')
    expect(envelope).toEqual({ kind: 'fixed', address: 'forms@xn--wgv71a119e.jp' })
    expect(managers).toEqual(['a@example.jp', '花子@example.jp'])
  })

  test('every address that is none is named at once, without its value', () => {
    const wrong = () =>
      settings({
        TODOKU_FROM_ADDRESS: 'forms@exa_mple.jp',
        TODOKU_RETURN_ADDRESS: '花子@example.jp',
        TODOKU_MANAGERS: 'ｏffice@example.jp,ok@example.jp',
      })
    expect(wrong).toThrow(expect.objectContaining({ code: 'config-invalid' }))
    try {
      wrong()
    } catch (error) {
      const { detail } = error as { detail: string }
      for (const key of ['from.address', 'returnAddress', 'managers']) expect(detail).toContain(key)
      expect(detail).not.toMatch(/exa_mple|花子|ｏffice/)
    }
  })
})

describe('the site', () => {
  const page = (length: number) =>
    `<!doctype html><title>x</title><form action="/f/contact" method="post"><input name="n" maxlength="${length}"></form>`

  async function site() {
    const folder = join(mkdtempSync(join(tmpdir(), 'todoku-site-')), 'site')
    mkdirSync(folder)
    writeFileSync(join(folder, 'index.html'), page(1))
    const deps = testDeps()
    const opened = await openSite(deps, folder)
    onTestFinished(() => opened.stop())
    const look = async () => {
      await deps.clock.advanceAsync(2_000)
      return (await deps.forms.get('contact'))?.variants[0]?.controls[0]?.maxLength
    }
    return { folder, look }
  }

  test('a page that is replaced by renaming is noticed, again and again', async () => {
    const { folder, look } = await site()
    for (const next of [2, 3, 4]) {
      writeFileSync(join(folder, 'new'), page(next))
      renameSync(join(folder, 'new'), join(folder, 'index.html'))
      await expect.poll(look).toBe(next)
    }
  })

  test('a folder that is swapped as a whole is noticed', async () => {
    const { folder, look } = await site()
    const other = `${folder}-new`
    mkdirSync(other)
    writeFileSync(join(other, 'index.html'), page(7))
    renameSync(folder, `${folder}-old`)
    renameSync(other, folder)
    await expect.poll(look).toBe(7)
  })

  test('a path with two slashes does not lead to another host', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'todoku-site-'))
    mkdirSync(join(folder, 'example.com'))
    writeFileSync(join(folder, 'example.com/index.html'), 'x')
    const answer = await pageOf(folder, new Request('http://localhost:4180//example.com'))
    expect(answer?.headers.get('location')).toBe('/example.com/')
  })
})

describe('the start screen', () => {
  const greeting: Greeting = {
    publicUrl: 'http://localhost:4180',
    listens: 'http://127.0.0.1:4180',
    enterUrl: 'http://localhost:4180/app/enter/abc',
    dataFolder: '/srv/todoku',
    transport: 'capture',
    relay: null,
    from: 'x@example.jp',
    demo: true,
    site: '/x',
    forms: ['contact'],
    notAdopted: [],
    drift: [],
    unwatched: [],
  }

  test('fits on one screen and says what there is to know', () => {
    const screen = startScreen(greeting)
    for (const part of [
      'http://localhost:4180/',
      'http://localhost:4180/ja/',
      '/app/enter/abc',
      '/srv/todoku',
      'none leaves this machine',
      'docs/guide/sending.md',
    ]) {
      expect(screen).toContain(part)
    }
    expect(screen.split('\n').length).toBeLessThan(20)
  })

  test('says where mail goes, and what is not as it should be', () => {
    const screen = startScreen({
      ...greeting,
      transport: 'smtp',
      relay: 'smtp.example.jp',
      demo: false,
      drift: ['contact'],
      notAdopted: [{ page: '/a.html', reason: 'half written' }],
    })
    for (const part of ['through smtp.example.jp', 'Not applied yet: contact', '/a.html: half written'])
      expect(screen).toContain(part)
    expect(startScreen({ ...greeting, drift: 'invalid' })).toContain('not valid')
    const unwatched = [{ sentence: 'Nobody is told.', next: 'Set `alarms.webhook`.' }]
    expect(startScreen({ ...greeting, unwatched })).toContain('! Nobody is told. Set `alarms.webhook`.')
  })
})
