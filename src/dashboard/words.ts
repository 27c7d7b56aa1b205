/** The frame and the mailbox in the reader's language. */
const words = {
  en: {
    title: 'Mailbox',
    what: 'Mails of the capture transport. None of them left this machine.',
    empty: 'No mail yet. Fill in a form, and its mails appear here.',
    choose: 'Choose a mail.',
    alarms: 'Alarms',
    views: 'Views',
    forms: 'Forms',
    waiting: (n: number) => `${n} ${n === 1 ? 'waits' : 'wait'} for review`,
    since: (time: string) => `since ${time}`,
    to: 'To',
    from: 'From',
    received: 'Sent',
    attempt: (n: number) => `attempt ${n}`,
    formatted: 'Formatted',
    text: 'Text',
    headers: 'Headers',
    source: 'Download source',
    attachments: 'Attachments',
    clear: 'Empty the mailbox',
    older: 'Older mails',
    back: 'Back to the list',
    noText: 'This mail has no text.',
    failed: (why: string) => `It could not be loaded: ${why}`,
    signIn: 'Your session is over. Open a new one-time link: npx todoku token link',
  },
  ja: {
    title: 'メールボックス',
    what: 'capture トランスポートのメールです。このマシンの外には出ていません。',
    empty: 'まだメールはありません。フォームを送信すると、ここに表示されます。',
    choose: 'メールを選んでください。',
    alarms: '警報',
    views: '表示',
    forms: 'フォーム',
    waiting: (n: number) => `確認待ち ${n} 件`,
    since: (time: string) => `${time} から`,
    to: '宛先',
    from: '差出人',
    received: '送信日時',
    attempt: (n: number) => `${n} 回目`,
    formatted: '書式付き',
    text: 'テキスト',
    headers: 'ヘッダー',
    source: 'ソースを保存',
    attachments: '添付ファイル',
    clear: 'メールボックスを空にする',
    older: '以前のメール',
    back: '一覧に戻る',
    noText: 'このメールに本文はありません。',
    failed: (why: string) => `読み込めませんでした: ${why}`,
    signIn: 'セッションが終了しました。新しい一回限りのリンクを開いてください: npx todoku token link',
  },
}

export type Words = (typeof words)['en']

export const language: 'en' | 'ja' = navigator.language.toLowerCase().startsWith('ja') ? 'ja' : 'en'

export const t: Words = words[language]

export function formatTime(iso: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(iso))
}
