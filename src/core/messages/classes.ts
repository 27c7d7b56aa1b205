import type { RefusalClass } from '../../mail/refusal-classes.ts'
import type { Sentence } from '../language.ts'

/** What the submitter may learn of a failure; everything finer would make the form a tool for testing addresses. */
export type CoarseReason = 'no-such-mailbox' | 'cannot-take-mail-now' | 'refused' | 'delayed' | 'not-delivered'

type ClassRule = {
  /** `hard`: recipient or domain permanently refused. `soft`: this mail failed. `ours`: settings of ours. */
  final: 'hard' | 'soft' | 'ours'
  /** Whether a permanent refusal (5yz) ends the message. `retry`: what is refused is us, and that can be mended in time. */
  onRefusal: 'end' | 'retry'
  coarse: CoarseReason
  manager: Sentence
  operator: Sentence
}

/** The meaning of each class: what it ends as, whether it is tried again, and in whose words it is told. */
export const classRules: Readonly<Record<RefusalClass, ClassRule>> = {
  'unknown-user': {
    final: 'hard',
    onRefusal: 'end',
    coarse: 'no-such-mailbox',
    manager: { en: 'this mailbox does not exist', ja: 'このメールアドレスは存在しません' },
    operator: {
      en: 'the receiving server says that the mailbox does not exist',
      ja: '受信サーバーが「宛先のメールボックスは存在しない」と応答しました',
    },
  },
  'mailbox-disabled': {
    final: 'hard',
    onRefusal: 'end',
    coarse: 'no-such-mailbox',
    manager: { en: 'this mailbox is switched off', ja: 'このメールボックスは停止されています' },
    operator: { en: 'the mailbox exists but is disabled', ja: 'メールボックスは無効化されています' },
  },
  'mailbox-full': {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'cannot-take-mail-now',
    manager: { en: 'the mailbox is full', ja: 'メールボックスがいっぱいです' },
    operator: { en: 'the mailbox is over its quota', ja: 'メールボックスの容量が上限に達しています' },
  },
  'domain-no-mail': {
    final: 'hard',
    onRefusal: 'end',
    coarse: 'no-such-mailbox',
    manager: { en: 'the domain of this address takes no mail', ja: 'このドメインはメールを受け取っていません' },
    operator: {
      en: 'the domain does not exist or says that it takes no mail',
      ja: 'ドメインが存在しないか、メールを受け付けないと宣言しています',
    },
  },
  'filtered-by-recipient': {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'refused',
    manager: { en: 'the recipient’s filter refused the mail', ja: '受信者の迷惑メール設定で拒否されました' },
    operator: {
      en: 'refused by a filter of the recipient, not for the address',
      ja: '宛先の誤りではなく、受信者側のフィルターで拒否されました',
    },
  },
  'blocked-reputation': {
    final: 'soft',
    onRefusal: 'retry',
    coarse: 'refused',
    manager: {
      en: 'the receiving side does not take mail from our server at the moment',
      ja: '受信側が当方のサーバーからのメールを受け付けていません',
    },
    operator: {
      en: 'our server or domain is blocked by reputation; look at the reply',
      ja: '送信元の評価を理由に拒否されています。応答の内容を確認してください',
    },
  },
  'rate-limited': {
    final: 'soft',
    onRefusal: 'retry',
    coarse: 'delayed',
    manager: { en: 'the receiving side takes only a limited number of mails', ja: '受信側の流量制限にかかっています' },
    operator: {
      en: 'a rate or quota was exceeded; the lane slows down',
      ja: '流量または上限を超えたため、送信を遅らせています',
    },
  },
  'content-policy': {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'refused',
    manager: { en: 'the receiving side refused the content', ja: '受信側が内容を理由に拒否しました' },
    operator: { en: 'refused for its content or by a policy', ja: '内容またはポリシーを理由に拒否されました' },
  },
  authentication: {
    final: 'ours',
    onRefusal: 'retry',
    coarse: 'not-delivered',
    manager: { en: 'our mail server settings need attention', ja: '当方のメール設定に問題があります' },
    operator: {
      en: 'login or sender authentication was refused: check user, password and the From domain',
      ja: '認証が拒否されました。ユーザー名・パスワードと From のドメインを確認してください',
    },
  },
  'too-large': {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'refused',
    manager: { en: 'the mail is too large for the receiving side', ja: 'メールが受信側の上限サイズを超えています' },
    operator: {
      en: 'the mail is larger than the server takes: lower `limits.attachBytes`',
      ja: 'サーバーの上限を超えています。`limits.attachBytes` を小さくしてください',
    },
  },
  'relaying-denied': {
    final: 'ours',
    onRefusal: 'retry',
    coarse: 'not-delivered',
    manager: { en: 'our mail server settings need attention', ja: '当方のメール設定に問題があります' },
    operator: {
      en: 'the relay does not take mail from us for this recipient: check its permissions and our login',
      ja: 'リレーサーバーが中継を拒否しました。中継の許可とログイン設定を確認してください',
    },
  },
  network: {
    final: 'soft',
    onRefusal: 'retry',
    coarse: 'delayed',
    manager: { en: 'the mail server could not be reached', ja: 'メールサーバーに接続できませんでした' },
    operator: {
      en: 'no connection, or it was lost before the mail was handed over',
      ja: '接続できなかったか、引き渡し前に切断されました',
    },
  },
  expired: {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'not-delivered',
    manager: { en: 'delivery was given up after too long a time', ja: '時間切れで配送を断念しました' },
    operator: { en: 'no attempt succeeded before the message expired', ja: '有効期限までに配送できませんでした' },
  },
  'auto-reply': {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'not-delivered',
    manager: { en: 'an automatic reply came back', ja: '自動応答が返ってきました' },
    operator: {
      en: 'an automatic reply; it says nothing about delivery',
      ja: '自動応答です。配送の成否とは関係ありません',
    },
  },
  complaint: {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'refused',
    manager: { en: 'the recipient marked the mail as spam', ja: '受信者が迷惑メールとして報告しました' },
    operator: { en: 'a complaint came through a feedback loop', ja: '迷惑メール報告がありました' },
  },
  unclassified: {
    final: 'soft',
    onRefusal: 'end',
    coarse: 'refused',
    manager: { en: 'the receiving side refused the mail', ja: '受信側がメールを拒否しました' },
    operator: {
      en: 'refused for a reason we do not know; look at the reply',
      ja: '理由を判別できない拒否です。応答の内容を確認してください',
    },
  },
}
