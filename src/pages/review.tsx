import type { ComponentChildren } from 'preact'
import { Layout, Mark, type PageLanguage, renderPage } from './layout.tsx'

export type ReviewValue =
  /** `url`: where the whole text is, when only its beginning is shown. */
  | { kind: 'text'; text: string; url: string | null; length: number }
  | { kind: 'file'; name: string; size: string; url: string; warning: string }

export type ReviewProps = {
  language: PageLanguage
  /** The form's title. */
  title: string
  reference: string
  receivedAt: string
  test: boolean
  /** Where the button posts to. */
  path: string
  /** A rule put it aside, or its sender could not be asked; a person released it, its sender confirmed it, or it never waited. */
  standing: 'suspicious' | 'unasked' | 'released' | 'confirmed' | 'accepted'
  /** When that was, written out; null while it waits, and where it never did. */
  settledAt: string | null
  /** Where confirmations go now, and whether its sender corrected it; null where there is none. */
  email: { address: string; corrected: boolean } | null
  /** When the owner of that address said that it was not them, written out. */
  disownedAt: string | null
  /** Why it waits, or waited; each goes on after a colon. */
  reasons: readonly string[]
  fields: readonly { label: string; values: readonly ReviewValue[] }[]
  /** The mails that a release sends. */
  mails: readonly { role: string; recipient: string }[]
  /** How each of its mails stands. */
  now: readonly string[]
  /** Until when the page works, written out. */
  until: string
}

/** What a manager decides by: everything that was posted, as text; why it waits; and what one button sends to whom. */
export function renderReview(props: ReviewProps): string {
  const {
    language,
    title,
    reference,
    receivedAt,
    test,
    path,
    standing,
    settledAt,
    email,
    disownedAt,
    reasons,
    fields,
    mails,
    now,
    until,
  } = props
  const words = texts[language]
  const waits = standing === 'suspicious' || standing === 'unasked'
  const heading = waits ? words.ask : words.headings[standing]
  return renderPage(
    <Layout language={language} title={`${heading} · ${title}`} mood={waits ? 'wait' : 'good'}>
      {!waits && (
        <div class="mark">
          <Mark mood="good" />
        </div>
      )}
      <h1>{heading}</h1>
      <p>{words.standings[standing](settledAt ?? '')}</p>
      <dl class="facts">
        <Fact name={words.form}>{title}</Fact>
        <Fact name={words.reference}>
          <span class="reference">{reference}</span>
          {test ? words.test : ''}
        </Fact>
        <Fact name={words.receivedAt}>{receivedAt}</Fact>
        {email !== null && (
          <Fact name={words.email}>
            <bdi class="address">{email.address}</bdi>
            {email.corrected ? words.corrected : ''}
          </Fact>
        )}
      </dl>
      {disownedAt !== null && <p class="bad">{words.disowned(disownedAt)}</p>}
      {now.length > 0 && <Part heading={words.now} items={now} />}
      {reasons.length > 0 && <Part heading={waits ? words.why : words.whyThen} items={reasons} />}
      <section class="part">
        <h2>{words.fields}</h2>
        <dl class="posted">
          {fields.map(({ label, values }) => (
            <>
              <dt dir="auto">{label}</dt>
              {values.map((value) => (
                <Value value={value} words={words} />
              ))}
            </>
          ))}
        </dl>
      </section>
      {waits && (
        <>
          <Part
            heading={words.mails}
            items={
              mails.length === 0
                ? [words.nobody]
                : mails.map(({ role, recipient }) => (
                    <>
                      {words.roles[role] ?? role}
                      {words.to} <bdi class="address">{recipient}</bdi>
                    </>
                  ))
            }
          />
          <form method="post" action={path}>
            <div class="row">
              <button type="submit">{words.press}</button>
            </div>
          </form>
          <p class="foot">{words.elseNothing(until)}</p>
        </>
      )}
    </Layout>,
  )
}

function Part({ heading, items }: { heading: string; items: readonly ComponentChildren[] }) {
  return (
    <section class="part">
      <h2>{heading}</h2>
      <ul>
        {items.map((item) => (
          <li>{item}</li>
        ))}
      </ul>
    </section>
  )
}

function Value({ value, words }: { value: ReviewValue; words: Words }) {
  if (value.kind === 'file') {
    return (
      <dd>
        <a href={value.url} rel="noreferrer" download>
          <bdi>{value.name === '' ? words.unnamed : value.name}</bdi>
        </a>{' '}
        <span class="soft">({value.size})</span>
        {value.warning !== '' && <p class="bad small">{value.warning}</p>}
      </dd>
    )
  }
  return (
    <dd dir="auto">
      {value.text.trim() === '' ? <span class="soft">{words.empty}</span> : value.text}
      {value.url !== null && (
        <p class="small">
          <a href={value.url} rel="noreferrer" download>
            {words.whole(value.length)}
          </a>
        </p>
      )}
    </dd>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  )
}

type Words = {
  ask: string
  headings: Readonly<Record<Exclude<ReviewProps['standing'], 'suspicious' | 'unasked'>, string>>
  standings: Readonly<Record<ReviewProps['standing'], (at: string) => string>>
  form: string
  reference: string
  test: string
  receivedAt: string
  email: string
  corrected: string
  disowned: (at: string) => string
  why: string
  whyThen: string
  fields: string
  empty: string
  unnamed: string
  whole: (length: number) => string
  mails: string
  nobody: string
  to: string
  roles: Readonly<Record<string, string>>
  now: string
  press: string
  elseNothing: (until: string) => string
}

const texts: Readonly<Record<PageLanguage, Words>> = {
  en: {
    ask: 'Is this message genuine?',
    headings: { released: 'Released', confirmed: 'Confirmed by its sender', accepted: 'Message received' },
    standings: {
      suspicious: () =>
        'A rule found it suspicious, so it waits and no mail was sent. Rules can be wrong: please look.',
      unasked: () =>
        'The form asks the sender to confirm first, and that has not happened. How the mail that asks stands is below. Nobody was notified, so please look.',
      released: (at) =>
        `A person found this message genuine on ${at}, and its mails go out. There is nothing left to do.`,
      confirmed: (at) =>
        `Its sender confirmed this message on ${at}, and its mails go out. There is nothing left to do.`,
      accepted: () => 'This message was not put aside: its mails go out as usual. How they stand is below.',
    },
    form: 'Form',
    reference: 'Reference',
    test: ' (a test)',
    receivedAt: 'Received',
    email: 'Address',
    corrected: ' (corrected by the sender)',
    disowned: (at) =>
      `The owner of this address said “this wasn’t me” on ${at}. The sender mistyped it, or used somebody else’s.`,
    why: 'Why it waits',
    whyThen: 'Why it waited',
    fields: 'What was sent',
    empty: '(empty)',
    unnamed: '(file without a name)',
    whole: (length) => `The whole text (${length} characters)`,
    mails: 'What the button sends',
    nobody: 'Nothing: the form mails nobody. The message only stops waiting.',
    to: ' to',
    roles: { confirmation: 'The confirmation', notification: 'The notification' },
    now: 'Its mails',
    press: 'It is genuine: send its mails',
    elseNothing: (until) =>
      `If it is not, just close this page: nothing is sent, and nothing is deleted. Whoever has this link can do what you can; it works until ${until}.`,
  },
  ja: {
    ask: 'この送信は本物ですか',
    headings: {
      released: '解除しました',
      confirmed: '送信者が確認しました',
      accepted: '受け付けた送信',
    },
    standings: {
      suspicious: () =>
        '規則により疑わしいと判定されたため、メールを送らずに保留しています。判定は誤ることがあります。内容をご確認ください。',
      unasked: () =>
        'このフォームは先に送信者の確認を求めますが、まだ確認されていません。確認を求めるメールの状況は下のとおりです。まだ誰にも通知していませんので、内容をご確認ください。',
      released: (at) => `${at} に担当者が本物と確認し、メールの送信が始まりました。ほかに必要な操作はありません。`,
      confirmed: (at) => `${at} に送信者が確認し、メールの送信が始まりました。ほかに必要な操作はありません。`,
      accepted: () => 'この送信は保留されておらず、メールは通常どおり送られます。状況は下のとおりです。',
    },
    form: 'フォーム',
    reference: '受付番号',
    test: '（テスト）',
    receivedAt: '受付日時',
    email: 'アドレス',
    corrected: '（送信者が訂正）',
    disowned: (at) =>
      `${at} に、このアドレスの持ち主から、自分の送信ではないとの連絡がありました。送信者がアドレスを間違えたか、他人のアドレスを入力したと考えられます。`,
    why: '保留している理由',
    whyThen: '保留していた理由',
    fields: '送信された内容',
    empty: '（空欄）',
    unnamed: '（名前のないファイル）',
    whole: (length) => `全文（${length} 文字）`,
    mails: 'ボタンで送られるメール',
    nobody: 'ありません。このフォームはメールを送らない設定です。保留だけが解除されます。',
    to: ' → ',
    roles: { confirmation: '確認メール', notification: '通知メール' },
    now: 'メールの状況',
    press: '本物です。メールを送る',
    elseNothing: (until) =>
      `本物でない場合は、このままページを閉じてください。何も送られず、何も削除されません。このリンクを知る人は誰でも同じ操作ができます。有効期限は ${until} です。`,
  },
}
