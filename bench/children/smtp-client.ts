/**
 * Todoku's SMTP client alone: the same mails, made beforehand, handed to the transport with nothing stored before or after.
 * Sends until it is ended.
 */
import { systemClock } from '../../src/adapters/node/clock.ts'
import { createSmtpTransport } from '../../src/adapters/smtp/transport.ts'
import type { AttemptWatch } from '../../src/core/messages/transport.ts'
import type { SendTask } from './send-task.ts'

const { port, connections, mailsPerConnection, mails } = JSON.parse(process.argv[2] ?? '') as SendTask
const clock = systemClock()
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const transport = createSmtpTransport(
  {
    host: '127.0.0.1',
    port,
    security: 'none',
    auth: null,
    heloName: 'forms.example.test',
    maxConnections: connections,
    mailsPerConnection,
  },
  { clock, log: quiet },
)
const ready = mails.map(({ raw, to }) => ({ mail: Buffer.from(raw, 'latin1'), to }))
const watch: AttemptWatch = {
  rcptAccepted() {},
  beforeFinalDot: async () => ({
    kind: 'go',
    askedAt: { monotonic: clock.monotonic(), wall: clock.now() },
    dotWithinMs: 5000,
  }),
  signal: new AbortController().signal,
}
let number = 0

async function sendOn(): Promise<void> {
  for (;;) {
    number += 1
    const mail = ready[number % ready.length]
    if (mail === undefined) return
    const report = await transport.attempt(
      { messageId: String(number), attempt: 1, from: 'forms@example.test', utf8: false, ...mail },
      watch,
    )
    if (report.outcome.kind !== 'accepted') throw new Error(JSON.stringify(report))
  }
}

process.on('disconnect', () => process.exit())
await Promise.all(Array.from({ length: connections }, sendOn))
