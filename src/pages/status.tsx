import { Layout, Mark, type Mood, type PageLanguage, renderPage } from './layout.tsx'
import { statusScript } from './status-script.ts'

/** One mail as the page shows it. `state` and `reason` are the words of the status JSON. */
export type StatusMail = {
  role: 'confirmation' | 'notification' | 'update' | 'alarm'
  state: string
  reason: string | null
  settled: boolean
  /** Written out in the page's language; null when none is due. */
  nextTryAt: string | null
}

export type StatusProps = {
  language: PageLanguage
  reference: string
  title: string
  receivedAt: string
  stored: readonly { label: string; files: number }[]
  mails: readonly StatusMail[]
  email: string | null
  actions: { correct: boolean; resend: boolean; left: number }
  /** Whether news is expected, and how soon. */
  open: false | 'soon' | 'late'
  /** Path of the page itself. */
  path: string
  /** Entity tag of the status JSON this page was made from. */
  etag: string
  /** Why the last wish was not carried out, and what was typed. */
  problem: { sentence: string; next: string; typed: string } | null
}

/** The submitter's page: what is stored, what became of the mails, and what can be done. */
export function renderStatus(props: StatusProps): string {
  const mood = moodOf(props)
  const words = texts[props.language]
  const confirmation = props.mails.find((mail) => mail.role === 'confirmation')
  return renderPage(
    <Layout
      language={props.language}
      title={`${props.reference} — ${fateWord(words, props, mood)}`}
      mood={mood}
      script={statusScript}
      {...(props.open === false ? {} : { refresh: { seconds: props.open === 'soon' ? 10 : 300, path: props.path } })}
    >
      <div id="fate" data-etag={props.etag} data-open={props.open === false ? 'no' : props.open}>
        <h1>{words.stored}</h1>
        <p class="soft">{props.title}</p>
        <dl class="facts">
          <dt>{words.reference}</dt>
          <dd class="reference">{props.reference}</dd>
          <dt>{words.received}</dt>
          <dd>{props.receivedAt}</dd>
          {props.stored.length > 0 && (
            <>
              <dt>{words.contents}</dt>
              <dd>
                {props.stored
                  .map(({ label, files }) => (files > 0 ? words.withFiles(label, files) : label))
                  .join(words.comma)}
              </dd>
            </>
          )}
        </dl>
        <ul class="mails" aria-live="polite">
          {props.mails.map((mail) => (
            <li class="mail" key={mail.role}>
              <Mark mood={mailMood(mail)} />
              <div>
                <h2>{words.roles[mail.role]}</h2>
                <p class={`state ${mailMood(mail)}`}>{sentence(words, mail, props.email)}</p>
                {advice(words, mail) !== null && <p>{advice(words, mail)}</p>}
                {mail === confirmation && <Actions {...props} />}
              </div>
            </li>
          ))}
        </ul>
        {confirmation === undefined && (
          <p class="soft">{props.email === null ? words.noAddress : words.noConfirmation}</p>
        )}
      </div>
      <p class="foot">
        {props.open !== false && (
          <>
            <a class="button quiet" href={props.path}>
              {words.again}
            </a>{' '}
          </>
        )}
        {words.keep}
      </p>
    </Layout>,
  )
}

function Actions({ language, actions, path, email, problem }: StatusProps) {
  const words = texts[language]
  return (
    <>
      {problem !== null && (
        <div class="notice" role="alert">
          <strong>{problem.sentence}</strong>
          <p>{problem.next}</p>
        </div>
      )}
      {actions.correct && (
        <form method="post" action={`${path}/correct`}>
          <div class="field">
            <label for="email">{words.otherAddress}</label>
            <div class="row">
              <input
                id="email"
                name="email"
                type="email"
                autocomplete="email"
                required
                value={problem?.typed ?? email ?? ''}
                aria-invalid={problem !== null ? 'true' : undefined}
              />
              <button type="submit">{words.correct}</button>
            </div>
          </div>
        </form>
      )}
      {actions.resend && (
        <form method="post" action={`${path}/resend`}>
          <div class="row">
            <button type="submit" class={actions.correct ? 'quiet' : ''}>
              {words.resend}
            </button>
          </div>
        </form>
      )}
    </>
  )
}

function mailMood(mail: StatusMail): Mood {
  switch (mail.state) {
    case 'delivered':
    case 'complained':
      return 'good'
    case 'accepted':
      return mail.settled ? 'plain' : 'wait'
    case 'queued':
    case 'sending':
    case 'deferred':
      return 'wait'
    // Nobody knows whether it arrived, or it is not on its way.
    case 'held':
    case 'unknown':
      return 'plain'
    default:
      return 'bad'
  }
}

/** The page's own mood is the confirmation's: that is the mail its reader waits for. */
function moodOf({ mails }: StatusProps): Mood {
  const first = mails[0]
  return first === undefined ? 'plain' : mailMood(first)
}

/** The fate in a word or two, for the title. "Arrived" is said of nothing less than what a server has taken for good. */
function fateWord(words: Words, { mails }: StatusProps, mood: Mood): string {
  const state = mails[0]?.state
  if (mood !== 'plain') return words.moods[mood]
  if (state === 'held') return words.fates.held
  if (state === 'unknown') return words.fates.unknown
  return state === 'accepted' ? words.fates.accepted : words.moods.plain
}

type Words = (typeof texts)['en']

function sentence(words: Words, mail: StatusMail, email: string | null): string {
  const to = mail.role === 'confirmation' ? email : null
  switch (mail.state) {
    case 'queued':
    case 'sending':
      return words.onItsWay(to)
    case 'deferred':
      return words.deferred(mail.nextTryAt)
    case 'held':
      return words.held
    case 'unknown':
      return words.unknown
    case 'accepted':
      return mail.settled ? words.acceptedSettled : words.accepted
    case 'delivered':
      return words.delivered(to)
    case 'complained':
      return words.complained
    default:
      return mail.role === 'confirmation' ? words.failed(to, mail.reason) : words.notificationFailed
  }
}

function advice(words: Words, mail: StatusMail): string | null {
  if (mail.role !== 'confirmation') return null
  if (mail.state === 'delivered' || (mail.state === 'accepted' && mail.settled)) return words.lookInSpam
  if (mail.state === 'unknown') return words.unknownAdvice
  return null
}

const reasonsEn: Readonly<Record<string, string>> = {
  'no-such-mailbox': 'there is no such mailbox',
  'cannot-take-mail-now': 'the mailbox can’t take mail at the moment',
  refused: 'the receiving side refused it',
  delayed: 'the receiving side could not be reached in time',
}
const reasonsJa: Readonly<Record<string, string>> = {
  'no-such-mailbox': 'このメールアドレスは存在しないようです',
  'cannot-take-mail-now': 'メールボックスが現在メールを受け取れません',
  refused: '受信側に拒否されました',
  delayed: '受信側に時間内に接続できませんでした',
}

const texts = {
  en: {
    stored: 'Your message is stored',
    reference: 'Reference',
    received: 'Received',
    contents: 'Stored',
    comma: ', ',
    withFiles: (label: string, files: number) => `${label} (${files} file${files > 1 ? 's' : ''})`,
    roles: {
      confirmation: 'Confirmation to you',
      notification: 'Notification to the recipient',
      update: 'Corrected address, told to the recipient',
      alarm: 'Alarm',
    },
    moods: { good: 'arrived', bad: 'needs attention', wait: 'on its way', plain: 'stored' },
    fates: { held: 'held back', unknown: 'may have arrived', accepted: 'handed over' },
    onItsWay: (to: string | null) => (to === null ? 'On its way.' : `On its way to ${to}.`),
    deferred: (next: string | null) =>
      next === null ? 'Delayed; we keep trying.' : `Delayed. The next try is at ${next}.`,
    held: 'Held back for the moment.',
    unknown: 'Sent, but the answer was lost: it may have arrived, or not.',
    accepted: 'Handed over for delivery. There is no word yet that it arrived.',
    acceptedSettled: 'Handed over for delivery, and no bad news came back.',
    delivered: (to: string | null) =>
      to === null
        ? 'Delivered to the mail server.'
        : `Delivered to the mail server of ${to.slice(to.lastIndexOf('@') + 1)}.`,
    complained: 'Delivered, and reported as spam there.',
    failed: (to: string | null, reason: string | null) =>
      `Could not be delivered${to === null ? '' : ` to ${to}`}${reason !== null && reasonsEn[reason] !== undefined ? `: ${reasonsEn[reason]}` : ''}.`,
    notificationFailed: 'Could not be delivered. Your message itself is stored and not lost.',
    lookInSpam: 'If you can’t find it, look in the spam folder.',
    unknownAdvice: 'If you can’t find it in a few minutes, send it again.',
    otherAddress: 'Send the confirmation to this address instead',
    correct: 'Correct and send again',
    resend: 'Send it again',
    noAddress: 'No address was given, so no confirmation is sent.',
    noConfirmation: 'This form sends no confirmation.',
    again: 'Look again',
    keep: 'Keep the address of this page to look again later.',
  },
  ja: {
    stored: '送信内容を保存しました',
    reference: '受付番号',
    received: '受付日時',
    contents: '保存した項目',
    comma: '、',
    withFiles: (label: string, files: number) => `${label}（ファイル ${files} 件）`,
    roles: {
      confirmation: 'あなたへの確認メール',
      notification: '受信者への通知',
      update: '訂正したアドレスの連絡',
      alarm: '警報',
    },
    moods: { good: '到着', bad: '確認が必要です', wait: '送信中', plain: '保存済み' },
    fates: { held: '保留中', unknown: '到着は不明', accepted: '引き渡し済み' },
    onItsWay: (to: string | null) => (to === null ? '送信しています。' : `${to} へ送信しています。`),
    deferred: (next: string | null) =>
      next === null ? '遅れています。送信を続けます。' : `遅れています。次の送信は ${next} です。`,
    held: '現在、送信を保留しています。',
    unknown: '送信しましたが、応答を受け取れませんでした。届いたかどうか分かりません。',
    accepted: '配送に引き渡しました。到着の知らせはまだありません。',
    acceptedSettled: '配送に引き渡し、その後、不達の知らせはありません。',
    delivered: (to: string | null) =>
      to === null
        ? 'メールサーバーに届きました。'
        : `${to.slice(to.lastIndexOf('@') + 1)} のメールサーバーに届きました。`,
    complained: '届きましたが、迷惑メールとして報告されました。',
    failed: (to: string | null, reason: string | null) =>
      `${to === null ? '' : `${to} に`}届けられませんでした${reason !== null && reasonsJa[reason] !== undefined ? `（${reasonsJa[reason]}）` : ''}。`,
    notificationFailed: '届けられませんでした。送信内容そのものは保存されており、失われていません。',
    lookInSpam: '見つからないときは、迷惑メールのフォルダーもご確認ください。',
    unknownAdvice: '数分たっても見つからないときは、もう一度送ってください。',
    otherAddress: '確認メールの宛先を訂正する',
    correct: '訂正して再送する',
    resend: 'もう一度送る',
    noAddress: 'メールアドレスの入力がないため、確認メールは送られません。',
    noConfirmation: 'このフォームは確認メールを送りません。',
    again: '状況を更新',
    keep: 'このページのアドレスを控えておくと、後でまた確認できます。',
  },
}
