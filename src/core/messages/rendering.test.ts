import PostalMime from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { sampleForm, sampleMessage, sampleSubmission } from '../../../test/contracts/samples.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Entry } from '../submissions/submission.ts'
import { composeMessage } from './compose.ts'
import type { Message } from './message.ts'

/** What people really type, and what others try: through the whole way, read back by another program. */

const fsi = '\u2068'
const pdi = '\u2069'

async function notify(
  entries: readonly Entry[],
  settings: FormRecord['settings'] = {},
  role: Message['role'] = 'notification',
) {
  const deps = testDeps()
  for (const entry of entries) {
    if (entry.kind === 'text') continue
    const writer = await deps.blobs.create(entry.file.blob)
    await writer.write(new Uint8Array(entry.file.size).fill(65))
    await writer.commit()
  }
  const submission = sampleSubmission({ entries, email: 'hanako@example.net' })
  const planned = sampleMessage(submission, { role, createdAt: Date.UTC(2026, 10, 21), language: 'en' })
  const message: Message = { ...planned, attempts: 1, lease: null, version: 1 }
  const { mail: raw } = await composeMessage(deps, message, sampleForm({ settings }), submission)
  const mail = await PostalMime.parse(raw)
  return {
    raw,
    subject: mail.subject ?? '',
    text: mail.text?.replaceAll('\r\n', '\n') ?? '',
    html: mail.html ?? '',
    mail,
  }
}

const text = (name: string, value: string): Entry => ({ kind: 'text', name, value })
const upload = (fileName: string, more: object = {}): Entry => ({
  kind: 'file',
  name: 'doc',
  file: { blob: 'a'.repeat(26), fileName, type: 'application/pdf', size: 9, hash: 'h', ...more },
})

/** HTML as a reader sees its words. */
const words = (html: string) =>
  html
    .replace(/<br>\n?/g, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))

describe('what was typed arrives as it was typed, in both parts and in the subject', () => {
  test.each([
    ['a word of 200 letters', 'x'.repeat(200)],
    ['an address without a place to break', `https://example.jp/${'a1'.repeat(150)}`],
    ['emoji of several parts', '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇯🇵'],
    ['half-width kana', 'ｶﾌﾞｼｷｶﾞｲｼｬ ﾄﾄﾞｸ'],
    ['combining characters', 'か\u3099 e\u0301 q\u0323\u0307'],
    ['characters outside the first plane', '𠮷野家 𩸽 𝒳'],
    ['Zalgo', `Z${'\u0335\u0321'.repeat(50)}algo`],
    ['variation sequences', '葛\u{e0100}城 邉\u{e0104}'],
    ['CSV', '=HYPERLINK("http://x"),"a","b";@SUM(1+1)\tz'],
    ['markup of every kind', '<b>*x*</b> {{ email }} | a | b | [x](http://y) `c` # d'],
    ['lines', 'one\n\n  two\n- three\n1. four'],
  ])('%s', async (_name, value) => {
    const settings = { notification: { subject: '{{ fields.v }}', body: 'Value: {{ fields.v }} .\n\n{% fields %}' } }
    const mail = await notify([text('v', value)], settings)
    const indented = value.includes('\n')
      ? `v:\n${value
          .split('\n')
          .map((line) => `  ${line}`.trimEnd())
          .join('\n')}`
      : `v: ${value}`
    expect(mail.text).toContain(indented)
    expect(words(mail.html)).toContain(`Value: ${value} .`)
    expect(words(mail.html).split(value)).toHaveLength(3)
    const line = value.replace(/\s+/g, ' ').trim()
    expect(mail.subject).toBe(line.length > 200 ? `${line.slice(0, 199)}…` : line)
  })

  test('no line of the mail is longer than 998 octets, whatever was typed', async () => {
    const { raw } = await notify([text('v', 'x'.repeat(9000)), text('w', '花'.repeat(9000))])
    const longest = Math.max(
      ...new TextDecoder('latin1')
        .decode(raw)
        .split('\r\n')
        .map((line) => line.length),
    )
    expect(longest).toBeLessThanOrEqual(998)
  })
})

describe('text from right to left', () => {
  const names = ['דנה לוי', 'محمد علي']

  test.each(names)('keeps to itself: %s', async (name) => {
    const settings = {
      notification: { subject: 'From {{ fields.name }} 12', body: '{{ fields.name }}, 12:30\n\n{% fields %}' },
    }
    const { subject, text: plain, html } = await notify([text('name', name)], settings)
    // Headers take no marks of direction from anybody.
    expect(subject).toBe(`From ${name} 12`)
    expect(plain).toContain(`${fsi}${name}${pdi}, 12:30`)
    expect(plain).toContain(`name: ${fsi}${name}${pdi}`)
    expect(html).toContain(`<td dir="auto"`)
  })

  test('in several lines each line keeps to itself', async () => {
    const { text: plain } = await notify([text('name', `${names[0]}\nplain\n${names[1]}`)])
    expect(plain).toContain(`name:\n  ${fsi}${names[0]}${pdi}\n  plain\n  ${fsi}${names[1]}${pdi}`)
  })

  test.each([
    ['what is opened is closed', 'a\u202eb\u2066c', `${fsi}a\u202eb\u2066c\u2069\u202c${pdi}`],
    ['what was not opened closes nothing', 'a\u2069\u202cb', `${fsi}ab${pdi}`],
  ])('controls turn nothing outside the value: %s', async (_name, value, shown) => {
    const settings = { notification: { body: '[{{ fields.v }}]' } }
    expect((await notify([text('v', value)], settings)).text).toContain(`[${shown}]`)
  })

  test('a value without it has no invisible characters, so that it can be copied', async () => {
    const { text: plain } = await notify([text('v', 'hanako@example.jp')])
    expect(plain).not.toMatch(/[\u2066-\u2069]/)
  })

  test('in the name of a file it can’t hide the ending', async () => {
    const { text: plain, mail } = await notify([upload('invoice\u202efdp.txt')])
    expect(plain).toContain('invoicefdp.txt')
    expect(mail.attachments[0]?.filename).toBe('invoicefdp.txt')
  })
})

describe('a subject that is too long', () => {
  test.each([
    ['emoji', '👩‍👩‍👧‍👦'],
    ['combining characters', 'か\u3099'],
    ['flags', '🇯🇵'],
    ['characters of four bytes', '𠮷'],
  ])('is cut between %s, never inside one', async (_name, one) => {
    const settings = { notification: { subject: 'a{{ fields.v }}' } }
    const { subject } = await notify([text('v', one.repeat(300))], settings)
    expect(subject.length).toBeLessThanOrEqual(200)
    expect(subject.length).toBeGreaterThan(180)
    expect(subject.slice(1, -1).split(one).join('')).toBe('')
    expect(subject.endsWith('…')).toBe(true)
  })

  test('of one endless character is cut all the same, and is whole Unicode', async () => {
    const settings = { notification: { subject: '{{ fields.v }}' } }
    const { subject } = await notify([text('v', `𠮷${'\u0301'.repeat(5000)}`)], settings)
    expect(subject.length).toBeLessThanOrEqual(200)
    expect(subject.isWellFormed()).toBe(true)
  })
})

describe('a very long text', () => {
  test('is cut with a note and a link to the whole; the mail stays small', async () => {
    const value = '花子です。'.repeat(20_000)
    const { raw, text: plain, html } = await notify([text('message', value)])
    expect(raw.length).toBeLessThan(150_000)
    expect(plain).toContain('(cut here: 100000 characters in all; the whole text is stored)')
    expect(plain).toMatch(/message: the whole text:\n {2}https:\/\/forms\.example\.jp\/files\/\S+/)
    expect(html).toContain('(cut here: 100000 characters in all')
  })

  test('in a template of the form’s own is cut too, and linked', async () => {
    const settings = { notification: { body: '{{ fields.message }}{{ fields.message }}' } }
    const { raw, text: plain } = await notify([text('message', 'x'.repeat(100_000))], settings)
    expect(raw.length).toBeLessThan(100_000)
    expect(plain).toContain('/files/')
  })

  test('in each of 500 fields keeps the mail below a megabyte', async () => {
    const entries = Array.from({ length: 500 }, (_, index) => text(`f${index}`, 'y'.repeat(4000)))
    const { raw, text: plain } = await notify(entries)
    expect(raw.length).toBeLessThan(1_000_000)
    expect(plain).toContain('f499:\n  yyy')
    expect(plain.match(/the whole text:/g)).toHaveLength(20)
  })

  test('is not linked in a mail that goes to anybody but the managers', async () => {
    const settings = { confirmation: { allowUserText: true, body: '{% fields %}' } }
    const entries = [text('message', 'x'.repeat(100_000)), upload('a.exe')]
    for (const role of ['confirmation', 'update'] as const) {
      const mail = await notify(entries, settings, role)
      expect(mail.text + mail.html).not.toContain('/files/')
      expect(mail.mail.attachments).toEqual([])
    }
  })
})

describe('a file that servers refuse mail for', () => {
  test.each([
    ['setup.exe', {}, 'A program.'],
    ['logo.svg', { type: 'image/svg+xml' }, 'A web page or drawing'],
    ['photo.jpg', { content: { type: 'application/x-executable' } }, 'A program.'],
    ['book.xls', { content: { type: 'application/x-ole-storage', holds: 'macros' } }, 'A document with macros.'],
    ['files.zip', { content: { type: 'application/zip', holds: 'program' } }, 'An archive with a program inside.'],
  ])(
    '%s %j is linked with a warning, and costs neither the mail nor its neighbours',
    async (fileName, more, warning) => {
      const harmless = upload('見積書.pdf')
      const {
        mail,
        text: plain,
        html,
      } = await notify([
        upload(fileName, more),
        harmless.kind === 'file' ? { ...harmless, file: { ...harmless.file, blob: 'b'.repeat(26) } } : harmless,
      ])
      expect(mail.attachments.map(({ filename }) => filename)).toEqual(['見積書.pdf'])
      expect(plain).toContain(`- ${warning}`)
      expect(plain).toMatch(
        new RegExp(`${fileName.replace('.', '\\.')} \\(9 B\\):\\n {2}https://forms\\.example\\.jp/files/`),
      )
      expect(html).toContain(`<strong>${warning}`)
    },
  )
})
