import type { Language, Sentence } from './language.ts'

type Entry = {
  /** HTTP status of an answer that carries this code. */
  status: number
  /** Whether the same request may succeed later. */
  retry: boolean
  /** What happened, for the person who sees it. */
  sentence: Sentence
  /** What that person can do. */
  next: Sentence
}

/**
 * Every error that a page, an API answer or a command can show. `docs/reference/errors.md` is generated from it
 * (`npm run docs`), and a test fails when the two differ.
 */
export const errorCatalogue = {
  'form-not-found': {
    status: 404,
    retry: false,
    sentence: { en: 'There is no form at this address.', ja: 'このアドレスにフォームはありません。' },
    next: {
      en: 'Go back to the page you came from and contact its owner in another way. Owner: check the form’s name in the action, then run `todoku forms sync`.',
      ja: '元のページに戻り、別の方法で連絡してください。サイト管理者の方は action のフォーム名を確認し、`todoku forms sync` を実行してください。',
    },
  },
  'not-found': {
    status: 404,
    retry: false,
    sentence: { en: 'There is nothing at this address.', ja: 'このアドレスには何もありません。' },
    next: { en: 'Check the address for a typing mistake.', ja: 'アドレスに間違いがないか確認してください。' },
  },
  'status-not-found': {
    status: 404,
    retry: false,
    sentence: { en: 'This link does not lead to a message.', ja: 'このリンクに対応する送信内容はありません。' },
    next: {
      en: 'Open the link exactly as you got it; part of it may have been cut off.',
      ja: 'リンクの一部が欠けている可能性があります。受け取ったとおりに開いてください。',
    },
  },
  'submission-not-found': {
    status: 404,
    retry: false,
    sentence: { en: 'There is no submission with this reference.', ja: 'この受付番号の送信内容はありません。' },
    next: {
      en: 'Check the reference; `todoku submissions list` shows them.',
      ja: '受付番号を確認してください。`todoku submissions list` で一覧できます。',
    },
  },
  'message-not-found': {
    status: 404,
    retry: false,
    sentence: { en: 'There is no message with this id.', ja: 'この ID のメールはありません。' },
    next: {
      en: 'Check the id; `todoku messages list` shows them.',
      ja: 'ID を確認してください。`todoku messages list` で一覧できます。',
    },
  },
  'file-not-found': {
    status: 404,
    retry: false,
    sentence: { en: 'This upload is not there.', ja: 'この添付ファイルはありません。' },
    next: { en: 'Check the file number of the submission.', ja: '送信内容のファイル番号を確認してください。' },
  },
  'review-not-found': {
    status: 404,
    retry: false,
    sentence: {
      en: 'This link does not lead to a message that waits for review.',
      ja: 'このリンクに対応する確認待ちの送信内容はありません。',
    },
    next: {
      en: 'Part of the link may have been cut off, or its 30 days are over. Nothing is lost: ask whoever runs this server for the message, by the reference beside the link.',
      ja: 'リンクの一部が欠けているか、30 日の有効期限が切れている可能性があります。送信内容は失われていません。リンクの横にある受付番号を添えて、このサーバーの運用者にお問い合わせください。',
    },
  },
  'file-link-not-found': {
    status: 404,
    retry: false,
    sentence: { en: 'This link does not lead to a file.', ja: 'このリンクに対応するファイルはありません。' },
    next: {
      en: 'Open the link exactly as it stands in the mail; part of it may have been cut off.',
      ja: 'リンクの一部が欠けている可能性があります。メールに書かれているとおりに開いてください。',
    },
  },
  'file-link-expired': {
    status: 410,
    retry: false,
    sentence: { en: 'The time of this link to a file is over.', ja: 'ファイルへのリンクの有効期限が切れています。' },
    next: {
      en: 'The file is still stored: ask the operator of this server for it, with the reference in the mail (`todoku submissions files`).',
      ja: 'ファイルは保存されています。メールにある受付番号を添えて、このサーバーの運用者に依頼してください（`todoku submissions files`）。',
    },
  },
  'method-unknown': {
    status: 405,
    retry: false,
    sentence: {
      en: 'This address does not know that method.',
      ja: 'このアドレスでは、その方法（メソッド）は使えません。',
    },
    next: {
      en: 'Open the link as it was given to you. For programs, the header Allow names the methods.',
      ja: 'リンクをそのまま開いてください。プログラムの場合、使えるメソッドは Allow ヘッダーにあります。',
    },
  },
  'method-not-allowed': {
    status: 405,
    retry: false,
    sentence: {
      en: 'This address takes posted forms, it is not a page.',
      ja: 'ここはフォームの送信先で、ページではありません。',
    },
    next: {
      en: 'Go back to the page with the form. Owner: the form needs method="post".',
      ja: 'フォームのあるページに戻ってください。サイト管理者の方へ: フォームには method="post" が必要です。',
    },
  },
  'malformed-body': {
    status: 400,
    retry: false,
    sentence: { en: 'What was sent could not be read.', ja: '送信された内容を読み取れませんでした。' },
    next: {
      en: 'Go back, check what you typed and send it again.',
      ja: '前のページに戻り、入力を確認してもう一度送信してください。',
    },
  },
  'bad-charset': {
    status: 400,
    retry: false,
    sentence: {
      en: 'The text came in an encoding that could not be understood.',
      ja: '文字コードを判別できませんでした。',
    },
    next: {
      en: 'Go back and send it again. Owner: serve the page as UTF-8, or add <input type="hidden" name="_charset_"> to the form.',
      ja: '前のページに戻って送信し直してください。サイト管理者の方へ: ページを UTF-8 にするか、フォームに <input type="hidden" name="_charset_"> を加えてください。',
    },
  },
  'unsupported-type': {
    status: 415,
    retry: false,
    sentence: { en: 'This kind of content is not taken here.', ja: 'この形式の内容は受け付けていません。' },
    next: {
      en: 'Send application/x-www-form-urlencoded, multipart/form-data or application/json.',
      ja: 'application/x-www-form-urlencoded、multipart/form-data、application/json のいずれかで送信してください。',
    },
  },
  'too-large': {
    status: 413,
    retry: false,
    sentence: { en: 'What was sent is too large.', ja: '送信された内容が大きすぎます。' },
    next: { en: 'Go back, shorten it and send it again.', ja: '前のページに戻り、短くしてもう一度送信してください。' },
  },
  'too-many-fields': {
    status: 413,
    retry: false,
    sentence: { en: 'The form has too many fields.', ja: 'フォームの項目が多すぎます。' },
    next: {
      en: 'Owner: raise `limits.fields` in todoku.yaml if the form really needs so many.',
      ja: 'サイト管理者の方へ: 本当に必要な場合は todoku.yaml の `limits.fields` を増やしてください。',
    },
  },
  'file-too-large': {
    status: 413,
    retry: false,
    sentence: { en: 'A file is too large.', ja: 'ファイルが大きすぎます。' },
    next: {
      en: 'Go back, choose a smaller file and send it again.',
      ja: '前のページに戻り、より小さいファイルを選んで送信し直してください。',
    },
  },
  'too-many-files': {
    status: 413,
    retry: false,
    sentence: { en: 'There are too many files.', ja: 'ファイルの数が多すぎます。' },
    next: {
      en: 'Go back, choose fewer files and send it again.',
      ja: '前のページに戻り、ファイルの数を減らして送信し直してください。',
    },
  },
  'too-slow': {
    status: 408,
    retry: true,
    sentence: { en: 'The content took too long to arrive.', ja: '送信に時間がかかりすぎました。' },
    next: { en: 'Check your connection and send it again.', ja: '通信状態を確認して、もう一度送信してください。' },
  },
  'validation-failed': {
    status: 422,
    retry: false,
    sentence: { en: 'Some fields need your attention.', ja: '入力内容を確認してください。' },
    next: {
      en: 'Correct the marked fields and send again. Nothing you typed was lost.',
      ja: '印の付いた項目を直して、もう一度送信してください。入力した内容は残っています。',
    },
  },
  'too-many-posts': {
    status: 429,
    retry: true,
    sentence: {
      en: 'Too many forms come from your network right now. This one was not sent.',
      ja: '現在、お使いのネットワークから多数の送信が届いています。この内容はまだ送信されていません。',
    },
    next: {
      en: 'Wait ten seconds and send it again. It goes through then.',
      ja: '10 秒ほど待ってから、もう一度送信してください。そのときは受け付けます。',
    },
  },
  'idempotency-key-invalid': {
    status: 400,
    retry: false,
    sentence: { en: 'The Idempotency-Key is not usable.', ja: 'Idempotency-Key が正しくありません。' },
    next: {
      en: 'Send 1 to 200 visible ASCII characters, quoted or not.',
      ja: '1〜200 文字の表示可能な ASCII 文字を指定してください。',
    },
  },
  'idempotency-conflict': {
    status: 422,
    retry: false,
    sentence: {
      en: 'This Idempotency-Key was already used with other content.',
      ja: 'この Idempotency-Key は別の内容ですでに使われています。',
    },
    next: { en: 'Use a new key for new content.', ja: '新しい内容には新しいキーを使ってください。' },
  },
  'origin-refused': {
    status: 403,
    retry: false,
    sentence: {
      en: 'This form does not take posts from that page.',
      ja: 'このフォームは、そのページからの送信を受け付けていません。',
    },
    next: {
      en: 'Contact the owner of the page in another way. Owner: add the page’s origin to `origins` of the form in todoku.yaml and run `todoku forms apply`.',
      ja: '別の方法で連絡してください。サイト管理者の方へ: todoku.yaml のフォームの `origins` にページのオリジンを加え、`todoku forms apply` を実行してください。',
    },
  },
  'host-refused': {
    status: 421,
    retry: false,
    sentence: { en: 'This server does not answer under that name.', ja: 'このサーバーはその名前では応答しません。' },
    next: {
      en: 'Operator: set `publicUrl` to the address people use.',
      ja: '運用者の方へ: 利用されるアドレスを `publicUrl` に設定してください。',
    },
  },
  'correction-refused': {
    status: 409,
    retry: false,
    sentence: {
      en: 'The address can’t be changed now: the confirmation is on its way or has arrived.',
      ja: '確認メールは送信中か到着済みのため、アドレスは変更できません。',
    },
    next: { en: 'Reload the status page to see where it is.', ja: '状況ページを再読み込みして確認してください。' },
  },
  'correction-limit': {
    status: 409,
    retry: false,
    sentence: { en: 'The confirmation was already sent again three times.', ja: '確認メールの再送は 3 回までです。' },
    next: {
      en: 'Your message itself is stored. Contact the recipient in another way if you need an answer.',
      ja: '送信内容そのものは保存されています。返信が必要な場合は別の方法で連絡してください。',
    },
  },
  'address-invalid': {
    status: 422,
    retry: false,
    sentence: { en: 'This is not an e-mail address.', ja: 'メールアドレスの形式が正しくありません。' },
    next: {
      en: 'Type one address, like hanako@example.jp.',
      ja: 'hanako@example.jp のように 1 つだけ入力してください。',
    },
  },
  'address-unchanged': {
    status: 409,
    retry: false,
    sentence: {
      en: 'This is the address that the confirmation could not be delivered to.',
      ja: 'これは、確認メールを届けられなかったアドレスです。',
    },
    next: {
      en: 'Type another address.',
      ja: '別のアドレスを入力してください。',
    },
  },
  'resend-refused': {
    status: 409,
    retry: false,
    sentence: {
      en: 'The confirmation can’t be sent again now: it is on its way or has arrived.',
      ja: '確認メールは送信中か到着済みのため、再送できません。',
    },
    next: { en: 'Reload the status page to see where it is.', ja: '状況ページを再読み込みして確認してください。' },
  },
  'message-busy': {
    status: 409,
    retry: true,
    sentence: { en: 'The message’s state does not allow this.', ja: 'メールの現在の状態ではこの操作はできません。' },
    next: {
      en: 'Look at it with `todoku messages show` first.',
      ja: '`todoku messages show` で状態を確認してください。',
    },
  },
  'not-signed-in': {
    status: 401,
    retry: false,
    sentence: { en: 'This needs a session or a token.', ja: 'サインインまたはトークンが必要です。' },
    next: {
      en: 'Open the one-time link that `todoku serve` printed, or get a new one with `todoku token link`.',
      ja: '`todoku serve` が表示した一回限りのリンクを開くか、`todoku token link` で新しいリンクを作ってください。',
    },
  },
  'link-used': {
    status: 410,
    retry: false,
    sentence: {
      en: 'This one-time link was used or has expired.',
      ja: 'この一回限りのリンクは使用済みか、期限切れです。',
    },
    next: { en: 'Get a new one with `todoku token link`.', ja: '`todoku token link` で新しいリンクを作ってください。' },
  },
  'invalid-request': {
    status: 400,
    retry: false,
    sentence: {
      en: 'The request does not have the form that is documented.',
      ja: 'リクエストの形式が正しくありません。',
    },
    next: { en: 'Compare it with /api/v1/openapi.json.', ja: '/api/v1/openapi.json と照らし合わせてください。' },
  },
  'settings-invalid': {
    status: 422,
    retry: false,
    sentence: { en: 'The settings of a form are not valid.', ja: 'フォームの設定が正しくありません。' },
    next: { en: 'Correct the named keys in todoku.yaml.', ja: 'todoku.yaml の該当するキーを直してください。' },
  },
  'store-unavailable': {
    status: 503,
    retry: true,
    sentence: {
      en: 'It can’t be stored right now. Nothing was sent.',
      ja: '現在、保存できません。送信は行われていません。',
    },
    next: { en: 'Wait a little and send it again.', ja: 'しばらく待って、もう一度送信してください。' },
  },
  'shutting-down': {
    status: 503,
    retry: true,
    sentence: {
      en: 'The server is restarting. Nothing was sent.',
      ja: 'サーバーを再起動しています。送信は行われていません。',
    },
    next: { en: 'Wait a moment and send it again.', ja: '少し待って、もう一度送信してください。' },
  },
  internal: {
    status: 500,
    retry: true,
    sentence: { en: 'Something went wrong on our side.', ja: 'サーバー側で問題が発生しました。' },
    next: {
      en: 'Try again; the operator finds the cause in the log.',
      ja: 'もう一度お試しください。原因はログに記録されています。',
    },
  },
  'config-invalid': {
    status: 500,
    retry: false,
    sentence: { en: 'The configuration is not valid.', ja: '設定が正しくありません。' },
    next: { en: 'Correct the named keys and start again.', ja: '表示されたキーを直して、起動し直してください。' },
  },
  'data-unusable': {
    status: 500,
    retry: false,
    sentence: { en: 'The data folder can’t be used.', ja: 'データフォルダーを使用できません。' },
    next: {
      en: 'Give the folder to the user that runs todoku, on a disk with room, or choose another one with --data.',
      ja: 'todoku を実行するユーザーが所有する、空き容量のあるフォルダーにするか、--data で別のフォルダーを指定してください。',
    },
  },
  'data-in-use': {
    status: 500,
    retry: false,
    sentence: {
      en: 'Another todoku is using this data folder.',
      ja: 'このデータフォルダーは別の todoku が使用中です。',
    },
    next: {
      en: 'Stop it first, or choose another folder with --data.',
      ja: '先にそれを停止するか、--data で別のフォルダーを指定してください。',
    },
  },
  'data-newer': {
    status: 500,
    retry: false,
    sentence: {
      en: 'The data folder was written by a newer version of todoku.',
      ja: 'データフォルダーは新しい版の todoku で作られています。',
    },
    next: {
      en: 'Install that version, or restore a backup of this one.',
      ja: 'その版を入れるか、この版のバックアップを復元してください。',
    },
  },
  'server-unreachable': {
    status: 503,
    retry: true,
    sentence: { en: 'The running server did not answer.', ja: '動作中のサーバーが応答しません。' },
    next: {
      en: 'Look at its log; when it is gone, run the command again.',
      ja: 'サーバーのログを確認し、停止している場合はもう一度実行してください。',
    },
  },
  'port-in-use': {
    status: 500,
    retry: false,
    sentence: { en: 'Another program listens on this port.', ja: 'このポートは別のプログラムが使用しています。' },
    next: { en: 'Choose another one with --port.', ja: '--port で別のポートを指定してください。' },
  },
  'no-data': {
    status: 500,
    retry: false,
    sentence: { en: 'There is no data folder here.', ja: 'データフォルダーがありません。' },
    next: {
      en: 'Run `todoku serve` first, or name the folder with --data.',
      ja: '先に `todoku serve` を実行するか、--data でフォルダーを指定してください。',
    },
  },
  'already-there': {
    status: 500,
    retry: false,
    sentence: { en: 'There is a todoku.yaml here already.', ja: 'todoku.yaml はすでにあります。' },
    next: {
      en: 'Edit it, or run `todoku init` in another folder.',
      ja: '既存のファイルを編集するか、別のフォルダーで `todoku init` を実行してください。',
    },
  },
  'command-invalid': {
    status: 500,
    retry: false,
    sentence: { en: 'There is no such command or option.', ja: 'そのコマンドまたはオプションはありません。' },
    next: { en: 'Add --help for what there is.', ja: '--help で使い方を確認してください。' },
  },
  'page-not-adopted': {
    status: 500,
    retry: false,
    sentence: { en: 'A page was not adopted.', ja: '取り込めないページがあります。' },
    next: {
      en: 'Correct the named pages; until then their forms keep the rules they had.',
      ja: '表示されたページを直してください。それまで、そのフォームの規則は以前のままです。',
    },
  },
  'site-unreadable': {
    status: 500,
    retry: false,
    sentence: { en: 'The folder of the site can’t be read.', ja: 'サイトのフォルダーを読み取れません。' },
    next: { en: 'Check the path given to --site.', ja: '--site のパスを確認してください。' },
  },
  'page-unreadable': {
    status: 500,
    retry: false,
    sentence: { en: 'The page can’t be read.', ja: 'ページを読み取れません。' },
    next: {
      en: 'Check the path, and that the page is whole: a browser shows it as far as it goes.',
      ja: 'パスを確認し、ページが途中で切れていないことを確かめてください。',
    },
  },
} as const satisfies Record<string, Entry>

export type ErrorCode = keyof typeof errorCatalogue

/** The catalogue's entry of a code. */
export function errorEntry(code: ErrorCode): Entry {
  return errorCatalogue[code]
}

/**
 * What a caller can't handle. Carries a code of the catalogue; `detail` is for the operator and is never shown to a visitor.
 *
 * @example throw new TodokuError('store-unavailable', { cause: error })
 */
export class TodokuError extends Error {
  readonly code: ErrorCode
  readonly detail: string | null

  constructor(code: ErrorCode, options: { detail?: string; cause?: unknown } = {}) {
    super(
      options.detail ?? errorCatalogue[code].sentence.en,
      options.cause === undefined ? {} : { cause: options.cause },
    )
    this.name = 'TodokuError'
    this.code = code
    this.detail = options.detail ?? null
  }
}

/** The catalogue's words for a code in one language. */
export function errorText(code: ErrorCode, language: Language): { sentence: string; next: string } {
  const { sentence, next } = errorCatalogue[code]
  return { sentence: sentence[language], next: next[language] }
}
