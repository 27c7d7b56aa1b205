import PostalMime from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { sampleForm, sampleMessage, sampleSubmission } from '../../../test/contracts/samples.ts'
import { testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Submission } from '../submissions/submission.ts'
import { composeMessage, tagHeader } from './compose.ts'
import type { Message } from './message.ts'

const entries: Submission['entries'] = [
  { kind: 'text', name: 'name', value: '山田 花子' },
  { kind: 'text', name: 'message', value: '一行目\r\n**二行目** <b>{{ reference }}</b>' },
]

async function compose(options: {
  message?: Partial<Message>
  form?: Partial<FormRecord>
  submission?: Partial<Submission>
  deps?: ReturnType<typeof testDeps>
}) {
  const deps = options.deps ?? testDeps()
  const submission = sampleSubmission({ entries, email: 'hanako@example.net', ...options.submission })
  const planned = sampleMessage(submission, {
    role: 'notification',
    recipient: 'office@example.jp',
    createdAt: Date.UTC(2026, 10, 21),
  })
  const message: Message = { ...planned, attempts: 1, lease: null, version: 1, ...options.message }
  const composed = await composeMessage(deps, message, sampleForm(options.form), submission)
  const mail = await PostalMime.parse(composed.mail)
  const header = (name: string) => mail.headers.find(({ key }) => key === name.toLowerCase())?.value ?? null
  return { composed, mail, header, message, submission, raw: new TextDecoder('latin1').decode(composed.mail) }
}

describe('a notification', () => {
  test('carries every field under its label, and answers go to the submitter', async () => {
    const form: Partial<FormRecord> = {
      settings: { title: 'お問い合わせ', language: 'ja' },
      variants: [
        {
          pages: ['/index.html'],
          language: 'ja',
          charset: 'utf-8',
          title: null,
          controls: [
            {
              name: 'name',
              kind: 'text',
              label: 'お名前',
              required: false,
              multiple: false,
              minLength: null,
              maxLength: null,
              pattern: null,
              min: null,
              max: null,
              step: null,
              accept: null,
              options: null,
            },
          ],
        },
      ],
    }
    const { mail, header } = await compose({ form, message: { language: 'ja' } })
    expect(mail.subject).toBe(`お問い合わせ: 新しい送信 ${mail.subject?.slice(-12) ?? ''}`)
    expect(mail.text).toContain('お名前: 山田 花子')
    expect(mail.text?.replaceAll('\r\n', '\n')).toContain('message:\n  一行目\n  **二行目** <b>{{ reference }}</b>')
    expect(mail.html).toContain('**二行目** &#60;b&#62;{{ reference }}&#60;/b&#62;')
    expect(mail.replyTo).toEqual([{ name: '', address: 'hanako@example.net' }])
    expect(mail.from).toEqual({ name: 'Example 株式会社', address: 'forms@example.jp' })
    expect(header('auto-submitted')).toBeNull()
  })

  test('is the same at every attempt, and says when it may be a second copy', async () => {
    const deps = testDeps()
    const first = await compose({ deps })
    const again = await composeMessage(deps, { ...first.message, attempts: 2 }, sampleForm(), first.submission)
    expect(again.mail).toEqual(first.composed.mail)
    const lost = {
      id: 'x',
      at: 1,
      kind: 'unknown-retry',
      turn: 1,
      attempt: 1,
      nextTryAt: 5,
      evidence: { transport: 't' },
    } as const
    const second = await compose({ message: { events: [...first.message.events, lost] } })
    expect(second.header('X-Todoku-Possible-Duplicate')).toBe('yes')
  })

  test('attaches small uploads, and only names large ones', async () => {
    const deps = testDeps()
    const put = async (key: string, size: number) => {
      const writer = await deps.blobs.create(key)
      await writer.write(new Uint8Array(size).fill(65))
      await writer.commit()
      return {
        kind: 'file',
        name: 'doc',
        file: { blob: key, fileName: '見積書.pdf', type: 'application/pdf', size, hash: 'h' },
      } as const
    }
    const small = await put('a'.repeat(26), 9000)
    const large = await put('b'.repeat(26), 9000)
    const one = await compose({ deps, submission: { entries: [...entries, small] } })
    expect(one.mail.attachments).toMatchObject([{ filename: '見積書.pdf', mimeType: 'application/pdf' }])
    const both = await compose({ deps, submission: { entries: [small, large] } })
    expect(both.mail.attachments).toEqual([])
    expect(both.mail.text).toContain('見積書.pdf (9.0 kB)')
  })

  test('leaves out an internationalised Reply-To that a relay might refuse the mail for', async () => {
    const { mail, composed } = await compose({ submission: { email: '花子@example.jp' } })
    expect(mail.replyTo).toBeUndefined()
    expect(composed.utf8).toBe(false)
    expect(mail.text).toContain('花子@example.jp')
  })
})

describe('a confirmation', () => {
  const confirmation = { role: 'confirmation', recipient: 'hanako@example.net' } as const

  test('invariant 8: carries nothing that the visitor typed', async () => {
    const typed = 'BUY-NOW-http-spam.example'
    const { raw, mail } = await compose({
      message: confirmation,
      submission: {
        entries: [
          { kind: 'text', name: 'name', value: typed },
          { kind: 'text', name: typed, value: 'x' },
        ],
      },
    })
    expect(raw + mail.text + mail.html + mail.subject).not.toContain(typed)
  })

  test('carries it where the form’s owner chose so', async () => {
    const own = { allowUserText: true, body: 'Hello {{ fields.name }}\n\n{% fields %}' }
    const { mail } = await compose({ message: confirmation, form: { settings: { confirmation: own } } })
    expect(mail.text).toContain('Hello 山田 花子')
    const { mail: silent } = await compose({
      message: confirmation,
      form: { settings: { confirmation: { body: 'Hello {{ fields.name }}\n\n{% fields %}' } } },
    })
    expect(silent.text).not.toContain('山田')
  })

  test('is marked as automatic, has the form’s sender name and Reply-To, and the link to its status', async () => {
    const settings = { confirmation: { fromName: '株式会社 例', replyTo: 'help@example.jp' } }
    const { mail, header } = await compose({ message: confirmation, form: { settings } })
    expect(header('Auto-Submitted')).toBe('auto-generated')
    expect(header('X-Auto-Response-Suppress')).toBe('All')
    expect(mail.from).toEqual({ name: '株式会社 例', address: 'forms@example.jp' })
    expect(mail.replyTo).toEqual([{ name: '', address: 'help@example.jp' }])
    expect(mail.text).toMatch(/https:\/\/forms\.example\.jp\/s\/REF-\S+\/k1-[a-z2-7]{26}/)
  })

  test('a template that fails costs the text, never the mail', async () => {
    const { mail, composed } = await compose({
      message: confirmation,
      form: { settings: { confirmation: { body: '{% if %}' } } },
    })
    expect(mail.text).toContain('stored')
    expect(composed.templateFault).toContain('line:1')
  })
})

describe('every mail', () => {
  test('has our tag, a Message-ID of ours and the envelope that is set', async () => {
    const { composed, header, message } = await compose({})
    expect(header(tagHeader)).toBe(message.id)
    expect(header('Message-ID')).toBe(`<${message.id}@example.jp>`)
    expect(composed.from).toBe('bounces@example.jp')
  })

  test('has a return path of its own with verp', async () => {
    const deps = testDeps({ settings: { ...testSettings, envelope: { kind: 'verp', domain: 'b.example.jp' } } })
    const { composed, message } = await compose({ deps })
    expect(composed.from).toMatch(new RegExp(`^b-${message.id}-[a-z2-7]{16}@b\\.example\\.jp$`))
  })

  test('invariant 8: no text of a visitor or an owner reaches a header unencoded', async () => {
    const attack = 'x\r\nBcc: victim@example.org\r\n\r\nbody\u0000\u2028'
    const settings: FormRecord['settings'] = {
      title: attack,
      confirmation: { fromName: attack, subject: `{{ fields.name }}${attack}`, allowUserText: true },
      notification: { subject: '{{ fields.name }}' },
    }
    const file = {
      kind: 'file',
      name: attack,
      file: { blob: 'a'.repeat(26), fileName: attack, type: attack, size: 1, hash: 'h' },
    } as const
    for (const role of ['confirmation', 'notification'] as const) {
      const deps = testDeps()
      await (await deps.blobs.create('a'.repeat(26))).commit()
      const { raw } = await compose({
        deps,
        message: { role },
        form: { settings },
        submission: { entries: [{ kind: 'text', name: 'name', value: attack }, file] },
      })
      const head = raw.slice(0, raw.indexOf('\r\n\r\n'))
      expect(head).not.toMatch(/^bcc:/im)
      // Nothing but tab, line ends and printable ASCII.
      expect(head).toMatch(/^[\t\r\n\x20-\x7e]*$/)
      expect(head.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
    }
  })
})
