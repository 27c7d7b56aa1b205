import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import { environment, postForm, startServer, stateOf, statusWhen, temporaryFolder, todoku } from './server.ts'

const good = { name: '花子', email: 'delivered@simulator.test', message: 'hi' }

/** Sends bytes on a plain connection, and gives everything that came back until it was closed. */
function raw(url: string, bytes: string, options: { halfClose?: boolean } = {}): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true }, () => {
      socket.write(bytes)
      if (options.halfClose) socket.end()
    })
    socket.on('data', (chunk) => {
      answer += String(chunk)
    })
    socket.on('end', () => {
      socket.end()
      resolve(answer)
    })
    socket.on('error', reject)
  })
}

describe('the walk of the README', () => {
  test('each address of the simulator plays its story', async () => {
    const { url } = await startServer()
    const stories: [address: string, state: string][] = [
      ['delivered', 'delivered'],
      ['unknown-user', 'bounced_hard'],
      ['mailbox-full', 'bounced_soft'],
      ['refused', 'bounced_soft'],
      ['deferred', 'delivered'],
      ['late-bounce', 'bounced_hard'],
      ['complaint', 'complained'],
      ['out-of-office', 'delivered'],
      ['silent', 'accepted'],
    ]
    await Promise.all(
      stories.map(async ([address, state]) => {
        const status = await postForm(url, { ...good, email: `${address}@simulator.test`, message: address })
        const last = await statusWhen(status, (now) => stateOf(now, 'confirmation') === state)
        expect(stateOf(last, 'notification')).toMatch(/delivered|queued|sending/)
      }),
    )
  })

  test('a deferred mail shows when the next try is, then arrives', async () => {
    const { url } = await startServer()
    const status = await postForm(url, { ...good, email: 'deferred@simulator.test' })
    const delayed = await statusWhen(status, (now) => stateOf(now, 'confirmation') === 'deferred')
    expect(Date.parse(delayed.messages[0]?.nextTryAt ?? '')).toBeGreaterThan(Date.now() - 1000)
    await statusWhen(status, (now) => stateOf(now, 'confirmation') === 'delivered')
  })

  test('a wrong address is corrected on the status page, and the manager learns of it', async () => {
    const { url, data } = await startServer()
    const status = await postForm(url, { ...good, email: 'unknown-user@simulator.test' })
    await statusWhen(status, (now) => stateOf(now, 'confirmation') === 'bounced_hard')
    const body = new URLSearchParams({ email: 'hanako@example.jp' })
    const headers = { accept: 'text/html' }
    expect((await fetch(`${status}/correct`, { method: 'POST', body, headers, redirect: 'manual' })).status).toBe(303)
    await statusWhen(
      status,
      (now) => stateOf(now, 'confirmation') === 'delivered' && stateOf(now, 'update') === 'delivered',
    )
    const reference = new URL(status).pathname.split('/')[2] ?? ''
    const { out } = await todoku(['explain', reference, '--data', data])
    expect(out).toContain('The sender corrected the address from unknown-user@simulator.test to hanako@example.jp.')
    expect(out).toContain('550 5.1.1')
  })
})

describe('commands', () => {
  test('tell the same beside a running server and without one', async () => {
    const server = await startServer()
    const status = await postForm(server.url, good)
    await statusWhen(status, (now) => !now.open)
    const reference = new URL(status).pathname.split('/')[2] ?? ''
    const commands = [
      ['submissions', 'list'],
      ['submissions', 'show', reference],
      ['messages', 'list'],
      ['explain', reference],
      ['forms', 'list'],
      ['forms', 'show', 'contact'],
    ]
    const run = async () => {
      const answers = await Promise.all(
        commands.map((command) => todoku([...command, '--data', server.data, '--json'])),
      )
      return answers.map(({ code, out }) => ({ code, value: JSON.parse(out) }))
    }
    const beside = await run()
    expect(await server.end()).toEqual({ code: 0, signal: null })
    const commandsAlone = []
    // Without a server each command opens the store for itself, so one after the other.
    for (const command of commands) {
      const { code, out } = await todoku([...command, '--data', server.data, '--json'])
      commandsAlone.push({ code, value: JSON.parse(out) })
    }
    const comparable = (value: unknown) => JSON.stringify(value).replaceAll(/http:\/\/localhost:\d+/g, 'URL')
    expect(comparable(commandsAlone)).toBe(comparable(beside))
  })

  test('a link from the command opens the mailbox', async () => {
    const { url, data } = await startServer()
    const { out } = await todoku(['token', 'link', '--data', data, '--json'])
    const entered = await fetch(JSON.parse(out).url, { redirect: 'manual' })
    expect(entered.status).toBe(303)
    const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
    const page = await fetch(`${url}/app/`, { headers: { cookie } })
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('<title>Todoku</title>')
    expect((await fetch(`${url}/app/`)).status).toBe(401)
  })

  test('fail with the code of the catalogue, in words or as JSON', async () => {
    const data = temporaryFolder('data')
    const missing = await todoku(['explain', 'AAA-AAA-AAA', '--data', data])
    expect(missing.code).toBe(66)
    expect(missing.error).toContain('[submission-not-found]')
    const json = await todoku(['forms', 'show', 'none', '--data', data, '--json'])
    expect(json.code).toBe(66)
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, code: 'form-not-found' })
    const nowhere = await todoku(['submissions', 'list', '--data', join(data, 'nowhere')])
    expect(nowhere.code).toBe(66)
    expect(nowhere.error).toContain('[no-data]')
    expect(existsSync(join(data, 'nowhere'))).toBe(false)
    const noSite = await todoku(['forms', 'sync', join(data, 'nowhere'), '--data', data])
    expect(noSite).toMatchObject({
      code: 66,
      error: expect.stringMatching(/^todoku: [^\n]*nowhere\n[^\n]*\n\[site-unreadable\]\n$/),
    })
  })

  test('what is called wrongly is told with its code too, in words or as JSON', async () => {
    for (const args of [['nonsense'], ['forms', 'nonsense'], ['explain'], ['serve', '--colour'], [], ['forms']]) {
      const words = await todoku(args)
      expect(words, args.join(' ')).toMatchObject({ code: 64, error: expect.stringContaining('[command-invalid]') })
      const json = await todoku([...args, '--json'])
      expect(json.code, args.join(' ')).toBe(64)
      expect(JSON.parse(json.out)).toMatchObject({ ok: false, code: 'command-invalid' })
    }
  })

  test('forms apply and forms sync name their code as well, also as JSON', async () => {
    const cwd = temporaryFolder('codes')
    const site = temporaryFolder('site')
    writeFileSync(join(cwd, 'todoku.yaml'), 'forms: { contact: { titel: x } }\n')
    writeFileSync(join(site, 'index.html'), '<form action="/f/contact"><form action="/f/other">')
    const commands: [args: string[], code: string, status: number][] = [
      [['forms', 'apply'], 'settings-invalid', 78],
      [['forms', 'sync', site], 'page-not-adopted', 65],
    ]
    for (const [args, code, status] of commands) {
      const words = await todoku(args, { cwd })
      expect(words).toMatchObject({ code: status, out: expect.stringContaining(`[${code}]`) })
      const json = await todoku([...args, '--json'], { cwd })
      expect(json.code).toBe(status)
      expect(JSON.parse(json.out)).toMatchObject({ ok: false, code })
    }
  })

  test('every command has --help', async () => {
    const names = [
      [],
      ['init'],
      ['serve'],
      ['forms'],
      ['forms', 'sync'],
      ['forms', 'apply'],
      ['forms', 'list'],
      ['forms', 'show'],
      ['submissions'],
      ['submissions', 'list'],
      ['submissions', 'show'],
      ['submissions', 'files'],
      ['messages'],
      ['messages', 'list'],
      ['messages', 'show'],
      ['messages', 'retry'],
      ['messages', 'cancel'],
      ['explain'],
      ['token'],
      ['token', 'link'],
      ['openapi'],
    ]
    const answers = await Promise.all(names.map((name) => todoku([...name, '--help'])))
    for (const { code, out } of answers) {
      expect(code).toBe(0)
      expect(out).toContain('Usage: todoku')
    }
  })

  test('init writes a settings file that is valid as it stands, and never over one', async () => {
    const cwd = temporaryFolder('init')
    expect((await todoku(['init'], { cwd })).code).toBe(0)
    const again = await todoku(['init'], { cwd })
    expect(again).toMatchObject({ code: 1, error: expect.stringContaining('[already-there]') })
    const server = await startServer({ args: ['--config', join(cwd, 'todoku.yaml')] })
    expect(server.greeting.transport).toBe('capture')
    // Without its comments it is valid too, but for what only the operator can know.
    const secret = join(cwd, 'smtp-password')
    const file = join(cwd, 'uncommented.yaml')
    const uncommented = readFileSync(join(cwd, 'todoku.yaml'), 'utf8')
      .split('\n')
      .flatMap((line) => /^# ( *\w+:.*)$/.exec(line)?.[1] ?? [])
      .join('\n')
    writeFileSync(secret, 'hunter2')
    writeFileSync(file, uncommented.replace('/run/secrets/smtp-password', secret))
    const config = readConfig({ flags: { config: file }, environment: {}, folder: cwd })
    expect(config).toMatchObject({
      kind: 'ok',
      config: { transport: 'smtp', smtp: { password: 'hunter2' }, forms: { contact: { thanks: '/thanks.html' } } },
    })
    const data = temporaryFolder('data')
    expect((await todoku(['forms', 'apply', '--config', file, '--data', data])).out).toMatch(/^contact: new, version 1/)
  })

  test('forms apply shows drift, applies, and names wrong keys', async () => {
    const cwd = temporaryFolder('apply')
    const file = join(cwd, 'todoku.yaml')
    writeFileSync(file, 'forms:\n  contact:\n    title: お問い合わせ\n')
    const server = await startServer({ args: ['--config', file] })
    expect(server.greeting.drift).toEqual(['contact'])
    const args = ['--data', server.data, '--config', file]
    expect(await todoku(['forms', 'apply', '--dry-run', ...args])).toMatchObject({
      code: 2,
      out: 'contact: would be changed, version 2 (title)\n',
    })
    expect(await todoku(['forms', 'apply', ...args])).toMatchObject({
      code: 0,
      out: 'contact: changed, version 2 (title)\n',
    })
    expect((await todoku(['forms', 'apply', '--dry-run', ...args])).code).toBe(0)
    writeFileSync(file, 'forms:\n  contact:\n    titel: x\n    managers: [hunter2]\n')
    const wrong = await todoku(['forms', 'apply', ...args])
    expect(wrong.code).toBe(78)
    expect(wrong.out).toContain('forms.contact.titel is not a setting')
    expect(wrong.out).not.toContain('hunter2')
  })

  test('uploads are saved under safe names', async () => {
    const { url, data } = await startServer()
    const form = new FormData()
    for (const [name, value] of Object.entries(good)) form.set(name, value)
    form.set('doc', new File(['hello'], '../../見積 書.pdf'))
    const answer = await fetch(`${url}/f/contact`, { method: 'POST', body: form })
    const { reference } = (await answer.json()) as { reference: string }
    const folder = temporaryFolder('files')
    const { out } = await todoku(['submissions', 'files', reference, folder, '--data', data, '--json'])
    const [saved] = JSON.parse(out) as { file: string; size: number }[]
    expect(saved).toEqual({ file: join(folder, `${reference}-1-見積_書.pdf`), size: 5 })
    expect(readFileSync(saved?.file ?? '', 'utf8')).toBe('hello')
  })
})

describe('the site', () => {
  test('is served, and the rules of its forms follow its files', async () => {
    const site = temporaryFolder('site')
    const page = (required: string) =>
      `<!doctype html><html lang="ja"><title>申込</title><form action="/f/apply" method="post"><input name="who" ${required}></form></html>`
    writeFileSync(join(site, 'index.html'), page(''))
    const server = await startServer({ args: ['--site', site] })
    expect(server.greeting.forms).toEqual(['apply'])
    expect(await (await fetch(server.url)).text()).toContain('申込')
    expect((await fetch(`${server.url}/f/contact`, { method: 'POST', body: 'a=b' })).status).toBe(404)
    await postForm(server.url, { who: '', other: 'x' }, 'apply')

    writeFileSync(join(site, 'index.html'), page('required'))
    await server.logged('now required')
    const refused = await fetch(`${server.url}/f/apply`, { method: 'POST', body: new URLSearchParams({ who: '' }) })
    expect(refused.status).toBe(422)

    writeFileSync(join(site, 'index.html'), page('required').slice(0, 90))
    await server.logged('a page was not adopted')
    expect(
      (await fetch(`${server.url}/f/apply`, { method: 'POST', body: new URLSearchParams({ who: '' }) })).status,
    ).toBe(422)
    mkdirSync(join(site, 'ja'))
    writeFileSync(join(site, 'ja', 'index.html'), 'new')
    expect(await (await fetch(`${server.url}/ja`)).text()).toBe('new')
  })

  test('a folder that is not there is told at the start', async () => {
    await expect(startServer({ args: ['--site', '/nowhere/at/all'] })).rejects.toThrow('site-unreadable')
  })
})

describe('starting', () => {
  test('a second server on one data folder is refused with a sentence', async () => {
    const { data } = await startServer()
    const second = await todoku(['serve', '--port', '0', '--data', data])
    expect(second.code).toBe(75)
    expect(second.error).toContain(`Another todoku is using ${data}`)
  })

  test('a port that is taken is told with its number', async () => {
    const { url } = await startServer()
    const { port } = new URL(url)
    const second = await todoku(['serve', '--port', port, '--data', temporaryFolder('data')])
    expect(second).toMatchObject({ code: 69, error: expect.stringContaining(`Port ${port}`) })
  })

  test('invariant 11: wrong settings are all named before anything begins', async () => {
    const data = join(temporaryFolder('data'), 'unborn')
    const wrong = await todoku(['serve', '--port', 'hunter2', '--data', data], {
      env: { TODOKU_SMTP_SECURTY: 'hunter2', TODOKU_LANGUAGE: 'hunter2' },
    })
    expect(wrong.code).toBe(78)
    for (const key of ['--port', 'TODOKU_SMTP_SECURTY', 'TODOKU_LANGUAGE']) expect(wrong.error).toContain(key)
    expect(wrong.error).not.toContain('hunter2')
    expect(existsSync(data)).toBe(false)
  })

  test('a server that was killed leaves nothing in the way of the next one', async () => {
    const first = await startServer()
    const status = await postForm(first.url, good)
    await first.end('SIGKILL')
    const second = await startServer({ data: first.data })
    const path = new URL(status).pathname
    await statusWhen(`${second.url}${path}`, (now) => stateOf(now, 'confirmation') === 'delivered')
    expect((await todoku(['submissions', 'list', '--data', first.data, '--json'])).code).toBe(0)
  })
})

describe('stopping', () => {
  test('a post that is under way is finished; the process ends by itself and with 0', async () => {
    const server = await startServer()
    const body = 'name=x&email=a%40example.jp&message=late'
    const head = `POST /f/contact HTTP/1.1\r\nHost: ${new URL(server.url).host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`
    const { hostname, port } = new URL(server.url)
    const answer = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(Number(port), hostname, () => socket.write(head + body.slice(0, 10)))
      socket.on('data', (chunk) => {
        text += String(chunk)
      })
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
      // The head is with the server when it has answered another request on the same loop.
      socket.once('connect', async () => {
        await fetch(`${server.url}/healthz`)
        const ended = server.end()
        await server.logged('stopping')
        socket.write(body.slice(10))
        expect(await ended).toEqual({ code: 0, signal: null })
      })
    })
    // It is either stored and said so, or refused with everything that was typed.
    expect(answer).toMatch(/^HTTP\/1\.1 (303|503) /)
    if (answer.startsWith('HTTP/1.1 503')) expect(answer).toContain('late')
    const { out } = await todoku(['submissions', 'list', '--data', server.data, '--json'])
    expect(JSON.parse(out).items).toHaveLength(answer.startsWith('HTTP/1.1 303') ? 1 : 0)
  })
})

describe('bad input on the wire', () => {
  const head = (url: string, more: string) =>
    `POST /f/contact HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n${more}\r\n\r\n`

  test('one field of 100 MB is answered with 413, and the server lives on', async () => {
    const { url } = await startServer()
    const piece = 'x'.repeat(1_000_000)
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1
        controller.enqueue(new TextEncoder().encode(sent === 1 ? `message=${piece}` : piece))
        if (sent === 100) controller.close()
      },
    })
    const init = {
      method: 'POST',
      body,
      duplex: 'half',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    } as const
    const status = await fetch(`${url}/f/contact`, init).then(
      (answer) => answer.status,
      () => 'cut off',
    )
    expect([413, 'cut off']).toContain(status)
    await postForm(url, good)
  })

  test('a body that never comes is given up', async () => {
    const { url } = await startServer({ env: { TODOKU_LIMITS_BODY_SECONDS: '1' } })
    const answer = await raw(url, `${head(url, 'Content-Length: 1000\r\nConnection: close')}name=`)
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('too-slow')
  })

  test('a client that closes its half is answered; a body that broke off is not stored', async () => {
    const { url, data } = await startServer()
    const whole = 'name=x&email=a%40example.jp&message=half'
    const answered = await raw(url, `${head(url, `Content-Length: ${whole.length}\r\nConnection: close`)}${whole}`, {
      halfClose: true,
    })
    expect(answered).toMatch(/^HTTP\/1\.1 200 /)
    await raw(url, `${head(url, 'Content-Length: 1000\r\nConnection: close')}name=broken`, { halfClose: true })
    const { out } = await todoku(['submissions', 'list', '--data', data, '--json'])
    expect(JSON.parse(out).items).toHaveLength(1)
  })

  test('garbage instead of HTTP ends its connection, nothing else', async () => {
    const { url } = await startServer()
    expect(await raw(url, '\u0000\u0001\u0002 nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
    expect(await raw(url, `GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 421 /,
    )
    await postForm(url, good)
  })
})

test('a full disk: 503 with Retry-After, what was accepted stays, and nothing is half stored', async () => {
  const data = temporaryFolder('data')
  // Files may not grow beyond 2 MB: the same errors as a full disk, without filling one.
  const server = await startServer({ data, shell: 'ulimit -f 4096; exec', env: { TODOKU_LIMITS_FIELD_BYTES: '400kB' } })
  const accepted: string[] = []
  let refused: Response | null = null
  for (let n = 0; n < 40 && refused === null; n += 1) {
    const answer = await fetch(`${server.url}/f/contact`, {
      method: 'POST',
      body: new URLSearchParams({
        name: `n${n}`,
        email: `a${n}@example.jp`,
        message: 'x'.repeat(4000),
        pad: 'y'.repeat(300_000),
      }),
      headers: { accept: 'application/json' },
    })
    if (answer.status === 200) accepted.push(((await answer.json()) as { reference: string }).reference)
    else refused = answer
  }
  expect(refused?.status).toBe(503)
  expect(refused?.headers.get('retry-after')).toBe('10')
  expect(await refused?.json()).toMatchObject({ code: 'store-unavailable' })
  expect(accepted.length).toBeGreaterThan(0)
  // Whoever sends posts here is told that it is no use.
  expect((await fetch(`${server.url}/readyz`)).status).toBe(503)
  await server.end('SIGKILL')

  const roomy = await startServer({ data })
  await postForm(roomy.url, good)
  const { out } = await todoku(['submissions', 'list', '--data', data, '--json'])
  const references = (JSON.parse(out) as { items: { reference: string }[] }).items.map(({ reference }) => reference)
  expect(references).toEqual(expect.arrayContaining(accepted))
  expect(references).toHaveLength(accepted.length + 1)
})

test('a reader of the log that goes away does not take the server with it', async () => {
  const { url, process: child, end } = await startServer()
  await postForm(url, good)
  child.stderr?.destroy()
  const status = await postForm(url, { ...good, message: 'after the reader left' })
  await statusWhen(status, (now) => stateOf(now, 'confirmation') === 'delivered')
  expect(await end()).toEqual({ code: 0, signal: null })
})

test('a site that holds the data folder is not served', async () => {
  const folder = temporaryFolder('site')
  writeFileSync(join(folder, 'index.html'), '<title>x</title>')
  const { code, error } = await todoku(['serve', '--port', '0', '--site', folder, '--data', join(folder, 'data')])
  expect(code).toBe(78)
  expect(error).toContain('site holds the data folder')
  expect(existsSync(join(folder, 'data'))).toBe(false)
})

test('figures are open to the token that stays the same over restarts', async () => {
  const data = temporaryFolder('data')
  const first = await startServer({ data })
  const token = readFileSync(join(data, 'metrics-token'), 'utf8')
  await first.end()
  const { url } = await startServer({ data })
  const ask = (path: string, bearer: string) =>
    fetch(`${url}${path}`, { headers: { authorization: `Bearer ${bearer}` } })
  expect((await ask('/metrics', token)).status).toBe(200)
  expect((await ask('/metrics', `${token}x`)).status).toBe(401)
  // It opens nothing else.
  expect((await ask('/api/v1/submissions', token)).status).toBe(401)
})

test('a post without a body is an empty form: each required field is named', async () => {
  const { url } = await startServer()
  const answer = await raw(
    url,
    'POST /f/contact HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nConnection: close\r\n\r\n'.replace(
      'localhost',
      new URL(url).host,
    ),
  )
  expect(answer).toMatch(/^HTTP\/1\.1 422 /)
  expect(answer).toContain('"REQUIRED_FIELD_MISSING"')
})

test('the environment of tests holds no settings', () => {
  expect(Object.keys(environment()).filter((name) => name.startsWith('TODOKU_'))).toEqual(['TODOKU_LOG_LEVEL'])
})
