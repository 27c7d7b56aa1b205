/** A form control that has a value. */
export type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

/** The controls of a form that somebody fills in, in document order; hidden ones are not among them. */
export function controlsOf(form: HTMLFormElement): Control[] {
  return ([...form.elements] as Control[]).filter(
    ({ type }) => !/^(hidden|submit|reset|button|image|fieldset)/.test(type),
  )
}

/** An element with a text, which is never markup. Only what a page may want to style has a class. */
export function create<K extends 'a' | 'button' | 'div' | 'p'>(
  name: K,
  text: string,
  className = '',
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name)
  element.textContent = text
  if (className) element.className = `todoku-${className}`
  return element
}

/** Puts an element behind a control, or behind the label around it. */
export function putBeside(control: Element, element: Element): void {
  ;(control.closest('label') ?? control).after(element)
}

/** Posts, accepting JSON; rejects when no answer came within some milliseconds. */
export function request(url: string, body: BodyInit, ms: number): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    headers: { Accept: 'application/json' },
    signal: AbortSignal.timeout(ms),
  })
}
