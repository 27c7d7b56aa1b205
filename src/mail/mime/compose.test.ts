import fc from 'fast-check'
import MailComposer from 'nodemailer/lib/mail-composer'
import PostalMime, { type Email } from 'postal-mime'
import { describe, expect, test } from 'vitest'
import { type Attachment, composeMail, type Mail } from './compose.ts'
import { cleanHeaderText } from './encoded-words.ts'

const plainMail: Mail = {
  from: { name: 'Example Shop', address: 'no-reply@shop.example.jp' },
  to: { name: null, address: 'hanako@example.ne.jp' },
  replyTo: null,
  subject: 'We received your message',
  date: Date.UTC(2026, 10, 21, 9, 5, 7),
  messageId: 'm1@shop.example.jp',
  headers: [],
  text: 'Thank you.\n',
  html: null,
  attachments: [],
  boundary: 'seed',
  utf8: false,
}

function compose(changes: Partial<Mail>): string {
  return Buffer.from(composeMail({ ...plainMail, ...changes })).toString('latin1')
}

/** What a reader finds in a mail; line ends and the end of the last line are those of its transfer, not of the text. */
type Read = {
  from: unknown
  to: unknown
  replyTo: unknown
  subject: string
  text: string
  html: string
  files: { name: string | null; type: string; content: string }[]
}

async function read(mail: Uint8Array): Promise<Read> {
  return toRead(await PostalMime.parse(mail))
}

function toRead(email: Email): Read {
  return {
    from: email.from,
    to: email.to,
    replyTo: email.replyTo ?? null,
    subject: email.subject ?? '',
    text: canonical(email.text ?? ''),
    html: canonical(email.html ?? ''),
    files: email.attachments.map(({ filename, mimeType, content }) => ({
      name: filename,
      type: mimeType,
      content: Buffer.from(content as ArrayBuffer).toString('hex'),
    })),
  }
}

/** Readers drop a byte order mark that begins a text. */
function canonical(text: string): string {
  return text
    .toWellFormed()
    .replace(/^\ufeff/, '')
    .replace(/\r\n?/g, '\n')
    .replace(/\n$/, '')
}

function mailbox(name: string | null, address: string): { name: string; address: string } {
  const [local = '', domain = ''] = address.split('@')
  const quoted = /^\.|\.\.|\.$/.test(local) ? `"${local}"` : local
  return { name: cleanHeaderText(name ?? '').trim(), address: `${quoted}@${domain}` }
}

/** What a reader should find, from what went in. */
function expectedOf(mail: Mail): Read {
  return {
    from: mailbox(mail.from.name, mail.from.address),
    to: [mailbox(mail.to.name, mail.to.address)],
    replyTo: mail.replyTo === null ? null : [mailbox(mail.replyTo.name, mail.replyTo.address)],
    subject: cleanHeaderText(mail.subject),
    text: canonical(mail.text),
    html: canonical(mail.html ?? ''),
    files: mail.attachments.map(({ fileName, type, content }) => ({
      name: cleanHeaderText(fileName) || null,
      type,
      content: Buffer.from(content).toString('hex'),
    })),
  }
}

/** What every mail has to be, whatever is in it. */
function expectSound(bytes: Uint8Array): void {
  const mail = Buffer.from(bytes).toString('latin1')
  expect(/^(?:[\t\x20-\x7e]*\r\n)*$/.test(mail)).toBe(true)
  const [head = ''] = mail.split('\r\n\r\n', 1)
  expect(head.split('\r\n').find((line) => line.length > 76 || line.trim() === '')).toBeUndefined()
  // Plain bodies keep their lines up to the 78 of RFC 5322; whatever is encoded keeps to 76.
  expect(mail.split('\r\n').find((line) => line.length > 78)).toBeUndefined()
  const names = head
    .replaceAll('\r\n ', ' ')
    .split('\r\n')
    .map((line) => line.slice(0, line.indexOf(':')))
  const fixed = names.filter((name) => name !== 'Reply-To' && name !== 'X-Note')
  const always = ['From', 'To', 'Subject', 'Date', 'Message-ID', 'MIME-Version', 'Content-Type']
  expect(fixed.filter((name) => name !== 'Content-Transfer-Encoding')).toEqual(always)
}

const bytes = Uint8Array.from({ length: 1000 }, (_, index) => (index * 7) & 255)
const pdf = (fileName: string): Attachment => ({ fileName, type: 'application/pdf', content: bytes })

const table: [what: string, changes: Partial<Mail>][] = [
  ['a plain mail', {}],
  ['an empty body', { text: '' }],
  ['an empty subject', { subject: '' }],
  [
    'Japanese names',
    {
      from: { name: '届く 事務局', address: 'no-reply@shop.example.jp' },
      to: { name: '山田 花子', address: 'hanako@example.ne.jp' },
    },
  ],
  ['half-width kana', { subject: 'ﾊﾟｿｺﾝ修理のお問い合わせ', text: 'ｱｲｳｴｵ ﾊﾟﾋﾟﾌﾟ\n' }],
  ['emoji of several code points', { subject: '家族 👨‍👩‍👧‍👦 と 🇯🇵 と 👍🏽 '.repeat(5), text: '👨‍👩‍👧‍👦' }],
  [
    'right-to-left text',
    { subject: 'שלום עולם, مرحبا', text: 'مرحبا بالعالم', from: { name: 'דוד "המלך"', address: 'a@b.jp' } },
  ],
  ['decomposed letters', { subject: 'か\u3099き\u3099く\u3099'.repeat(30) }],
  [
    'a very long word',
    { subject: 'x'.repeat(3000), text: 'y'.repeat(3000), from: { name: 'z'.repeat(300), address: 'a@b.jp' } },
  ],
  ['a long ASCII subject', { subject: 'many short words '.repeat(20).trim() }],
  ['a subject of double spaces', { subject: `a${' '.repeat(100)}b  c`.repeat(3) }],
  ['a subject of 10,000 characters', { subject: '件名'.repeat(5000) }],
  ['a subject that looks encoded', { subject: '=?UTF-8?B?5bGK44GP?= and =?utf-8?q?more?=' }],
  ['spaces at the ends of a subject', { subject: '  padded  ' }],
  ['quotes and backslashes', { subject: 'a "b" \\c', from: { name: 'The "best" \\ shop\\', address: 'a@b.jp' } }],
  ['separators in names', { replyTo: { name: 'Team: a@x.jp, <b@y.jp>; (c)', address: 'a@b.jp' } }],
  [
    'an address with dots of old',
    { to: { name: null, address: 'a..b.@docomo.ne.jp' }, replyTo: { name: '花子', address: '.c@ezweb.ne.jp' } },
  ],
  ['dots at the beginning of lines', { text: '.\n..\n.dot\nand a .dot\n.', html: '.<p>\n.</p>' }],
  ['spaces and tabs at the end of lines', { text: 'a \nb\t\n \n-- \nc  ' }],
  ['From at the beginning of a line', { text: 'From here\nFrom there, '.repeat(20) }],
  ['NUL and other controls in the text', { text: 'a\0b\u0007c\u001b[31m\fd' }],
  ['line ends of all kinds', { text: 'a\r\nb\rc\nd\n\n\n' }],
  ['a line of a megabyte', { text: 'x'.repeat(1_000_000), html: 'ü'.repeat(500_000) }],
  ['a text with HTML', { text: 'Grüße', html: '<p style="color:red">Grüße</p>\n' }],
  ['an empty text with HTML', { text: '', html: '<p>only here</p>' }],
  [
    'attachments',
    {
      attachments: [
        pdf('report.pdf'),
        pdf('empty.bin'),
        { fileName: 'zero', type: 'text/csv', content: new Uint8Array() },
      ],
    },
  ],
  [
    'attachments with HTML',
    {
      html: '<p>see</p>',
      attachments: [pdf('報告書.pdf'), { fileName: 'a.html', type: 'text/html', content: Buffer.from('<b>\n') }],
    },
  ],
  [
    'file names of all sorts',
    {
      attachments: [
        'a b;c="d"\\e\'f*(g).pdf',
        `${'とても長いファイル名'.repeat(20)}.pdf`,
        `${'long-ascii-name-'.repeat(20)}.pdf`,
        ' spaces at the ends ',
        '😀.png',
        '100%25.txt',
        '..\\..\\x/../y',
        '',
      ].map(pdf),
    },
  ],
  [
    'further headers',
    {
      headers: [
        ['Auto-Submitted', 'auto-generated'],
        ['X-Note', '日本語の値'],
      ],
    },
  ],
]

describe('another program reads back exactly what went in', () => {
  test.each(table)('%s', async (_, changes) => {
    const mail = { ...plainMail, ...changes }
    expect(await read(composeMail(mail))).toEqual(expectedOf(mail))
  })

  test('with date, Message-ID and further headers', async () => {
    const email = await PostalMime.parse(composeMail({ ...plainMail, headers: [['X-Note', 'お知らせ']] }))
    expect(email.date).toBe('2026-11-21T09:05:07.000Z')
    expect(email.messageId).toBe('<m1@shop.example.jp>')
    expect(email.headers.find(({ key }) => key === 'x-note')?.value).toBe('=?UTF-8?B?44GK55+l44KJ44Gb?=')
  })
})

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 120 }),
  fc.string({ unit: 'grapheme', maxLength: 120 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 120 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom(
        'a',
        ' ',
        '\r\n',
        '\n.',
        '\r',
        '\0',
        '"',
        '\\',
        '<',
        '>',
        ',',
        ';',
        ':',
        '@',
        '日',
        '=?UTF-8?Q?a',
        '\r\n\r\n',
        '--=_seed_m',
        '--=_seed_a--',
        '\r\nBcc: b@x.jp',
        'Content-Type: text/html',
      ),
      { maxLength: 40 },
    )
    .map((parts) => parts.join('')),
)
/** PostalMime decodes what looks like an encoded word in any file name, also where RFC 2231 told it plainly. */
const fileNames = anyText.filter((name) => !/=\?.*\?=/s.test(cleanHeaderText(name)))
const mails = fc
  .record({
    name: fc.option(anyText),
    replyName: anyText,
    subject: anyText,
    text: anyText,
    html: fc.option(anyText),
    note: anyText,
    files: fc.array(fc.record({ fileName: fileNames, content: fc.uint8Array({ maxLength: 200 }) }), { maxLength: 3 }),
  })
  .map(
    ({ name, replyName, subject, text, html, note, files }): Mail => ({
      ...plainMail,
      from: { name, address: 'no-reply@shop.example.jp' },
      replyTo: { name: replyName, address: 'hanako@example.ne.jp' },
      subject,
      text,
      // An empty HTML part is no body for PostalMime, which then shows the text in its place.
      html: html === null || canonical(html) === '' ? null : html,
      headers: [['X-Note', note]],
      attachments: files.map((file) => ({ ...file, type: 'application/octet-stream' })),
    }),
  )

describe('any text in any place', () => {
  test('is read back by another program, and stays in its place (invariant 8)', async () => {
    await fc.assert(
      fc.asyncProperty(mails, async (mail) => {
        expect(await read(composeMail(mail))).toEqual(expectedOf(mail))
      }),
      { numRuns: 500 },
    )
  })

  test('gives 7-bit lines of the lengths that are allowed, and the same headers each time', () => {
    fc.assert(
      fc.property(mails, (mail) => {
        expectSound(composeMail(mail))
      }),
      { numRuns: 500 },
    )
  })

  test('gives the same bytes again', () => {
    fc.assert(fc.property(mails, (mail) => void expect(composeMail(mail)).toEqual(composeMail(structuredClone(mail)))))
  })
})

describe('what nodemailer composes of the same mail', () => {
  async function nodemailers(mail: Mail): Promise<Read> {
    const box = ({ name, address }: Mail['from']) => ({ name: name ?? '', address })
    const composer = new MailComposer({
      from: box(mail.from),
      to: box(mail.to),
      ...(mail.replyTo === null ? {} : { replyTo: box(mail.replyTo) }),
      subject: mail.subject,
      text: mail.text,
      ...(mail.html === null ? {} : { html: mail.html }),
      attachments: mail.attachments.map(({ fileName, type, content }) => ({
        filename: fileName,
        contentType: type,
        content: Buffer.from(content),
      })),
    })
    return read(await composer.compile().build())
  }

  /** Nodemailer ends a part with a line end of its own, whether or not the text has one. */
  function withoutLastLineEnds(found: Read): Read {
    return { ...found, text: found.text.replace(/\n+$/, ''), html: found.html.replace(/\n+$/, '') }
  }

  const ordinary = new Set([
    'a plain mail',
    'Japanese names',
    'half-width kana',
    'emoji of several code points',
    'right-to-left text',
    'decomposed letters',
    'a long ASCII subject',
    'a subject of 10,000 characters',
    'quotes and backslashes',
    'separators in names',
    'an address with dots of old',
    'dots at the beginning of lines',
    'spaces and tabs at the end of lines',
    'a line of a megabyte',
    'a text with HTML',
    'attachments',
    'attachments with HTML',
  ])

  test.each(table.filter(([what]) => ordinary.has(what)))('is read alike: %s', async (_, changes) => {
    const mail = { ...plainMail, ...changes }
    expect(withoutLastLineEnds(await read(composeMail(mail)))).toEqual(withoutLastLineEnds(await nodemailers(mail)))
  })

  test('is read alike for ordinary words in any place', async () => {
    const word = fc.string({
      unit: fc.constantFrom(...'abcXYZ0189.,!-+山田花子ですがァｱéß😀'),
      minLength: 1,
      maxLength: 15,
    })
    const words = fc.array(word, { minLength: 1, maxLength: 12 }).map((all) => all.join(' '))
    await fc.assert(
      fc.asyncProperty(words, words, words, words, words, async (name, subject, text, html, fileName) => {
        const mail = {
          ...plainMail,
          from: { name, address: 'a@b.jp' },
          subject,
          text,
          html,
          attachments: [pdf(fileName)],
        }
        expect(withoutLastLineEnds(await read(composeMail(mail)))).toEqual(withoutLastLineEnds(await nodemailers(mail)))
      }),
      { numRuns: 200 },
    )
  })
})

describe('the form of a mail', () => {
  test('of text alone', () => {
    expect(compose({ headers: [['Auto-Submitted', 'auto-generated']] })).toBe(
      [
        'From: Example Shop <no-reply@shop.example.jp>',
        'To: <hanako@example.ne.jp>',
        'Subject: We received your message',
        'Date: Sat, 21 Nov 2026 09:05:07 +0000',
        'Message-ID: <m1@shop.example.jp>',
        'Auto-Submitted: auto-generated',
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Thank you.',
        '',
      ].join('\r\n'),
    )
  })

  test('of text, HTML and a file', () => {
    const mail = compose({ html: '<p>Thank you.</p>', attachments: [{ ...pdf('a.pdf'), content: Buffer.from('abc') }] })
    expect(mail.slice(mail.indexOf('MIME-Version'))).toBe(
      [
        'MIME-Version: 1.0',
        'Content-Type: multipart/mixed;',
        ' boundary="=_seed_m"',
        '',
        '--=_seed_m',
        'Content-Type: multipart/alternative;',
        ' boundary="=_seed_a"',
        '',
        '--=_seed_a',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: 7bit',
        '',
        'Thank you.',
        '--=_seed_a',
        'Content-Type: text/html; charset=utf-8',
        'Content-Transfer-Encoding: 7bit',
        '',
        '<p>Thank you.</p>',
        '--=_seed_a--',
        '--=_seed_m',
        'Content-Type: application/pdf;',
        ' name="a.pdf"',
        'Content-Transfer-Encoding: base64',
        'Content-Disposition: attachment;',
        ' filename="a.pdf"',
        '',
        'YWJj',
        '--=_seed_m--',
        '',
      ].join('\r\n'),
    )
  })

  test('with SMTPUTF8 has the address as it is, and everything else in 7-bit', async () => {
    const mail = {
      ...plainMail,
      utf8: true,
      to: { name: '花子', address: '花子@日本語.jp' },
      subject: '件名',
      text: '本文',
    }
    const composed = composeMail(mail)
    const text = Buffer.from(composed).toString('utf8')
    expect(text).toContain('To: =?UTF-8?B?6Iqx5a2Q?= <花子@xn--wgv71a119e.jp>\r\n')
    expect(text.replace('花子@', '')).not.toMatch(/\P{ASCII}/u)
    expect((await PostalMime.parse(composed)).to).toEqual([{ name: '花子', address: '花子@xn--wgv71a119e.jp' }])
  })
})

describe('the type of an attachment', () => {
  test.each([
    ['application/pdf', 'application/pdf'],
    ['Text/CSV; charset=Shift_JIS', 'text/csv'],
    [
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    ],
    ['text/html\r\nX: y', 'application/octet-stream'],
    ['text/html; a\r\nX: y', 'text/html'],
    ['', 'application/octet-stream'],
    ['pdf', 'application/octet-stream'],
    ['text/日本', 'application/octet-stream'],
    ['a/b/c', 'application/octet-stream'],
    ['multipart/mixed; boundary=x', 'application/octet-stream'],
    ['message/rfc822', 'application/octet-stream'],
  ])('%j goes out as %s', (type, expected) => {
    expect(compose({ attachments: [{ ...pdf('a'), type }] })).toContain(
      `\r\nContent-Type: ${expected};\r\n name="a"\r\n`,
    )
  })
})

test('ten megabytes of type are no type', () => {
  const attachments = [{ ...pdf('a'), type: `text/${'x'.repeat(10_000_000)}` }]
  expect(compose({ attachments })).toContain('\r\nContent-Type: application/octet-stream;\r\n')
})

describe('a mistake of the program is thrown', () => {
  test.each<[what: string, changes: Partial<Mail>]>([
    ['two recipients', { to: { name: null, address: 'a@x.jp, b@x.jp' } }],
    ['a line end in an address', { from: { name: null, address: 'a@x.jp\r\nBcc: b@x.jp' } }],
    ['an address with angle brackets', { replyTo: { name: null, address: '<a@x.jp>' } }],
    ['a non-ASCII local part without SMTPUTF8', { to: { name: null, address: '花子@x.jp' } }],
    ['a Message-ID with angle brackets', { messageId: '<a@x.jp>' }],
    ['a Message-ID with a line end', { messageId: 'a\r\n@x.jp' }],
    ['a Message-ID without a domain', { messageId: 'a' }],
    ['a header name with a colon', { headers: [['X: y', 'z']] }],
    ['a header name with a line end', { headers: [['X\r\nY', 'z']] }],
    ['an empty header name', { headers: [['', 'z']] }],
    ['a second Subject', { headers: [['subject', 'z']] }],
    ['a Bcc', { headers: [['Bcc', 'b@x.jp']] }],
    ['a Content-Type', { headers: [['content-type', 'text/html']] }],
    ['an empty boundary', { boundary: '' }],
    ['a boundary with a line end', { boundary: 'a\r\nb' }],
    ['a boundary that gets too long', { boundary: 'a'.repeat(61) }],
  ])('%s', (_, changes) => {
    expect(() => compose(changes)).toThrow(TypeError)
  })

  test('a date out of range', () => {
    expect(() => compose({ date: Number.NaN })).toThrow(RangeError)
  })
})
