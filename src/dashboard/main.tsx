import { render } from 'preact'
import { Mailbox } from './mailbox.tsx'
import { watchMailbox } from './mailbox-state.ts'
import { language, t } from './words.ts'

document.documentElement.lang = language
document.title = t.title
watchMailbox()
render(<Mailbox />, document.body)
