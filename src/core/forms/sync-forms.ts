import type { Deps } from '../deps.ts'
import { variantDifferences } from './differences.ts'
import { type FoundForm, findForms, type PageWarning, pagePath } from './find-forms.ts'
import type { ControlRule, FormRecord, PatternRule, RuleVariant } from './form.ts'
import { readPage } from './read-page.ts'

/** A file of the site: its path below the site's folder, with slashes, and its bytes. */
export type SitePage = { path: string; bytes: Uint8Array }

export type SyncedForm = {
  name: string
  /** The newest version after the sync. */
  version: number
  /** `gone`: no page has it any more. It stays as it was, since pages may come back and visitors may still have it open. */
  change: 'new' | 'changed' | 'same' | 'gone'
  /** What changed, as English sentences for the site's owner. */
  differences: readonly string[]
}

export type SyncReport = {
  /** By name. */
  forms: readonly SyncedForm[]
  /** Pages whose forms were left as they were stored, and why. */
  notAdopted: readonly { page: string; reason: string }[]
  warnings: readonly PageWarning[]
}

/**
 * Takes the forms of a site's pages over: reads the pages, derives the rules, and stores the next version of each form whose
 * rules changed. Settings are kept. `pages` are all pages of the site: what is on none of them is gone.
 *
 * Pages whose rules are equal are one variant. Labels and language are part of the rules, so that every language keeps its
 * own; the page's title is not, and is kept where all pages of a variant have the same.
 *
 * A page that is not adopted changes nothing: what is stored for it stays. The same pages again change nothing either.
 * Where the instance's own address is known, forms that post elsewhere are left out, with a warning.
 *
 * @throws when the store can't be reached, or another writer comes in between ten times.
 */
export async function syncForms(
  deps: Pick<Deps, 'forms' | 'patterns' | 'clock' | 'settings'>,
  pages: readonly SitePage[],
): Promise<SyncReport> {
  const site = readSite(pages, deps.settings.publicUrl)
  const assess = patternAssessor(deps)
  const stored = new Map((await deps.forms.list()).map((record) => [record.name, record]))
  const forms: SyncedForm[] = []
  const warnings = [...site.warnings]
  for (const name of [...new Set([...stored.keys(), ...site.forms.keys()])].sort(byCodeUnit)) {
    const found: RuleVariant[] = []
    for (const variant of site.forms.get(name) ?? []) {
      const { controls, risky } = await assessed(variant.controls, assess)
      found.push({ ...variant, controls })
      for (const field of risky) warnings.push({ page: variant.pages[0] ?? '/', form: name, text: riskyText(field) })
    }
    const synced = await store(deps, name, found, site.notAdopted, stored.get(name) ?? null)
    if (synced !== null) forms.push(synced)
  }
  return { forms, notAdopted: site.notAdopted, warnings }
}

type Site = {
  forms: Map<string, RuleVariant[]>
  notAdopted: { page: string; reason: string }[]
  warnings: PageWarning[]
}

/** The pages in the order of their paths, so that the order of the files does not matter. */
function readSite(pages: readonly SitePage[], publicUrl: string): Site {
  const site: Site = { forms: new Map(), notAdopted: [], warnings: [] }
  const sorted = pages
    .map(({ path, bytes }) => ({ page: pagePath(path), bytes }))
    .sort((a, b) => byCodeUnit(a.page, b.page))
  for (const { page, bytes } of sorted) {
    const read = readPage(bytes)
    const found = read.kind === 'text' ? findForms(read.text, page, read.charset, publicUrl) : read
    if (found.kind === 'not-adopted') {
      site.notAdopted.push({ page, reason: found.reason })
      continue
    }
    site.warnings.push(...found.warnings)
    for (const { name, variant } of found.forms) addForm(site.forms, { name, variant })
  }
  return site
}

function addForm(forms: Map<string, RuleVariant[]>, { name, variant }: FoundForm): void {
  const variants = forms.get(name)
  if (variants === undefined) forms.set(name, [variant])
  else variants.push(variant)
}

// --- patterns ---------------------------------------------------------------------------------------------------

type Assess = (source: string) => Promise<PatternRule['safety']>

/** Each pattern once. One that the assessor can't read compiled here all the same, and is run in the box. */
function patternAssessor({ patterns }: Pick<Deps, 'patterns'>): Assess {
  const known = new Map<string, PatternRule['safety']>()
  return async (source) => {
    const before = known.get(source)
    if (before !== undefined) return before
    const safety = (await patterns.assess(source)) === 'safe' ? 'safe' : 'risky'
    known.set(source, safety)
    return safety
  }
}

async function assessed(
  rules: readonly ControlRule[],
  assess: Assess,
): Promise<{ controls: ControlRule[]; risky: string[] }> {
  const controls: ControlRule[] = []
  const risky: string[] = []
  for (const rule of rules) {
    const { pattern } = rule
    const safety = pattern === null ? null : await assess(pattern.source)
    if (safety === 'risky') risky.push(rule.name)
    controls.push(pattern === null || safety === null ? rule : { ...rule, pattern: { ...pattern, safety } })
  }
  return { controls, risky }
}

function riskyText(field: string): string {
  return `field "${field}": its pattern can take very long on some input, so it is run with a time limit; where that is reached, the field is not checked`
}

// --- storing ----------------------------------------------------------------------------------------------------

/** Writes the next version if something changed; null for a form that never was on a page. */
async function store(
  deps: Pick<Deps, 'forms' | 'clock'>,
  name: string,
  found: readonly RuleVariant[],
  notAdopted: Site['notAdopted'],
  known: FormRecord | null,
): Promise<SyncedForm | null> {
  const unread = new Set(notAdopted.map(({ page }) => page))
  let record = known
  for (let tries = 0; tries < 10; tries++) {
    const before = record?.variants ?? []
    const kept = before.flatMap((variant) => restrictedTo(variant, unread))
    const variants = merge([...found, ...kept])
    if (variants.length === 0) return leftAlone(name, record)

    const differences = variantDifferences(before, variants)
    if (record !== null && isSame(before, variants))
      return { name, version: record.version, change: 'same', differences: [] }
    const next: FormRecord = {
      name,
      version: (record?.version ?? 0) + 1,
      createdAt: deps.clock.now(),
      origin: 'pages',
      settings: record?.settings ?? {},
      variants,
    }
    const { kind } = await deps.forms.put(next)
    if (kind === 'stored')
      return { name, version: next.version, change: before.length === 0 ? 'new' : 'changed', differences }
    // Settings were applied at the same time; they are not to be lost.
    record = await deps.forms.get(name)
  }
  throw new Error(`form ${name} kept changing while it was synced`)
}

function leftAlone(name: string, record: FormRecord | null): SyncedForm | null {
  if (record === null || record.variants.length === 0) return null
  return { name, version: record.version, change: 'gone', differences: [] }
}

/** The variant as it stands for those pages alone; none when it is on none of them. */
function restrictedTo(variant: RuleVariant, pages: ReadonlySet<string>): RuleVariant[] {
  const kept = variant.pages.filter((page) => pages.has(page))
  return kept.length === 0 ? [] : [{ ...variant, pages: kept }]
}

/** Equal rules become one variant of several pages. The order depends on nothing but the variants themselves. */
function merge(variants: readonly RuleVariant[]): RuleVariant[] {
  const merged = new Map<string, RuleVariant>()
  for (const variant of variants) {
    const key = canonical({ ...variant, pages: [], title: null })
    const other = merged.get(key)
    const pages = new Set([...(other?.pages ?? []), ...variant.pages])
    const title = other === undefined || other.title === variant.title ? variant.title : null
    merged.set(key, { ...variant, pages: [...pages].sort(byCodeUnit), title })
  }
  return [...merged]
    .sort(([keyA, a], [keyB, b]) => byCodeUnit(a.pages[0] ?? '', b.pages[0] ?? '') || byCodeUnit(keyA, keyB))
    .map(([, variant]) => variant)
}

function isSame(before: readonly RuleVariant[], after: readonly RuleVariant[]): boolean {
  return canonical(before) === canonical(after)
}

/** JSON with sorted keys: a record that went through a store equals one that did not. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => byCodeUnit(a, b)))
      : inner,
  )
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
