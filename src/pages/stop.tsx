import type { VNode } from 'preact'
import { Layout, Mark, type Mood, type PageLanguage, renderPage } from './layout.tsx'

export type StopProps = {
  language: PageLanguage
  /** The form's title. */
  title: string
  receivedAt: string
  /** Where the buttons post to. */
  path: string
  /** Whether the reader just took it back. */
  undone: boolean
  /** Until when no confirmations go to the reader's address, written out; null when they do. */
  stoppedUntil: string | null
  /** Whether the reader said that the message is not theirs. */
  disowned: boolean
  /** Whether there is something left to say: of this message, or of further mails. */
  asks: boolean
  /** Whether the form's people have the message, and so learn that it is not. */
  managersKnow: boolean
}

/** "This wasn't me": asks, and after the press says what was done and how it is taken back. */
export function renderStop(props: StopProps): string {
  const { language, title, receivedAt, path, undone, stoppedUntil, disowned, asks, managersKnow } = props
  const words = stopTexts[language]
  const undo = <Button path={`${path}/undo`} label={words.undo} quiet />
  if (asks && disowned) {
    return onePage(language, words.said, 'plain', [
      <p>{words.comeAgain}</p>,
      <Button path={path} label={words.stopAgain} />,
      undo,
      <p class="foot">{managersKnow ? words.undoOnlyTells : words.undoOnlySays}</p>,
    ])
  }
  if (asks || stoppedUntil === null) {
    return onePage(language, words.ask, 'plain', [
      undone ? <p role="status">{words.undone}</p> : null,
      <p>{words.what(title, receivedAt)}</p>,
      <p>
        {managersKnow ? words.willTell : words.willStop}
        {words.willNotMail}
      </p>,
      <Button path={path} label={words.press} />,
      <p class="foot">{words.elseNothing}</p>,
    ])
  }
  return onePage(language, words.done, 'good', [
    <p>{words.stopped(stoppedUntil)}</p>,
    disowned && managersKnow ? <p>{words.told}</p> : null,
    undo,
    <p class="foot">{managersKnow ? words.undoTells : words.undoDoes}</p>,
  ])
}

export type ConfirmProps = {
  language: PageLanguage
  title: string
  receivedAt: string
  path: string
  standing: 'open' | 'confirmed' | 'disowned'
  /** The submission's status page. */
  statusPath: string
  /** Where a disowning is taken back. */
  stopPath: string
}

/** Step two of two of a double opt-in: one button, then the way to the status page. */
export function renderConfirm(props: ConfirmProps): string {
  const { language, title, receivedAt, path, standing, statusPath, stopPath } = props
  const words = confirmTexts[language]
  switch (standing) {
    case 'open':
      return onePage(language, words.ask, 'wait', [
        <p>{words.what(title, receivedAt)}</p>,
        <Button path={path} label={words.press} />,
        <p class="foot">{words.notYou(<a href={stopPath}>{words.tellUs}</a>)}</p>,
      ])
    case 'confirmed':
      return onePage(language, words.done, 'good', [
        <p>{words.goesOn(title)}</p>,
        <p>
          <a class="button" href={statusPath}>
            {words.follow}
          </a>
        </p>,
      ])
    case 'disowned':
      return onePage(language, words.disowned, 'plain', [
        <p>
          <a class="button quiet" href={stopPath}>
            {words.takeBack}
          </a>
        </p>,
      ])
  }
}

function onePage(language: PageLanguage, heading: string, mood: Mood, children: (VNode | null)[]): string {
  return renderPage(
    <Layout language={language} title={heading} mood={mood}>
      {mood === 'good' && (
        <div class="mark">
          <Mark mood={mood} />
        </div>
      )}
      <h1>{heading}</h1>
      {children}
    </Layout>,
  )
}

function Button({ path, label, quiet = false }: { path: string; label: string; quiet?: boolean }) {
  return (
    <form method="post" action={path}>
      <div class="row">
        <button type="submit" class={quiet ? 'quiet' : ''}>
          {label}
        </button>
      </div>
    </form>
  )
}

const stopTexts = {
  en: {
    ask: 'This wasn’t you?',
    what: (title: string, at: string) =>
      `On ${at}, somebody filled in the form “${title}” and typed your address, by mistake or on purpose.`,
    willTell: 'Press the button, and the form’s people learn that the message is not from you. ',
    willStop: 'Press the button, and it stops. ',
    willNotMail: 'For 90 days no confirmation of any form here comes to your address.',
    press: 'It wasn’t me',
    elseNothing: 'If it was you, there is nothing to do: just close this page.',
    done: 'Thank you for telling us',
    stopped: (until: string) => `No confirmations come to your address until ${until}.`,
    told: 'The form’s people are told that the message is not from you.',
    said: 'You said that this message is not from you',
    comeAgain: 'Confirmations can come to your address again.',
    stopAgain: 'Stop them for another 90 days',
    undo: 'Undo: it was me after all',
    undone: 'Taken back. Confirmations may come to this address again.',
    undoOnlySays: 'Undoing says that the message is yours.',
    undoOnlyTells: 'Undoing tells the form’s people that the message is yours.',
    undoDoes: 'Undoing lets confirmations come to you again.',
    undoTells: 'Undoing lets confirmations come to you again, and tells the form’s people that the message is yours.',
  },
  ja: {
    ask: 'お心当たりがありませんか',
    what: (title: string, at: string) =>
      `${at} に、どなたかがフォーム「${title}」にあなたのアドレスを入力しました。入力間違いか、故意かは分かりません。`,
    willTell: 'ボタンを押すと、あなたの送信ではないことをフォームの担当者に伝えます。',
    willStop: 'ボタンを押すと、確認メールが止まります。',
    willNotMail: '以後 90 日間、当サーバーのどのフォームからも、あなたのアドレスに確認メールは届きません。',
    press: '自分の送信ではない',
    elseNothing: 'ご自身の送信でしたら、何もせずにこのページを閉じてください。',
    done: 'お知らせありがとうございます',
    stopped: (until: string) => `${until} まで、あなたのアドレスに確認メールは届きません。`,
    told: 'あなたの送信ではないことを、フォームの担当者に伝えました。',
    said: '自分の送信ではないとお知らせいただいています',
    comeAgain: '現在、あなたのアドレスに確認メールが届く状態です。',
    stopAgain: 'もう一度 90 日間止める',
    undo: '取り消す（自分の送信でした）',
    undone: '取り消しました。このアドレスに、確認メールが再び届くようになります。',
    undoOnlySays: '取り消すと、あなたの送信として扱われます。',
    undoOnlyTells: '取り消すと、あなたの送信であることをフォームの担当者に伝えます。',
    undoDoes: '取り消すと、確認メールが再び届くようになります。',
    undoTells: '取り消すと、確認メールが再び届くようになり、あなたの送信であることをフォームの担当者に伝えます。',
  },
}

const confirmTexts = {
  en: {
    ask: 'Step 2 of 2: was it you?',
    what: (title: string, at: string) =>
      `On ${at}, the form “${title}” was filled in with your address. Confirm that it was you, and the message goes on.`,
    press: 'Yes, it was me',
    notYou: (link: VNode) => <>It wasn’t you? {link}</>,
    tellUs: 'Tell us.',
    done: 'Confirmed. Thank you',
    goesOn: (title: string) => `Your message goes to the people of the form “${title}” now.`,
    follow: 'Follow what becomes of it',
    disowned: 'You said before that this message is not from you',
    takeBack: 'Take that back first',
  },
  ja: {
    ask: '手順 2/2: ご自身の送信ですか',
    what: (title: string, at: string) =>
      `${at} に、フォーム「${title}」があなたのアドレスで送信されました。ご自身の送信であることを確認すると、先へ進みます。`,
    press: 'はい、自分の送信です',
    notYou: (link: VNode) => <>お心当たりがない場合は、{link}</>,
    tellUs: 'こちらからお知らせください。',
    done: '確認しました。ありがとうございます',
    goesOn: (title: string) => `送信内容を、フォーム「${title}」の担当者へ届けます。`,
    follow: 'その後の状況を確認する',
    disowned: '以前、自分の送信ではないとお知らせいただいています',
    takeBack: '先にその取り消しへ進む',
  },
}
