import type { Clock } from '../../core/deps.ts'
import { secretsOf } from './auth.ts'
import { openSession } from './session.ts'
import type { SmtpSettings } from './settings.ts'
import { checkWords, toRelay } from './transport.ts'

/** What a relay said to a connection without a mail. */
export type ProbeResult =
  | { kind: 'ready'; peer: string; tls: string }
  /** `stage`: how far it went; `said`: the reply or the network's fault, without our secrets. */
  | { kind: 'failed'; peer: string; stage: string; said: string }

/** For the whole visit; somebody waits for it. Milliseconds. */
const timeLimit = 15_000

/** Visits a relay: connects, greets, begins TLS and logs in as the settings say, and quits. No mail is begun. */
export async function probeRelay(settings: SmtpSettings, clock: Clock): Promise<ProbeResult> {
  checkWords(settings)
  const relay = toRelay(settings)
  const peer = `${relay.host}:${relay.port}`
  let drop = () => {}
  let isOver = false
  const cancel = clock.after(timeLimit, () => {
    isOver = true
    drop()
  })
  try {
    const opening = await openSession(relay, clock, (wire) => {
      drop = () => wire.drop('aborted')
      if (isOver) drop()
    })
    if (opening.kind === 'open') {
      opening.session.wire.quit(relay.timeouts.quit)
      return { kind: 'ready', peer: opening.session.wire.peer, tls: opening.session.tls }
    }
    const { stage, cause } = opening.stop
    const said = cause.kind === 'reply' ? `${cause.reply.code} ${cause.reply.text}` : cause.fault
    return { kind: 'failed', peer, stage, said: isOver ? 'timeout' : withoutSecrets(said, settings) }
  } finally {
    cancel()
  }
}

/** Servers quote what they were told. */
function withoutSecrets(said: string, { auth }: SmtpSettings): string {
  const login = typeof auth === 'function' ? auth() : auth
  const secrets = login === null ? [] : secretsOf(login)
  return secrets.reduce((text, secret) => text.replaceAll(secret, '…'), said).slice(0, 300)
}
