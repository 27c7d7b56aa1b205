import { randomBytes } from 'node:crypto'
import type { SmtpReply } from '../../mail/smtp-reply.ts'
import type { Mechanism } from './mechanism.ts'
import { canScram, scramSha256 } from './scram.ts'
import type { SmtpLogin } from './settings.ts'
import type { Wire } from './wire.ts'

export type Login =
  | { kind: 'done' }
  | { kind: 'refused'; command: string; reply: SmtpReply }
  | { kind: 'fault'; command: string; fault: string }
  /** We did not go on: no mechanism in common, or the server did not prove that it knows the password. */
  | { kind: 'declined'; command: string; fault: string }

/**
 * Logs in (RFC 4954) with the strongest mechanism that the server offers and our login fits. A refusal is final: no
 * weaker mechanism is tried after a stronger one.
 */
export async function authenticate(
  wire: Wire,
  offered: ReadonlySet<string>,
  login: SmtpLogin,
  timeoutMs: number,
): Promise<Login> {
  const mechanism = chooseMechanism(offered, login)
  if (mechanism === null) return { kind: 'declined', command: 'AUTH', fault: 'no-common-auth-mechanism' }
  const command = `AUTH ${mechanism.name}`

  // Lines of commands have at most 512 bytes; a longer first word waits for the server's go-ahead (RFC 4954 §4).
  const initial = mechanism.initial === null ? null : toBase64(mechanism.initial)
  let pending = initial !== null && command.length + initial.length + 3 > 512 ? initial : null
  wire.send(initial === null || pending !== null ? `${command}\r\n` : `${command} ${initial}\r\n`)

  for (let step = 0; step < maxSteps; step += 1) {
    const answer = await wire.answer(timeoutMs)
    if (answer.kind === 'fault') return { kind: 'fault', command, fault: answer.fault }
    const { reply } = answer
    if (reply.code === 235) {
      if (mechanism.satisfied) return { kind: 'done' }
      return { kind: 'declined', command, fault: 'server-not-authenticated' }
    }
    if (reply.code !== 334) {
      if (reply.code >= 400 && reply.code <= 599) return { kind: 'refused', command, reply }
      return { kind: 'fault', command, fault: 'unexpected-reply' }
    }
    const response = pending ?? (await respond(mechanism, reply))
    pending = null
    if (response === null) {
      wire.send('*\r\n')
      return { kind: 'declined', command, fault: 'server-not-authenticated' }
    }
    wire.send(`${response}\r\n`)
  }
  return { kind: 'fault', command, fault: 'endless-login' }
}

const maxSteps = 6

async function respond(mechanism: Mechanism, reply: SmtpReply): Promise<string | null> {
  const response = await mechanism.next(Buffer.from(reply.lines.join(''), 'base64').toString('utf8'))
  return response === null ? null : toBase64(response)
}

function chooseMechanism(offered: ReadonlySet<string>, login: SmtpLogin): Mechanism | null {
  if ('accessToken' in login) return offered.has('XOAUTH2') ? xoauth2(login) : null
  if (offered.has('SCRAM-SHA-256') && canScram(login)) return scramSha256(login, randomBytes(18).toString('base64'))
  if (offered.has('PLAIN')) return plain(login)
  if (offered.has('LOGIN')) return loginMechanism(login)
  return null
}

/** RFC 4616 */
function plain(login: { user: string; password: string }): Mechanism {
  return { name: 'PLAIN', initial: `\0${login.user}\0${login.password}`, next: async () => null, satisfied: true }
}

/** Never standardised; the server asks for the name, then for the password, in words of its own. */
function loginMechanism(login: { user: string; password: string }): Mechanism {
  const answers = [login.user, login.password]
  return { name: 'LOGIN', initial: null, next: async () => answers.shift() ?? null, satisfied: true }
}

/** Google's and Microsoft's OAuth 2.0 mechanism; a challenge holds the reason of a refusal, and wants an empty answer. */
function xoauth2(login: { user: string; accessToken: string }): Mechanism {
  const initial = `user=${login.user}\u0001auth=Bearer ${login.accessToken}\u0001\u0001`
  return { name: 'XOAUTH2', initial, next: async () => '', satisfied: true }
}

/**
 * What of a login must not be shown, also in the forms in which it goes over the wire. Servers have been seen to repeat
 * what they did not understand.
 */
export function secretsOf(login: SmtpLogin): string[] {
  const secret = 'password' in login ? login.password : login.accessToken
  const mechanisms = 'password' in login ? [plain(login)] : [xoauth2(login)]
  return [secret, toBase64(secret), ...mechanisms.map((mechanism) => toBase64(mechanism.initial ?? ''))]
}

function toBase64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}
