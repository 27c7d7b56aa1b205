import type { ControlRule, RuleVariant } from './form.ts'

/**
 * What changed between two sets of rules, as English sentences for the site's owner. What is true of all pages is said once;
 * what is true of some names the first of them.
 *
 * @example variantDifferences(before, after) // ['field "phone": now required', 'field "plan": option "gold" added']
 */
export function variantDifferences(before: readonly RuleVariant[], after: readonly RuleVariant[]): string[] {
  const differences = pageDifferences(before, after)
  const changes = after.flatMap((variant) => changesOf(variant, before))
  for (const text of new Set(changes.flatMap(({ texts }) => texts))) {
    const changed = changes.filter(({ texts }) => texts.includes(text))
    if (changed.length === changes.length) differences.push(text)
    else differences.push(...changed.map(({ page }) => `${page}: ${text}`))
  }
  return differences
}

function pageDifferences(before: readonly RuleVariant[], after: readonly RuleVariant[]): string[] {
  const former = new Set(before.flatMap(({ pages }) => pages))
  const present = new Set(after.flatMap(({ pages }) => pages))
  const added = after.flatMap((variant) =>
    variant.pages.filter((page) => !former.has(page)).map((page) => addedText(page, variant)),
  )
  const removed = [...former].filter((page) => !present.has(page)).map((page) => `no longer on ${page}`)
  const counts = [...present].flatMap((page) => {
    const [was, is] = [countOn(page, before), countOn(page, after)]
    return was === 0 || was === is ? [] : [`on ${page}: now with ${sets(is)}, was with ${sets(was)}`]
  })
  return [...new Set(added), ...removed, ...counts]
}

function countOn(page: string, variants: readonly RuleVariant[]): number {
  return variants.filter(({ pages }) => pages.includes(page)).length
}

function sets(count: number): string {
  return count === 1 ? 'one set of rules' : `${count} sets of rules`
}

function addedText(page: string, { controls }: RuleVariant): string {
  const names = [...new Set(controls.map(({ name }) => name))]
  const shown = names.slice(0, 20).map((name) => `"${name}"`)
  const more = names.length - shown.length
  return names.length === 0
    ? `on ${page}, without fields`
    : `on ${page}, with ${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`
}

/** How a variant differs from what stood on its pages; told for the first of the pages that had the same before. */
function changesOf(variant: RuleVariant, before: readonly RuleVariant[]): { page: string; texts: string[] }[] {
  const byFormer = Map.groupBy(variant.pages, (page) => formerOf(variant, page, before))
  return [...byFormer].flatMap(([former, pages]) =>
    former === null ? [] : [{ page: pages[0] ?? '/', texts: ruleDifferences(former, variant) }],
  )
}

/** What a variant was before on a page: of those there, the one of the same language and most common fields. */
function formerOf(variant: RuleVariant, page: string, before: readonly RuleVariant[]): RuleVariant | null {
  const names = new Set(variant.controls.map(({ name }) => name))
  const likeness = (other: RuleVariant) =>
    (other.language === variant.language ? 1 : 0) + 2 * other.controls.filter(({ name }) => names.has(name)).length
  const candidates = before.filter(({ pages }) => pages.includes(page))
  return candidates.toSorted((a, b) => likeness(b) - likeness(a))[0] ?? null
}

function ruleDifferences(before: RuleVariant, after: RuleVariant): string[] {
  const differences: string[] = []
  const say = (what: string, from: string | null, to: string | null) => {
    if (from !== to) differences.push(changeText(what, from, to))
  }
  say('language', before.language, after.language)
  say('encoding', before.charset, after.charset)
  say('title', before.title, after.title)
  const former = Map.groupBy(before.controls, ({ name }) => name)
  const present = Map.groupBy(after.controls, ({ name }) => name)
  for (const name of former.keys()) if (!present.has(name)) differences.push(`field "${name}": removed`)
  for (const [name, rules] of present) {
    const others = former.get(name)
    if (others === undefined) {
      differences.push(`field "${name}": added (${rules.map(describe).join('; ')})`)
    } else if (others.length !== rules.length) {
      differences.push(`field "${name}": now ${times(rules.length)}, was ${times(others.length)}`)
    } else {
      for (const [index, rule] of rules.entries()) {
        const other = others[index]
        if (other !== undefined)
          differences.push(...controlDifferences(other, rule).map((text) => `field "${name}": ${text}`))
      }
    }
  }
  const order = [...present.keys()].filter((name) => former.has(name))
  const formerOrder = [...former.keys()].filter((name) => present.has(name))
  if (order.join('\0') !== formerOrder.join('\0')) differences.push('the order of the fields changed')
  return [...new Set(differences)]
}

function times(count: number): string {
  return count === 1 ? 'once in the form' : `${count} times in the form`
}

function describe({ kind, required }: ControlRule): string {
  return required ? `${kind}, required` : kind
}

function controlDifferences(before: ControlRule, after: ControlRule): string[] {
  const differences: string[] = []
  const say = (what: string, from: string | number | null | undefined, to: string | number | null | undefined) => {
    if ((from ?? null) !== (to ?? null)) differences.push(changeText(what, from ?? null, to ?? null))
  }
  if (before.kind !== after.kind) differences.push(`now ${after.kind}, was ${before.kind}`)
  if (before.required !== after.required) differences.push(after.required ? 'now required' : 'no longer required')
  if (before.multiple !== after.multiple)
    differences.push(after.multiple ? 'now takes several values' : 'now takes one value')
  say('label', before.label, after.label)
  say('minlength', before.minLength, after.minLength)
  say('maxlength', before.maxLength, after.maxLength)
  say('pattern', before.pattern?.source, after.pattern?.source)
  if (before.pattern !== null && before.pattern.source === after.pattern?.source) {
    say('pattern title', before.pattern.title, after.pattern.title)
    say('pattern safety', before.pattern.safety, after.pattern.safety)
  }
  say('min', before.min, after.min)
  say('max', before.max, after.max)
  say('step', before.step, after.step)
  say('start of its steps', before.stepBase, after.stepBase)
  differences.push(...listDifferences('accepted file type', before.accept, after.accept))
  differences.push(...listDifferences('option', before.options, after.options))
  differences.push(...listDifferences('required option', before.requiredOptions ?? null, after.requiredOptions ?? null))
  return differences
}

/** A list of options may be long; beyond some it is only counted. */
const shownItems = 10

function listDifferences(what: string, before: readonly string[] | null, after: readonly string[] | null): string[] {
  const former = new Set(before ?? [])
  const present = new Set(after ?? [])
  const added = [...present].filter((item) => !former.has(item))
  const removed = [...former].filter((item) => !present.has(item))
  const texts = [
    ...added.map((item) => `${what} "${shortened(item)}" added`),
    ...removed.map((item) => `${what} "${shortened(item)}" removed`),
  ]
  if (texts.length > shownItems) return [`${what}s changed: ${added.length} added, ${removed.length} removed`]
  const isReordered = texts.length === 0 && [...present].join('\0') !== [...former].join('\0')
  return isReordered ? [`the order of its ${what}s changed`] : texts
}

function changeText(what: string, from: string | number | null, to: string | number | null): string {
  if (from === null) return `${what} ${quoted(to)} added`
  if (to === null) return `${what} ${quoted(from)} removed`
  return `${what} changed from ${quoted(from)} to ${quoted(to)}`
}

function quoted(value: string | number | null): string {
  return typeof value === 'string' ? `"${shortened(value)}"` : String(value)
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80).toWellFormed()}…`
}
