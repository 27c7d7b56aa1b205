import type { Language, Sentence } from '../language.ts'
import type { HeldReason, Message, MessageState } from './message.ts'

/** Why a mail waits, for managers and operators; goes on after “The confirmation … is held back: ”, and stands in lists. */
export const heldSentences: Readonly<Record<HeldReason, Sentence>> = {
  cap: {
    en: 'the address or its domain got many confirmations lately',
    ja: '宛先のアドレスまたはドメインに、最近多くの確認メールが送られています',
  },
  'doubtful-address': {
    en: 'the address looks mistyped, or its domain takes no mail',
    ja: 'アドレスの入力間違いか、メールを受け取れないドメインの可能性があります',
  },
  'no-proof': {
    en: 'the form asks for a proof of work, and the post had none',
    ja: 'フォームが求める計算による証明が送信に含まれていません',
  },
  breaker: {
    en: 'too many of the latest confirmations came back or were reported as spam',
    ja: '最近の確認メールの多くが不達または迷惑メールとして報告されています',
  },
  flood: {
    en: 'so many posts come to the form that one mail will tell of them together',
    ja: 'フォームへの送信が多いため、1 通のメールにまとめてお知らせします',
  },
}

/**
 * Reasons that whoever posted may know: they come from the post itself. The others, and a stop, say what became of an
 * address elsewhere: that somebody else used it here, that its owner complained. All of these look the same to them.
 */
export function isToldToSubmitter(reason: HeldReason): boolean {
  return reason === 'doubtful-address' || reason === 'no-proof'
}

/**
 * Whether a mail that asks something can't count on an answer, for now or for good. One that is held for a doubtful
 * address waits for its submitter, and only for minutes.
 */
export function couldNotAsk({ name, heldReason }: MessageState): boolean {
  return name === 'held' ? heldReason !== 'doubtful-address' : unanswerable.has(name)
}

const unanswerable: ReadonlySet<string> = new Set([
  'unknown',
  'bounced_soft',
  'bounced_hard',
  'expired',
  'failed',
  'cancelled',
  'suppressed',
])

/** The same where none goes out, since the address's owner asked for that. */
export const stoppedSentence: Sentence = {
  en: 'the owner of this address asked for no confirmations',
  ja: 'アドレスの持ち主が確認メールの停止を求めています',
}

/** One line for the notification of the same submission, when no confirmation goes out; null when nothing is to be told. */
export function confirmationNote({ state }: Pick<Message, 'state'>, language: Language): string | null {
  if (state.name === 'held' && state.heldReason !== undefined) {
    const why = heldSentences[state.heldReason][language]
    return language === 'ja'
      ? `送信者への確認メールは保留中です: ${why}。`
      : `The confirmation to the sender is held back: ${why}.`
  }
  if (state.name === 'suppressed' && state.by === 'us') {
    const why = stoppedSentence[language]
    return language === 'ja'
      ? `送信者への確認メールは送られません: ${why}。`
      : `No confirmation goes to the sender: ${why}.`
  }
  return null
}
