import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Message } from '../../src/core/messages/message.ts'
import { type Script, type ServerStage, startScriptedSmtpServer } from '../fakes/scripted-smtp-server.ts'
import { postForm, startServer, stateOf, statusWhen, temporaryFolder, todoku } from './server.ts'

const fields = { email: 'hanako@example.net', message: 'do not lose me' }

/** A server process with a scripted relay behind it, that can be killed and started again on the same data. */
async function withRelay(script: Script | readonly Script[]) {
  const relay = await startScriptedSmtpServer(script)
  onTestFinished(() => relay.close())
  const data = temporaryFolder('data')
  const config = join(data, 'todoku.yaml')
  writeFileSync(
    config,
    `publicUrl: http://localhost
transport: smtp
smtp: { host: 127.0.0.1, port: ${relay.port}, security: none, connections: 2 }
from: { address: forms@example.jp }
managers: [office@example.jp]
forms: { contact: {} }
`,
  )
  expect((await todoku(['forms', 'apply', '--data', data, '--config', config])).code).toBe(0)
  const start = () => startServer({ data, args: ['--config', config] })
  const messages = async () => {
    const { out } = await todoku(['messages', 'list', '--data', data, '--config', config, '--json'])
    return (JSON.parse(out) as { items: (Omit<Message, 'state'> & { state: string })[] }).items
  }
  return { relay, data, start, messages }
}

describe('kill -9 while a mail is under way', () => {
  /** The stage at which the relay falls silent, and what the next start makes of the mails. */
  const phases: [stage: ServerStage, confirmation: string, notification: string, sent: number][] = [
    // Nothing was sent: both go out after the start.
    ['greeting', 'accepted', 'accepted', 1],
    ['ehlo', 'accepted', 'accepted', 1],
    ['rcpt', 'accepted', 'accepted', 1],
    ['data', 'accepted', 'accepted', 1],
    // The dot was sent and the answer lost: nobody knows; the notification is due once more, later.
    ['dot', 'unknown', 'deferred', 1],
  ]

  test.each(phases)(
    'at %s: the confirmation is %s, the notification %s',
    async (stage, confirmation, notification, sent) => {
      const silent: Script = { [stage]: { hang: true } }
      const { relay, start, messages } = await withRelay([silent, silent, {}])
      const first = await start()
      await postForm(first.url, fields)
      // Both mails are at this stage, each on a connection of its own.
      await relay.reached(stage, 2)
      await first.end('SIGKILL')

      await start()
      const states = async () => Object.fromEntries((await messages()).map(({ role, state }) => [role, state]))
      if (stage !== 'dot') await relay.reached('dot', 2)
      for (;;) {
        const now = await states()
        if (now.confirmation === confirmation && now.notification === notification) break
        expect(['queued', 'sending', confirmation]).toContain(now.confirmation)
        expect(['queued', 'sending', notification]).toContain(now.notification)
      }
      // Invariant 3: at most 1 + unknown attempts, and nothing lost.
      expect(relay.dots('hanako@example.net')).toBe(sent)
      expect(relay.dots('office@example.jp')).toBe(sent)
    },
  )
})

test('invariant 1: every post that was answered survives kill -9 right after the answer, uploads included', async () => {
  let data = temporaryFolder('data')
  const answered: { reference: string; content: string }[] = []
  for (let round = 0; round < 3; round += 1) {
    const server = await startServer({ data })
    data = server.data
    let ofRound = 0
    let unanswered = 0
    const posts = Array.from({ length: 20 }, async (_, n) => {
      const form = new FormData()
      const content = `round ${round} post ${n} ${'あ'.repeat(100 * n)}`
      for (const [name, value] of Object.entries({
        name: `${round}-${n}`,
        email: `p${round}x${n}@simulator.test`,
        message: 'm',
      }))
        form.set(name, value)
      form.set('doc', new File([content], `${n}.txt`))
      try {
        const answer = await fetch(`${server.url}/f/contact`, { method: 'POST', body: form })
        const { reference } = (await answer.json()) as { reference: string }
        answered.push({ reference, content })
        ofRound += 1
        // In the middle of everything, as soon as some were answered.
        if (ofRound === 7) server.process.kill('SIGKILL')
      } catch {
        // The connection broke: this post was never answered.
        unanswered += 1
      }
    })
    await Promise.all(posts)
    expect(await server.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' })
    expect(ofRound).toBeGreaterThanOrEqual(7)
    expect(unanswered).toBeGreaterThan(0)
  }
  expect(answered.length).toBeGreaterThanOrEqual(21)
  const last = await startServer({ data })
  for (const { reference, content } of answered) {
    const folder = temporaryFolder('files')
    const { out } = await todoku(['submissions', 'files', reference, folder, '--data', last.data, '--json'])
    const [saved] = JSON.parse(out) as { file: string }[]
    expect(readFileSync(saved?.file ?? '', 'utf8')).toBe(content)
  }
  // Every one of them comes to an end: nothing hangs in a state that nobody looks after.
  const { out } = await todoku(['submissions', 'list', '--limit', '200', '--data', data, '--json'])
  const { items } = JSON.parse(out) as { items: { reference: string }[] }
  for (const { reference } of answered) expect(items.map((item) => item.reference)).toContain(reference)
})

test('a post that is repeated after a crash gets the same answer', async () => {
  const first = await startServer()
  const send = (url: string) =>
    postForm(url, { name: 'x', email: 'delivered@simulator.test', message: 'm', _idempotency: 'page-1' })
  const before = await send(first.url)
  await first.end('SIGKILL')
  const second = await startServer({ data: first.data })
  const after = await send(second.url)
  expect(new URL(after).pathname).toBe(new URL(before).pathname)
  await statusWhen(after, (now) => stateOf(now, 'notification') === 'delivered')
})
