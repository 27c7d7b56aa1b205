import { addressIn } from '../../mail/address.ts'
import type { Deps } from '../deps.ts'
import { languages } from '../language.ts'
import { checkTemplate } from '../messages/templates/check.ts'
import { type FormSettings, formSettingsSchema, isFormName, type Localized } from './form.ts'

/** A key of the settings that is wrong, and the rule it breaks; never the value. `line`: that of a text, from 1. */
export type SettingsProblem = { key: string; rule: string; line?: number | null }

export type AppliedForm = {
  name: string
  version: number
  /** `gone`: it has settings that none of the given forms state any more. They are kept; `name: {}` takes them back. */
  change: 'new' | 'changed' | 'same' | 'gone'
  /** Keys whose value differs from what was applied before; of one that is gone, those it has. */
  keys: readonly string[]
}

export type ApplyOutcome =
  | { kind: 'applied'; forms: readonly AppliedForm[] }
  /** Nothing was stored. */
  | { kind: 'invalid'; problems: readonly SettingsProblem[] }

/**
 * Stores the settings of forms as their next versions. All of them are checked first: one wrong key and nothing is
 * stored. A form that no page has yet is created by its settings. Addresses are stored in their canonical form: what
 * passes here must never fail when a mail is made.
 *
 * @param dryRun only tells what would change: the drift between todoku.yaml and what is applied
 * @throws Error when another writer comes in between ten times
 */
export async function applyForms(
  deps: Pick<Deps, 'forms' | 'clock'>,
  forms: Readonly<Record<string, unknown>>,
  { dryRun }: { dryRun: boolean },
): Promise<ApplyOutcome> {
  const problems: SettingsProblem[] = []
  const parsed: [string, FormSettings][] = []
  for (const [name, settings] of Object.entries(forms)) {
    if (!isFormName(name))
      problems.push({
        key: `forms.${name}`,
        rule: 'is not a name a form can have: letters, digits, - and _, and no name that paths of ours use',
      })
    const result = formSettingsSchema.safeParse(settings ?? {})
    if (result.success) {
      problems.push(...templateProblems(name, result.data))
      parsed.push([name, withCanonicalAddresses(name, result.data, problems)])
    } else {
      problems.push(...result.error.issues.flatMap((issue) => issueProblems(name, issue)))
    }
  }
  if (problems.length > 0) return { kind: 'invalid', problems }

  const applied: AppliedForm[] = []
  for (const [name, settings] of parsed) applied.push(await applyOne(deps, name, settings, dryRun))
  if (parsed.length > 0) applied.push(...(await goneForms(deps, new Set(Object.keys(forms)))))
  return { kind: 'applied', forms: applied }
}

/** Forms with settings that are not among the named ones. A file that names no form at all may not be about forms. */
async function goneForms(deps: Pick<Deps, 'forms'>, named: ReadonlySet<string>): Promise<AppliedForm[]> {
  return (await deps.forms.list()).flatMap(({ name, version, settings }) => {
    const keys = Object.keys(settings).sort()
    return named.has(name) || keys.length === 0 ? [] : [{ name, version, change: 'gone' as const, keys }]
  })
}

async function applyOne(
  deps: Pick<Deps, 'forms' | 'clock'>,
  name: string,
  settings: FormSettings,
  dryRun: boolean,
): Promise<AppliedForm> {
  for (let tries = 0; tries < 10; tries++) {
    const current = await deps.forms.get(name)
    const keys = changedKeys(current?.settings ?? {}, settings)
    if (current !== null && keys.length === 0) return { name, version: current.version, change: 'same', keys }
    const version = (current?.version ?? 0) + 1
    const change = current === null ? 'new' : 'changed'
    if (dryRun) return { name, version, change, keys }
    const variants = current?.variants ?? []
    const put = await deps.forms.put({
      name,
      version,
      createdAt: deps.clock.now(),
      origin: 'settings',
      settings,
      variants,
    })
    // Another version came between (a page was synced); the settings go on top of it.
    if (put.kind === 'stored') return { name, version, change, keys }
  }
  throw new Error(`form ${name} kept changing while its settings were applied`)
}

/** The settings with each address as mails are made with it; one that is none is told by its key. */
function withCanonicalAddresses(name: string, settings: FormSettings, problems: SettingsProblem[]): FormSettings {
  const canonical = (key: string, typed: string): string => {
    const address = addressIn(typed)
    if (address !== null) return address
    problems.push({ key: `forms.${name}.${key}`, rule: 'must be one plain address, like office@example.jp' })
    return typed
  }
  const list = (key: string, typed: readonly string[]) =>
    typed.map((address, index) => canonical(`${key}.${index}`, address))
  const { route, confirmation } = settings
  const managers = settings.managers === undefined ? {} : { managers: list('managers', settings.managers) }
  const to = Object.entries(route?.to ?? {}).map(([value, typed]) => [value, list(`route.to.${value}`, typed)] as const)
  return {
    ...settings,
    ...managers,
    ...(route === undefined ? {} : { route: { ...route, to: Object.fromEntries(to) } }),
    ...(confirmation?.replyTo === undefined
      ? {}
      : { confirmation: { ...confirmation, replyTo: canonical('confirmation.replyTo', confirmation.replyTo) } }),
  }
}

function changedKeys(before: FormSettings, after: FormSettings): string[] {
  const all = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof FormSettings>
  return [...all].filter((key) => sorted(before[key]) !== sorted(after[key])).sort()
}

/** JSON that does not depend on the order of keys. */
function sorted(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part) =>
      part !== null && typeof part === 'object' && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? ''
  )
}

type Issue = { code?: string; path: readonly PropertyKey[]; message: string; keys?: readonly string[] }

function issueProblems(name: string, issue: Issue): SettingsProblem[] {
  const key = ['forms', name, ...issue.path.map(String)].join('.')
  if (issue.code === 'unrecognized_keys')
    return (issue.keys ?? []).map((unknown) => ({ key: `${key}.${unknown}`, rule: 'is not a setting' }))
  return [{ key, rule: issue.message }]
}

/** What is wrong with a form's own texts. Keys begin at `forms.{name}` and end with the language where a text is given by language. */
export function templateProblems(name: string, settings: FormSettings): SettingsProblem[] {
  const { confirmation, notification } = settings
  return [
    ...textProblems(`forms.${name}.confirmation.subject`, confirmation?.subject, confirmation?.allowUserText !== true),
    ...textProblems(`forms.${name}.confirmation.body`, confirmation?.body, confirmation?.allowUserText !== true),
    ...textProblems(`forms.${name}.notification.subject`, notification?.subject, false),
    ...textProblems(`forms.${name}.notification.body`, notification?.body, false),
  ]
}

function textProblems(key: string, text: Localized | undefined, strangers: boolean): SettingsProblem[] {
  if (text === undefined) return []
  const sources =
    typeof text === 'string' ? [[key, text] as const] : languages.map((l) => [`${key}.${l}`, text[l]] as const)
  return sources.flatMap(([at, source]) =>
    source === undefined ? [] : checkTemplate(source, strangers).map((fault) => ({ key: at, ...fault })),
  )
}
