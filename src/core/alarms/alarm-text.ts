import type { RefusalClass } from '../../mail/refusal-classes.ts'
import { formatTime } from '../format-time.ts'
import type { Language, Sentence } from '../language.ts'
import { classRules } from '../messages/classes.ts'
import type { Alarm } from './alarm.ts'

export type AlarmText = {
  title: string
  /** What is wrong, and why. */
  sentence: string
  /** What can be done. */
  next: string
}

type Wording = (facts: Facts) => { title: Sentence; sentence: Sentence; next: Sentence }

/** The facts of an alarm, ready for sentences. */
type Facts = {
  form: string
  recipient: string
  reference: string
  /** `: because …`, or nothing where no reason is known. */
  reason: Sentence
  /** What was looked for and not found. */
  step: string
  /** The address of a proxy. */
  peer: string
  /** Nobody knows whether the mail arrived. */
  isUnknown: boolean
}

/** What each alarm says. Values are inserted as text; what is made of them (Markdown, JSON) is up to the channel. */
const wordings: Readonly<Record<Alarm['kind'], Wording>> = {
  'notification-failed': ({ form, recipient, reference, reason, isUnknown }) => ({
    title: isUnknown
      ? {
          en: `${recipient} may have missed a mail of the form ${form}`,
          ja: `フォーム ${form} のお知らせが ${recipient} に届いていない可能性があります`,
        }
      : {
          en: `${recipient} gets no mail of the form ${form}`,
          ja: `フォーム ${form} の通知が ${recipient} に届いていません`,
        },
    sentence:
      reference === ''
        ? {
            en: `A summary for ${recipient}, which tells of several posts, ${isUnknown ? 'may have arrived, or not' : 'did not arrive'}${reason.en}. What was posted is stored; nothing is lost.`,
            ja: `${recipient} への、複数の送信をまとめたお知らせ${isUnknown ? 'が届いたかどうか分かりません' : 'を届けられませんでした'}${reason.ja}。送信された内容は保存されており、失われていません。`,
          }
        : {
            en: `The notification of ${reference} to ${recipient} did not arrive${reason.en}. What was posted is stored; nothing is lost.`,
            ja: `${reference} の通知を ${recipient} に届けられませんでした${reason.ja}。送信された内容は保存されており、失われていません。`,
          },
    next: {
      en: `${readIt(reference, form).en} Then correct the address below \`managers\`, or see to that mailbox, and check with \`npx todoku test ${form}\`.`,
      ja: `${readIt(reference, form).ja}その後、\`managers\` のアドレスまたはメールボックスを直し、\`npx todoku test ${form}\` で確認してください。`,
    },
  }),
  'alarm-mail-failed': ({ recipient, reason }) => ({
    title: { en: `Alarms don’t reach ${recipient}`, ja: `警報が ${recipient} に届いていません` },
    sentence: {
      en: `A mail with an alarm could not be delivered to ${recipient}${reason.en}.`,
      ja: `警報のメールを ${recipient} に届けられませんでした${reason.ja}。`,
    },
    next: {
      en: 'Correct `alarms.email` in todoku.yaml, then check with `npx todoku alarms test`. The open alarms: `npx todoku alarms list`.',
      ja: 'todoku.yaml の `alarms.email` を直し、`npx todoku alarms test` で確認してください。現在の警報は `npx todoku alarms list` で見られます。',
    },
  }),
  'queue-stuck': () => ({
    title: { en: 'Mail waits and is not sent', ja: 'メールが送信されずに溜まっています' },
    sentence: {
      en: 'The oldest mail that is due has been waiting for too long. Posts are still taken and stored.',
      ja: '送信時刻を過ぎたメールが長い間送信されていません。フォームの送信は引き続き受け付け、保存しています。',
    },
    next: {
      en: 'See why with `npx todoku messages list` and in the log; check the relay with `npx todoku doctor`; restart the server if it does nothing.',
      ja: '`npx todoku messages list` とログで原因を確認し、`npx todoku doctor` でリレーサーバーを調べてください。何も動いていなければサーバーを再起動してください。',
    },
  }),
  'transport-refusing': ({ reason }) => ({
    title: { en: 'The relay takes no mail from us', ja: 'リレーサーバーがメールを受け付けていません' },
    sentence: {
      en: `Several mails were refused, and none was taken since${reason.en}. Mails wait and are tried again.`,
      ja: `複数のメールが拒否され、その後 1 通も受け付けられていません${reason.ja}。メールは保留され、再送されます。`,
    },
    next: {
      en: 'Check the settings below `smtp` with `npx todoku doctor`. What waits goes out by itself when the relay takes mail again.',
      ja: '`npx todoku doctor` で `smtp` の設定を確認してください。受け付けが再開されれば、待っているメールは自動で送信されます。',
    },
  }),
  'canary-missing': ({ form, step, reason, reference }) => ({
    title: { en: `The test of the form ${form} did not arrive`, ja: `フォーム ${form} のテストが届きませんでした` },
    sentence:
      step === 'post'
        ? {
            en: `A test post to the public address of the form was not taken${reason.en}. Visitors may not get through either.`,
            ja: `フォームの公開アドレスへのテスト送信が受け付けられませんでした${reason.ja}。訪問者も送信できない可能性があります。`,
          }
        : {
            en: `The notification of the test ${reference} was not taken in time${reason.en}.`,
            ja: `テスト ${reference} の通知が時間内に受け付けられませんでした${reason.ja}。`,
          },
    next: {
      en: `Follow it step by step: \`npx todoku test ${form}\`.`,
      ja: `\`npx todoku test ${form}\` で一つずつ確認してください。`,
    },
  }),
  'confirmation-breaker': ({ form }) => ({
    title: {
      en: `Confirmations of ${form === '' ? 'all forms' : form} are held`,
      ja: `${form === '' ? 'すべてのフォーム' : form} の確認メールを保留しています`,
    },
    sentence: {
      en: 'Too many confirmations failed or were reported as spam lately; further ones wait. Notifications go out.',
      ja: '最近、確認メールの不達や迷惑メール報告が多すぎるため、以後の確認メールを保留しています。通知は送信されます。',
    },
    next: {
      en: 'Look at what was posted: `npx todoku submissions list`. Somebody may be abusing the form.',
      ja: '`npx todoku submissions list` で送信内容を確認してください。フォームが悪用されている可能性があります。',
    },
  }),
  'webhook-gone': () => ({
    title: { en: 'The webhook for alarms is gone', ja: '警報の Webhook がなくなっています' },
    sentence: {
      en: 'It answered 410 (gone), so nothing is sent to it any more.',
      ja: '410（Gone）と応答したため、以後は送信しません。',
    },
    next: {
      en: 'Set another `alarms.webhook.url` in todoku.yaml and restart; or check this one with `npx todoku alarms test`, which switches it on again when it answers.',
      ja: 'todoku.yaml の `alarms.webhook.url` を変更して再起動するか、`npx todoku alarms test` で確認してください。応答があれば再び有効になります。',
    },
  }),
  'proxy-not-trusted': ({ peer }) => ({
    title: {
      en: 'All visitors seem to come from one address',
      ja: 'すべての訪問者が同じアドレスから来ているように見えます',
    },
    sentence: {
      en: `Posts come from ${peer} with the header of a reverse proxy, and \`trustedProxies\` does not name it. So visitors can’t be told apart: rules by address take all of them for one, or don’t work.`,
      ja: `${peer} から、リバースプロキシのヘッダーが付いた送信が届いていますが、\`trustedProxies\` に書かれていません。訪問者を区別できないため、アドレスごとの規則は全員を 1 人とみなすか、働きません。`,
    },
    next: {
      en: `If it is your proxy, set \`trustedProxies: ["${peer}"]\` in todoku.yaml and restart. If it is not, leave it: what strangers write there is never believed. More: docs/self-hosting/README.md`,
      ja: `ご自身のプロキシであれば、todoku.yaml に \`trustedProxies: ["${peer}"]\` と書いて再起動してください。そうでなければ、そのままで構いません。第三者が書いたヘッダーは信用されません。詳しくは docs/self-hosting/README.md をご覧ください。`,
    },
  }),
  test: () => ({
    title: { en: 'This is a test', ja: 'これはテストです' },
    sentence: { en: 'Alarms of Todoku arrive here.', ja: 'Todoku の警報はここに届きます。' },
    next: { en: 'Nothing needs to be done.', ja: '何もする必要はありません。' },
  }),
}

/** An alarm in words, in the reader's language. */
export function alarmText(alarm: Pick<Alarm, 'kind' | 'form' | 'facts'>, language: Language): AlarmText {
  const { kind, form, facts } = alarm
  const wording = wordings[kind]({
    form: form ?? '',
    recipient: word(facts.recipient),
    reference: word(facts.reference),
    reason: reasonOf(facts),
    step: word(facts.step),
    peer: word(facts.peer),
    isUnknown: facts.state === 'unknown',
  })
  return { title: wording.title[language], sentence: wording.sentence[language], next: wording.next[language] }
}

/** What a lost mail to a manager was about: one post, or several. */
function readIt(reference: string, form: string): Sentence {
  return reference === ''
    ? {
        en: `See what was posted with \`npx todoku submissions list --form ${form}\`.`,
        ja: `\`npx todoku submissions list --form ${form}\` で送信内容を確認してください。`,
      }
    : {
        en: `Read it with \`npx todoku submissions show ${reference}\`, and answer the person.`,
        ja: `\`npx todoku submissions show ${reference}\` で内容を読み、送信者に返信してください。`,
      }
}

/** How long an alarm lasted, or lasts. */
export function alarmTimes({ since, overAt }: Alarm, language: Language, timeZone: string): string {
  const began = formatTime(since, language, timeZone)
  if (overAt === null) return { en: `Since ${began}.`, ja: `${began} から続いています。` }[language]
  const ended = formatTime(overAt, language, timeZone)
  return { en: `From ${began} until ${ended}.`, ja: `${began} から ${ended} まで。` }[language]
}

function word(value: string | number | undefined): string {
  return value === undefined ? '' : String(value)
}

/** The class in our words, then the other side's own. */
function reasonOf({ class: name, reply, state }: Alarm['facts']): Sentence {
  const rule = classRules[name as RefusalClass]
  const said = reply === undefined ? '' : ` [${reply}]`
  if (rule !== undefined) return { en: `: ${rule.operator.en}${said}`, ja: `（${rule.operator.ja}${said}）` }
  if (state === 'suppressed')
    return { en: ': its address is suppressed', ja: '（このアドレスは送信停止リストにあります）' }
  return said === '' ? { en: '', ja: '' } : { en: `:${said}`, ja: `（${said.trim()}）` }
}
