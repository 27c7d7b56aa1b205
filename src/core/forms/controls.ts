import { isReplyToName } from '../submissions/control-fields.ts'
import { type ControlKind, type ControlRule, controlKinds, type PatternRule } from './form.ts'
import { isNumericKind, readValue } from './input-values.ts'
import { attribute, collapse, descendants, type Element, hasAttribute, isHtml, isText } from './page-tree.ts'
import { compilePattern } from './pattern.ts'

/** A submittable element of a form (HTML §4.10.2), and what its place in the page says about it. */
export type PageControl = {
  element: Element
  /** By itself or by a fieldset. */
  disabled: boolean
  inDatalist: boolean
  label: string | null
  /** The legend of its fieldset: what a group of radio buttons or checkboxes is called. */
  legend: string | null
}

export type ControlType = ControlKind | 'submit' | 'image' | 'button'

/**
 * What kind of control an element is: an input of an unknown type is a text field; `button` is one that never submits.
 * Null for elements that are no submittable ones.
 */
export function controlType(element: Element): ControlType | null {
  if (isHtml(element, 'textarea')) return 'textarea'
  if (isHtml(element, 'select')) return 'select'
  const type = attribute(element, 'type')?.toLowerCase()
  if (isHtml(element, 'button')) return type === 'reset' || type === 'button' ? 'button' : 'submit'
  if (!isHtml(element, 'input')) return null
  if (type === 'submit' || type === 'image') return type
  if (type === 'reset' || type === 'button') return 'button'
  return inputKinds.find((kind) => kind === type) ?? 'text'
}

/**
 * The rules of a form's controls, in tree order, derived from their constraint attributes (HTML §4.10.5, §4.10.21):
 *
 * - radio buttons of one name are one rule with options, and so are checkboxes;
 * - controls barred from validation (read-only, in a datalist) keep nothing but their name and kind;
 * - a disabled control is not posted unless a script enables it: what it may contain holds, but it may be missing;
 * - names that are only posted (of submit buttons, `dirname`) are there as `hidden`;
 * - names that begin with `_` are left out: they steer the post and are no part of what it says; but what people type
 *   into `_replyto` is judged by its rules.
 *
 * Attributes count only where the standard lets them apply: `maxlength` of a number is none.
 */
export function controlRules(controls: readonly PageControl[]): { rules: ControlRule[]; warnings: string[] } {
  const rules: ControlRule[] = []
  const warnings: string[] = []
  const groups = new Map<string, { kind: 'radio' | 'checkbox'; name: string; at: number; members: PageControl[] }>()
  const posted: string[] = []
  for (const control of controls) {
    const type = controlType(control.element)
    const name = attribute(control.element, 'name') ?? ''
    if (type === null || type === 'button' || (name.startsWith('_') && !isTypedReplyTo(type, name))) continue
    if (type === 'image') {
      posted.push(...(name === '' ? ['x', 'y'] : [`${name}.x`, `${name}.y`]))
    } else if (name === '') {
      if (type !== 'submit' && hasAttribute(control.element, 'required')) {
        warnings.push(`a required ${type} control has no name, so it is checked by the browser and never posted`)
      }
    } else if (type === 'submit') {
      posted.push(name)
    } else if (type === 'radio' || type === 'checkbox') {
      const key = `${type} ${name}`
      const group = groups.get(key)
      if (group !== undefined) {
        group.members.push(control)
      } else {
        groups.set(key, { kind: type, name, at: rules.length, members: [control] })
        // Its place; the rule itself needs all members.
        rules.push(emptyRule(name, type, null))
      }
    } else {
      rules.push(singleRule(type, name, control, warnings))
      posted.push(...directionName(type, control.element))
    }
  }
  for (const { kind, name, at, members } of groups.values()) rules[at] = groupRule(kind, name, members)
  const known = new Set(rules.map((rule) => rule.name))
  for (const name of new Set(posted)) if (!known.has(name)) rules.push(emptyRule(name, 'hidden', null))
  return { rules, warnings }
}

function isTypedReplyTo(type: ControlType, name: string): boolean {
  return (type === 'email' || type === 'text') && isReplyToName(name)
}

/** The options of a select, those in groups among them, in tree order. */
export function optionsOf(select: Element): Element[] {
  return [...descendants(select)].filter((node) => isHtml(node, 'option'))
}

/** What an element says, without what the controls in it show. Long texts are cut: a label names a field. */
export function textOf(element: Element): string | null {
  let text = ''
  let visited = 0
  for (const node of descendants(element, isSilent)) {
    if (isText(node)) text += node.value
    visited += 1
    if (visited === 2000 || text.length > longestText) break
  }
  return shown(text)
}

/** A text of the page that names something: white space collapsed, cut to a sane length, null when nothing is left. */
export function shown(text: string | null): string | null {
  const collapsed = collapse(text ?? '')
  if (collapsed === '') return null
  return collapsed.length <= longestText ? collapsed : collapsed.slice(0, longestText).toWellFormed()
}

const longestText = 300
const silentElements = new Set(['select', 'textarea', 'button', 'datalist', 'script', 'style', 'template', 'title'])

function isSilent(element: Element): boolean {
  return silentElements.has(element.tagName)
}

const inputKinds = controlKinds.filter((kind) => kind !== 'textarea' && kind !== 'select')

/** Which attributes apply to which kind: the table of HTML §4.10.5, with textarea and select. */
const textual: readonly ControlKind[] = ['text', 'search', 'url', 'tel', 'email', 'password']
const canBeMultiple: readonly ControlKind[] = ['email', 'file', 'select']
const neverRequired: readonly ControlKind[] = ['hidden', 'range', 'color']

function emptyRule(name: string, kind: ControlKind, label: string | null): ControlRule {
  return {
    name,
    kind,
    label,
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
  }
}

function singleRule(kind: ControlKind, name: string, control: PageControl, warnings: string[]): ControlRule {
  const { element } = control
  const rule = emptyRule(name, kind, kind === 'hidden' ? null : control.label)
  if (kind === 'hidden' || isBarred(control)) return rule

  const has = (other: string) => hasAttribute(element, other)
  rule.required = has('required') && !neverRequired.includes(kind) && !control.disabled
  rule.multiple = has('multiple') && canBeMultiple.includes(kind)
  if (textual.includes(kind) || kind === 'textarea') Object.assign(rule, lengths(element, name, warnings))
  if (textual.includes(kind)) rule.pattern = patternRule(element, name, warnings)
  if (isNumericKind(kind)) {
    rule.min = attribute(element, 'min')
    rule.max = attribute(element, 'max')
    rule.step = attribute(element, 'step')
    const value = attribute(element, 'value')
    const isBase = value !== null && readValue(kind, value) !== null && readValue(kind, rule.min ?? '') === null
    if (isBase && rule.step?.toLowerCase() !== 'any') rule.stepBase = value
  }
  if (kind === 'file') rule.accept = acceptTokens(element)
  if (kind === 'select') rule.options = selectValues(element, rule)
  return rule
}

function lengths(element: Element, name: string, warnings: string[]): Pick<ControlRule, 'minLength' | 'maxLength'> {
  const maxLength = nonNegative(attribute(element, 'maxlength'))
  const minLength = nonNegative(attribute(element, 'minlength'))
  if (maxLength !== null && isHtml(element, 'textarea') && attribute(element, 'wrap')?.toLowerCase() === 'hard') {
    warnings.push(`field "${name}": wrap="hard" adds line breaks to what is typed, so its maxlength can't be checked`)
    return { minLength, maxLength: null }
  }
  return { minLength, maxLength }
}

/** Rules for parsing non-negative integers (§2.3.4.2): what follows the digits is ignored. Null beyond 2^31-1, as in browsers. */
function nonNegative(text: string | null): number | null {
  const digits = /^[\t\n\f\r ]*\+?(\d+)/.exec(text ?? '')?.[1]
  return digits === undefined || Number(digits) > 2_147_483_647 ? null : Number(digits)
}

function patternRule(element: Element, name: string, warnings: string[]): PatternRule | null {
  const source = attribute(element, 'pattern')
  if (source === null) return null
  if (compilePattern(source) === null) {
    warnings.push(
      `field "${name}": its pattern is not a regular expression with the v flag, so it is ignored, as browsers do`,
    )
    return null
  }
  // Until it is assessed.
  return { source, title: shown(attribute(element, 'title')), safety: 'risky' }
}

function acceptTokens(element: Element): string[] | null {
  const tokens = (attribute(element, 'accept') ?? '').split(',').map((token) => collapse(token).toLowerCase())
  const named = tokens.filter((token) => token !== '')
  return named.length === 0 ? null : named
}

/** Values that can be chosen. The placeholder label option of a required select (§4.10.7) is none: it counts as empty. */
function selectValues(select: Element, rule: ControlRule): string[] {
  const options = optionsOf(select)
  const [first] = options
  const rows = nonNegative(attribute(select, 'size')) || 1
  const hasPlaceholder =
    rule.required && !rule.multiple && rows === 1 && first?.parentNode === select && optionValue(first) === ''
  const offered = options.filter((option) => !(hasPlaceholder && option === first) && !isOptionDisabled(option))
  return [...new Set(offered.map(optionValue))]
}

function optionValue(option: Element): string {
  const value = attribute(option, 'value')
  if (value !== null) return value
  const texts: string[] = []
  for (const node of descendants(option, (element) => element.tagName === 'script'))
    if (isText(node)) texts.push(node.value)
  return collapse(texts.join(''))
}

function isOptionDisabled(option: Element): boolean {
  const { parentNode } = option
  const group = parentNode !== null && isHtml(parentNode, 'optgroup') && hasAttribute(parentNode, 'disabled')
  return group || hasAttribute(option, 'disabled')
}

/** One rule for all radio buttons, or all checkboxes, of a name. */
function groupRule(kind: 'radio' | 'checkbox', name: string, members: readonly PageControl[]): ControlRule {
  const [first] = members
  const active = members.filter((member) => !member.disabled)
  const isAlone = kind === 'checkbox' && members.length === 1
  const rule = emptyRule(name, kind, (isAlone ? first?.label : first?.legend) ?? null)
  rule.options = values(active.length > 0 ? active : members)

  const demanding = (kind === 'radio' ? members : active.filter((member) => !isBarred(member))).filter(({ element }) =>
    hasAttribute(element, 'required'),
  )
  // One required radio button, even a disabled one, makes every button that is checked ask for a choice.
  rule.required = demanding.length > 0 && active.some((member) => !isBarred(member))
  // Each checkbox is required by itself.
  return kind === 'checkbox' && !isAlone && rule.required ? { ...rule, requiredOptions: values(demanding) } : rule
}

/** Barred from constraint validation, apart from being disabled. Browsers take `readonly` at its word on every input. */
function isBarred({ element, inDatalist }: PageControl): boolean {
  return inDatalist || (!isHtml(element, 'select') && hasAttribute(element, 'readonly'))
}

function values(members: readonly PageControl[]): string[] {
  return [...new Set(members.map(({ element }) => attribute(element, 'value') ?? 'on'))]
}

/** `dirname` makes a browser post the direction of the text as one more field. */
function directionName(kind: ControlKind, element: Element): string[] {
  const name = attribute(element, 'dirname') ?? ''
  return name !== '' && (textual.includes(kind) || kind === 'textarea') ? [name] : []
}
