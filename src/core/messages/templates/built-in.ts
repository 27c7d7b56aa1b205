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

Somebody typed this address into the form. If it was not you, tell us, and no more of these mails come to you.

[This wasn’t me]({{ stop_url }})
`,
    },
    ja: {
      subject: '送信を受け付けました ({{ reference }})',
      body: `ありがとうございます。フォーム「**{{ form.title }}**」から送信された内容を受け取り、保存しました。

- 受付番号: **{{ reference }}**
- 受付日時: {{ received_at }}

[その後の状況を確認する]({{ status_url }})

このメールは、フォームに入力されたアドレスへ自動で送られています。お心当たりのない場合はお知らせください。以後このようなメールは届かなくなります。

[自分の送信ではない]({{ stop_url }})
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

/** Instead of the confirmation, where the form wants to hear from the address itself first (double opt-in). */
export const requestTemplates: Readonly<Record<Language, TemplateText>> = {
  en: {
    subject: 'Please confirm your message ({{ reference }})',
    body: `One more step: what you sent with the form **{{ form.title }}** is stored, and goes on as soon as you say that it was you.

[Confirm]({{ confirm_url }})

- Reference: **{{ reference }}**
- Received: {{ received_at }}

Somebody typed this address into the form. If it was not you, do not confirm, and nothing happens. Tell us, and no more of these mails come to you.

[This wasn’t me]({{ stop_url }})
`,
  },
  ja: {
    subject: '送信の確認をお願いします ({{ reference }})',
    body: `あと一歩です。フォーム「**{{ form.title }}**」から送信された内容を保存しました。ご本人の確認がとれると、先へ進みます。

[確認する]({{ confirm_url }})

- 受付番号: **{{ reference }}**
- 受付日時: {{ received_at }}

このメールは、フォームに入力されたアドレスへ自動で送られています。お心当たりのない場合は、確認しなければ何も起こりません。お知らせいただくと、以後このようなメールは届かなくなります。

[自分の送信ではない]({{ stop_url }})
`,
  },
}

/** Told to managers when the owner of an address says that it was not them, and when they take that back. */
export const disownedTemplates: Readonly<Record<'disowned' | 'taken-back', Readonly<Record<Language, TemplateText>>>> =
  {
    disowned: {
      en: {
        subject: '{{ form.title }}: “this wasn’t me” for {{ reference }}',
        body: `The owner of {{ email }} says that message {{ reference }} (form **{{ form.title }}**, received {{ received_at }}) is not from them.

Either the sender mistyped the address, or used somebody else’s. Do not answer to it. The message itself stays as it is.
`,
      },
      ja: {
        subject: '{{ form.title }}: {{ reference }} は本人の送信ではないとの連絡',
        body: `{{ email }} の持ち主から、受付番号 {{ reference }}（フォーム「**{{ form.title }}**」、{{ received_at }} 受付）は自分の送信ではないとの連絡がありました。

送信者がアドレスを間違えたか、他人のアドレスを入力したと考えられます。このアドレスには返信しないでください。送信内容はそのまま残っています。
`,
      },
    },
    'taken-back': {
      en: {
        subject: '{{ form.title }}: {{ reference }} was from its sender after all',
        body: `The owner of {{ email }} took back that message {{ reference }} (form **{{ form.title }}**, received {{ received_at }}) was not from them.
`,
      },
      ja: {
        subject: '{{ form.title }}: {{ reference }} は本人の送信でした',
        body: `{{ email }} の持ち主が、受付番号 {{ reference }}（フォーム「**{{ form.title }}**」、{{ received_at }} 受付）が自分の送信ではないとの連絡を取り消しました。
`,
      },
    },
  }

/**
 * What every mail of its kind must say. Put below a text of the form's own that does not say it: the owner of the form can
 * choose where it stands, not leave it out.
 */
export const footers: Readonly<Record<'stop' | 'confirm' | 'note' | 'links', Readonly<Record<Language, string>>>> = {
  stop: {
    en: 'Somebody typed this address into a form. If it was not you: [This wasn’t me]({{ stop_url }})',
    ja: 'このメールは、フォームに入力されたアドレスへ送られています。お心当たりのない場合: [自分の送信ではない]({{ stop_url }})',
  },
  confirm: {
    en: '[Confirm that it was you]({{ confirm_url }})',
    ja: '[ご自身の送信であることを確認する]({{ confirm_url }})',
  },
  note: { en: '{{ confirmation_note }}', ja: '{{ confirmation_note }}' },
  links: {
    en: `Not in this mail, but at these links until {{ links_until }}. Whoever has a link can open it.

{% for link in links %}- {% if link.warning %}**{{ link.warning }}** {% endif %}[{{ link.label }}]({{ link.url }})
{% endfor %}`,
    ja: `次のものはこのメールに含まれていません。{{ links_until }} まで、リンクから取得できます。リンクを知っている人は誰でも開けます。

{% for link in links %}- {% if link.warning %}**{{ link.warning }}** {% endif %}[{{ link.label }}]({{ link.url }})
{% endfor %}`,
  },
}
