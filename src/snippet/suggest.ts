import { clearErrors } from './errors.ts'
import { controlsOf, create, putBeside, request } from './page.ts'
import { say } from './texts.ts'

/** Milliseconds; a form is never held up longer by a question that may be answered later as well. */
const patience = 1500

/** Addresses that were asked about: each is a question once. */
const asked = new Set<string>()

/**
 * Asks the server whether the address in the form looks mistyped, and if so, the person. True when a question stands in
 * the page: then nothing is sent until it is answered with one of its buttons, or the form is sent once more.
 */
export async function askAboutAddress(form: HTMLFormElement, action: string, send: () => void): Promise<boolean> {
  const field = controlsOf(form).find(({ type, name }) => type === 'email' || name === 'email')
  const email = field?.value
  if (!field || !email || asked.has(email)) return false
  const address = await suggestionFor(action, email)
  if (!address) return false
  asked.add(email).add(address)

  const question = create('div', '', 'suggestion')
  const close = () => question.remove()
  const answer = (key: 'use' | 'keep') => {
    const button = create('button', say(form, key), key)
    button.type = 'button'
    button.onclick = () => {
      if (key === 'use') {
        field.value = address
        field.dispatchEvent(new Event('input', { bubbles: true }))
      }
      field.focus()
      send()
    }
    return button
  }
  const text = create('p', say(form, 'suggested', { address }))
  text.tabIndex = -1
  question.append(text, answer('use'), answer('keep'))
  field.addEventListener('input', close, { once: true })
  clearErrors(form, [close])
  putBeside(field, question)
  // Not a button: a second Enter of somebody in a hurry must not choose for them.
  text.focus()
  return true
}

async function suggestionFor(action: string, email: string): Promise<string | undefined> {
  try {
    const url = action.replace(/[?#].*/, '')
    const body = new Blob([JSON.stringify({ email })], { type: 'application/json' })
    const answer = await request(`${url}/suggest`, body, patience)
    return ((await answer.json()) as { suggestion?: string }).suggestion
  } catch {
    return undefined
  }
}
