/**
 * Keeps the status page up to date where script is on: asks for the JSON with its entity tag, and takes the page's
 * own text when something changed. Waits longer the longer nothing happens, and never replaces a field somebody types in.
 */
export const statusScript = `
(() => {
  const path = location.pathname.replace(/\\/(?:correct|resend)$/, '')
  let etag = document.getElementById('fate').dataset.etag
  let wait = 1000
  const typing = () => document.activeElement instanceof HTMLInputElement && document.activeElement.value !== document.activeElement.defaultValue
  const open = () => document.getElementById('fate').dataset.open
  const plan = () => setTimeout(look, wait)
  async function look() {
    if (document.hidden) return document.addEventListener('visibilitychange', look, { once: true })
    try {
      const answer = await fetch(path + '.json', { headers: { 'if-none-match': etag }, cache: 'no-store' })
      let news = false
      if (answer.status === 200 && !typing()) {
        const next = new DOMParser().parseFromString(await (await fetch(path, { cache: 'no-store' })).text(), 'text/html')
        const fate = next.getElementById('fate')
        if (fate) {
          news = fate.dataset.etag !== etag
          etag = fate.dataset.etag
          document.getElementById('fate').replaceWith(fate)
          document.querySelector('.foot').replaceWith(next.querySelector('.foot'))
          document.title = next.title
          document.querySelector('link[rel=icon]').href = next.querySelector('link[rel=icon]').href
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
