import { type ComponentChildren, h, type VNode } from 'preact'
import { Layout, Mark, type Mood, type PageLanguage, renderPage } from './layout.tsx'
import { statusScript } from './status-script.ts'

/** One mail as the page shows it. `state` and `reason` are the words of the status JSON. */
export type StatusMail = {
  role: 'confirmation' | 'notification' | 'update' | 'alarm'
  state: string
  reason: string | null
  heldReason: string | null
  /** The address that was probably meant. */
  suggestion: string | null
  /** It is told together with others, in a mail whose state this is. */
  inDigest: boolean
  settled: boolean
  /** Written out in the page's language; null when none is due. */
  nextTryAt: string | null
}

export type StatusProps = {
  language: PageLanguage
  reference: string
  title: string
  receivedAt: string
  /** Whether the submission waits for somebody, as in the status JSON. */
  review: string
  /** Whether its submitter has to confirm it by the link of the mail. */
  toConfirm: boolean
  stored: readonly { label: string; files: number }[]
  mails: readonly StatusMail[]
  email: string | null
  actions: { correct: boolean; resend: boolean; left: number }
  /**
   * Where the widget that proves work comes from, and its puzzles; null where the form asks for no proof. `wanted`: a correction
   * needs one now.
   */
  proof: { script: string; challenge: string; wanted: boolean } | null
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
      title={`${props.reference} — ${props.review === 'quarantined' ? words.inReview : fateWord(words, props, mood)}`}
      mood={mood}
      script={statusScript({ proof: props.proof !== null })}
      // Not while there is a field to type into: a new page would take away what is in it.
      {...(props.open === false || props.actions.correct
        ? {}
        : { refresh: { seconds: props.open === 'soon' ? 10 : 300, path: props.path } })}
    >
      <div id="fate" data-etag={props.etag} data-open={props.open === false ? 'no' : props.open}>
        <h1>{words.stored}</h1>
        <p class="soft">
          <bdi>{props.title}</bdi>
        </p>
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
        <ul class="mails">
          {props.review === 'quarantined' && (
            <li class="mail">
              <Mark mood="wait" />
              <div>
                <h2>{words.review}</h2>
                <p class="state wait">{words.waitsForReview}</p>
                <p>{props.toConfirm ? words.unaskedAdvice : words.reviewAdvice}</p>
              </div>
            </li>
          )}
          {props.mails.map((mail) => (
            <li class="mail" key={mail.role}>
              <Mark mood={cardMood(mail, props)} />
              <div>
                <h2>{words.roles[mail.role]}</h2>
                <p class={`state ${cardMood(mail, props)}`}>
                  {withAddress(sentence(words, mail, props.email), props.email)}
                </p>
                {advice(words, mail, props).map((text) => (
                  <p key={text}>{text}</p>
                ))}
                {mail === confirmation && <Actions {...props} mail={mail} />}
              </div>
            </li>
          ))}
        </ul>
        {props.email === null && <p class="soft">{words.noAddress}</p>}
        {props.email !== null && confirmation === undefined && props.review !== 'quarantined' && (
          <p class="soft">{words.noConfirmation}</p>
        )}
      </div>
      {/* Outside of what the script replaces: a live region that is itself replaced is not read out. */}
      <p id="news" class="unseen" role="status" />
      <div class="foot">
        {props.open !== false && (
          <noscript>
            <p>
              <a class="button quiet" href={props.path}>
                {words.again}
              </a>
            </p>
          </noscript>
        )}
        <p>{words.keep}</p>
      </div>
    </Layout>,
  )
}

function Actions({ language, actions, path, email, problem, proof, mail }: StatusProps & { mail: StatusMail }) {
  const words = texts[language]
  const isProofWanted = proof?.wanted === true
  const inDoubt = mail.heldReason === 'doubtful-address'
  const { suggestion } = mail
  return (
    <>
      {problem !== null && (
        <div id="problem" class="notice" role="alert">
          <strong>{problem.sentence}</strong>
          <p>{problem.next}</p>
        </div>
      )}
      {actions.correct && suggestion !== null && (
        <p class="question">{words.didYouMean(<bdi class="address">{suggestion}</bdi>)}</p>
      )}
      <div class="row choices">
        {actions.correct && suggestion !== null && (
          <form method="post" action={`${path}/correct`}>
            <input type="hidden" name="email" value={suggestion} />
            {isProofWanted && <input type="hidden" name="altcha" />}
            <button id="accept" type="submit">
              {words.sendThere}
            </button>
          </form>
        )}
        {actions.resend && (
          <form method="post" action={`${path}/resend`}>
            <button id="resend" type="submit" class={actions.correct ? 'quiet' : ''}>
              {inDoubt ? (suggestion === null ? words.isRight : words.noIsRight) : words.resend}
            </button>
          </form>
        )}
      </div>
      {inDoubt && mail.nextTryAt !== null && <p class="soft small">{words.goesAnyway(mail.nextTryAt)}</p>}
      {actions.correct && (
        <form method="post" action={`${path}/correct`}>
          {isProofWanted && <input type="hidden" name="altcha" />}
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
                {...(problem === null
                  ? {}
                  : { 'aria-invalid': 'true', 'aria-describedby': 'problem', autofocus: true })}
              />
              <button id="correct" type="submit" class={suggestion === null ? '' : 'quiet'}>
                {words.correct}
              </button>
            </div>
          </div>
        </form>
      )}
      {isProofWanted && <Proof {...proof} words={words} />}
    </>
  )
}

/** The widget that proves work. Never seen: the page's script has it work when a button is pressed, and fills in the answer. */
function Proof({ words, script, challenge }: NonNullable<StatusProps['proof']> & { words: Words }) {
  return (
    <>
      {h('altcha-widget', {
        id: 'proof',
        hidden: true,
        challenge,
        configuration: '{"minDuration":0,"humanInteractionSignature":false}',
        'data-script': script,
        'data-wait': words.proving,
      })}
      {/* The widget brings no style of its own where something has this id; the page's policy would not let it. */}
      <span id="altcha-css" hidden />
      <noscript>
        <p class="soft small">{words.proofNeedsScript}</p>
      </noscript>
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

/** A mail that arrived, but in which its reader has to press a button, is no ending yet. */
function cardMood(mail: StatusMail, { toConfirm }: Pick<StatusProps, 'toConfirm'>): Mood {
  const mood = mailMood(mail)
  return mail.role === 'confirmation' && toConfirm && mood === 'good' ? 'wait' : mood
}

/** The page's own mood is the confirmation's: that is the mail its reader waits for. */
function moodOf({ mails, review, toConfirm }: StatusProps): Mood {
  if (review === 'quarantined') return 'wait'
  const first = mails[0]
  return first === undefined ? 'plain' : cardMood(first, { toConfirm })
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
      if (mail.heldReason === 'flood') return words.gathered
      return mail.heldReason === 'doubtful-address' ? words.inDoubt(to) : words.held
    case 'suppressed':
      return words.notificationFailed
    case 'cancelled':
      return words.cancelled
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

/** What to know or to do about it, in plain type: the coloured line above is for what is the case. */
function advice(
  words: Words,
  mail: StatusMail,
  { review, toConfirm }: Pick<StatusProps, 'review' | 'toConfirm'>,
): string[] {
  if (mail.role !== 'confirmation') return mail.inDigest ? [words.inDigest] : []
  switch (mail.state) {
    case 'held':
      if (mail.heldReason === 'doubtful-address') return toConfirm ? [words.confirmThen] : []
      return [mail.heldReason === 'no-proof' ? words.noProof : words.limited, words.stillStored]
    case 'unknown':
      return [words.unknownAdvice]
  }
  if (toConfirm && mailMood(mail) !== 'bad') return [review === 'unconfirmed' ? words.confirmFirst : words.confirmStill]
  if (mail.state === 'delivered' || (mail.state === 'accepted' && mail.settled)) return [words.lookInSpam]
  return []
}

/** An address stays in one piece where a line can hold it, and keeps its direction within a sentence. */
function withAddress(text: string, address: string | null): ComponentChildren {
  const at = address === null ? -1 : text.indexOf(address)
  if (address === null || at === -1) return text
  return (
    <>
      {text.slice(0, at)}
      <bdi class="address">{address}</bdi>
      {text.slice(at + address.length)}
    </>
  )
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
    inReview: 'waiting for review',
    fates: { held: 'held back', unknown: 'may have arrived', accepted: 'handed over' },
    onItsWay: (to: string | null) => (to === null ? 'On its way.' : `On its way to ${to}.`),
    deferred: (next: string | null) =>
      next === null ? 'Delayed; we keep trying.' : `Delayed. The next try is at ${next}.`,
    review: 'Your message',
    waitsForReview: 'Received, waiting for review.',
    reviewAdvice: 'A person looks at it before any mail is sent. There is nothing for you to do.',
    unaskedAdvice:
      'We could not ask you by mail whether it was you, so a person looks at it first. If our mail does reach you, confirm there, and it goes on at once.',
    held: 'Held back for the moment.',
    gathered: 'Many messages come in at the moment: yours is told together with others, in a while.',
    inDigest: 'Many messages came in; yours is told in one mail with others.',
    inDoubt: (to: string | null) => `Not sent yet: ${to ?? 'the address'} may be mistyped.`,
    noProof: 'Nothing showed that a person pressed the button.',
    limited: 'Confirmations are limited, so that no form can be used to bother people.',
    stillStored: 'Your message itself is stored.',
    cancelled: 'Cancelled. It is not sent.',
    didYouMean: (address: VNode) => <>Did you mean {address}?</>,
    sendThere: 'Yes, send it there',
    noIsRight: 'No, my address is right',
    isRight: 'My address is right',
    goesAnyway: (next: string) => `If you do nothing, it goes there unchanged at ${next}.`,
    confirmThen: 'When it arrives, open it and confirm that it was you. Your message goes on only then.',
    confirmStill: 'Open that mail and confirm that it was you; then your message goes on at once.',
    confirmFirst: 'One more step: open that mail and confirm that it was you. Your message goes on only then.',
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
    proving: 'One moment …',
    proofNeedsScript:
      'This page runs without script. The confirmation to the new address then waits until the people behind the form let it go.',
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
    inReview: '確認待ち',
    fates: { held: '保留中', unknown: '到着は不明', accepted: '引き渡し済み' },
    onItsWay: (to: string | null) => (to === null ? '送信しています。' : `${to} へ送信しています。`),
    deferred: (next: string | null) =>
      next === null ? '遅れています。送信を続けます。' : `遅れています。次の送信は ${next} です。`,
    review: '送信内容',
    waitsForReview: '受け付けました。担当者の確認待ちです。',
    reviewAdvice: '担当者が内容を確認してから、メールを送信します。何もしていただく必要はありません。',
    unaskedAdvice:
      'ご本人の送信かどうかをメールで確かめられなかったため、担当者が先に内容を確認します。確認メールが届いた場合は、そこで確認していただければすぐに先へ進みます。',
    held: '現在、送信を保留しています。',
    gathered: '現在、多くの送信があるため、しばらくしてからほかの送信とまとめてお知らせします。',
    inDigest: '多くの送信があったため、ほかの送信と 1 通のメールにまとめてお知らせします。',
    inDoubt: (to: string | null) => `まだ送信していません。${to ?? 'アドレス'} は入力間違いかもしれません。`,
    noProof: '人による操作であることを確かめられませんでした。',
    limited: 'フォームが迷惑行為に使われないよう、確認メールの送信を制限しています。',
    stillStored: '送信内容そのものは保存されています。',
    cancelled: '取り消されました。送信されません。',
    didYouMean: (address: VNode) => <>もしかして {address} ですか。</>,
    sendThere: 'はい、そちらへ送る',
    noIsRight: 'いいえ、アドレスは正しい',
    isRight: 'アドレスは正しい',
    goesAnyway: (next: string) => `何もしない場合は、${next} にそのまま送信します。`,
    confirmThen:
      '届きましたらメールを開き、ご自身の送信であることを確認してください。送信内容は、その後に先へ進みます。',
    confirmStill: 'そのメールを開き、ご自身の送信であることを確認していただければ、送信内容はすぐに先へ進みます。',
    confirmFirst:
      'あと一歩です。そのメールを開き、ご自身の送信であることを確認してください。送信内容は、その後に先へ進みます。',
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
    proving: '少々お待ちください…',
    proofNeedsScript:
      'このページではスクリプトが動作していません。そのため、新しいアドレスへの確認メールは、フォームの担当者が許可するまで保留されます。',
    resend: 'もう一度送る',
    noAddress: 'メールアドレスの入力がないため、確認メールは送られません。',
    noConfirmation: 'このフォームは確認メールを送りません。',
    again: '状況を更新',
    keep: 'このページのアドレスを控えておくと、後でまた確認できます。',
  },
}
