import { type Control, controlsOf } from './page.ts'
import { forget, isOver, keep, kept, keptNames, lifetime } from './storage.ts'

type Fields = [name: string, value: string][]

const attribute = 'data-todoku-draft'

/** Removes drafts whose time is over, on whichever page they were written, and fills in those of this one. */
export function restoreDrafts(): void {
  for (const name of keptNames('todoku:draft:')) if (isOver(kept(name))) forget(name)
  for (const form of document.forms) {
    const draft = kept<{ fields: Fields }>(draftName(form))
    if (draft && form.hasAttribute(attribute)) fillIn(form, draft.fields, mayKeep)
  }
}

/** Keeps what is typed, where the page asks for it. */
export function keepDraft(form: HTMLFormElement): void {
  const wanted = form.getAttribute(attribute)
  if (wanted === null) return
  const elements = [...form.elements] as Control[]
  const fields = [...new FormData(form)].filter(([name]) =>
    elements.every((control) => control.name !== name || mayKeep(control)),
  )
  keep(draftName(form), lifetime(wanted, 1), { fields })
}

/** One draft per form of a page. */
export function draftName(form: HTMLFormElement): string {
  return `todoku:draft:${location.pathname}:${[...document.forms].indexOf(form)}`
}

/** Fills a form as it was when it had these values; text that was typed since stays. */
export function fillIn(
  form: HTMLFormElement,
  fields: Fields,
  mayFill: (control: Control) => boolean = () => true,
): void {
  for (const control of controlsOf(form).filter(mayFill)) {
    const has = (wanted: string) => fields.some(([name, value]) => name === control.name && value === wanted)
    const next = fields.find(([name]) => name === control.name)
    if (next && 'options' in control) for (const option of control.options) option.selected = has(option.value)
    else if (/^(checkbox|radio)$/.test(control.type)) (control as HTMLInputElement).checked = has(control.value)
    else if (next) {
      fields.splice(fields.indexOf(next), 1)
      if (control.value === (control as HTMLInputElement).defaultValue) control.value = next[1]
    }
  }
}

/** Secrets, files, hidden fields, honeypots, and what the page calls private stay out. */
function mayKeep(control: Control): boolean {
  return (
    !/^(password|file|hidden)$/.test(control.type) &&
    !/^_/.test(control.name) &&
    !/^cc-|one-time|password/.test(control.autocomplete) &&
    !control.closest('[data-todoku-private]')
  )
}
