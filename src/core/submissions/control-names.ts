/** What a control field is for. `ignored`: it is taken out of the post, and does nothing here. */
export type ControlMeaning =
  | 'next'
  | 'error'
  | 'subject'
  | 'fromName'
  | 'replyTo'
  | 'cc'
  | 'language'
  | 'honeypot'
  | 'captcha'
  | 'formName'
  | 'idempotencyKey'
  | 'uploads'
  | 'loaded'
  | 'webdriver'
  | 'test'
  | 'ignored'

/**
 * When a name means what the convention says; otherwise the field is an ordinary one. Names that begin with `_` always do.
 * The others are names that real fields have too, so the form's pages decide, as far as they are known.
 */
export const controlConditions = {
  always: 'always',
  'not-required': 'always, unless a page of the form requires a field of this name',
  'not-shown': 'always, unless a page of the form shows visitors a field of this name',
  hidden:
    'where the form’s pages have it as a hidden input; where no page is known, if the post names its form by `access_key`, `apikey` or `form-name`',
} as const
export type ControlCondition = keyof typeof controlConditions

/** One row of the conventions of other form services: names with one meaning, and what becomes of them here. */
export type Convention = {
  /** Exact names, upper and lower case as written; one that ends in `*` stands for all that begin so. */
  names: readonly string[]
  meaning: ControlMeaning
  when: ControlCondition
  /** Services whose pages have it; empty: our own. */
  services: readonly string[]
  /** What it does here. */
  here: string
  /** What is not as it was at those services, and why; null where nothing is. */
  differs: string | null
}

const trap = {
  meaning: 'honeypot',
  here: 'a trap for bots; a post with a filled one is kept for review',
  differs:
    'a filled one is kept for review: the answer is a success that says so (`review: quarantined`). Nothing is thrown away, because browsers fill in such fields too.',
} as const

const redirect = {
  meaning: 'next',
  here: 'where the browser goes afterwards: a path, or a URL of the page’s own origin or of one in the form’s `origins`',
  differs:
    'a URL of another origin than the page’s counts only when it is listed in the form’s `origins`: a form that sends people anywhere is a tool for phishing. The link to the status page is added behind `#todoku=`, in place of a fragment of its own.',
} as const

const subject = {
  meaning: 'subject',
  here: 'subject of the notification where the form’s settings have none, never of the confirmation; 200 characters, one line',
  differs: null,
} as const

const answerTo = {
  meaning: 'replyTo',
  here: 'the submitter’s address, where the form has no e-mail field; ignored when it is not one address',
  differs:
    'it counts only where the form has no e-mail field, and what it holds gets a confirmation like any other address.',
} as const

const copies = {
  meaning: 'cc',
  here: 'copies of the notification to those of these addresses that are listed in the form’s setting `cc`',
  differs:
    'only addresses in the form’s setting `cc` get a copy: recipients taken from a page would let anybody send mail through the form.',
} as const

const sender = {
  meaning: 'fromName',
  here: 'display name of the notification’s sender; 100 characters, none that looks like an address',
  differs: null,
} as const

/**
 * The conventions of other form services, as far as pages can say them in fields. `docs/guide/migrate.md` shows this table,
 * `todoku migrate check` reads it, and `splitControls` obeys it.
 */
export const conventions: readonly Convention[] = [
  { names: ['_gotcha'], when: 'always', services: ['Formspree', 'Formspark', 'coss'], ...trap },
  { names: ['_honeypot'], when: 'always', services: ['Formspark', 'Formplug'], ...trap },
  { names: ['_honey'], when: 'always', services: ['FormSubmit'], ...trap },
  { names: ['botcheck'], when: 'not-required', services: ['Web3Forms'], ...trap },
  { names: ['bot-field'], when: 'not-required', services: ['Netlify'], ...trap },
  { names: ['_next'], when: 'always', services: ['Formspree', 'FormSubmit', 'coss'], ...redirect },
  { names: ['_redirect'], when: 'always', services: ['Formspark', 'Postbag', 'Formplug'], ...redirect },
  { names: ['_after'], when: 'always', services: [], ...redirect },
  { names: ['redirect'], when: 'hidden', services: ['Web3Forms'], ...redirect },
  { names: ['redirectTo', 'redirect_to'], when: 'hidden', services: ['Static Forms'], ...redirect },
  { names: ['next'], when: 'hidden', services: ['listmonk'], ...redirect },
  {
    names: ['_error'],
    meaning: 'error',
    when: 'always',
    services: ['Formspark'],
    here: 'where the browser goes when the post is refused; the same targets as `_next`. The code of the error is added behind `#todoku-error=`',
    differs:
      'without it the visitor gets the form back with everything that was typed, and what to correct. With it that is lost, so it is better left out.',
  },
  {
    names: ['_append'],
    meaning: 'ignored',
    when: 'always',
    services: ['Formspark'],
    here: 'nothing',
    differs:
      'what was typed is never added to the address of the next page: it would stand in histories, logs and statistics of others.',
  },
  { names: ['_subject'], when: 'always', services: ['Formspree', 'FormSubmit', 'Postbag'], ...subject },
  { names: ['_email.subject'], when: 'always', services: ['Formspark'], ...subject },
  {
    names: ['subject'],
    when: 'hidden',
    services: ['Web3Forms', 'Netlify'],
    ...subject,
    differs:
      'a field that visitors fill in stays a field; it can be put into the subject with the form’s setting `notification.subject`. Placeholders of Netlify (`%{formName}`) are not filled in.',
  },
  { names: ['_replyto', '_reply_to', '_replyTo'], when: 'always', services: ['Formspree', 'FormSubmit'], ...answerTo },
  { names: ['_email.replyto'], when: 'always', services: ['Formspark'], ...answerTo },
  { names: ['replyto', 'replyTo'], when: 'hidden', services: ['Web3Forms', 'Static Forms'], ...answerTo },
  { names: ['_cc', '_bcc'], when: 'always', services: ['Formspree', 'FormSubmit', 'Formplug'], ...copies },
  { names: ['ccemail'], when: 'hidden', services: ['Web3Forms'], ...copies },
  { names: ['from_name'], when: 'hidden', services: ['Web3Forms'], ...sender },
  { names: ['_email.from'], when: 'always', services: ['Formspark'], ...sender },
  {
    names: ['_language', '_feedback.language'],
    meaning: 'language',
    when: 'always',
    services: ['Formspree', 'Formspark'],
    here: '`en` or `ja`: language of messages, mails and status page',
    differs: 'there are English and Japanese; any other language is ignored.',
  },
  {
    names: ['_to'],
    meaning: 'ignored',
    when: 'always',
    services: ['Formplug'],
    here: 'nothing',
    differs: 'recipients are never taken from a page; name them in the form’s setting `managers`.',
  },
  {
    names: ['_template', '_format', '_email.template.*'],
    meaning: 'ignored',
    when: 'always',
    services: ['FormSubmit', 'Formspree', 'Formspark'],
    here: 'nothing',
    differs: 'the look of mails is set in the form’s settings, below `notification` and `confirmation`.',
  },
  {
    names: ['_feedback.*'],
    meaning: 'ignored',
    when: 'always',
    services: ['Formspark'],
    here: 'nothing',
    differs: 'the page that is shown afterwards is the status page, or the one that `_next` names.',
  },
  {
    names: ['_autoresponse'],
    meaning: 'ignored',
    when: 'always',
    services: ['FormSubmit'],
    here: 'nothing',
    differs:
      'every submitter with an address gets a confirmation, and its text stands in the form’s setting `confirmation`: a text taken from a page would let anybody mail anything to anybody.',
  },
  {
    names: ['_captcha'],
    meaning: 'ignored',
    when: 'always',
    services: ['FormSubmit'],
    here: 'nothing',
    differs: 'no page of puzzles stands in between, so there is none to turn off.',
  },
  {
    names: ['g-recaptcha-response', 'recaptcha_response', 'h-captcha-response', 'cf-turnstile-response'],
    meaning: 'captcha',
    when: 'not-shown',
    services: ['Formspree', 'Netlify', 'Web3Forms', 'Static Forms'],
    here: 'taken out of the post',
    differs: 'it is not checked: no third party is asked. The widget can be removed from the page.',
  },
  {
    names: ['_botpoison'],
    meaning: 'captcha',
    when: 'always',
    services: ['Formspark'],
    here: 'taken out of the post',
    differs: 'it is not checked: no third party is asked. Its script can be removed from the page.',
  },
  {
    names: ['altcha'],
    meaning: 'captcha',
    when: 'not-shown',
    services: ['Static Forms', 'listmonk'],
    here: 'proof of work, where the form asks for it',
    differs: 'the widget must get its challenge from this server; one of another server is not accepted.',
  },
  {
    names: ['_webhook'],
    meaning: 'ignored',
    when: 'always',
    services: ['FormSubmit'],
    here: 'nothing',
    differs: 'addresses to call are never taken from a page: they could point into the network this server stands in.',
  },
  {
    names: ['webhook'],
    meaning: 'ignored',
    when: 'hidden',
    services: ['Web3Forms'],
    here: 'nothing',
    differs: 'addresses to call are never taken from a page: they could point into the network this server stands in.',
  },
  {
    names: ['_blacklist'],
    meaning: 'ignored',
    when: 'always',
    services: ['FormSubmit'],
    here: 'nothing',
    differs: 'unwanted words are not taken from a page, where senders of spam can read them.',
  },
  {
    names: ['_url'],
    meaning: 'ignored',
    when: 'always',
    services: ['FormSubmit'],
    here: 'nothing',
    differs: 'where a post comes from is taken from the browser’s headers, which a page can’t forge.',
  },
  {
    names: ['access_key', 'apikey', 'apiKey', 'accessKey'],
    meaning: 'formName',
    when: 'not-shown',
    services: ['Web3Forms', 'Static Forms'],
    here: 'name of the form, for posts to `/submit`',
    differs: null,
  },
  {
    names: ['form-name'],
    meaning: 'formName',
    when: 'always',
    services: ['Netlify'],
    here: 'name of the form, for posts to `/submit` or to a page that `todoku serve` serves',
    differs: null,
  },
  {
    names: ['static-form-name'],
    meaning: 'formName',
    when: 'always',
    services: ['Cloudflare Pages'],
    here: 'as `form-name`',
    differs: null,
  },
  {
    names: ['_form'],
    meaning: 'formName',
    when: 'always',
    services: [],
    here: 'as `form-name`',
    differs: null,
  },
  {
    names: ['_idempotency'],
    meaning: 'idempotencyKey',
    when: 'always',
    services: ['Postbag'],
    here: 'a value made when the page was rendered: posted again with the same content, it is the same submission',
    differs: null,
  },
  {
    names: ['_test'],
    meaning: 'test',
    when: 'always',
    services: ['Postbag'],
    here: 'marks the submission as a test: managers are told, the submitter is not',
    differs:
      'in a form with double opt-in it counts only without an e-mail address: else anybody could go around being asked.',
  },
  {
    names: ['_charset_'],
    meaning: 'ignored',
    when: 'always',
    services: [],
    here: 'filled in by the browser: the encoding the page posts in',
    differs: null,
  },
  {
    names: ['_loaded'],
    meaning: 'loaded',
    when: 'always',
    services: [],
    here: 'milliseconds between showing the page and posting it, as the page’s script measured them',
    differs: null,
  },
  {
    names: ['_webdriver'],
    meaning: 'webdriver',
    when: 'always',
    services: [],
    here: '`1` when the browser says that a program steers it',
    differs: null,
  },
  {
    names: ['_uploads'],
    meaning: 'uploads',
    when: 'always',
    services: [],
    here: 'uploads of an earlier try, sealed, which our own error page carries along',
    differs: null,
  },
]

const byName = new Map(conventions.flatMap((row) => row.names.map((name) => [name, row] as const)))
const byPrefix = conventions.flatMap((row) =>
  row.names.filter((name) => name.endsWith('*')).map((name) => ({ prefix: name.slice(0, -1), row })),
)

/**
 * The row of a field's name; null for ordinary fields, and for names beginning with `_` that nobody gave a meaning.
 *
 * @example conventionOf('_honey')?.meaning // 'honeypot'
 */
export function conventionOf(name: string): Convention | null {
  return byName.get(name) ?? byPrefix.find(({ prefix }) => name.startsWith(prefix))?.row ?? null
}
