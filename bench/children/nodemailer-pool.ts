/**
 * nodemailer's pool: the same mails over as many connections, each composed by nodemailer; nothing is recorded. Sends
 * until it is ended.
 */
import { createTransport } from 'nodemailer'
import type { SendTask } from './send-task.ts'

const { port, connections, mailsPerConnection, mails } = JSON.parse(process.argv[2] ?? '') as SendTask
const pool = createTransport({
  pool: true,
  host: '127.0.0.1',
  port,
  secure: false,
  ignoreTLS: true,
  name: 'forms.example.test',
  maxConnections: connections,
  maxMessages: mailsPerConnection,
})
let number = 0

async function sendOn(): Promise<void> {
  for (;;) {
    number += 1
    const mail = mails[number % mails.length]
    if (mail === undefined) return
    const { to, subject, text, html } = mail
    await pool.sendMail({ from: 'forms@example.test', to, subject, text, html })
  }
}

process.on('disconnect', () => process.exit())
// Two callers for each connection, so that none of these ever waits for work.
await Promise.all(Array.from({ length: connections * 2 }, sendOn))
