import { Liquid, type Template } from 'liquidjs'
import { isolated } from './shown-text.ts'

/**
 * Liquid with every value kept out of the text: an output becomes a slot, a word of letters and digits that means
 * nothing to Markdown, and the values are put in after Markdown was read (see `render.ts`). So what a visitor typed is
 * never Liquid, never Markdown, never HTML (invariant 12).
 */
export type Slots = {
  /** The text with slots. */
  text: string
  /** A text with its slots filled: as it is, without any meaning. Values keep their direction to themselves. */
  fill(text: string): string
  /** The same without marks around values: for addresses, which are followed, and headers, which take no such marks. */
  fillBare(text: string): string
  /** Whether a filled text still has a slot, as a template makes it that puts `{% fields %}` into a line or a code block. */
  hasSlot(filled: string): boolean
  /** Stands alone in its paragraph where `{% fields %}` was. */
  readonly fieldsSlot: string
}

/**
 * Tags that a template may use: those that read nothing but the scope and print nothing but their body. Not `capture`:
 * it would take up slots instead of values, and a filter on them would leave slots that nobody fills.
 */
const allowedTags = new Set([
  'assign',
  'case',
  'comment',
  'if',
  'unless',
  'for',
  'break',
  'continue',
  'echo',
  'raw',
  '#',
])

type Collector = { nonce: string; values: string[] }

const collectors = new WeakMap<object, Collector>()
let engine: Liquid | null = null

function liquid(): Liquid {
  if (engine !== null) return engine
  engine = new Liquid({
    // Nothing is ever read from a disk, also not by a template that names a file.
    templates: {},
    strictFilters: true,
    ownPropertyOnly: true,
    // To Liquid an empty text is true; to those who write `{% if email %}` it is not.
    jsTruthy: true,
    parseLimit: 100_000,
    renderLimit: 1000,
    memoryLimit: 10_000_000,
    outputEscape: collect,
  })
  for (const tag of Object.keys(engine.tags)) if (!allowedTags.has(tag)) delete engine.tags[tag]
  // The built-in `raw` filter would print a value past `outputEscape`.
  engine.registerFilter('raw', (value: unknown) => value)
  engine.registerTag('fields', {
    parse() {},
    render(context) {
      const { nonce } = collectorOf(context.environments)
      return `\n\n${fieldsSlot(nonce)}\n\n`
    },
  })
  return engine
}

function collect(this: { context: { environments: object } } | unknown, value: unknown): string {
  const { nonce, values } = collectorOf((this as { context: { environments: object } }).context.environments)
  values.push(value === null || value === undefined ? '' : String(value))
  return `zq${nonce}n${values.length - 1}qz`
}

function collectorOf(scope: object): Collector {
  const collector = collectors.get(scope)
  if (collector === undefined) throw new TypeError('a template is rendered outside renderLiquid')
  return collector
}

const fieldsSlot = (nonce: string) => `zq${nonce}fieldsqz`

/** Compiled templates by source; a form has few of them, and each mail uses the same ones. */
const compiled = new Map<string, Template[]>()

function parse(source: string): Template[] {
  const known = compiled.get(source)
  if (known !== undefined) return known
  const template = liquid().parse(source)
  if (compiled.size >= 200) compiled.clear()
  compiled.set(source, template)
  return template
}

/** What looks like a slot; whether it is one, its nonce says. One pattern for all mails: making one costs more than using it. */
const slotPattern = /zq([a-z2-7]{1,32})(?:n(\d{1,9})|fields)qz/g

/**
 * Renders a template's Liquid with slots in the place of values.
 *
 * @param nonce base32 that nobody outside can guess, so that no value can pretend to be a slot
 * @throws Error of liquidjs when the template is wrong, or does too much
 */
export function renderLiquid(source: string, scope: Readonly<Record<string, unknown>>, nonce: string): Slots {
  const own = { ...scope }
  const values: string[] = []
  collectors.set(own, { nonce, values })
  const text = liquid().renderSync(parse(source), own) as string
  const fill = (slotted: string, shown: (value: string) => string): string =>
    slotted.replace(slotPattern, (slot, slotNonce: string, index: string | undefined) =>
      slotNonce === nonce && index !== undefined ? shown(values[Number(index)] ?? '') : slot,
    )
  return {
    text,
    fieldsSlot: fieldsSlot(nonce),
    fill: (slotted) => fill(slotted, isolated),
    fillBare: (slotted) => fill(slotted, (value) => value),
    hasSlot: (filled) => filled.toLowerCase().includes(`zq${nonce}`),
  }
}

/**
 * Checks a template without rendering it.
 *
 * @returns the variables it uses (`fields.name`, `reference`), or why it can't be used
 */
export function inspectTemplate(source: string): { ok: true; variables: string[] } | { ok: false; reason: string } {
  try {
    return { ok: true, variables: liquid().globalFullVariablesSync(liquid().parse(source)) }
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }
  }
}
