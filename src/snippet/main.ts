import { draftName, fillIn, keepDraft, restoreDrafts } from './draft.ts'
import { clearErrors, showErrors } from './errors.ts'
import { follow, placeOf } from './fate.ts'
import { create } from './page.ts'
import { endKey, keyFor, type Outcome, post } from './post.ts'
import { forget, isLasting, isOver, keep, kept, keptNames, lifetime } from './storage.ts'
import { askAboutAddress } from './suggest.ts'
import { say } from './texts.ts'

/**
 * `/todoku.js`: makes the forms of a page that post to this server pleasanter, and is never needed. Whatever goes wrong
 * before a post is under way ends in the browser's own submission.
 */

type Submitter = HTMLElement | null

/** Where this script came from: the server whose forms it looks after. */
const { origin } = new URL(document.currentScript?.getAttribute('src') ?? '', document.baseURI)

/** Forms with a post under way: a second press waits for its answer. */
const busy = new WeakSet<HTMLFormElement>()

/** Forms that the browser itself is to send. */
const native = new WeakSet<HTMLFormElement>()

/** The page's policy (CSP `connect-src`) keeps scripts from posting here; forms may all the same. */
let forbidden = false

/** A value of the form, or of the button that was pressed. Attributes, since a field may be called `action` or `target`. */
function setting(form: HTMLFormElement, submitter: Submitter, name: string): string {
  return submitter?.getAttribute(`form${name}`) ?? form.getAttribute(name) ?? ''
}

function actionOf(form: HTMLFormElement, submitter: Submitter): string {
  // Unlike `new URL`, a link throws nothing where an author wrote an address that is none.
  const link = create('a', '')
  link.href = setting(form, submitter, 'action')
  return link.href
}

function isOurs(form: HTMLFormElement, submitter: Submitter): boolean {
  return (
    (form.hasAttribute('data-todoku') || actionOf(form, submitter).startsWith(`${origin}/f/`)) &&
    /^post$/i.test(setting(form, submitter, 'method')) &&
    /^(_self)?$/i.test(setting(form, submitter, 'target'))
  )
}

/** What the browser would send, and what the server judges by: how long the page was there, and who drives it. */
function dataOf(form: HTMLFormElement, submitter: Submitter, key: string): FormData {
  const data = new FormData(form)
  const button = submitter as HTMLButtonElement | null
  if (button?.name) data.append(button.name, button.value)
  if (!data.has('_idempotency')) data.append('_idempotency', key)
  data.append('_loaded', performance.now().toFixed())
  if (navigator.webdriver) data.append('_webdriver', '1')
  return data
}

/** As the browser would write it: names of files instead of them, and CRLF as line breaks. */
function urlencoded(data: FormData): URLSearchParams {
  const body = new URLSearchParams()
  for (const [name, value] of data)
    body.append(name, (value as File).name ?? String(value).replace(/\r\n?|\n/g, '\r\n'))
  return body
}

function setBusy(form: HTMLFormElement, isBusy: boolean): void {
  busy[isBusy ? 'add' : 'delete'](form)
  form.setAttribute('aria-busy', `${isBusy}`)
}

/** Lets the browser send the form itself. */
function sendNatively(form: HTMLFormElement, submitter: Submitter): void {
  native.add(form)
  form.requestSubmit(submitter)
}

/** Sends a form and shows what came of it; nothing while it is being sent already. */
async function send(form: HTMLFormElement, submitter: Submitter): Promise<void> {
  if (busy.has(form)) return
  setBusy(form, true)
  let isLeaving = false
  try {
    const ready = await prepare(form, submitter).catch(() => sendNatively(form, submitter))
    if (ready) isLeaving = await deliver(form, submitter, ready)
  } finally {
    // A press while the next page loads is one too many.
    if (!isLeaving) setBusy(form, false)
  }
}

type Ready = { action: string; key: string; data: FormData; text: URLSearchParams }

/** What is to be sent; nothing when the person was asked something first. Whatever fails here, the browser can do. */
async function prepare(form: HTMLFormElement, submitter: Submitter): Promise<Ready | undefined> {
  clearErrors(form)
  const action = actionOf(form, submitter)
  if (await askAboutAddress(form, action, () => void send(form, submitter))) return undefined
  const key = keyFor(action)
  const data = dataOf(form, submitter, key)
  placeOf(form).textContent = say(form, 'busy')
  return { action, key, data, text: urlencoded(data) }
}

/** True when the next page is being loaded. */
async function deliver(form: HTMLFormElement, submitter: Submitter, ready: Ready): Promise<boolean> {
  const { action, key, data, text } = ready
  const outcome = await post(action, /^multipart/i.test(setting(form, submitter, 'enctype')) ? data : text)
  const { kind, next, receipt } = outcome
  if (kind === 'lost') {
    if (forbidden) sendNatively(form, submitter)
    else wait(form, ready, outcome)
    return false
  }
  if (kind === 'accepted') {
    endKey(action, key)
    clear(form)
  }
  if (!show(form, outcome) || !next || next === receipt?.url || pageOf(next) === pageOf(location.href)) return false
  location.href = next
  return true
}

/** The address of a page: one that differs in its fragment only would not be loaded. */
function pageOf(url: string): string {
  return url.replace(/#.*/, '')
}

/** What was in the form is in safe hands. */
function clear(form: HTMLFormElement): void {
  forget(draftName(form))
  HTMLFormElement.prototype.reset.call(form)
}

/** Tells the author of the page what came of a post, then the visitor; false when the author's script does that. */
function show(form: HTMLFormElement, outcome: Outcome): boolean {
  const { kind, reference = '', receipt, code, errors = [], error } = outcome
  const place = placeOf(form)
  place.textContent = ''
  const url = receipt?.url ?? ''
  const [name, detail] = kind === 'accepted' ? ['sent', { reference, url }] : ['error', { code, errors }]
  const event = new CustomEvent(`todoku:${name}`, { bubbles: true, cancelable: true, detail })
  if (!form.dispatchEvent(event)) return false
  if (kind === 'accepted') follow(place, form, url, reference)
  else showErrors(form, error ?? say(form, kind), errors)
  return true
}

// --- the queue ---------------------------------------------------------------------------------------------------

type Waiting = { action: string; body: string }

/** No answer is certain: the post waits in the browser where the page wants that, else in the form. */
function wait(form: HTMLFormElement, { action, key, data, text }: Ready, outcome: Outcome): void {
  const wanted = form.getAttribute('data-todoku-offline')
  const waiting: Waiting = { action, body: `${text}` }
  if (wanted !== null && [...data.values()].some((value) => (value as File).name))
    show(form, { ...outcome, error: say(form, 'files') })
  else if (wanted !== null && isLasting && keep(`todoku:queue:${key}`, lifetime(wanted, 7), waiting)) {
    forget(`todoku:key:${action}`)
    clear(form)
    placeOf(form).textContent = say(form, 'waiting')
  } else show(form, outcome)
}

let isSending = false

/**
 * Sends what waits, each with the key it had: another tab that does the same makes no second submission. What is refused
 * or has waited too long goes back into its form; on a page without that form it waits for the page that has it, as long
 * again as it was to be kept.
 */
async function sendWaiting(): Promise<void> {
  if (isSending || document.hidden) return
  isSending = true
  for (const name of keptNames('todoku:queue:')) {
    const waiting = kept<Waiting>(name)
    if (!waiting) continue
    const form = [...document.forms].find((each) => actionOf(each, null) === waiting.action)
    const body = new URLSearchParams(waiting.body)
    const outcome: Outcome = isOver(waiting) ? { kind: 'lost' } : await post(waiting.action, body)
    if (outcome.kind === 'accepted' || isOver(waiting, waiting.ms)) forget(name)
    if (!form) continue
    if (outcome.kind === 'lost' && !isOver(waiting)) placeOf(form).textContent = say(form, 'waiting')
    else {
      if (outcome.kind !== 'accepted') fillIn(form, [...body])
      forget(name)
      show(form, outcome)
    }
  }
  isSending = false
}

/** A thank-you page, reached with the status link in its fragment; links to anywhere else are ignored. */
function followFragment(): void {
  const place = document.querySelector('[data-todoku-status]')
  // Never throws, whatever a page has for a fragment.
  const link = new URLSearchParams(location.hash.slice(1)).get('todoku')
  if (!place || !link?.startsWith(`${origin}/s/`)) return
  place.setAttribute('role', 'status')
  follow(place, place, link, '')
}

function start(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target as HTMLFormElement
    const { submitter } = event
    if (native.delete(form) || forbidden || event.defaultPrevented || !isOurs(form, submitter)) return
    event.preventDefault()
    void send(form, submitter)
  })
  document.addEventListener('securitypolicyviolation', ({ blockedURI, effectiveDirective }) => {
    forbidden ||= effectiveDirective === 'connect-src' && blockedURI.startsWith(origin)
  })
  document.addEventListener('input', ({ target }) => {
    const { form } = target as HTMLInputElement
    if (form) keepDraft(form)
  })
  document.addEventListener('visibilitychange', sendWaiting)
  addEventListener('online', sendWaiting)
  addEventListener('pageshow', ({ persisted }) => {
    // Back from the next page, as it was left.
    if (persisted) for (const form of document.forms) setBusy(form, false)
  })
  void sendWaiting()
  restoreDrafts()
  followFragment()
}

// Older browsers send the form themselves.
if ('timeout' in AbortSignal && 'requestSubmit' in HTMLFormElement.prototype) start()
