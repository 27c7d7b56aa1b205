import PostalMime, { type Address } from 'postal-mime'

/** A mail as a person sees it. */
export type ReadableMail = {
  subject: string
  from: string
  to: string
  replyTo: string | null
  date: string | null
  headers: readonly { name: string; value: string }[]
  text: string
  html: string | null
  attachments: readonly { fileName: string; type: string; content: Uint8Array }[]
}

/** Reads a whole mail. What can't be read is empty, never an error. */
export async function readMail(raw: Uint8Array): Promise<ReadableMail> {
  const mail = await PostalMime.parse(raw, { attachmentEncoding: 'arraybuffer' })
  return {
    subject: mail.subject ?? '',
    from: formatMailboxes(mail.from === undefined ? [] : [mail.from]),
    to: formatMailboxes(mail.to ?? []),
    replyTo: mail.replyTo === undefined ? null : formatMailboxes(mail.replyTo),
    date: mail.date ?? null,
    headers: mail.headers.map(({ originalKey, value }) => ({ name: originalKey, value })),
    text: mail.text ?? '',
    html: mail.html ?? null,
    attachments: mail.attachments.map(({ filename, mimeType, content }) => ({
      fileName: filename ?? 'attachment',
      type: mimeType,
      content: new Uint8Array(content as ArrayBuffer),
    })),
  }
}

function formatMailboxes(addresses: readonly Address[]): string {
  return addresses
    .flatMap((address) => address.group ?? [address])
    .map(({ name, address }) => (name ? `${name} <${address}>` : address))
    .join(', ')
}
