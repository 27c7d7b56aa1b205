import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { type Script, startScriptedSmtpServer, testTls } from './scripted-smtp-server.ts'

/** A client of a few lines, that says what the test types; line ends are LF on its side. */
async function begin(scripts: Script | readonly Script[] = {}) {
  const server = await startScriptedSmtpServer(scripts)
  onTestFinished(() => server.close())
  return { server, talk: () => talk(server.port) }
}

type Talk = { socket: Socket; say(text: string): void; hear(pattern: RegExp): Promise<string> }

function talk(port: number, socket: Socket = connect(port, '127.0.0.1')): Talk {
  let heard = ''
  let look = (): void => {}
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1').replaceAll('\r', '')
    look()
  })
  socket.on('error', () => {})
  return {
    socket,
    say: (text) => socket.write(text.replaceAll('\n', '\r\n')),
    hear: (pattern) =>
      new Promise((resolve) => {
        look = () => {
          const found = pattern.exec(heard)
          if (found === null) return
          heard = heard.slice(found.index + found[0].length)
          resolve(found[0])
        }
        look()
      }),
  }
}

test('takes mails and remembers commands, content and recipients', async () => {
  const { server, talk } = await begin()
  const client = talk()
  await client.hear(/220 .*\n/)
  client.say('EHLO me\n')
  expect(await client.hear(/250-.*250 .*\n/s)).toContain('PIPELINING')
  client.say('MAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA\n')
  await client.hear(/354 .*\n/)
  client.say('one\n..two\n.\nMAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA\n')
  await client.hear(/354 .*\n/)
  client.say('.\nQUIT\n')
  await client.hear(/221 .*\n/)
  await server.reached('ended')
  expect(server.mails.map((mail) => [mail.to, mail.content.toString()])).toEqual([
    ['b@y', 'one\r\n..two\r\n'],
    ['b@y', ''],
  ])
  expect([server.dots('b@y'), server.dots('c@y')]).toEqual([2, 0])
  expect(server.connections).toMatchObject([{ number: 1, secure: false, ended: true, unfinished: 0 }])
})

test('follows one script per connection and one per mail', async () => {
  const { talk } = await begin([{ greeting: '421 no' }, { mails: [{ mail: '451 first' }, {}] }])
  expect(await talk().hear(/.*\n/)).toBe('421 no\n')
  for (let count = 0; count < 2; count += 1) {
    const client = talk()
    await client.hear(/220 .*\n/)
    client.say('MAIL FROM:<a@x>\nMAIL FROM:<a@x>\n')
    expect(await client.hear(/451.*\n.*\n/)).toBe('451 first\n250 2.1.0 sender ok\n')
  }
})

test('closes, resets, waits, drips and goes deaf as told', async () => {
  const { server, talk } = await begin([
    { greeting: ['220 hi', { end: 'close' }] },
    { greeting: { end: 'reset' } },
    { greeting: [{ drip: '220 slow' }, { until: 'told' }, '220 again'] },
    { greeting: ['220 hi', { hang: 'deaf' }] },
  ])
  const closed = talk()
  await once(closed.socket, 'end')

  const reset = talk()
  await new Promise((resolve) => reset.socket.on('close', resolve))
  expect(reset.socket.errored).toMatchObject({ code: 'ECONNRESET' })

  const told = talk()
  await told.hear(/220 slow\n/)
  server.release('told')
  await told.hear(/220 again\n/)

  const deaf = talk()
  await deaf.hear(/220 hi\n/)
  deaf.say('EHLO me\n')
  deaf.socket.end()
  expect(server.connections[3]?.commands).toEqual([])
})

test('counts what came of a mail without its end', async () => {
  const { server, talk } = await begin()
  const client = talk()
  client.say('MAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA\n')
  await client.hear(/354 .*\n/)
  client.say('half a ma')
  await server.reached('body')
  client.socket.destroy()
  await server.reached('ended')
  expect(server.mails).toEqual([])
  expect(server.connections[0]?.unfinished).toBe(9)
})

test('refuses DATA without a recipient, unless the script lets it', async () => {
  const { talk } = await begin([{ rcpt: '550 no' }, { rcpt: '550 no', data: '354 go' }])
  const strict = talk()
  strict.say('MAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA\n')
  expect(await strict.hear(/(?:503|354).*\n/)).toContain('503')
  const lax = talk()
  lax.say('MAIL FROM:<a@x>\nRCPT TO:<b@y>\nDATA\n')
  expect(await lax.hear(/(?:503|354).*\n/)).toContain('354')
})

test('speaks TLS with the certificate of the fixtures', async () => {
  const { server } = await begin({ implicitTls: true })
  const socket = connectTls({ port: server.port, host: '127.0.0.1', servername: 'relay.test', ca: testTls.cert })
  const client = talk(server.port, socket)
  await client.hear(/220 .*\n/)
  expect(socket.authorized).toBe(true)
  expect(server.connections).toMatchObject([{ secure: true }])
  socket.destroy()
})
