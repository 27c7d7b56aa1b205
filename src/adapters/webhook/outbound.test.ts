import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import type { OutboundRequest } from '../../core/deps.ts'
import { httpOutbound, signature } from './outbound.ts'
import { isPublicAddress } from './public-address.ts'

async function receiver(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const to = (url: string, more: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'POST',
  url,
  body: '{}',
  allowPrivate: true,
  ...more,
})

describe('a request', () => {
  test('arrives with its body and a signature that the receiver can check', async () => {
    let seen: { method: string | undefined; headers: Record<string, unknown>; body: string } | null = null
    const port = await receiver((request, response) => {
      let body = ''
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        seen = { method: request.method, headers: request.headers, body }
        response.writeHead(202).end('taken')
      })
    })
    const webhook = { id: 'msg_1', at: 1_700_000_000_999, secret: 'whsec_c2VjcmV0' }
    const answer = await httpOutbound({ clock: manualClock() }).request(
      to(`http://127.0.0.1:${port}/hook`, {
        body: '{"ü":1}',
        webhook,
        headers: { 'Content-Type': 'application/json' },
      }),
    )
    expect(answer).toEqual({ kind: 'answered', status: 202, body: 'taken' })
    expect(seen).toMatchObject({ method: 'POST', body: '{"ü":1}', headers: signature(webhook, '{"ü":1}') })
  })

  test('a signature is that of the specification’s example', () => {
    // From the reference implementation's test vector: secret, id, time and body give this signature.
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
    const at = 1_614_265_330_000
    expect(signature({ id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', at, secret }, '{"test": 2432232314}')).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    })
  })

  test('a redirect is an answer; it is not followed', async () => {
    let asked = 0
    const port = await receiver((_request, response) => {
      asked += 1
      response.writeHead(302, { Location: '/elsewhere' }).end()
    })
    const answer = await httpOutbound({ clock: manualClock() }).request(to(`http://127.0.0.1:${port}/`))
    expect(answer).toMatchObject({ kind: 'answered', status: 302 })
    expect(asked).toBe(1)
  })

  test('an endless answer is read up to a cap', async () => {
    const port = await receiver((_request, response) => {
      response.writeHead(200)
      const more = () => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more)
      }
      more()
    })
    const answer = await httpOutbound({ clock: manualClock() }).request(to(`http://127.0.0.1:${port}/`))
    expect(answer).toMatchObject({ kind: 'answered', status: 200 })
    expect(answer.kind === 'answered' && answer.body.length).toBe(64 * 1024)
  })

  test('silence ends after ten seconds', async () => {
    const asked = Promise.withResolvers<void>()
    const port = await receiver(() => asked.resolve())
    const clock = manualClock()
    const answer = httpOutbound({ clock }).request(to(`http://127.0.0.1:${port}/`))
    await asked.promise
    clock.advance(10_000)
    expect(await answer).toEqual({ kind: 'failed', fault: 'timeout' })
    expect(clock.timers).toBe(0)
  })

  test('nobody there, no such name and no URL are told, never thrown', async () => {
    const outbound = httpOutbound({
      clock: manualClock(),
      resolve: async () => {
        throw Object.assign(new Error('no'), { code: 'ENOTFOUND' })
      },
    })
    expect(await outbound.request(to('http://127.0.0.1:1/'))).toEqual({ kind: 'failed', fault: 'ECONNREFUSED' })
    expect(await outbound.request(to('http://nowhere.example/'))).toEqual({ kind: 'failed', fault: 'ENOTFOUND' })
    expect(await outbound.request(to('gopher://x/'))).toEqual({ kind: 'failed', fault: 'bad-url' })
    expect(await outbound.request(to('nothing'))).toEqual({ kind: 'failed', fault: 'bad-url' })
    expect(await outbound.request(to('http://127.0.0.1:1/', { headers: { 'x-a': 'b\r\nc: d' } }))).toEqual({
      kind: 'failed',
      fault: 'bad-request',
    })
  })
})

describe('private addresses', () => {
  const refused = { kind: 'failed', fault: 'private-address' }
  const strict = (url: string) => to(url, { allowPrivate: false })

  test.each([
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://169.254.169.254/latest/meta-data/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[fe80::1]/',
    'http://[fd00::1]/',
    'http://[fd00:ec2::254]/',
  ])('%s is refused before anything is sent', async (url) => {
    expect(await httpOutbound({ clock: manualClock() }).request(strict(url))).toEqual(refused)
  })

  test('a name that leads to this machine is refused, and so is one that does so among others', async () => {
    let asked = 0
    const port = await receiver((_request, response) => {
      asked += 1
      response.end()
    })
    for (const addresses of [['127.0.0.1'], ['93.184.216.34', '127.0.0.1'], ['::ffff:127.0.0.1']]) {
      const outbound = httpOutbound({
        clock: manualClock(),
        resolve: async () => addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      })
      expect(await outbound.request(strict(`http://hook.example:${port}/`))).toEqual(refused)
    }
    expect(asked).toBe(0)
  })

  test('a name is resolved once, by the connection itself: what was checked is what is connected to (DNS rebinding)', async () => {
    const port = await receiver((_request, response) => response.end())
    let lookups = 0
    const outbound = httpOutbound({
      clock: manualClock(),
      resolve: async () => {
        lookups += 1
        if (lookups > 1) throw new Error('asked again')
        return [{ address: '127.0.0.1', family: 4 }]
      },
    })
    const url = `http://hook.example:${port}/`
    expect(await outbound.request(to(url))).toMatchObject({ kind: 'answered', status: 200 })
    expect(lookups).toBe(1)
  })

  test('IPv4 in IPv6 is judged as IPv4, whatever it is', () => {
    fc.assert(
      fc.property(fc.ipV4(), (v4) => {
        expect(isPublicAddress(`::ffff:${v4}`)).toBe(isPublicAddress(v4))
      }),
    )
  })

  test('what is no address is not public; public ones are', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (!/^[\d.]+$|:/.test(text)) expect(isPublicAddress(text)).toBe(false)
      }),
    )
    expect(['93.184.216.34', '2606:4700::1111', '::ffff:8.8.8.8'].map(isPublicAddress)).toEqual([true, true, true])
    expect(['fe80::1%eth0', '2001:db8::1', '2002:7f00:1::', '::127.0.0.1'].map(isPublicAddress)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })
})
