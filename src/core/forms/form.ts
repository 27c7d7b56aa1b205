import * as z from 'zod'
import { languages } from '../language.ts'
import { verdictRules } from '../submissions/submission.ts'

/** How a form is named in its path `/f/{form}`; kept narrow so that a name is safe in paths, logs and commands. */
const formNamePattern = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/i

/** Names that paths of our own, or conventions of other services, already use. */
const reservedFormNames = new Set([
  'api',
  'app',
  'ajax',
  'confirm',
  'f',
  'files',
  'healthz',
  'hooks',
  'metrics',
  'p',
  'readyz',
  's',
  'stop',
  'submit',
  'thanks',
])

/** Whether a form may have this name. */
export function isFormName(name: string): boolean {
  return formNamePattern.test(name) && !reservedFormNames.has(name.toLowerCase())
}

/** What the server checks for one control of a page's form; derived from its constraint attributes (HTML §4.10). */
export type ControlRule = {
  name: string
  /** The input's type, or `textarea`, `select`. Hidden inputs are kept so that their names are known. */
  kind: ControlKind
  /** Text of its `<label>`, else `aria-label`, else the placeholder; null when it has none. */
  label: string | null
  required: boolean
  /** `email` and `file` inputs and selects: more than one value is allowed. */
  multiple: boolean
  /** UTF-16 code units, newlines counted as CRLF → one `\n`, as browsers count. */
  minLength: number | null
  maxLength: number | null
  pattern: PatternRule | null
  /** As written in the page; meaning depends on `kind`. */
  min: string | null
  max: string | null
  step: string | null
  /** `value` attribute, where steps begin because `min` does not say; only where the kind has steps. */
  stepBase?: string
  /** Tokens of a file input's `accept`. */
  accept: readonly string[] | null
  /** Values a select, radio group or checkbox can have; null where any value is possible. */
  options: readonly string[] | null
  /** Of several checkboxes with one name: the values of those that must be ticked. */
  requiredOptions?: readonly string[]
}

export const controlKinds = [
  'text',
  'search',
  'tel',
  'url',
  'email',
  'password',
  'number',
  'range',
  'date',
  'month',
  'week',
  'time',
  'datetime-local',
  'color',
  'checkbox',
  'radio',
  'file',
  'hidden',
  'textarea',
  'select',
] as const
export type ControlKind = (typeof controlKinds)[number]

/** A `pattern` attribute: run natively with the `v` flag, exactly as the browser does, or in a time-boxed worker. */
export type PatternRule = {
  source: string
  /** The control's `title`, which browsers show as the explanation of the pattern. */
  title: string | null
  safety: 'safe' | 'risky'
}

/** The rules of one form as one page, or several pages with equal rules, state them. */
export type RuleVariant = {
  /** Paths of the pages below the site, `/` first, sorted. */
  pages: readonly string[]
  /** `lang` that applies to the `<form>`, as written. */
  language: string | null
  /** Encoding the page's form posts in (WHATWG label), almost always `utf-8`. */
  charset: string
  /** The page's title; becomes the form's title where its settings give none. */
  title: string | null
  controls: readonly ControlRule[]
}

/** A text in the two languages, or one text for both. */
const localized = z.union([z.string(), z.strictObject({ en: z.string().optional(), ja: z.string().optional() })])
export type Localized = z.infer<typeof localized>

const mailbox = z
  .string()
  .min(3)
  .max(254)
  .regex(/^[^\s<>,;]+@[^\s<>,;@]+$/, 'must be one plain address, like office@example.jp')

const template = z.strictObject({
  subject: localized.optional(),
  body: localized.optional(),
})

/**
 * A form's settings: what a person decides, as written below `forms:` in todoku.yaml. All of it is optional; what
 * is left out follows the stated default.
 */
export const formSettingsSchema = z
  .strictObject({
    title: localized.optional(),
    language: z.enum(languages).optional(),
    managers: z.array(mailbox).min(1).max(20).optional(),
    /** Addresses that a post may ask a copy of its notification for, with `_cc`; any other is ignored. */
    cc: z.array(mailbox).max(20).optional(),
    /** Managers chosen by the value of a field; a value that is not listed goes to `managers`. */
    route: z
      .strictObject({ field: z.string().min(1), to: z.record(z.string(), z.array(mailbox).min(1).max(20)) })
      .optional(),
    /** The field that holds the submitter's address; else the first email input, else a field named like one. */
    emailField: z.string().min(1).optional(),
    confirmation: template
      .extend({
        enabled: z.boolean().optional(),
        fromName: z.string().max(100).optional(),
        replyTo: mailbox.optional(),
        /** Lets the texts of a confirmation contain what the submitter typed. Off: spammers use forms as relays. */
        allowUserText: z.boolean().optional(),
        /** `required`: only a post with a proof of work is answered by mail; the confirmation of any other is held. */
        proof: z.enum(['off', 'required']).optional(),
      })
      .optional(),
    /** The address is asked first: only when its owner confirms the submission, the managers are told of it. */
    doubleOptIn: z.boolean().optional(),
    /** What makes a post wait for review. */
    spam: z
      .strictObject({
        /** Further fields that nobody sees: names of traps. */
        honeypot: z.array(z.string().min(1).max(100)).max(20).optional(),
        /** Sent sooner after showing the page is suspicious; the page's script tells. */
        minSeconds: z.number().min(0).max(60).optional(),
        /** Posts of one network in 10 minutes. */
        perClient: z.number().int().min(1).max(1000).optional(),
        /** Posts with the same long text in an hour. */
        repeated: z.number().int().min(1).max(1000).optional(),
        /** Links in one post. */
        links: z.number().int().min(0).max(1000).optional(),
        words: z.array(z.string().min(1).max(100)).max(200).optional(),
        /** Rules that only show what they would have done; `true`: all. */
        shadow: z.union([z.literal(true), z.array(z.enum(verdictRules))]).optional(),
      })
      .optional(),
    notification: template
      .extend({
        /** `mail`: the managers get a mail when a confirmation bounces for good; else only the submission's story says it. */
        bounces: z.enum(['note', 'mail']).optional(),
      })
      .optional(),
    /** Origins (`https://www.example.jp`) whose pages may post; empty: any. Also where `_next` may lead. */
    origins: z
      .array(z.string().regex(/^https?:\/\/[^/\s]+$/, 'must be an origin, like https://www.example.jp'))
      .max(50)
      .optional(),
    /** Where a browser goes after an accepted post: a path of the posting page's origin or a URL of an allowed origin. */
    thanks: z.string().max(2000).optional(),
    rules: z.enum(['observe', 'enforce']).optional(),
  })
  .meta({ id: 'FormSettings' })
export type FormSettings = z.infer<typeof formSettingsSchema>

/** One version of a form; never changed, a change is the next version. */
export type FormRecord = {
  name: string
  version: number
  createdAt: number
  /** What made this version: rules read from pages, or settings applied. */
  origin: 'pages' | 'settings'
  settings: FormSettings
  /** Empty when no page of the form is known; then nothing but the e-mail address is checked. */
  variants: readonly RuleVariant[]
}
