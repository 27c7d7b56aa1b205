import type { ComponentChildren } from 'preact'
import { Layout, type PageLanguage, renderPage } from './layout.tsx'

export type PreviewProps = {
  /** The page's own language. */
  language: PageLanguage
  /** The form's title. */
  title: string
  /** Roles and languages of mails, with the one that is shown. */
  choices: readonly { href: string; role: string; language: string; current: boolean }[]
  reference: string
  /** Whether somebody posted what the mail is made of. */
  posted: boolean
  from: string
  to: string
  replyTo: string | null
  subject: string
  text: string
  html: string
  attachments: readonly { fileName: string; type: string; size: number }[]
  /** What is wrong with the form's own texts. */
  faults: readonly { key: string; line: number | null; rule: string }[]
}

/** A mail of a form, in both parts. The HTML stands in a frame that may load nothing, run nothing and lead nowhere. */
export function renderPreview(props: PreviewProps): string {
  const { language, title, choices, reference, posted, faults, attachments } = props
  const words = texts[language]
  return renderPage(
    <Layout language={language} title={words.heading(title)} mood="plain">
      <h1>{words.heading(title)}</h1>
      <p class="soft">{posted ? words.posted(reference) : words.madeUp}</p>
      <nav class="row" aria-label={words.choices}>
        {choices.map(({ href, role, language: spoken, current }) => (
          <a class="button quiet" href={href} {...(current ? { 'aria-current': 'page' } : {})}>
            {current ? '● ' : ''}
            {words.roles[role] ?? role} · {words.languages[spoken] ?? spoken}
          </a>
        ))}
      </nav>
      {faults.map(({ key, line, rule }) => (
        <p class="notice">
          {words.fault} <code>{key}</code>
          {line === null ? '' : words.line(line)}: {rule}
        </p>
      ))}
      <dl class="facts">
        <Fact name={words.from}>{props.from}</Fact>
        <Fact name={words.to}>{props.to}</Fact>
        {props.replyTo !== null && <Fact name={words.replyTo}>{props.replyTo}</Fact>}
        <Fact name={words.subject}>{props.subject}</Fact>
        {attachments.map(({ fileName, type, size }) => (
          <Fact name={words.attached}>
            {fileName} ({type}, {size} B)
          </Fact>
        ))}
      </dl>
      <h2>{words.html}</h2>
      <iframe
        title={words.html}
        sandbox=""
        srcdoc={props.html}
        style="width:100%;height:32rem;border:1px solid var(--line);border-radius:.5rem;background:light-dark(#fff,#1b1f27)"
      />
      <h2 style="margin-top:1.5rem">{words.text}</h2>
      <pre style="white-space:pre-wrap;overflow-wrap:anywhere">{props.text}</pre>
    </Layout>,
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd dir="auto">{children}</dd>
    </>
  )
}

type Words = {
  heading: (title: string) => string
  posted: (reference: string) => string
  madeUp: string
  choices: string
  roles: Readonly<Record<string, string>>
  languages: Readonly<Record<string, string>>
  fault: string
  line: (line: number) => string
  from: string
  to: string
  replyTo: string
  subject: string
  attached: string
  html: string
  text: string
}

const texts: Readonly<Record<PageLanguage, Words>> = {
  en: {
    heading: (title) => `Mails of “${title}”`,
    posted: (reference) => `Made of submission ${reference}, with the settings in force. Nothing is sent.`,
    madeUp: 'Nothing was posted yet: what stands here is made up from the form’s rules. Nothing is sent.',
    choices: 'Mails',
    roles: { confirmation: 'Confirmation', notification: 'Notification', update: 'Corrected address' },
    languages: { en: 'English', ja: 'Japanese' },
    fault: 'Not as it should be:',
    line: (line) => `, line ${line}`,
    from: 'From',
    to: 'To',
    replyTo: 'Reply to',
    subject: 'Subject',
    attached: 'Attached',
    html: 'As HTML',
    text: 'As text',
  },
  ja: {
    heading: (title) => `「${title}」のメール`,
    posted: (reference) => `受付番号 ${reference} の内容と、現在有効な設定で作成しました。送信はされません。`,
    madeUp: 'まだ送信がないため、フォームの規則から作った例を示しています。送信はされません。',
    choices: 'メールの種類',
    roles: { confirmation: '確認メール', notification: '通知メール', update: 'アドレス訂正' },
    languages: { en: '英語', ja: '日本語' },
    fault: '問題があります:',
    line: (line) => ` ${line} 行目`,
    from: '差出人',
    to: '宛先',
    replyTo: '返信先',
    subject: '件名',
    attached: '添付',
    html: 'HTML',
    text: 'テキスト',
  },
}
