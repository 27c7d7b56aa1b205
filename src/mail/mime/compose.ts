import { type Address, parseAddress } from '../address.ts'
import { fileNameParameters, formatDate, mailboxField, textField, valueField } from './headers.ts'
import { encodeBase64, encodeText } from './transfer-encoding.ts'

/** Somebody's display name, as they wrote it, and one address as `parseAddress` takes it. */
export type Mailbox = { name: string | null; address: string }

export type Attachment = {
  fileName: string
  /** Media type as claimed; what is none goes out as application/octet-stream. */
  type: string
  content: Uint8Array
}

/** A mail to one recipient. Any text may stand in names, subject, bodies, file names and header values. */
export type Mail = {
  from: Mailbox
  to: Mailbox
  replyTo: Mailbox | null
  subject: string
  /** Milliseconds since 1970. */
  date: number
  /** Without angle brackets: `id@domain`. */
  messageId: string
  /** Further fields, in this order, after those that every mail has. */
  headers: readonly (readonly [name: string, value: string])[]
  text: string
  html: string | null
  attachments: readonly Attachment[]
  /** ASCII letters and digits from which the boundaries are made, so that composing again gives the same bytes. */
  boundary: string
  /** The mail goes out with SMTPUTF8 (RFC 6531): addresses may have non-ASCII local parts, which then stand as they are. */
  utf8: boolean
}

/**
 * The bytes of a mail (RFC 5322, 2045 to 2049): `text/plain`; with HTML `multipart/alternative`; with attachments
 * `multipart/mixed` around it. Lines end with CRLF and are shorter than 998 octets, those of encoded text and headers
 * at most 76; all is 7-bit, except for the addresses of a `utf8` mail. Dots at the beginning of a line are not doubled:
 * that belongs to SMTP.
 *
 * The same mail gives the same bytes. What comes from people can't make a header, a recipient or a part of its own.
 *
 * @throws TypeError for what only a mistake of the program can bring: a text that is no address, a non-ASCII local
 * part without `utf8`, a header name that is none or that this function writes itself, a wrong Message-ID or boundary
 * @throws RangeError for a date outside the years 1970 to 9999
 */
export function composeMail(mail: Mail): Uint8Array {
  const reserved = `=_${checkedBoundary(mail.boundary)}`
  const head =
    mailboxField('From', mail.from.name, addressOf(mail.from, mail.utf8)) +
    mailboxField('To', mail.to.name, addressOf(mail.to, mail.utf8)) +
    (mail.replyTo === null ? '' : mailboxField('Reply-To', mail.replyTo.name, addressOf(mail.replyTo, mail.utf8))) +
    textField('Subject', mail.subject) +
    `Date: ${formatDate(mail.date)}\r\n` +
    `Message-ID: <${checkedMessageId(mail.messageId)}>\r\n` +
    mail.headers.map(([name, value]) => valueField(checkedName(name), value)).join('') +
    'MIME-Version: 1.0\r\n'

  const plain = textPart('text/plain', mail.text, reserved)
  const body =
    mail.html === null
      ? plain
      : multipart('alternative', `${reserved}_a`, [plain, textPart('text/html', mail.html, reserved)])
  const whole =
    mail.attachments.length === 0
      ? body
      : multipart('mixed', `${reserved}_m`, [body, ...mail.attachments.map(attachmentPart)])
  return join([head, ...whole])
}

/** A part with its header fields, in pieces; each string has one octet per character (but for addresses) and every line its end. */
type Part = readonly (string | Uint8Array)[]

function textPart(type: string, text: string, reserved: string): Part {
  const { encoding, body } = encodeText(text, reserved)
  return [`Content-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`, body]
}

/** Always base64: the bytes of a file are its own, line ends included. */
function attachmentPart(attachment: Attachment): Part {
  const { name, filename } = fileNameParameters(attachment.fileName)
  const head =
    `Content-Type: ${mediaType(attachment.type)}${name}\r\n` +
    'Content-Transfer-Encoding: base64\r\n' +
    `Content-Disposition: attachment${filename}\r\n\r\n`
  return [head, encodeBase64(attachment.content)]
}

function multipart(subtype: string, boundary: string, parts: readonly Part[]): Part {
  return [
    `Content-Type: multipart/${subtype};\r\n boundary="${boundary}"\r\n\r\n`,
    ...parts.flatMap((part) => [`--${boundary}\r\n`, ...part]),
    `--${boundary}--\r\n`,
  ]
}

/** Names of RFC 6838 §4.2. */
const mediaTypePattern = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/

/**
 * The claimed type without its parameters. Types that are containers of their own can't be base64 (RFC 2045 §6.4),
 * and would have programs read a stranger's file as parts of our mail: they go out as plain bytes.
 */
function mediaType(claimed: string): string {
  const [type = ''] = claimed.toLowerCase().split(';', 1)
  const name = type.trim()
  const known = mediaTypePattern.test(name) && !name.startsWith('multipart/') && !name.startsWith('message/')
  return known ? name : 'application/octet-stream'
}

function addressOf(mailbox: Mailbox, utf8: boolean): Address {
  const parsed = parseAddress(mailbox.address)
  if (!parsed.ok) throw new TypeError(`a mail needs valid addresses: ${parsed.fault}`)
  if (parsed.address.utf8 && !utf8) throw new TypeError('a non-ASCII local part needs SMTPUTF8')
  return parsed.address
}

/** RFC 2046 §5.1.1 allows a boundary 70 characters; ours adds four to the seed. */
function checkedBoundary(seed: string): string {
  if (!/^[A-Za-z0-9]{1,60}$/.test(seed)) throw new TypeError('a boundary is made of 1 to 60 ASCII letters and digits')
  return seed
}

const messageIdPattern = /^[\w.!#$%&'*+/=?^`{|}~-]{1,200}@[\w.-]{1,255}$/

function checkedMessageId(id: string): string {
  if (!messageIdPattern.test(id)) throw new TypeError('a Message-ID has the form id@domain')
  return id
}

/** Fields that are written from other members of `Mail`, or that would add a recipient. */
const ownFields = /^(?:from|sender|to|cc|bcc|reply-to|subject|date|message-id|mime-version|content-.*)$/i

function checkedName(name: string): string {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,47}$/.test(name)) throw new TypeError(`not a header name: ${JSON.stringify(name)}`)
  if (ownFields.test(name)) throw new TypeError(`the header ${name} is not for others to set`)
  return name
}

const encoder = new TextEncoder()

function join(pieces: Part): Uint8Array {
  const chunks: Uint8Array[] = []
  // Neighbouring strings are encoded in one go, which makes a small mail one single call.
  let text = ''
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      text += piece
    } else {
      chunks.push(encoder.encode(text), piece)
      text = ''
    }
  }
  const last = encoder.encode(text)
  if (chunks.length === 0) return last
  chunks.push(last)
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}
