/**
 * A relay that takes every mail as fast as it can and keeps none, or one that takes a connection and says nothing: then
 * mail waits, and its sender rests.
 *
 * It tells `reached` when as many mails came as it was asked to `watch` for, and answers `count` and `samples`.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'

export type SinkTask = { silent: boolean }

const task = JSON.parse(process.argv[2] ?? '') as SinkTask

const samples: string[] = []
let count = 0
let watched: number[] = []

function taken(mail: Buffer): void {
  count += 1
  if (samples.length < 2) samples.push(mail.toString('latin1'))
  if (watched.includes(count)) tellReached()
}

function tellReached(): void {
  for (const reached of watched.filter((number) => number <= count)) process.send?.({ kind: `reached ${reached}` })
  watched = watched.filter((number) => number > count)
}

const offers = ['sink.test', 'PIPELINING', 'SIZE 10240000', 'DSN', '8BITMIME', 'SMTPUTF8', 'ENHANCEDSTATUSCODES']
const hello = offers.map((offer, at) => `250${at === offers.length - 1 ? ' ' : '-'}${offer}\r\n`).join('')

const replies: Readonly<Record<string, string>> = {
  EHLO: hello,
  HELO: '250 sink.test\r\n',
  MAIL: '250 2.1.0 Ok\r\n',
  RCPT: '250 2.1.5 Ok\r\n',
  DATA: '354 go ahead\r\n',
  RSET: '250 2.0.0 Ok\r\n',
  NOOP: '250 2.0.0 Ok\r\n',
  QUIT: '221 2.0.0 Bye\r\n',
}

function serve(socket: Socket): void {
  let rest: Buffer = Buffer.alloc(0)
  let inMail = false
  socket.setNoDelay()
  socket.on('error', () => socket.destroy())
  if (task.silent) {
    socket.resume()
    return
  }
  socket.write('220 sink.test ESMTP\r\n')
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    let out = ''
    for (;;) {
      const found = bytes.indexOf(inMail ? '\r\n.\r\n' : '\r\n', at)
      if (found === -1) break
      if (inMail) {
        taken(bytes.subarray(at, found + 2))
        out += '250 2.0.0 Ok\r\n'
        inMail = false
        at = found + 5
      } else {
        const verb = bytes.toString('latin1', at, at + 4).toUpperCase()
        out += replies[verb] ?? '500 5.5.2 what?\r\n'
        inMail = verb === 'DATA'
        at = found + 2
        if (verb === 'QUIT') return socket.end(out)
      }
    }
    rest = bytes.subarray(at)
    if (out !== '') socket.write(out)
  })
}

process.on('message', (message: { kind: string; count: number }) => {
  if (message.kind === 'watch') {
    watched.push(message.count)
    tellReached()
  } else if (message.kind === 'count') process.send?.({ kind: 'count', count })
  else process.send?.({ kind: 'samples', samples })
})
const server = createServer(serve)
server.listen(0, '127.0.0.1', 1000, () =>
  process.send?.({ kind: 'listening', port: (server.address() as AddressInfo).port }),
)
process.on('disconnect', () => process.exit())
