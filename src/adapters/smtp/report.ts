import type { Evidence } from '../../core/messages/message.ts'
import type { AttemptOutcome, AttemptReport, FaultScope } from '../../core/messages/transport.ts'
import type { RefusalClass } from '../../mail/refusal-classes.ts'
import { classifyRefusal, recipientRateRules, type SmtpStage } from '../../mail/refusal-rules.ts'
import type { SmtpReply } from '../../mail/smtp-reply.ts'
import type { Stop } from './session.ts'
import type { Ending } from './transaction.ts'

/** What is known of the connection that an attempt used last. */
export type Seen = { peer: string; tls: string; dsn: boolean | null }

export type ReportContext = Seen & {
  /** Never to be shown. */
  secrets: readonly string[]
  durationMs: number
}

/** What the core is told about the end of an attempt. */
export function toReport(ending: Exclude<Ending, { kind: 'stale' }>, context: ReportContext): AttemptReport {
  const base: Evidence = {
    transport: 'smtp',
    peer: context.peer,
    tls: context.tls,
    ...(context.dsn === null ? {} : { dsn: context.dsn }),
    durationMs: Math.round(context.durationMs),
  }
  switch (ending.kind) {
    case 'accepted':
      return {
        outcome: { kind: 'accepted', by: 'relay' },
        evidence: { ...base, ...finalDot, ...ofReply(ending.reply, context.secrets) },
      }
    case 'unknown':
      return {
        outcome: { kind: 'unknown' },
        evidence: { ...base, ...finalDot, ...ofReply(ending.reply, context.secrets), fault: ending.fault },
      }
    case 'interrupted':
      return { outcome: { kind: 'interrupted' }, evidence: { ...base, stage: ending.stage, fault: ending.why } }
    case 'stopped':
      return stoppedReport(ending.stop, base, context)
  }
}

const finalDot = { stage: 'final-dot', command: '.' }

function stoppedReport({ stage, command, cause }: Stop, base: Evidence, context: ReportContext): AttemptReport {
  const at: Evidence = { ...base, stage, ...(command === undefined ? {} : { command }) }
  if (cause.kind === 'declined') {
    const { outcome, rule } = ownRules[cause.rule]
    return { outcome, evidence: { ...at, fault: cause.fault, rule } }
  }
  if (cause.kind === 'fault') {
    const scope: FaultScope = laneStages.has(stage) ? 'lane' : 'message'
    return {
      outcome: { kind: 'deferred', class: 'network', scope },
      evidence: { ...at, ...ofReply(cause.reply, context.secrets), fault: cause.fault, rule: 'network-fault' },
    }
  }
  const { code, enhanced, text } = cause.reply
  const refusal = classifyRefusal({ stage, code, enhanced, text })
  return {
    outcome: {
      kind: code < 500 || refusal.class === 'rate-limited' ? 'deferred' : 'refused',
      class: refusal.class,
      scope:
        laneStages.has(stage) || code === 421 || (laneClasses.has(refusal.class) && !ofRecipient.has(refusal.rule))
          ? 'lane'
          : 'message',
    },
    evidence: { ...at, ...ofReply(cause.reply, context.secrets), rule: refusal.rule },
  }
}

/** Here nothing has been said about the message yet. */
const laneStages: ReadonlySet<SmtpStage> = new Set<SmtpStage>(['connect', 'greeting', 'ehlo', 'starttls', 'auth'])

/** What one message is told in these, the next one would be told as well. */
const laneClasses: ReadonlySet<RefusalClass> = new Set<RefusalClass>([
  'rate-limited',
  'authentication',
  'relaying-denied',
])

/** One mailbox gets too much, whoever sends it: another recipient's mail may go on. */
const ofRecipient: ReadonlySet<string> = new Set(recipientRateRules)

type OwnRule = Extract<Stop['cause'], { kind: 'declined' }>['rule']

/** Where we decide without asking the server. */
const ownRules: Readonly<Record<OwnRule, { outcome: AttemptOutcome; rule: string }>> = {
  // Neither the address nor the content is at fault, only this way out is; no class says so, the evidence does.
  smtputf8: { outcome: { kind: 'refused', class: 'unclassified', scope: 'message' }, rule: 'own-smtputf8' },
  size: { outcome: { kind: 'refused', class: 'too-large', scope: 'message' }, rule: 'own-size' },
  path: { outcome: { kind: 'refused', class: 'unclassified', scope: 'message' }, rule: 'own-path' },
  // It may be the server's passing trouble, so mail waits for it, or for a person to look at the settings.
  login: { outcome: { kind: 'deferred', class: 'authentication', scope: 'lane' }, rule: 'own-login' },
}

function ofReply(reply: SmtpReply | undefined, secrets: readonly string[]): Partial<Evidence> {
  if (reply === undefined) return {}
  const text = reply.lines.join('\n')
  return {
    replyCode: reply.code,
    ...(reply.enhanced === null ? {} : { enhancedCode: reply.enhanced }),
    text: repeats(text, secrets) ? withheld : text.slice(0, maxTextLength).toWellFormed(),
  }
}

const maxTextLength = 2000
const withheld = '(not shown: the server repeated our credentials)'

/** The beginning of a secret is enough: the reply may have been cut inside it. */
function repeats(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => secret !== '' && text.includes(secret.slice(0, 24)))
}
