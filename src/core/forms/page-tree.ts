import { type DefaultTreeAdapterTypes, defaultTreeAdapter, html, InsertionMode, Parser, type ParserError } from 'parse5'

export type Element = DefaultTreeAdapterTypes.Element
type Document = DefaultTreeAdapterTypes.Document
type ParentNode = DefaultTreeAdapterTypes.ParentNode
type ChildNode = DefaultTreeAdapterTypes.ChildNode

/** A page as a browser's parser builds it, with what the tree alone does not tell. */
export type PageTree = {
  kind: 'tree'
  document: Document
  /**
   * Form owners that the parser gave (the "form element pointer" of HTML §13.2.4.4): in a form that begins between the cells
   * of a table the controls are not its descendants, and are its own nevertheless.
   */
  owners: ReadonlyMap<Element, Element>
  /** Start tags of forms within forms, which parsers leave out: what they hold belongs to the outer form. */
  nested: readonly { outer: Element; action: string | null }[]
}

/** More elements than any page that people fill in has; hostile markup can make a hundred times its size of them. */
const maxElements = 200_000

/**
 * Parses a page and looks whether it came whole. A file that is being written ends anywhere; what a browser would make of
 * it may lack fields, or their rules. It counts as half written when
 *
 * - it ends within a tag, a comment, a script, a text field,
 * - a `<form>` or `<select>` was not closed,
 * - a `<head>` or `<body>` was opened, or any other element that needs an end tag, and neither they nor the page were
 *   closed,
 * - it has no content.
 *
 * @returns the tree, or a sentence that says why the page is not adopted.
 */
export function parsePage(text: string): PageTree | { kind: 'not-adopted'; reason: string } {
  const owners = new Map<Element, Element>()
  const open = new Set<Element>()
  const faults: ParserError[] = []
  let elements = 0
  const parser = new Parser<DefaultTreeAdapterTypes.DefaultTreeAdapterMap>({
    // A form within <noscript> is there for those without scripts, who are the reason for rules on the server.
    scriptingEnabled: false,
    sourceCodeLocationInfo: true,
    onParseError: (error) => {
      if (error.code.startsWith('eof-')) faults.push(error)
    },
    treeAdapter: {
      ...defaultTreeAdapter,
      onElementCreated: (element, { formElement, isInTemplate }) => {
        elements += 1
        if (elements > maxElements) throw new TooManyElements()
        if (formElement !== null && !isInTemplate) owners.set(element, formElement)
      },
      onItemPush: (element) => open.add(element),
      onItemPop: (element) => open.delete(element),
    },
  })
  const nested: { outer: Element; action: string | null }[] = []
  const onStartTag = parser.onStartTag.bind(parser)
  parser.onStartTag = (tag) => {
    if (tag.tagName === 'form' && parser.formElement !== null && parser.openElements.tmplCount === 0) {
      nested.push({ outer: parser.formElement, action: tag.attrs.find(({ name }) => name === 'action')?.value ?? null })
    }
    onStartTag(tag)
  }
  let isEnded = false
  const onEndTag = parser.onEndTag.bind(parser)
  parser.onEndTag = (tag) => {
    onEndTag(tag)
    if (tag.tagName === 'body' || tag.tagName === 'html') isEnded ||= afterBody.includes(parser.insertionMode)
  }
  try {
    parser.tokenizer.write(text, true)
  } catch (error) {
    if (error instanceof TooManyElements) return notAdopted(`it has more than ${maxElements} elements`)
    throw error
  }
  const { document } = parser
  const reason = truncation({ document, open, openForm: parser.formElement, faults, isEnded })
  return reason === null ? { kind: 'tree', document, owners, nested } : notAdopted(reason)
}

const afterBody = [InsertionMode.AFTER_BODY, InsertionMode.AFTER_AFTER_BODY]

class TooManyElements extends Error {}

function notAdopted(reason: string): { kind: 'not-adopted'; reason: string } {
  return { kind: 'not-adopted', reason }
}

/** Elements that may stay open at the end of a page (HTML §13.2.6.4.7, end of file). */
const endTagOptional = new Set(
  'dd dt li optgroup option p rb rp rt rtc tbody td tfoot th thead tr body html head'.split(' '),
)

type Ending = {
  document: Document
  /** Elements that were open when the text ended. */
  open: ReadonlySet<Element>
  openForm: Element | null
  faults: readonly ParserError[]
  /** `</body>` or `</html>` was there. */
  isEnded: boolean
}

/** Why a page seems to lack its end; null when it does not. */
function truncation({ document, open, openForm, faults, isEnded }: Ending): string | null {
  const [fault] = faults
  if (fault !== undefined) return `it ends in the middle of the markup (${fault.code}, line ${fault.startLine})`
  if (openForm !== null) return `the <form> of line ${lineOf(openForm)} is not closed`
  for (const element of open) {
    if (isHtml(element, 'select')) return `the <select> of line ${lineOf(element)} is not closed`
  }
  const parts = document.childNodes.find(isElement)?.childNodes.filter(isElement) ?? []
  if (isEnded || parts.some((element) => isHtml(element, 'frameset') && isClosed(element))) return null

  for (const element of open) {
    if (!endTagOptional.has(element.tagName)) {
      return `the <${element.tagName}> of line ${lineOf(element)} is not closed, and neither is the page`
    }
  }
  const explicit = parts.find((element) => lineOf(element) !== null && !isClosed(element))
  if (explicit !== undefined) return `its <${explicit.tagName}> is not closed`
  return parts.some((element) => element.tagName !== 'head' && hasContent(element)) ? null : 'it has no content'
}

function isClosed(element: Element): boolean {
  return element.sourceCodeLocation?.endTag !== undefined
}

function hasContent(element: Element): boolean {
  return element.childNodes.some((node) => isElement(node) || (isText(node) && node.value.trim() !== ''))
}

/** Line of an element's start tag; null for elements that the parser added. */
export function lineOf(element: Element): number | null {
  return element.sourceCodeLocation?.startTag?.startLine ?? null
}

export function isElement(node: ParentNode | ChildNode): node is Element {
  return 'tagName' in node
}

export function isText(node: ParentNode | ChildNode): node is DefaultTreeAdapterTypes.TextNode {
  return node.nodeName === '#text'
}

/** Whether this is the HTML element of that name; `<svg>` may have a `form` of its own, which is none. */
export function isHtml(node: ParentNode | ChildNode, tagName: string): node is Element {
  return isElement(node) && node.tagName === tagName && node.namespaceURI === html.NS.HTML
}

/**
 * What is below an element, in tree order, without the insides of what `skip` names. Templates' contents are no part of
 * the page. No recursion, and nothing is copied: pages may be deep and wide.
 */
export function* descendants(
  element: Element,
  skip: (element: Element) => boolean = () => false,
): Generator<ChildNode, void, undefined> {
  const path = [{ nodes: element.childNodes, next: 0 }]
  for (let level = path.at(-1); level !== undefined; level = path.at(-1)) {
    const node = level.nodes[level.next]
    level.next += 1
    if (node === undefined) {
      path.pop()
    } else if (!isElement(node)) {
      yield node
    } else if (!skip(node)) {
      yield node
      path.push({ nodes: node.childNodes, next: 0 })
    }
  }
}

export function attribute(element: Element, name: string): string | null {
  return element.attrs.find((other) => other.name === name)?.value ?? null
}

export function hasAttribute(element: Element, name: string): boolean {
  return attribute(element, name) !== null
}

/** White space as HTML has it, each run of it one space, none at the ends (§4.2.2 "strip and collapse"). */
export function collapse(text: string): string {
  return text.replace(/[\t\n\f\r ]+/g, ' ').replace(/^ | $/g, '')
}
