import { type Control, controlsOf, create, putBeside } from './page.ts'

/** What the server says is wrong; `field` is null where the whole post is meant. */
export type FieldError = { field: string | null; code: string; message: string }

const shown = new WeakMap<HTMLFormElement, (() => void)[]>()
let ids = 0

/** Takes away what a form was told when it was last sent, and remembers how to take away what it is told now. */
export function clearErrors(form: HTMLFormElement, undos: (() => void)[] = []): void {
  for (const undo of shown.get(form) ?? []) undo()
  shown.set(form, undos)
}

/**
 * Shows a sentence for the form and each error beside its field, in the page's own `[data-todoku-error]` elements where
 * it has them, and puts the focus on the first wrong field. An error goes away when its field changes.
 */
export function showErrors(form: HTMLFormElement, sentence: string, errors: readonly FieldError[]): void {
  const sentences = [sentence]
  const undos: (() => void)[] = []
  clearErrors(form, undos)
  for (const { field, message } of errors) {
    const controls = controlsOf(form).filter(({ name }) => name === field)
    const last = controls.at(-1)
    if (!last) sentences.push(message)
    // Of several errors of one field the first is told.
    else if (!last.hasAttribute('aria-invalid')) {
      const parts: (() => void)[] = []
      const undo = () => {
        for (const part of parts) part()
      }
      const { id } = tell(form, last.name, message, parts, last)
      for (const control of controls) {
        const before = control.getAttribute('aria-describedby')
        control.setAttribute('aria-invalid', 'true')
        control.setAttribute('aria-describedby', before ? `${before} ${id}` : id)
        control.addEventListener('input', undo, { once: true })
        parts.push(() => {
          control.removeAttribute('aria-invalid')
          if (before) control.setAttribute('aria-describedby', before)
          else control.removeAttribute('aria-describedby')
        })
      }
      undos.push(undo)
    }
  }
  tell(form, '', sentences.join(' '), undos).setAttribute('role', 'alert')
  controlsOf(form)
    .find((control) => control.hasAttribute('aria-invalid'))
    ?.focus()
}

/** Fills the page's own element for an error, or a new one beside the control; how to undo it is added to a list. */
function tell(
  form: HTMLFormElement,
  field: string,
  text: string,
  undos: (() => void)[],
  control?: Control,
): HTMLElement {
  const own = form.querySelector<HTMLElement>(`[data-todoku-error="${CSS.escape(field)}"]`)
  const element = own ?? create('p', text, 'error')
  if (own) element.hidden = false
  else if (control) putBeside(control, element)
  else form.append(element)
  element.id ||= `todoku-${++ids}`
  element.textContent = text
  undos.push(() => {
    element.textContent = ''
    if (own) own.hidden = true
    else element.remove()
  })
  return element
}
