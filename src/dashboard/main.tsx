import { computed, effect, untracked } from '@preact/signals'
import { render } from 'preact'
import { guarded, overview } from './connection-state.ts'
import { FormPage, Forms, SubmissionPage } from './forms.tsx'
import { isTesting, refreshForms } from './forms-state.ts'
import { Fault } from './frame.tsx'
import { Mailbox } from './mailbox.tsx'
import { openMail, refreshMailbox } from './mailbox-state.ts'
import { followAddress, type View, view } from './route-state.ts'
import { language, t } from './words.ts'

/** How often a view looks for what is new, in milliseconds. */
const pollMs = { mailbox: 2000, forms: 5000, test: 1000 }

document.documentElement.lang = language
followAddress()
effect(() => {
  const now = view.value
  if (now !== null && now.name !== 'mailbox') return
  document.title = t.title
  void openMail(now?.id ?? null)
})
render(<App />, document.body)
watch()

function App() {
  const now = shownView()
  switch (now?.name) {
    case undefined:
      return <Fault />
    case 'mailbox':
      return <Mailbox />
    case 'forms':
      return <Forms />
    case 'form':
      return <FormPage key={now.form} name={now.form} waiting={now.waiting} />
    case 'submission':
      return <SubmissionPage key={now.reference} reference={now.reference} />
  }
}

/** What comes first: the mailbox where there is one, else the forms. Null until that is known. */
function shownView(): View | null {
  if (view.value !== null) return view.value
  if (overview.value === null) return null
  return overview.value.transport === 'capture' ? { name: 'mailbox', id: null } : { name: 'forms' }
}

/** Keeps what is shown up to date for as long as the page is open, and begins at once when something else is to be known. */
function watch(): void {
  let timer = 0
  let round = 0
  const wanted = computed(() => `${JSON.stringify(shownView())} ${isTesting()}`)
  effect(() => {
    wanted.value
    round += 1
    const own = round
    clearTimeout(timer)
    const look = async () => {
      const isMailbox = shownView()?.name === 'mailbox'
      if (!document.hidden) await guarded(isMailbox ? refreshMailbox : refreshForms)
      if (own === round) timer = setTimeout(look, isMailbox ? pollMs.mailbox : isTesting() ? pollMs.test : pollMs.forms)
    }
    untracked(() => void look())
  })
}
