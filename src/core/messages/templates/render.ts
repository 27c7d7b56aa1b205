import createMarkdownIt, { type MarkdownIt, type Token } from 'markdown-it'
import { renderLiquid, type Slots } from './liquid.ts'
import { isolated } from './shown-text.ts'

/** One line of the list that `{% fields %}` stands for. */
export type FieldLine = { label: string; value: string }

/** The two parts of a mail's body. */
export type Body = { text: string; html: string }

let markdown: MarkdownIt | null = null

/** Raw HTML in a template is shown as text, and nothing becomes a link by looking like one. */
function markdownIt(): MarkdownIt {
  markdown ??= createMarkdownIt('default', { html: false, linkify: false, typographer: false })
  return markdown
}

/**
 * Renders a template: Liquid, then Markdown, then the values as text.
 *
 * @param nonce see {@link renderLiquid}
 * @throws when the template is wrong; the caller then uses the built-in one
 */
export function renderBody(
  source: string,
  scope: Readonly<Record<string, unknown>>,
  fields: readonly FieldLine[],
  nonce: string,
): Body {
  const slots = renderLiquid(source, scope, nonce)
  const tokens = markdownIt().parse(slots.text, {})
  const body = { text: renderText(tokens, slots, fields), html: renderHtml(tokens, slots, fields) }
  refuseSlots(slots, body.text + body.html)
  return body
}

/** Renders a one-line template (a subject): Liquid only. Line breaks and runs of white space become one space. */
export function renderLine(source: string, scope: Readonly<Record<string, unknown>>, nonce: string): string {
  const slots = renderLiquid(source, scope, nonce)
  const line = slots.fillBare(slots.text).replace(/\s+/g, ' ').trim()
  refuseSlots(slots, line)
  return line
}

/** A slot that was not filled means nothing to its reader. */
function refuseSlots(slots: Slots, filled: string): void {
  if (slots.hasSlot(filled)) throw new Error('a value or {% fields %} stands where it can’t be put in')
}

// --- HTML -------------------------------------------------------------------------------------------------------

function renderHtml(tokens: readonly Token[], slots: Slots, fields: readonly FieldLine[]): string {
  let html = ''
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token
    if (isFieldsParagraph(tokens, i, slots)) {
      html += fieldsHtml(fields)
      i += 2
    } else if (token.type === 'inline') {
      html += (token.children ?? []).map((child) => inlineHtml(child, slots)).join('')
    } else if (token.type === 'fence' || token.type === 'code_block') {
      html += `<pre>${escapeHtml(slots.fill(token.content))}</pre>\n`
    } else {
      html += blockHtml(token)
    }
  }
  return html
}

function blockHtml(token: Token): string {
  if (token.hidden) return ''
  if (token.type === 'hr') return '<hr>\n'
  if (token.nesting < 0) return `</${token.tag}>\n`
  const start = token.tag === 'ol' ? token.attrGet('start') : null
  return `<${token.tag}${start === null ? '' : ` start="${escapeHtml(String(start))}"`}>`
}

function inlineHtml(token: Token, slots: Slots): string {
  switch (token.type) {
    case 'text':
      return escapeHtml(slots.fill(token.content)).replaceAll('\n', '<br>\n')
    case 'code_inline':
      return `<code>${escapeHtml(slots.fill(token.content))}</code>`
    case 'softbreak':
      return '\n'
    case 'hardbreak':
      return '<br>\n'
    case 'link_open': {
      const href = safeHref(slots.fillBare(String(token.attrGet('href') ?? '')))
      return href === null ? '<span>' : `<a href="${escapeHtml(href)}">`
    }
    case 'link_close':
      return '</a>'
    // Mails load nothing from elsewhere.
    case 'image':
      return escapeHtml(slots.fill(token.content))
    default:
      return token.nesting === 0
        ? escapeHtml(slots.fill(token.content))
        : `<${token.nesting < 0 ? '/' : ''}${token.tag}>`
  }
}

/** A link may lead to the web or to an address, whatever a template made of a visitor's value. */
function safeHref(href: string): string | null {
  return /^(?:https?:\/\/|mailto:)/i.test(href) ? href : null
}

/** Columns of fixed shares: the longest word then breaks instead of making the mail wider than a telephone. */
function fieldsHtml(fields: readonly FieldLine[]): string {
  const cell = 'vertical-align:top;word-wrap:break-word;overflow-wrap:anywhere'
  const rows = fields.map(
    ({ label, value }) =>
      `<tr><th dir="auto" style="${cell};width:32%;text-align:start;padding:4px 12px 4px 0;font-weight:600">${escapeHtml(oneLine(label))}</th>` +
      `<td dir="auto" style="${cell};padding:4px 0">${escapeHtml(value).replaceAll('\n', '<br>')}</td></tr>\n`,
  )
  return (
    '<table role="presentation" width="100%" style="border-collapse:collapse;table-layout:fixed;width:100%">\n' +
    `${rows.join('')}</table>\n`
  )
}

/** Text made safe for HTML content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}

// --- plain text -------------------------------------------------------------------------------------------------

function renderText(tokens: readonly Token[], slots: Slots, fields: readonly FieldLine[]): string {
  const blocks: string[] = []
  /** What each line of the next block begins with: one entry per open list item or quote. */
  const prefixes: { first: string; rest: string; used: boolean }[] = []
  const lists: { ordered: boolean; next: number }[] = []
  let tight = false

  const add = (text: string) => {
    const lines = text.split('\n').map((line, index) => {
      const prefix = prefixes.map((p) => (index === 0 && !p.used ? p.first : p.rest)).join('')
      return (prefix + line).trimEnd()
    })
    for (const prefix of prefixes) prefix.used = true
    const last = blocks.length - 1
    if (tight && last >= 0) blocks[last] += `\n${lines.join('\n')}`
    else blocks.push(lines.join('\n'))
    tight = lists.length > 0
  }

  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as Token
    if (isFieldsParagraph(tokens, i, slots)) {
      add(fieldsText(fields))
      i += 2
      continue
    }
    switch (token.type) {
      case 'bullet_list_open':
      case 'ordered_list_open':
        lists.push({ ordered: token.type === 'ordered_list_open', next: Number(token.attrGet('start') ?? 1) })
        break
      case 'bullet_list_close':
      case 'ordered_list_close':
        lists.pop()
        tight = lists.length > 0
        break
      case 'list_item_open': {
        const list = lists.at(-1)
        const first = list?.ordered ? `${list.next++}. ` : '- '
        prefixes.push({ first, rest: ' '.repeat(first.length), used: false })
        break
      }
      case 'blockquote_open':
        prefixes.push({ first: '> ', rest: '> ', used: true })
        break
      case 'list_item_close':
      case 'blockquote_close':
        prefixes.pop()
        break
      case 'hr':
        add('----')
        break
      case 'fence':
      case 'code_block':
        add(slots.fill(token.content).trimEnd())
        break
      case 'inline':
        add(inlineText(token.children ?? [], slots))
        break
    }
  }
  return `${blocks.join('\n\n')}\n`
}

function inlineText(tokens: readonly Token[], slots: Slots): string {
  let text = ''
  const links: { href: string; from: number }[] = []
  for (const token of tokens) {
    if (token.type === 'softbreak' || token.type === 'hardbreak') text += '\n'
    else if (token.type === 'link_open') {
      links.push({ href: slots.fillBare(String(token.attrGet('href') ?? '')), from: text.length })
    } else if (token.type === 'link_close') {
      const link = links.pop()
      if (link === undefined) continue
      const label = text.slice(link.from)
      // A long address is easier to use on a line of its own.
      if (label !== link.href && safeHref(link.href) !== null) text += `:\n${link.href}`
    } else text += slots.fill(token.content)
  }
  return text
}

function fieldsText(fields: readonly FieldLine[]): string {
  return fields
    .map(({ label, value }) => {
      const shown = isolated(value.replace(anyLineBreak, '\n'))
      const name = isolated(oneLine(label))
      return `${name}:${shown.includes('\n') ? `\n${indent(shown)}` : ` ${shown}`}`
    })
    .join('\n')
}

/** Whatever a reader may show as the beginning of a line: what a visitor typed must not look like another field. */
const anyLineBreak = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/g

/** A field's label; of a field that no page knows it is its name, which whoever posts chooses. */
function oneLine(label: string): string {
  return label.replace(/[\s\p{Cc}]+/gu, ' ').trim()
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
}

function isFieldsParagraph(tokens: readonly Token[], index: number, slots: Slots): boolean {
  return (
    tokens[index]?.type === 'paragraph_open' &&
    tokens[index + 1]?.type === 'inline' &&
    tokens[index + 1]?.content.trim() === slots.fieldsSlot
  )
}
