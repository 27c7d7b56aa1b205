/** Everything the script says: in English, in Japanese. `{…}` stands for a value. */
const texts = {
  busy: ['Sending …', '送信しています…'],
  lost: [
    'No answer came. What you typed is still here. Please send it again.',
    '応答がありません。入力内容は残っています。もう一度送信してください。',
  ],
  refused: ['This was not accepted.', '受け付けられませんでした。'],
  waiting: [
    'Not sent yet: it is kept here and sent when you are online.',
    'まだ送信していません。ここに保存し、オンラインになったら送信します。',
  ],
  files: [
    'Not sent yet: files can’t wait here. Please send it again when you are online.',
    'まだ送信していません。ファイルは保存できません。オンラインで送信してください。',
  ],
  suggested: ['Not sent yet. Did you mean {address}?', 'まだ送信していません。{address} ではありませんか？'],
  use: ['Use it and send', '直して送信'],
  keep: ['Keep mine and send', 'そのまま送信'],
  stored: ['Your message is stored. Reference: {reference}.', '送信内容を保存しました。受付番号: {reference}。'],
  status: ['Status page', '状況ページ'],
  // What became of it; the names are states of the status JSON, or stand for several of them.
  quarantined: ['It waits for review.', '確認待ちです。'],
  unconfirmed: ['Please confirm it there.', 'メールで確認してください。'],
  queued: ['Confirmation: on its way to {email}.', '確認メール: {email} へ送信しています。'],
  deferred: ['Confirmation: delayed; we keep trying.', '確認メール: 遅れています。'],
  held: ['Confirmation: held back.', '確認メール: 保留しています。'],
  unknown: ['Confirmation: it may have arrived.', '確認メール: 届いたか分かりません。'],
  accepted: ['Confirmation: handed over.', '確認メール: 引き渡しました。到着は未確認です。'],
  delivered: [
    'Confirmation: delivered to the mail server of {domain}.',
    '確認メール: {domain} のメールサーバーに届きました。',
  ],
  failed: ['Confirmation: not delivered to {email}.', '確認メール: {email} に届きませんでした。'],
} as const

export type TextKey = keyof typeof texts

/** Whether there is a text for a word of the server. */
export function isTextKey(word: string): word is TextKey {
  return word in texts
}

/**
 * A text for a place in the page: in the language of the nearest `lang`, or the page's own from the nearest
 * `data-todoku-text-KEY`.
 */
export function say(near: Element, key: TextKey, values: Record<string, string | null | undefined> = {}): string {
  const own = `data-todoku-text-${key}`
  const japanese = /^ja\b/i.test(near.closest('[lang]')?.getAttribute('lang') || navigator.language)
  const text = near.closest(`[${own}]`)?.getAttribute(own) ?? texts[key][japanese ? 1 : 0]
  return text.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
}
