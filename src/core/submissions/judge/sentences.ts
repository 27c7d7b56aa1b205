import type { Sentence } from '../../language.ts'
import type { VerdictReason, VerdictRule } from '../submission.ts'

/** What a rule found, for managers and operators; goes on after “It waits for review: ”. */
export function reasonSentence({ rule, detail }: VerdictReason): Sentence {
  return sentences[rule](detail)
}

/** Why a submission waits for review that no rule spoke against (`isUnasked`). */
export const unaskedSentence: Sentence = {
  en: 'The sender could not be asked by mail whether it was them, so that a person has to look. Their confirmation still counts.',
  ja: '送信者本人かどうかをメールで確かめられなかったため、担当者の確認待ちになりました。送信者による確認は引き続き有効です。',
}

const sentences: Readonly<Record<VerdictRule, (detail: string) => Sentence>> = {
  honeypot: () => ({
    en: 'a field that visitors don’t see was filled in (browsers do that too)',
    ja: '訪問者に見えない項目が入力されています（ブラウザーの自動入力のこともあります）',
  }),
  'too-fast': (seconds) => ({
    en: `it was sent ${seconds} seconds after the page was shown`,
    ja: `ページの表示から ${seconds} 秒で送信されています`,
  }),
  'automated-browser': () => ({ en: 'a program steers the browser', ja: 'ブラウザーがプログラムで操作されています' }),
  origin: () => ({
    en: 'the page it was sent from is not among the form’s origins',
    ja: '送信元のページが、フォームの origins にありません',
  }),
  'client-rate': (posts) => ({
    en: `${posts} posts came from this network within 10 minutes`,
    ja: `同じネットワークから 10 分間に ${posts} 件の送信がありました`,
  }),
  'repeated-content': (times) => ({
    en: `the same text came ${times} times within an hour`,
    ja: `同じ文章が 1 時間に ${times} 回送信されています`,
  }),
  links: (detail) => {
    switch (detail) {
      case 'markup':
        return { en: 'it has links written for programs', ja: 'プログラム向けの書式のリンクがあります' }
      case 'name':
        return { en: 'a name or telephone number has a link', ja: '名前または電話番号にリンクがあります' }
      default:
        return { en: `it has ${detail} links`, ja: `リンクが ${detail} 個あります` }
    }
  },
  words: (count) => ({
    en: `${count} of the form’s unwanted words ${count === '1' ? 'is' : 'are'} in it`,
    ja: `フォームで指定された語が ${count} 個含まれています`,
  }),
}
