import type { ComponentChildren } from 'preact'
import { type Alarm, fault, overview } from './connection-state.ts'
import { addressOf, go, type View, view } from './route-state.ts'
import { formatTime, t } from './words.ts'

/** A way to another view; with a modifier key it opens as links do. */
export function Way({ to, children, current = false }: { to: View; children: ComponentChildren; current?: boolean }) {
  return (
    <a
      href={addressOf(to)}
      aria-current={current ? 'page' : undefined}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return
        event.preventDefault()
        go(to)
      }}
    >
      {children}
    </a>
  )
}

/** The views there are. Only `capture` has a mailbox. */
export function Ways() {
  if (overview.value === null) return null
  const waiting = overview.value.forms.reduce((sum, form) => sum + form.waiting, 0)
  const isMailbox = view.value === null || view.value.name === 'mailbox'
  return (
    <nav class="ways" aria-label={t.views}>
      {overview.value.transport === 'capture' && (
        <Way to={{ name: 'mailbox', id: null }} current={isMailbox}>
          {t.title}
        </Way>
      )}
      <Way to={{ name: 'forms' }} current={view.value?.name === 'forms'}>
        {t.forms}
        {waiting > 0 ? ` · ${t.waiting(waiting)}` : ''}
      </Way>
    </nav>
  )
}

/** What is wrong now. */
export function Alarms({ items }: { items: readonly Alarm[] }) {
  if (items.length === 0) return null
  return (
    <section class="alarms" aria-label={t.alarms}>
      {items.map(({ key, title, sentence, next, since }) => (
        <details key={key}>
          <summary>
            <strong>{title}</strong> {t.since(formatTime(since))}
          </summary>
          <p>
            <Told text={sentence} />
          </p>
          <p>
            <Told text={next} />
          </p>
        </details>
      ))}
    </section>
  )
}

/** A text in which commands and settings stand between backticks, as they are written for terminals and mails. */
export function Told({ text }: { text: string }) {
  return text.split(/`([^`]+)`/).map((part, n) => (n % 2 === 0 ? part : <code>{part}</code>))
}

export function Fault() {
  if (fault.value === null) return null
  return (
    <p class="fault" role="alert">
      {fault.value}
    </p>
  )
}
