import type { Language } from '../../language.ts'
import type { Role } from '../roles.ts'

export type TemplateText = { subject: string; body: string }

/**
 * The texts that go out where a form has none of its own. A confirmation carries nothing that the visitor typed: its
 * recipient may be a stranger whose address somebody else entered (invariant 8).
 */
export const builtInTemplates: Readonly<Record<Exclude<Role, 'alarm'>, Readonly<Record<Language, TemplateText>>>> = {
  confirmation: {
    en: {
      subject: 'We have your message ({{ reference }})',
      body: `Thank you. What you sent with the form **{{ form.title }}** has arrived here and is stored.

- Reference: **{{ reference }}**
- Received: {{ received_at }}

[Follow what becomes of it]({{ status_url }})

Somebody typed this address into the form. If it was not you, it was probably a typing mistake; you need not do anything.
`,
    },
    ja: {
      subject: '送信を受け付けました ({{ reference }})',
      body: `ありがとうございます。フォーム「**{{ form.title }}**」から送信された内容を受け取り、保存しました。

- 受付番号: **{{ reference }}**
- 受付日時: {{ received_at }}

[その後の状況を確認する]({{ status_url }})

このメールは、フォームに入力されたアドレスへ自動で送られています。お心当たりのない場合は、入力間違いと思われますので、何もしなくてかまいません。
`,
    },
  },
  notification: {
    en: {
      subject: '{{ form.title }}: new message {{ reference }}',
      body: `New message from the form **{{ form.title }}**, received {{ received_at }}.

{% fields %}

{% if email %}Reply to this mail to answer {{ email }}.{% else %}The sender left no e-mail address.{% endif %}

Reference: {{ reference }}
`,
    },
    ja: {
      subject: '{{ form.title }}: 新しい送信 {{ reference }}',
      body: `フォーム「**{{ form.title }}**」から {{ received_at }} に送信がありました。

{% fields %}

{% if email %}このメールに返信すると {{ email }} に届きます。{% else %}送信者のメールアドレスは入力されていません。{% endif %}

受付番号: {{ reference }}
`,
    },
  },
  update: {
    en: {
      subject: '{{ form.title }}: corrected address for {{ reference }}',
      body: `The sender of message {{ reference }} (form **{{ form.title }}**, received {{ received_at }}) corrected the e-mail address.

- Before: {{ old_email }}
- Now: {{ email }}

Reply to this mail to answer the new address.
`,
    },
    ja: {
      subject: '{{ form.title }}: {{ reference }} のアドレスが訂正されました',
      body: `受付番号 {{ reference }}（フォーム「**{{ form.title }}**」、{{ received_at }} 受付）の送信者が、メールアドレスを訂正しました。

- 訂正前: {{ old_email }}
- 訂正後: {{ email }}

このメールに返信すると、新しいアドレスに届きます。
`,
    },
  },
}
