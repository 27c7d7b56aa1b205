import { charsetName } from '../submissions/charset.ts'
import { controlRules, controlType, optionsOf, type PageControl, shown, textOf } from './controls.ts'
import { isFormName, type RuleVariant } from './form.ts'
import {
  attribute,
  type Element,
  hasAttribute,
  isElement,
  isHtml,
  lineOf,
  type PageTree,
  parsePage,
} from './page-tree.ts'

/** A form of a page that posts to us, with the rules the page states for it. */
export type FoundForm = { name: string; variant: RuleVariant }

/** Something the page's author should know; the form is used all the same. */
export type PageWarning = { page: string; form: string; text: string }

export type PageForms =
  | { kind: 'adopted'; forms: FoundForm[]; warnings: PageWarning[] }
  /** `reason` is a sentence without its first capital and full stop. */
  | { kind: 'not-adopted'; reason: string }

/**
 * Every form of a page that posts to `/f/{name}`, by its `action` or a button's `formaction`: relative to the page or its
 * `<base>`, or with an absolute URL; query, fragment and the suffix `.json` don't matter. Others' endpoints look like ours
 * (`https://formspree.io/f/abc`): where `publicUrl` is that of a real host, a URL of another one is left out with a
 * warning. On a machine of its own every origin is taken: the page is meant for the host it will lie on.
 *
 * `path` is the page's path below the site, `charset` the encoding it is in. A page that does not parse, or seems half
 * written, is not adopted (see `parsePage`), nor is one that has more than 2000 controls or 20 000 options. Patterns are
 * marked `risky`; `syncForms` assesses them.
 *
 * @example
 * findForms('<title>Contact</title><form action=/f/contact method=post><input name=email type=email></form>', '/')
 */
export function findForms(html: string, path: string, charset = 'utf-8', publicUrl: string | null = null): PageForms {
  if (/^[\t\n\f\r ]*$/.test(html)) return { kind: 'not-adopted', reason: 'the file is empty' }
  const tree = parsePage(html)
  if (tree.kind === 'not-adopted') return tree
  const page = survey(tree)
  if (page === null) {
    return { kind: 'not-adopted', reason: `it has more than ${maxControls} controls or ${maxOptions} options` }
  }
  const base = baseUrl(pagePath(path), page.baseHref)
  const own = publicUrl === null || isLocal(publicUrl) ? null : new URL(publicUrl).origin
  const forms: FoundForm[] = []
  const warnings: PageWarning[] = []
  const outers = new Set(tree.nested.map(({ outer }) => outer))
  const controlsOf = Map.groupBy(page.controls, (control) => control.form)
  for (const { element, language } of page.forms) {
    const controls = controlsOf.get(element) ?? []
    const { names, refused, foreign } = formNames(element, controls, base, own)
    for (const { name, origin } of foreign) {
      const text = `it posts to ${origin}, which is not the publicUrl of this Todoku (${own}), so its rules are not taken`
      warnings.push({ page: pagePath(path), form: name, text })
    }
    for (const text of refused)
      warnings.push({ page: pagePath(path), form: text, text: `"${text}" can't be the name of a form` })
    if (names.length === 0) continue
    if (outers.has(element)) {
      return { kind: 'not-adopted', reason: `another <form> begins inside the <form> of line ${lineOf(element)}` }
    }
    const { rules, warnings: texts } = controlRules(controls)
    texts.push(...formWarnings(element, controls))
    for (const name of names) {
      const variant: RuleVariant = {
        pages: [pagePath(path)],
        language: language === null ? null : shown(language),
        charset: acceptedCharset(element) ?? charset,
        title: page.title,
        controls: rules,
      }
      forms.push({ name, variant })
      warnings.push(...texts.map((text) => ({ page: pagePath(path), form: name, text })))
    }
  }
  // The form whose fields an outer one takes is lost; if it is ours, the page is broken for us.
  const lost = tree.nested.find(({ action }) => action !== null && isOurs(formAt(action, base), own))
  if (lost !== undefined) {
    return {
      kind: 'not-adopted',
      reason: `a <form> begins inside the <form> of line ${lineOf(lost.outer)}, so browsers leave it out`,
    }
  }
  return { kind: 'adopted', forms, warnings }
}

/**
 * The path of a page as variants keep it: from the root of the site, with slashes.
 *
 * @example pagePath('ja\\index.html') // '/ja/index.html'
 */
export function pagePath(path: string): string {
  return `/${path.replaceAll('\\', '/').replace(/^(?:\.?\/)+/, '')}`
}

const maxControls = 2000
const maxOptions = 20_000

// --- the page ---------------------------------------------------------------------------------------------------

type SurveyedControl = PageControl & { form: Element | null }
type Survey = {
  title: string | null
  baseHref: string | null
  forms: { element: Element; language: string | null }[]
  controls: SurveyedControl[]
}

/** What an element has from those around it. */
type Surroundings = {
  language: string | null
  form: Element | null
  label: Element | null
  /** Legend of the nearest fieldset that has one. */
  legend: Element | null
  /** First legend of the nearest fieldset itself. */
  firstLegend: Element | null
  disabled: boolean
  inDatalist: boolean
}

/** One walk over the page; null when it has too many controls. */
function survey(tree: PageTree): Survey | null {
  const found: Survey = { title: null, baseHref: null, forms: [], controls: [] }
  const byId = new Map<string, Element>()
  const labels = new Map<string, Element>()
  const controls: { element: Element; around: Surroundings }[] = []
  let options = 0
  const nothing = {
    language: null,
    form: null,
    label: null,
    legend: null,
    firstLegend: null,
    disabled: false,
    inDatalist: false,
  }
  const path: { nodes: Element['childNodes']; next: number; around: Surroundings }[] = [
    { nodes: tree.document.childNodes, next: 0, around: nothing },
  ]
  for (let level = path.at(-1); level !== undefined; level = path.at(-1)) {
    const node = level.nodes[level.next]
    level.next += 1
    if (node === undefined) {
      path.pop()
      continue
    }
    if (!isElement(node)) continue
    const id = attribute(node, 'id')
    if (id !== null && !byId.has(id)) byId.set(id, node)
    const target = isHtml(node, 'label') ? attribute(node, 'for') : null
    if (target !== null && !labels.has(target)) labels.set(target, node)
    if (isHtml(node, 'title'))
      found.title ??= shown(node.childNodes.map((child) => ('value' in child ? child.value : '')).join(''))
    if (isHtml(node, 'base')) found.baseHref ??= attribute(node, 'href')

    const around = surroundings(node, level.around)
    if (isHtml(node, 'form')) found.forms.push({ element: node, language: around.language })
    if (controlType(node) !== null) {
      controls.push({ element: node, around })
      if (isHtml(node, 'select')) options += optionsOf(node).length
      if (controls.length > maxControls || options > maxOptions) return null
    }
    path.push({ nodes: node.childNodes, next: 0, around })
  }

  const label = labelReader(byId, labels)
  for (const { element, around } of controls) {
    found.controls.push({
      element,
      form: formOwner(element, around, tree, byId),
      disabled: around.disabled || hasAttribute(element, 'disabled'),
      inDatalist: around.inDatalist,
      label: label(element, around),
      legend: around.legend === null ? null : textOf(around.legend),
    })
  }
  return found
}

function surroundings(element: Element, outer: Surroundings): Surroundings {
  const inner = { ...outer }
  const language = attribute(element, 'lang')?.trim()
  if (language !== undefined) inner.language = language === '' ? null : language
  // What stands in the first legend of a disabled fieldset stays enabled (HTML §4.10.15); everything else in it is not.
  const { parentNode } = element
  const isInFieldset = parentNode !== null && isHtml(parentNode, 'fieldset') && hasAttribute(parentNode, 'disabled')
  if (isInFieldset && outer.firstLegend !== element) inner.disabled = true
  if (isHtml(element, 'form')) inner.form = element
  // A label that points elsewhere is not the label of what it holds.
  if (isHtml(element, 'label')) inner.label = hasAttribute(element, 'for') ? null : element
  if (isHtml(element, 'datalist')) inner.inDatalist = true
  if (isHtml(element, 'fieldset')) {
    const legend = element.childNodes.find((child): child is Element => isHtml(child, 'legend')) ?? null
    inner.firstLegend = legend
    inner.legend = legend ?? outer.legend
  }
  return inner
}

/** The form a control belongs to (HTML §4.10.18.3): by its `form` attribute, else as the parser saw it, else around it. */
function formOwner(
  element: Element,
  around: Surroundings,
  tree: PageTree,
  byId: ReadonlyMap<string, Element>,
): Element | null {
  const id = attribute(element, 'form')
  if (id === null) return tree.owners.get(element) ?? around.form
  const named = byId.get(id)
  return named !== undefined && isHtml(named, 'form') ? named : null
}

function labelReader(byId: ReadonlyMap<string, Element>, labels: ReadonlyMap<string, Element>) {
  const texts = new Map<Element, string | null>()
  const read = (element: Element | null | undefined): string | null => {
    if (element === null || element === undefined) return null
    if (!texts.has(element)) texts.set(element, textOf(element))
    return texts.get(element) ?? null
  }
  return (element: Element, around: Surroundings): string | null => {
    const id = attribute(element, 'id')
    // Of two elements with one id, labels mean the first.
    const pointing = id !== null && byId.get(id) === element ? labels.get(id) : null
    const described = (attribute(element, 'aria-labelledby') ?? '')
      .split(/[\t\n\f\r ]+/, 10)
      .map((other) => read(byId.get(other)))
    return (
      read(pointing) ??
      read(around.label) ??
      shown(attribute(element, 'aria-label')) ??
      shown(described.filter((text) => text !== null).join(' ')) ??
      shown(attribute(element, 'placeholder'))
    )
  }
}

// --- the form ---------------------------------------------------------------------------------------------------

const unknownOrigin = 'https://page.invalid'

/** Where the page's relative URLs begin. The origin is made up, since a file does not know its own. */
function baseUrl(path: string, baseHref: string | null): string {
  const page = new URL(path.replace(/[%?#]/g, encodeURIComponent), unknownOrigin).href
  return baseHref !== null && URL.canParse(baseHref, page) ? new URL(baseHref, page).href : page
}

function formNames(
  form: Element,
  controls: readonly PageControl[],
  base: string,
  own: string | null,
): { names: string[]; refused: string[]; foreign: Target[] } {
  const actions = [attribute(form, 'action')]
  for (const { element } of controls) {
    const type = controlType(element)
    if (type === 'submit' || type === 'image') actions.push(attribute(element, 'formaction'))
  }
  const targets = actions.map((action) => (action === null ? null : formAt(action, base))).filter((at) => at !== null)
  const found = new Set(targets.filter((target) => isOurs(target, own)).map(({ name }) => name))
  return {
    names: [...found].filter(isFormName),
    refused: [...found].filter((name) => !isFormName(name)),
    foreign: targets.filter((target) => !isOurs(target, own)),
  }
}

type Target = { name: string; origin: string }

/** `{name}` of a URL whose path is `/f/{name}`, whether or not a form may have it; null for every other URL. */
function formAt(action: string, base: string): Target | null {
  if (!URL.canParse(action, base)) return null
  const { protocol, pathname, origin } = new URL(action, base)
  if (protocol !== 'https:' && protocol !== 'http:') return null
  const name = /^\/f\/([^/]+?)(?:\.json)?$/.exec(pathname)?.[1]
  return name === undefined ? null : { name, origin }
}

/** A relative URL leads to where the page lies, which is taken to be us. */
function isOurs(target: Target | null, own: string | null): boolean {
  if (target === null) return false
  return own === null || [own, unknownOrigin].includes(target.origin) || isLocal(target.origin)
}

function isLocal(url: string): boolean {
  return /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}

/** The first encoding of `accept-charset` that is known; browsers prefer it to the page's. */
function acceptedCharset(form: Element): string | null {
  const labels = (attribute(form, 'accept-charset') ?? '').split(/[\t\n\f\r ,]+/, 20)
  return labels.map(charsetName).find((name) => name !== null) ?? null
}

function formWarnings(form: Element, controls: readonly PageControl[]): string[] {
  const warnings: string[] = []
  const submits = controls
    .map(({ element }) => element)
    .filter((element) => ['submit', 'image'].includes(controlType(element) ?? ''))
  const isPost = (element: Element, name: string) => attribute(element, name)?.toLowerCase() === 'post'
  if (!isPost(form, 'method') && !submits.some((element) => isPost(element, 'formmethod'))) {
    warnings.push(
      'the form needs method="post"; as it is, browsers put what was typed into the address and nothing is stored',
    )
  }
  if (hasAttribute(form, 'novalidate')) {
    warnings.push('novalidate keeps browsers from checking the fields; the server checks them all the same')
  }
  const isMultipart = (element: Element, name: string) =>
    attribute(element, name)?.toLowerCase() === 'multipart/form-data'
  const hasFile = controls.some(({ element }) => controlType(element) === 'file' && hasAttribute(element, 'name'))
  if (hasFile && !isMultipart(form, 'enctype') && !submits.some((element) => isMultipart(element, 'formenctype'))) {
    warnings.push('files need enctype="multipart/form-data"; as it is, browsers post nothing of them but their names')
  }
  return warnings
}
