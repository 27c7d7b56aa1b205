/**
 * Keeps the status page up to date where script is on: asks for the JSON with its entity tag, and takes the page's
 * own text when something changed. Waits longer the longer nothing happens, never replaces a field somebody types in,
 * leaves the focus where it was, and says to a screen reader what became of the mails.
 */
const followingScript = `
(() => {
  const path = location.pathname.replace(/\\/(?:correct|resend)$/, '')
  const find = (id) => document.getElementById(id)
  let etag = find('fate').dataset.etag
  let wait = 1000
  const typing = () => document.querySelector('[aria-busy]') || document.activeElement instanceof HTMLInputElement && document.activeElement.value !== document.activeElement.defaultValue
  const open = () => find('fate').dataset.open
  const states = () => [...document.querySelectorAll('.mail')].map((mail) => mail.querySelector('h2').textContent + ': ' + mail.querySelector('.state').textContent)
  const plan = () => setTimeout(look, wait)
  async function look() {
    if (document.hidden) return document.addEventListener('visibilitychange', look, { once: true })
    try {
      const answer = await fetch(path + '.json', { headers: { 'if-none-match': etag }, cache: 'no-store' })
      let news = false
      if (answer.status === 200 && !typing()) {
        const next = new DOMParser().parseFromString(await (await fetch(path, { cache: 'no-store' })).text(), 'text/html')
        const fate = next.getElementById('fate')
        if (fate && !document.querySelector('[aria-busy]')) {
          const before = states()
          const focused = document.activeElement.id
          news = fate.dataset.etag !== etag
          etag = fate.dataset.etag
          find('fate').replaceWith(fate)
          document.querySelector('.foot').replaceWith(next.querySelector('.foot'))
          document.title = next.title
          document.querySelector('link[rel=icon]').href = next.querySelector('link[rel=icon]').href
          if (focused) find(focused)?.focus()
          const said = states().filter((state) => !before.includes(state))
          if (said.length > 0) find('news').textContent = said.join(' ')
        }
      }
      wait = news ? 1000 : Math.min(wait * 1.5, open() === 'late' ? 300000 : 30000)
    } catch {
      wait = Math.min(wait * 2, 60000)
    }
    if (open() !== 'no' || typing()) plan()
  }
  if (open() !== 'no') plan()
})()
`

/**
 * Fetches the widget that proves work when somebody begins to type or to press, and has it make a proof when a form that
 * wants one is sent. Whatever fails there, the form is posted all the same: the answer says what that means.
 */
const provingScript = `
(() => {
  const find = (id) => document.getElementById(id)
  let widget = null
  let busy = false
  const fetched = () => {
    const proof = find('proof')
    if (proof) widget ??= new Promise((resolve) => {
      document.head.append(Object.assign(document.createElement('script'), { src: proof.dataset.script, onload: resolve, onerror: resolve }))
    })
    return widget
  }
  const solution = async () => {
    await fetched()
    return (await find('proof').verify())?.payload ?? ''
  }
  addEventListener('focusin', fetched)
  if (document.activeElement !== document.body) fetched()
  addEventListener('submit', async (event) => {
    const form = event.target
    if (busy) event.preventDefault()
    if (busy || !form.altcha) return
    event.preventDefault()
    busy = true
    form.ariaBusy = 'true'
    const button = form.querySelector('button')
    const label = button.textContent
    find('news').textContent = button.textContent = find('proof').dataset.wait
    form.altcha.value = await Promise.race([solution().catch(() => ''), new Promise((resolve) => setTimeout(resolve, 30000, ''))])
    form.submit()
    // For who is still here then.
    setTimeout(() => {
      busy = false
      form.ariaBusy = null
      button.textContent = label
    }, 5000)
  })
  // Who comes back finds the page as it is now.
  addEventListener('pageshow', (event) => event.persisted && location.reload())
})()
`

/** The script of the status page. `proof`: of a form that asks for a proof of work. The policy names its hash. */
export function statusScript({ proof }: { proof: boolean }): string {
  // Each is a call in brackets: without the sign between them the second would be an argument of the first.
  return proof ? `${followingScript};${provingScript}` : followingScript
}
