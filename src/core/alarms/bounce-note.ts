import type { Deps, MessageNews } from '../deps.ts'
import type { Language } from '../language.ts'
import { contentId, planContent } from '../messages/content.ts'
import type { Content } from '../messages/message.ts'
import { formLanguage, managersFor, mayCauseMail } from '../messages/plan.ts'

type NoteDeps = Pick<
  Deps,
  'forms' | 'submissions' | 'messages' | 'queue' | 'settings' | 'crypto' | 'clock' | 'transport' | 'alarmTransport'
>

/** Templates like those of other updates; the address stands in the mail, since only the managers get it. */
const templates: Readonly<Record<Language, Content>> = {
  en: {
    subject: '{{ form.title }}: the confirmation of {{ reference }} came back',
    body: `The confirmation of message {{ reference }} (form **{{ form.title }}**, received {{ received_at }}) could not be delivered: the address {{ email }} does not work.

An answer by mail will not reach the sender there. If the message names another way, a telephone number for instance, use that. When the sender corrects the address on the status page, you are told.
`,
  },
  ja: {
    subject: '{{ form.title }}: {{ reference }} の確認メールが届きませんでした',
    body: `受付番号 {{ reference }}（フォーム「**{{ form.title }}**」、{{ received_at }} 受付）の確認メールを届けられませんでした。アドレス {{ email }} は使えません。

このアドレスに返信しても送信者には届きません。電話番号など、ほかの連絡先があればそちらをご利用ください。送信者が状況確認ページでアドレスを訂正した場合は、改めてお知らせします。
`,
  },
}

/**
 * Tells the managers that a confirmation bounced for good, where their form wants a mail of it. In any case the story
 * of the submission says it. A bounce that is told already is not told again; one of an address that was corrected since
 * needs no telling.
 */
export async function tellBounce(deps: NoteDeps, bounced: MessageNews): Promise<void> {
  const form = await deps.forms.get(bounced.form)
  if (form?.settings.notification?.bounces !== 'mail') return
  const submission = await deps.submissions.get(bounced.reference)
  if (submission === null || submission.email !== bounced.recipient) return
  if (!mayCauseMail(submission, 'update')) return
  const language = formLanguage(deps, form)
  await deps.messages.add(
    managersFor(deps, form, submission).map((recipient) =>
      planContent(deps, {
        id: contentId(deps, 'bounce', bounced.id, recipient),
        role: 'update',
        recipient,
        language,
        form,
        about: submission,
        content: templates[language],
      }),
    ),
  )
  deps.queue.announce()
}
