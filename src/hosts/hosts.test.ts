import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { clientAddressFrom } from './client-address.ts'
import { announcedServer, announceServer, openDataFolder, withdrawServer } from './data-folder.ts'
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
    const folder = openDataFolder(path)
    onTestFinished(() => folder.release())
    announceServer(path, { url: 'http://x', token: 't', pid: 1 })
    for (const file of ['secrets.json', 'server.json']) expect(statSync(join(path, file)).mode & 0o077).toBe(0)
    expect(announcedServer(path)).toEqual({ url: 'http://x', token: 't', pid: 1 })
    withdrawServer(path)
    expect(announcedServer(path)).toBeNull()
  })

  test('secrets that can’t be read stop the start; new ones would open nothing that was given out', () => {
    const path = mkdtempSync(join(tmpdir(), 'todoku-data-'))
    writeFileSync(join(path, 'secrets.json'), '{"keys":')
    expect(() => openDataFolder(path)).toThrow()
    expect(readFileSync(join(path, 'secrets.json'), 'utf8')).toBe('{"keys":')
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
  })
})
