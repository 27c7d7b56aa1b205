import fc from 'fast-check'
import PostalMime from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { sampleForm, sampleMessage, sampleSubmission } from '../../../test/contracts/samples.ts'
import { testDeps, testSettings } from '../../../test/fakes/test-deps.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Entry, Submission } from '../submissions/submission.ts'
import { linkUrl } from '../suppressions/links.ts'
import { composeMessage, tagHeader } from './compose.ts'
import { confirmationNote } from './held.ts'
import type { Message } from './message.ts'
import { planDisowned } from './plan.ts'

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

  test('attaches the uploads that fit, and links the others', async () => {
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
    expect(both.mail.attachments).toHaveLength(1)
    expect(both.mail.text).toContain('doc:\n  見積書.pdf (9.0 kB)\n  見積書.pdf (9.0 kB)')
    const links = [...(both.mail.html ?? '').matchAll(/href="(https:\/\/forms\.example\.jp\/files\/[^"]+)"/g)]
    expect(links).toHaveLength(1)
    expect(both.mail.text?.replaceAll('\r\n', '\n')).toContain(`- 見積書.pdf (9.0 kB):\n  ${links[0]?.[1]}`)
    expect(one.mail.text).not.toContain('/files/')
  })

  test('is with its files, its own text and all headers no larger than limits.attachBytes', async () => {
    const deps = testDeps()
    const sizes = fc.array(fc.integer({ min: 0, max: 12_000 }), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 0, max: 6_000 }), fc.boolean(), async (of, letters, isJapanese) => {
        const files: Entry[] = []
        for (const size of of) {
          const blob = deps.ids.next()
          const writer = await deps.blobs.create(blob)
          await writer.write(new Uint8Array(size).fill(65))
          await writer.commit()
          const fileName = `${'見'.repeat(letters % 80)}.pdf`
          files.push({ kind: 'file', name: 'doc', file: { blob, fileName, type: '', size, hash: 'h' } })
        }
        const text: Entry = { kind: 'text', name: 'message', value: (isJapanese ? '漢' : 'a').repeat(letters) }
        const { composed } = await compose({ deps, submission: { entries: [text, ...files] } })
        if (composed.attachments > 0) expect(composed.mail.length).toBeLessThanOrEqual(20_000)
        if (of.reduce((sum, size) => sum + size, 0) < 3_000 && letters < 500)
          expect(composed.attachments).toBe(of.length)
      }),
      // An empty file beside a text that fills the mail.
      { numRuns: 60, examples: [[[0], 6_000, true]] },
    )
  })

  test('leaves out an internationalised Reply-To that a relay might refuse the mail for', async () => {
    const { mail, composed } = await compose({ submission: { email: '花子@example.jp' } })
    expect(mail.replyTo).toBeUndefined()
    expect(composed.utf8).toBe(false)
    expect(mail.text).toContain('花子@example.jp')
  })
})

describe('what the page wishes for', () => {
  const wishes = { subject: '見積もりの依頼', senderName: 'Sales, "EU"', cc: [] }

  test('is the notification’s subject and sender name, encoded', async () => {
    const { mail, raw } = await compose({ submission: { wishes } })
    expect(mail.subject).toBe(wishes.subject)
    expect(mail.from).toEqual({ name: wishes.senderName, address: 'forms@example.jp' })
    expect(raw.split('\r\n\r\n')[0]).toMatch(/^[\x20-\x7e\r\n]*$/)
  })

  test('gives way to the form’s own subject', async () => {
    const settings = { notification: { subject: 'Lead {{ reference }}' } }
    const { mail, submission } = await compose({ submission: { wishes }, form: { settings } })
    expect(mail.subject).toBe(`Lead ${submission.reference}`)
  })

  test('reaches no other mail', async () => {
    const { mail } = await compose({
      submission: { wishes },
      message: { role: 'confirmation', recipient: 'hanako@example.net' },
    })
    expect(mail.subject).not.toContain(wishes.subject)
    expect(mail.from?.name).not.toBe(wishes.senderName)
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

  test.each([
    ['the built-in text', {}],
    ['a text of the form’s own that forgets it', { body: 'Thank you.' }],
    ['one that names it where nothing is shown', { body: 'Thank you.{% if false %}{{ stop_url }}{% endif %}' }],
    ['one that has it in the text part alone', { body: 'Thank you. `{{ stop_url }}`' }],
  ])('%s leads to “this wasn’t me”, in both parts', async (_name, template) => {
    const deps = testDeps()
    const { mail, message, submission } = await compose({
      deps,
      message: confirmation,
      form: { settings: { confirmation: template } },
    })
    const url = linkUrl(deps, 'stop', message, submission)
    expect(mail.text).toContain(url)
    expect(mail.html).toContain(`href="${url}"`)
    expect(mail.html?.split(`href="${url}"`)).toHaveLength(2)
    expect(mail.text).not.toContain('/confirm/')
    expect(mail.headers.some(({ key }) => key.startsWith('list-unsubscribe'))).toBe(false)
  })

  const unasked = { review: 'quarantined', verdict: { reasons: [], shadow: [] } } as const
  test.each(
    [undefined, { body: 'Thank you.' }, { body: 'Thank you. [Go on]({{ confirm_url }})' }].flatMap((template) =>
      [{ review: 'unconfirmed' } as const, unasked].map((waiting) => ({ template, waiting })),
    ),
  )(
    'of a submission that waits for its submitter asks for the confirmation, and carries nothing that was typed: %j',
    async ({ template, waiting }) => {
      const deps = testDeps()
      const { mail, message, submission, raw } = await compose({
        deps,
        message: confirmation,
        submission: waiting,
        form: { settings: template === undefined ? {} : { confirmation: template } },
      })
      const url = linkUrl(deps, 'confirm', message, submission)
      expect(mail.subject).toContain('Please confirm')
      expect(mail.text?.split(url)).toHaveLength(2)
      expect(mail.html?.split(`href="${url}"`)).toHaveLength(2)
      expect(mail.html).toContain(linkUrl(deps, 'stop', message, submission))
      expect(raw + mail.text + mail.html).not.toContain('山田')
    },
  )

  test('a template that fails costs the text, never the mail', async () => {
    const { mail, composed } = await compose({
      message: confirmation,
      form: { settings: { confirmation: { body: '{% if %}' } } },
    })
    expect(mail.text).toContain('stored')
    expect(composed.templateFault).toContain('line:1')
  })
})

describe('what managers learn of the confirmation', () => {
  test.each([undefined, { body: '{% fields %}' }, { body: '{{ confirmation_note }}' }])(
    'stands in the notification once, whatever its text: %j',
    async (template) => {
      const deps = testDeps()
      const submission = sampleSubmission({ entries, email: 'hanako@example.net' })
      const planned = sampleMessage(submission, { role: 'notification', recipient: 'office@example.jp' })
      const message: Message = { ...planned, attempts: 1, lease: null, version: 1 }
      const form = sampleForm({ settings: template === undefined ? {} : { notification: template } })
      const held = { state: { name: 'held', heldReason: 'cap', since: 1, event: 'x' } } as const
      const note = confirmationNote(held, 'en')
      const { mail: bytes } = await composeMessage(deps, message, form, submission, note)
      const mail = await PostalMime.parse(bytes)
      const said =
        'The confirmation to the sender is held back: the address or its domain got many confirmations lately.'
      expect(mail.text?.replace(/\s+/g, ' ').split(said)).toHaveLength(2)
      expect(mail.html?.replace(/\s+/g, ' ').split(said)).toHaveLength(2)
    },
  )

  test.each([
    [{ name: 'held', heldReason: 'no-proof' }, 'had none'],
    [{ name: 'suppressed', by: 'us' }, 'asked for no confirmations'],
    [{ name: 'suppressed', by: 'provider' }, null],
    [{ name: 'queued' }, null],
    [{ name: 'delivered' }, null],
  ] as const)('%j: %s', (state, words) => {
    const note = confirmationNote({ state: { since: 1, event: 'x', ...state } }, 'en')
    if (words === null) expect(note).toBeNull()
    else expect(note).toContain(words)
  })

  test('that its address was disowned comes with a text of its own, and answers do not go there', async () => {
    const deps = testDeps()
    const submission = sampleSubmission({ email: 'stranger@example.net' })
    const [planned] = planDisowned(deps, sampleForm(), submission, 'disowned')
    if (planned === undefined) throw new Error('nothing was planned')
    const { mail } = await composeMessage(
      deps,
      { ...planned, attempts: 1, lease: null, version: 1 },
      sampleForm({ settings: { title: '*Contact* {{ x }}' } }),
      submission,
    )
    const parsed = await PostalMime.parse(mail)
    expect(parsed.subject).toBe(`*Contact* {{ x }}: “this wasn’t me” for ${submission.reference}`)
    expect(parsed.text).toContain('The owner of stranger@example.net says')
    expect(parsed.replyTo).toBeUndefined()
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
