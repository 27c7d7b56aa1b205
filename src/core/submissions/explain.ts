import type { Deps } from '../deps.ts'
import type { Language, Sentence } from '../language.ts'
import { carrierOf } from '../messages/carrier.ts'
import { classRules } from '../messages/classes.ts'
import { isWorkingState } from '../messages/fold.ts'
import { heldSentences, stoppedSentence } from '../messages/held.ts'
import type { CancelReason, Content, Evidence, Message, MessageEvent } from '../messages/message.ts'
import type { Role } from '../messages/roles.ts'
import { reasonSentence, unaskedSentence } from './judge/sentences.ts'
import { isSettled, stateName } from './status.ts'
import type { Review, Submission, VerdictReason } from './submission.ts'

/** One line of a submission's story. */
export type StoryLine = {
  at: string
  /** A sentence that a support person can forward. */
  text: string
  /** Message it is about; null for the submission itself. */
  messageId: string | null
  evidence: Evidence | null
}

/** Everything that happened to a submission, oldest first, and how things stand. */
export type Story = {
  reference: string
  form: string
  lines: readonly StoryLine[]
  /** One sentence per mail: where it is now and what comes next. */
  now: readonly string[]
}

/** Tells the whole story of a submission from what is stored. For managers and operators: it names addresses. */
export async function explain(
  deps: Pick<Deps, 'messages' | 'clock'>,
  submission: Submission,
  language: Language,
): Promise<Story> {
  const messages = await deps.messages.ofSubmission(submission.id)
  const carriers = await Promise.all(messages.map((message) => carrierOf(deps, message)))
  const lines = [
    ...submissionLines(submission, language),
    ...disownedLines(submission, messages, language),
    ...messages.flatMap((message) => messageLines(message, roleNames[message.role], language)),
    ...carriers
      .filter((carrier) => messages.every(({ id }) => id !== carrier.id))
      .flatMap((digest) => messageLines(digest, digestName, language)),
  ]
  return {
    reference: submission.reference,
    form: submission.form,
    lines: lines
      .map((line, index) => ({ line, index }))
      .sort((a, b) => a.line.at.localeCompare(b.line.at) || a.index - b.index)
      .map(({ line }) => line),
    now: messages.map((message, index) => standing(message, carriers[index] ?? message, deps.clock.now(), language)),
  }
}

const roleNames: Readonly<Record<Role, Sentence>> = {
  confirmation: { en: 'The confirmation', ja: '確認メール' },
  notification: { en: 'The notification', ja: '通知メール' },
  update: { en: 'The update', ja: '続報メール' },
  alarm: { en: 'The alarm', ja: '警報' },
}

/** The mail that tells of many submissions at once. */
const digestName: Sentence = { en: 'The summary', ja: 'まとめのメール' }

function lineOf(at: number, sentence: Sentence, language: Language): StoryLine {
  return { at: iso(at), text: sentence[language], messageId: null, evidence: null }
}

function submissionLines(submission: Submission, language: Language): StoryLine[] {
  const line = (at: number, sentence: Sentence): StoryLine => lineOf(at, sentence, language)
  const fields = new Set(submission.entries.map((entry) => entry.name)).size
  const files = submission.entries.filter((entry) => entry.kind === 'file').length
  const withFiles =
    files === 0 ? { en: '', ja: '' } : { en: ` and ${files} file${files > 1 ? 's' : ''}`, ja: `・ファイル ${files} 件` }
  const isUnusable = submission.observations.some(({ code }) => code === 'ADDRESS_UNUSABLE')
  const kept = submission.observations.filter(({ code }) => code !== 'ADDRESS_UNUSABLE')
  const observed = kept.map(({ field, code }) => `${field} (${code})`).join(', ')
  return [
    line(submission.receivedAt, {
      en: `The form “${submission.form}” was posted and stored with ${fields} field${fields === 1 ? '' : 's'}${withFiles.en}.`,
      ja: `フォーム「${submission.form}」が送信され、保存されました（${fields} 項目${withFiles.ja}）。`,
    }),
    ...(observed === ''
      ? []
      : [
          line(submission.receivedAt, {
            en: `Kept although the page’s rules do not know it: ${observed}.`,
            ja: `ページの規則にない内容ですが保存しました: ${observed}。`,
          }),
        ]),
    ...verdictLines(submission).map(([at, sentence]) => line(at, sentence)),
    ...(!isUnusable
      ? []
      : [
          line(submission.receivedAt, {
            en: 'What stood in _replyto is no address that mail can go to, so there is no confirmation.',
            ja: '_replyto の内容は送信できるアドレスではないため、確認メールはありません。',
          }),
        ]),
    ...submission.resends.map(({ kind, at, oldEmail, newEmail }) =>
      line(
        at,
        kind === 'corrected'
          ? {
              en: `The sender corrected the address from ${oldEmail} to ${newEmail}.`,
              ja: `送信者がアドレスを ${oldEmail} から ${newEmail} に訂正しました。`,
            }
          : {
              en: `The sender asked for the confirmation again, to ${newEmail}.`,
              ja: `送信者が確認メールの再送（${newEmail}）を求めました。`,
            },
      ),
    ),
  ]
}

const disownedSentences: Readonly<Record<NonNullable<Content['kind']>, Sentence>> = {
  disowned: {
    en: 'The owner of the address says that it was not them. No confirmations go there for a while.',
    ja: 'アドレスの持ち主から、自分の送信ではないとの連絡がありました。しばらくの間、確認メールは送られません。',
  },
  'taken-back': {
    en: 'The owner of the address took that back.',
    ja: 'アドレスの持ち主が、その連絡を取り消しました。',
  },
}

/**
 * What the owner of the address said. The submission knows only how that stands now; what was said before, the mails tell that
 * went to the managers each time. Where none went, since there was no manager then, or there had been many, only the present is
 * known.
 */
function disownedLines({ disownedAt }: Submission, messages: readonly Message[], language: Language): StoryLine[] {
  const mails = messages.flatMap(({ content, createdAt }) =>
    content?.kind === undefined ? [] : [{ kind: content.kind, at: createdAt }],
  )
  // Every manager gets one, planned together.
  const told = [...new Map(mails.map((mail) => [`${mail.kind} ${mail.at}`, mail])).values()].sort((a, b) => a.at - b.at)
  const isUntold = disownedAt !== null && told.at(-1)?.kind !== 'disowned'
  const said = isUntold ? [...told, { kind: 'disowned', at: disownedAt } as const] : told
  return said.map(({ kind, at }) => lineOf(at, disownedSentences[kind], language))
}

/** What the rules against abuse found, and what became of it. */
function verdictLines({ receivedAt, verdict, review, reviewedAt }: Submission): [at: number, sentence: Sentence][] {
  const { reasons, shadow } = verdict
  const lines: [number, Sentence][] = []
  if (reasons.length > 0) {
    lines.push([
      receivedAt,
      {
        en: `It was put aside for review: ${sentencesOf(reasons, 'en')}. No mail goes out until it is released.`,
        ja: `確認待ちになりました: ${sentencesOf(reasons, 'ja')}。解除されるまでメールは送られません。`,
      },
    ])
  }
  if (shadow.length > 0) {
    lines.push([
      receivedAt,
      {
        en: `Rules on trial would have put it aside: ${sentencesOf(shadow, 'en')}.`,
        ja: `試行中の規則では確認待ちになるところでした: ${sentencesOf(shadow, 'ja')}。`,
      },
    ])
  }
  if (reasons.length === 0 && (review === 'unconfirmed' || review === 'quarantined' || reviewedAt !== null)) {
    lines.push([
      receivedAt,
      {
        en: 'The form asks the sender to confirm first; the managers are told of it then.',
        ja: 'このフォームは、先に送信者の確認を求めます。管理者への通知はその後です。',
      },
    ])
  }
  if (reviewedAt !== null) lines.push([reviewedAt, reviewSentences[review]])
  return lines
}

/** What its state of review means, once it has changed. */
const reviewSentences: Readonly<Record<Review, Sentence>> = {
  released: { en: 'A person released it; its mails go out.', ja: '担当者が解除しました。メールが送られます。' },
  accepted: { en: 'The sender confirmed it.', ja: '送信者が確認しました。' },
  quarantined: unaskedSentence,
  unconfirmed: { en: 'It waits for the sender’s confirmation.', ja: '送信者の確認を待っています。' },
}

function sentencesOf(reasons: readonly VerdictReason[], language: Language): string {
  return reasons.map((reason) => reasonSentence(reason)[language]).join(language === 'ja' ? '、' : '; ')
}

function messageLines(message: Message, name: Sentence, language: Language): StoryLine[] {
  return message.events.map((event) => ({
    at: iso(event.at),
    text: `${name[language]}${language === 'ja' ? '' : ' '}${eventSentence(message, event)[language]}`,
    messageId: message.id,
    evidence: 'evidence' in event ? (event.evidence ?? null) : null,
  }))
}

function eventSentence(message: Message, event: MessageEvent): Sentence {
  const to = message.recipient
  switch (event.kind) {
    case 'queued':
      switch (event.by) {
        case 'operator':
          return { en: `to ${to} was released by an operator.`, ja: `（宛先 ${to}）は運用者が送信待ちに戻しました。` }
        case 'submitter':
          return {
            en: `to ${to} goes on: the sender says that the address is right.`,
            ja: `（宛先 ${to}）は、アドレスは正しいと送信者が答えたため、送信待ちになりました。`,
          }
        default:
          return { en: `to ${to} was queued.`, ja: `（宛先 ${to}）が送信待ちになりました。` }
      }
    case 'held': {
      const until = event.until === null ? { en: '', ja: '' } : untilSentence(event.until)
      return {
        en: `to ${to} is held back: ${heldSentences[event.reason].en}${until.en}.`,
        ja: `（宛先 ${to}）は保留されています: ${heldSentences[event.reason].ja}${until.ja}。`,
      }
    }
    case 'deferred':
      return {
        en: `could not be handed over at attempt ${event.attempt}: ${because(event.class, 'en', event.evidence)}. Next try: ${iso(event.nextTryAt)}.`,
        ja: `は ${event.attempt} 回目の送信で引き渡せませんでした: ${because(event.class, 'ja', event.evidence)}。次の送信: ${iso(event.nextTryAt)}。`,
      }
    case 'unknown-retry':
      return {
        en: `was sent, but the answer was lost. It may have arrived; since a lost message is worse than a second copy, it goes out once more at ${iso(event.nextTryAt)}, marked as a possible duplicate.`,
        ja: `は送信しましたが、応答を受け取れませんでした。届いている可能性もありますが、失われるより重複の方がよいため、${iso(event.nextTryAt)} に重複の可能性ありとして再送します。`,
      }
    case 'unknown':
      return {
        en: 'was sent, but the answer was lost. Nobody can say whether it arrived; it is not sent again by itself.',
        ja: 'は送信しましたが、応答を受け取れませんでした。届いたかどうかは分かりません。自動では再送しません。',
      }
    case 'accepted':
      return {
        en: `was taken over by the ${event.by}${replyIn(event.evidence)}. From here the ${event.by} is responsible; a bounce may still come.`,
        ja: `は${event.by === 'relay' ? 'リレーサーバー' : 'メールサービス'}に引き渡されました${replyIn(event.evidence)}。以後の配送は引き渡し先が行い、後から不達が届くこともあります。`,
      }
    case 'relay-delayed':
      return {
        en: 'is delayed at the relay, which goes on trying.',
        ja: 'はリレーサーバーで遅れており、配送の試みが続いています。',
      }
    case 'delivered':
      return {
        en: `was delivered to ${to}: the recipient’s server has it${replyIn(event.evidence)}.`,
        ja: `は ${to} に届きました。受信サーバーが受け取っています${replyIn(event.evidence)}。`,
      }
    case 'bounced':
      return {
        en: `was refused: ${because(event.class, 'en', event.evidence)}.`,
        ja: `は拒否されました: ${because(event.class, 'ja', event.evidence)}。`,
      }
    case 'complained':
      return { en: 'was reported as spam by its recipient.', ja: 'は受信者に迷惑メールとして報告されました。' }
    case 'auto-reply':
      return {
        en: 'was answered by an automatic reply. That says nothing about its delivery.',
        ja: 'に自動応答が返ってきました。配送の成否とは関係ありません。',
      }
    case 'expired':
      return {
        en: `was given up: its time is over (${because(event.class, 'en', event.evidence)}).`,
        ja: `は時間切れで断念しました（${because(event.class, 'ja', event.evidence)}）。`,
      }
    case 'failed':
      return {
        en: `could not be sent, for a reason on our side: ${because(event.class, 'en', event.evidence)}.`,
        ja: `は当方の原因で送信できませんでした: ${because(event.class, 'ja', event.evidence)}。`,
      }
    case 'cancelled':
      return cancelSentences[event.reason]
    case 'suppressed':
      if (event.evidence?.rule === 'stop') {
        return {
          en: `was not sent to ${to}: ${stoppedSentence.en}.`,
          ja: `は送信していません（宛先 ${to}）: ${stoppedSentence.ja}。`,
        }
      }
      return {
        en: `was not sent: ${to} is on a suppression list.`,
        ja: `は送信していません: ${to} は送信停止リストにあります。`,
      }
    case 'template-fault':
      return {
        en: `went out with the built-in text, because the form’s template could not be used: ${event.text}.`,
        ja: `はフォームのテンプレートに問題があったため、標準の文面で送られました: ${event.text}。`,
      }
    case 'upload-missing':
      return {
        en: `went out without the upload ${event.fileName}, which is not there any more.`,
        ja: `は、失われた添付ファイル ${event.fileName} を付けずに送られました。`,
      }
    case 'lease-lost':
      return {
        en: `went back to the queue: the process working on attempt ${event.attempt} ended before anything was sent.`,
        ja: `は送信待ちに戻りました: ${event.attempt} 回目の送信中に、何も送られないままプロセスが終了しました。`,
      }
  }
}

const cancelSentences: Readonly<Record<CancelReason, Sentence>> = {
  corrected: { en: 'was cancelled, since the address was corrected.', ja: 'はアドレスの訂正により取り消されました。' },
  operator: { en: 'was cancelled by an operator.', ja: 'は運用者が取り消しました。' },
  disowned: {
    en: 'was cancelled, since the owner of the address says that it was not them.',
    ja: 'は、アドレスの持ち主が自分の送信ではないと知らせたため取り消されました。',
  },
  review: {
    en: 'was cancelled, since the submission may not cause mail.',
    ja: 'は、この送信内容からはメールを送れない状態のため取り消されました。',
  },
  digest: {
    en: 'goes out in no mail of its own: it is told in a summary, together with other posts.',
    ja: 'は個別には送らず、ほかの送信と一緒にまとめのメールでお知らせします。',
  },
}

function untilSentence(until: number): Sentence {
  return { en: `, until ${iso(until)} at the latest`, ja: `（遅くとも ${iso(until)} まで）` }
}

function because(name: keyof typeof classRules, language: Language, evidence: Evidence | undefined): string {
  return `${classRules[name].operator[language]}${replyIn(evidence)}`
}

/** The other side's own words, in brackets. */
function replyIn(evidence: Evidence | undefined): string {
  if (evidence === undefined) return ''
  const { replyCode, enhancedCode, text, fault } = evidence
  const said = text?.replace(/\s+/g, ' ').slice(0, 200)
  // Servers begin their text with the code that we show anyway.
  const code = enhancedCode !== undefined && said?.startsWith(enhancedCode) ? undefined : enhancedCode
  const words = [replyCode, code, said, fault].filter((part) => part !== undefined && part !== '')
  return words.length === 0 ? '' : ` [${words.join(' ')}]`
}

/** How one mail stands; where a digest (`carrier`) tells it, how that one does. */
function standing(message: Message, carrier: Message, now: number, language: Language): string {
  const name = roleNames[message.role][language]
  const { state } = carrier
  const due = state.nextTryAt === undefined ? '' : iso(state.nextTryAt)
  const sentences: Record<typeof state.name | 'sending', Sentence> = {
    queued: { en: 'waits to be sent.', ja: 'は送信待ちです。' },
    sending: { en: 'is being sent right now.', ja: 'は現在送信中です。' },
    deferred: { en: `is delayed; the next try is at ${due}.`, ja: `は遅れています。次の送信は ${due} です。` },
    held: {
      en: `is held back: ${state.heldReason === undefined ? '' : heldSentences[state.heldReason].en}.`,
      ja: `は保留中です: ${state.heldReason === undefined ? '' : heldSentences[state.heldReason].ja}。`,
    },
    unknown: { en: 'may or may not have arrived.', ja: 'は届いたかどうか分かりません。' },
    accepted: isSettled(carrier, now)
      ? {
          en: 'was taken over; no news came since, which mostly means that it arrived.',
          ja: 'は引き渡し済みで、その後の連絡はありません（多くの場合、届いています）。',
        }
      : {
          en: 'was taken over; its delivery is not confirmed.',
          ja: 'は引き渡し済みですが、到着は確認されていません。',
        },
    delivered: { en: 'was delivered to the recipient’s server.', ja: 'は受信サーバーに届きました。' },
    bounced_soft: {
      en: 'came back; the address itself may be right.',
      ja: 'は届きませんでした（アドレス自体は正しい可能性があります）。',
    },
    bounced_hard: { en: 'came back; the address does not work.', ja: 'は届きませんでした（アドレスが使えません）。' },
    complained: { en: 'was delivered and reported as spam.', ja: 'は届きましたが、迷惑メールとして報告されました。' },
    expired: { en: 'was given up.', ja: 'の送信は断念されました。' },
    failed: { en: 'could not be sent because of our settings.', ja: 'は当方の設定の問題で送信できませんでした。' },
    cancelled: { en: 'was cancelled.', ja: 'は取り消されました。' },
    suppressed: { en: 'was not sent: the address is suppressed.', ja: 'は送信停止リストにより送信されていません。' },
  }
  const shown = isWorkingState(state) ? stateName(carrier, now) : state.name
  const inDigest = carrier.id === message.id ? { en: '', ja: '' } : standingInDigest
  return `${name}${language === 'ja' ? '' : ' '}${language === 'ja' ? `（${message.recipient}）` : `to ${message.recipient} `}${inDigest[language]}${sentences[shown as keyof typeof sentences][language]}`
}

const standingInDigest: Sentence = {
  en: 'is told in a summary, which ',
  ja: 'はまとめのメールでお知らせします。そのメール',
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
