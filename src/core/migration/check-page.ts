import { cleanHeaderText } from '../../mail/mime/encoded-words.ts'
import { controlType } from '../forms/controls.ts'
import { type ControlKind, isFormName } from '../forms/form.ts'
import {
  attribute,
  descendants,
  type Element,
  hasAttribute,
  isElement,
  isHtml,
  isText,
  lineOf,
  type PageTree,
  parsePage,
} from '../forms/page-tree.ts'
import { isMeant, type ShownField } from '../submissions/control-fields.ts'
import { type Convention, controlConditions, conventionOf } from '../submissions/control-names.ts'
import { type Service, services } from './services.ts'

/** A field whose name had a meaning at the service that the page was made for. */
export type FieldCheck = {
  name: string
  line: number | null
  /** What it does here, as a sentence without its first capital and full stop. */
  here: string
  /** What is not as it was, and why; null where nothing is. */
  differs: string | null
}

export type FormCheck = {
  line: number | null
  /** The service the form was made for; null when nothing tells. */
  service: string | null
  /** What told so. */
  because: string | null
  /** The one thing to change: the form's `action`, as it is and as it becomes; the same where it leads here already. */
  action: { from: string | null; to: string }
  /** Its buttons with an address of their own (`formaction`), which counts instead of the action. */
  buttons: readonly { line: number | null; from: string; to: string }[]
  fields: readonly FieldCheck[]
  /** What else to look at. */
  notes: readonly string[]
}

export type PageCheck =
  | { kind: 'checked'; forms: FormCheck[]; notes: string[] }
  /** `reason` is a sentence without its first capital and full stop. */
  | { kind: 'unreadable'; reason: string }

/** More controls than any page that people fill in has. */
const maxControls = 2000

/**
 * What a page that was made for another form service has to change to post here, and which of its special fields behave
 * differently. The words come from the table of conventions, the decisions from `isMeant`, so that what is said is what
 * happens.
 *
 * @param server where Todoku is, without a slash at the end; null: nobody said so, and an example stands in its place
 * @example checkPage('<form action="https://formspree.io/f/abc" method="post">…</form>', 'https://forms.example.jp')
 */
export function checkPage(html: string, server: string | null): PageCheck {
  const tree = parsePage(html)
  if (tree.kind === 'not-adopted') return { kind: 'unreadable', reason: tree.reason }
  const page = survey(tree)
  if (page === null) return { kind: 'unreadable', reason: `it has more than ${maxControls} controls` }
  const controls = Map.groupBy(page.controls, ({ form }) => form)
  const buttons = Map.groupBy(page.buttons, ({ form }) => form)
  return {
    kind: 'checked',
    forms: withNames(
      page.forms.map((form) => checkForm(form, controls.get(form) ?? [], buttons.get(form) ?? [], server)),
      server ?? exampleServer,
    ),
    notes: page.scripts.flatMap((script) => scriptNotes(script, server)),
  }
}

/** Stands for the address of a Todoku that is not known. */
const exampleServer = 'https://forms.example.jp'

/** Whether this is an origin of ours; as long as nobody says which it is, the machine itself is taken for it. */
function isOurs(origin: string, server: string | null): boolean {
  if (server !== null) return URL.canParse(server) && new URL(server).origin === origin
  return /^https?:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(origin)
}

// --- the page ---------------------------------------------------------------------------------------------------

type Control = { element: Element; form: Element | null; name: string; shown: ShownField & { kind: ControlKind } }
/** A button with an address of its own. */
type Button = { element: Element; form: Element | null; action: string }
type Survey = { forms: Element[]; controls: Control[]; buttons: Button[]; scripts: Element[] }

/** One walk over the page; null when it has too many controls. */
function survey(tree: PageTree): Survey | null {
  const found: Survey = { forms: [], controls: [], buttons: [], scripts: [] }
  const forms = new Map<string, Element>()
  const named: Control[] = []
  const posting: Button[] = []
  for (const root of tree.document.childNodes.filter(isElement)) {
    for (const node of descendants(root)) {
      if (!isElement(node)) continue
      if (isHtml(node, 'form')) {
        found.forms.push(node)
        const id = attribute(node, 'id')
        if (id !== null && !forms.has(id)) forms.set(id, node)
      }
      if (isHtml(node, 'script')) found.scripts.push(node)
      const type = controlType(node)
      const name = attribute(node, 'name') ?? ''
      if (type === 'submit' || type === 'image') {
        const action = attribute(node, 'formaction')
        if (action !== null) posting.push({ element: node, form: null, action })
      } else if (type !== null && type !== 'button' && name !== '') {
        named.push({ element: node, form: null, name, shown: { kind: type, required: hasAttribute(node, 'required') } })
      }
      if (named.length + posting.length > maxControls) return null
    }
  }
  const ownerOf = (element: Element) => {
    const id = attribute(element, 'form')
    return (id === null ? tree.owners.get(element) : forms.get(id)) ?? null
  }
  for (const control of named) found.controls.push({ ...control, form: ownerOf(control.element) })
  for (const button of posting) found.buttons.push({ ...button, form: ownerOf(button.element) })
  return found
}

// --- one form ---------------------------------------------------------------------------------------------------

/** `isRight`: its action leads here already. */
type Unnamed = Omit<FormCheck, 'action'> & { from: string | null; name: string | null; isRight: boolean }

function checkForm(
  form: Element,
  controls: readonly Control[],
  buttons: readonly Button[],
  server: string | null,
): Unnamed {
  const action = attribute(form, 'action')
  const url = urlOf(action)
  const isRight = url !== null && isOurs(url.origin, server) && ownName(action) !== null
  const urls = [url, ...buttons.map((button) => urlOf(button.action))].filter((one) => one !== null)
  const origin = isRight ? null : serviceOf(form, controls, urls)
  const told = buttons.map((button) => ({ ...button, to: newAction(button.action, server) }))
  return {
    line: lineOf(form),
    service: origin?.service.name ?? null,
    because: origin?.because ?? null,
    from: action === null ? null : printable(action),
    name: formName(form, action, urls),
    isRight,
    buttons: told.flatMap(({ element, action: from, to }) =>
      to === null ? [] : [{ line: lineOf(element), from: printable(from), to: printable(to) }],
    ),
    fields: fieldChecks(controls),
    notes: [
      ...formNotes(form, controls, origin?.service ?? null),
      ...told.flatMap(({ element, action: from, to }) =>
        to === null
          ? [`its button of line ${lineOf(element)} posts to an address of its own (formaction="${printable(from)}")`]
          : [],
      ),
    ],
  }
}

function urlOf(action: string | null): URL | null {
  return action !== null && URL.canParse(action) ? new URL(action) : null
}

/** The form that an address like ours names; null where no form can be called so. */
function ownName(action: string | null): string | null {
  const path = urlOf(action)?.pathname ?? action
  const name = /^\/f\/([^/?#]+?)(?:\.json)?(?:[?#]|$)/.exec(path ?? '')?.[1]
  return name !== undefined && isFormName(name) ? name : null
}

/** The id of a form in an address of one of the services; null where no form here can be called so. */
function serviceName(url: URL | null): string | null {
  if (url === null) return null
  const name = services.find(({ hosts }) => hosts.includes(url.hostname))?.path?.exec(url.pathname)?.[1]
  return name !== undefined && isFormName(name) ? name : null
}

/** Where a button's address leads from now on; null where that is up to the owner of the page. */
function newAction(action: string, server: string | null): string | null {
  const url = urlOf(action)
  const name = serviceName(url) ?? ownName(action)
  if (name === null) return null
  return url !== null && isOurs(url.origin, server) ? action : `${server ?? exampleServer}/f/${name}`
}

/** Forms without a name get one that no other form of the page has: under one name they would be one form. */
function withNames(forms: readonly Unnamed[], server: string): FormCheck[] {
  const taken = new Set(forms.map(({ name }) => name))
  let next = 1
  const fresh = () => {
    const name = next === 1 ? 'contact' : `contact-${next}`
    next += 1
    return name
  }
  return forms.map(({ from, name, isRight, ...form }) => {
    if (isRight && from !== null) return { ...form, action: { from, to: from } }
    let chosen = name
    while (chosen === null) {
      const candidate = fresh()
      if (!taken.has(candidate)) chosen = candidate
    }
    return { ...form, action: { from, to: `${server}/f/${chosen}` } }
  })
}

function serviceOf(
  form: Element,
  controls: readonly Control[],
  urls: readonly URL[],
): { service: Service; because: string } | null {
  for (const { hostname } of urls) {
    const service = services.find(({ hosts }) => hosts.includes(hostname))
    if (service !== undefined) return { service, because: `it posts to ${hostname}` }
  }
  for (const service of services) {
    const mark = service.attributes.find((name) => hasAttribute(form, name))
    if (mark !== undefined) return { service, because: `it has the attribute ${mark}` }
  }
  const names = new Set(controls.map(({ name }) => name))
  for (const service of services) {
    const mark = service.fields.find((name) => names.has(name))
    if (mark !== undefined) return { service, because: `it has the field ${mark}` }
  }
  return null
}

/** The id it had, where a form here can be called so; else what the page calls it. */
function formName(form: Element, action: string | null, urls: readonly URL[]): string | null {
  const byAddress = [...urls.map(serviceName), ownName(action)]
  const byPage = [attribute(form, 'name'), attribute(form, 'id')]
  return [...byAddress, ...byPage].find((name) => name !== null && isFormName(name)) ?? null
}

function fieldChecks(controls: readonly Control[]): FieldCheck[] {
  const byName = Map.groupBy(controls, ({ name }) => name)
  const saysItsForm = controls.some(({ name }) => conventionOf(name)?.meaning === 'formName')
  return [...byName].flatMap(([name, same]) => {
    const row = conventionOf(name)
    if (row === null && !name.startsWith('_')) return []
    const meant =
      row === null ||
      isMeant(
        row,
        same.map(({ shown }) => shown),
        { pageKnown: true, saysItsForm },
      )
    const line = lineOf(same[0]?.element as Element)
    return [{ name: printable(name), line, ...words(row, meant) }]
  })
}

function words(row: Convention | null, meant: boolean): Pick<FieldCheck, 'here' | 'differs'> {
  if (row === null) {
    return {
      here: 'nothing',
      differs: 'names that begin with _ are never stored or mailed; rename it if people fill it in.',
    }
  }
  if (meant) return { here: row.here, differs: row.differs }
  return {
    here: 'an ordinary field',
    differs: `it is stored and mailed like any other. It is a control field ${controlConditions[row.when]}.`,
  }
}

function formNotes(form: Element, controls: readonly Control[], service: Service | null): string[] {
  const notes: string[] = []
  const action = attribute(form, 'action')
  // Netlify takes posts at any address and shows the page that the form's action names.
  if (service?.name === 'Netlify' && action !== null && /^\/[^/]/.test(action)) {
    const field = `<input type="hidden" name="_next" value="${printable(action)}">`
    notes.push(`its action was the page that is shown afterwards; add ${field}`)
  }
  if (action === null) {
    notes.push('it has no action: with one it works without script too, and its rules can be taken from the page')
  }
  if (action !== null && urlOf(action) === null && ownName(action) !== null) {
    notes.push('its action can stay as it is where Todoku serves the page itself (`todoku serve --site`)')
  }
  if (attribute(form, 'method')?.toLowerCase() !== 'post') notes.push('it needs method="post"')
  for (const { element, name } of controls) {
    const meaning = conventionOf(name)?.meaning
    const fragment = /^(?:\/|https?:).*?(#.+)/s.exec(attribute(element, 'value') ?? '')?.[1]
    if (fragment !== undefined && (meaning === 'next' || meaning === 'error')) {
      const instead = meaning === 'next' ? 'the link to the status page' : 'the code of the error'
      notes.push(`the "${printable(fragment)}" of its field ${printable(name)} is left out: ${instead} stands there`)
    }
  }
  const hasFile = controls.some(({ shown }) => shown.kind === 'file')
  if (hasFile && attribute(form, 'enctype')?.toLowerCase() !== 'multipart/form-data') {
    notes.push(
      'files need enctype="multipart/form-data"; as it is, browsers without script post nothing but their names',
    )
  }
  const trap = attribute(form, 'netlify-honeypot') ?? attribute(form, 'data-netlify-honeypot')
  if (trap !== null && trap !== '' && conventionOf(trap)?.meaning !== 'honeypot') {
    notes.push(`its trap for bots is called "${printable(trap)}": add the name to the form’s setting spam.honeypot`)
  }
  return notes
}

// --- scripts ----------------------------------------------------------------------------------------------------

/** Parts of addresses of scripts that show puzzles nobody checks here. */
const captchas = ['recaptcha', 'hcaptcha.com', 'challenges.cloudflare.com/turnstile', 'botpoison']

function scriptNotes(script: Element, server: string | null): string[] {
  const line = lineOf(script)
  const source = attribute(script, 'src')
  if (source !== null) {
    const captcha = captchas.find((part) => source.includes(part))
    return captcha === undefined
      ? []
      : [`line ${line}: the script of ${captcha} can be removed; its answers are not checked here`]
  }
  const code = script.childNodes.map((node) => (isText(node) ? node.value : '')).join('')
  const notes: string[] = []
  const host = services.flatMap(({ hosts }) => hosts).find((name) => code.includes(`//${name}/`))
  if (host !== undefined) notes.push(`line ${line}: a script posts to ${host}; it needs the new address too`)
  if (/\binitForm\b|\bformspree\s*\(/.test(code)) {
    const calls = code.match(/\b(?:initForm|formspree)\s*\(/g)?.length ?? 1
    const told = [...code.matchAll(/\borigin['"]?\s*:\s*['"`]([^'"`]*)['"`]/g)].filter(([, origin = '']) =>
      isOurs(urlOf(origin)?.origin ?? '', server),
    )
    if (told.length < calls) {
      notes.push(
        `line ${line}: Formspree’s script stays as it is; add origin: '${server ?? exampleServer}' beside formId`,
      )
    }
  }
  return notes
}

/** A text of the page as it may be shown on a terminal: short, and no character that steers it. */
function printable(text: string): string {
  const clean = cleanHeaderText(text)
  return clean.length > 200 ? `${clean.slice(0, 199).toWellFormed()}…` : clean
}
