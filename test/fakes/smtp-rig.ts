import { onTestFinished } from 'vitest'
import { createSmtpTransport, type SmtpSettings } from '../../src/adapters/smtp/transport.ts'
import type { Log, LogFields } from '../../src/core/deps.ts'
import type { AttemptReport, AttemptWatch, Delivery, Transport } from '../../src/core/messages/transport.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { type Script, type ScriptedSmtpServer, startScriptedSmtpServer } from './scripted-smtp-server.ts'

export type Word = Awaited<ReturnType<AttemptWatch['beforeFinalDot']>>

/** One attempt under way, and what the engine saw of it. */
export type Attempt = {
  report: Promise<AttemptReport>
  /** Calls of `rcptAccepted` and `beforeFinalDot` so far. */
  seen: { taken: number; asked: number }
  abort(): void
}

export type SmtpRig = {
  server: ScriptedSmtpServer
  clock: ManualClock
  transport: Transport
  logged: { level: keyof Log; fields: LogFields; message: string }[]
  /** Begins an attempt; `word` is the answer to `beforeFinalDot`, by default go. */
  begin(delivery?: Partial<Delivery>, word?: () => Promise<Word> | Word): Attempt
  /** Begins an attempt and waits for its end. */
  attempt(delivery?: Partial<Delivery>, word?: () => Promise<Word> | Word): Promise<AttemptReport>
}

export const testMail = Buffer.from('Subject: hello\r\n\r\nFirst line\r\nLast line\r\n')

/** The real transport before a scripted server, on a clock that the test moves; both end with the test. */
export async function smtpRig(
  scripts: Script | readonly Script[] = {},
  settings: Partial<SmtpSettings> = {},
): Promise<SmtpRig> {
  const server = await startScriptedSmtpServer(scripts)
  const clock = manualClock()
  const logged: SmtpRig['logged'] = []
  const record = (level: keyof Log) => (fields: LogFields, message: string) => logged.push({ level, fields, message })
  const log: Log = { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') }
  const transport = createSmtpTransport(
    { host: '127.0.0.1', port: server.port, security: 'none', auth: null, heloName: 'client.test', ...settings },
    { clock, log },
  )
  onTestFinished(async () => {
    const closed = transport.close()
    await server.close()
    await closed
  })

  let count = 0
  function begin(delivery: Partial<Delivery> = {}, word?: () => Promise<Word> | Word): Attempt {
    count += 1
    const control = new AbortController()
    const seen = { taken: 0, asked: 0 }
    const go = (): Word => ({
      kind: 'go',
      askedAt: { monotonic: clock.monotonic(), wall: clock.now() },
      dotWithinMs: 5_000,
    })
    const watch: AttemptWatch = {
      rcptAccepted: () => {
        seen.taken += 1
      },
      beforeFinalDot: async () => {
        seen.asked += 1
        return (word ?? go)()
      },
      signal: control.signal,
    }
    const full: Delivery = {
      messageId: `message-${count}`,
      attempt: 1,
      from: 'office@example.jp',
      to: 'hanako@example.jp',
      utf8: false,
      mail: testMail,
      ...delivery,
    }
    return { report: transport.attempt(full, watch), seen, abort: () => control.abort() }
  }

  return {
    server,
    clock,
    transport,
    logged,
    begin,
    attempt: (delivery, word) => begin(delivery, word).report,
  }
}
