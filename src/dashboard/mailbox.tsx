import { useSignal } from '@preact/signals'
import { overview } from './connection-state.ts'
import { Alarms, Fault, Ways } from './frame.tsx'
import { clear, loadOlder, type Mail, type MailSummary, mails, older, opened } from './mailbox-state.ts'
import { addressOf, go } from './route-state.ts'
import { formatTime, t } from './words.ts'

/** The local mailbox: a list, and one mail beside it. */
export function Mailbox() {
  return (
    <main class={opened.value === null ? 'app' : 'app reading'}>
      <header>
        <h1>{t.title}</h1>
        <p>{t.what}</p>
        <Alarms items={overview.value?.alarms ?? []} />
        <Ways />
      </header>
      <Fault />
      <nav class="list" aria-label={t.title}>
        <List items={mails.value} />
      </nav>
      <div class="mail">
        {opened.value === null ? (
          <p class="hint">{t.choose}</p>
        ) : (
          <OpenMail mail={opened.value} key={opened.value.id} />
        )}
      </div>
    </main>
  )
}

function List({ items }: { items: readonly MailSummary[] | null }) {
  if (items === null) return null
  if (items.length === 0) return <p class="hint">{t.empty}</p>
  return (
    <>
      <ul aria-live="polite">
        {items.map((item) => (
          <li key={item.id}>
            <a
              href={addressOf({ name: 'mailbox', id: item.id })}
              aria-current={opened.value?.id === item.id ? 'true' : undefined}
              onClick={(event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return
                event.preventDefault()
                go({ name: 'mailbox', id: item.id })
              }}
            >
              <span class="subject">{item.subject}</span>
              <span class="to">{item.to}</span>
              <time dateTime={item.at}>
                {formatTime(item.at)}
                {item.attempt > 1 ? ` · ${t.attempt(item.attempt)}` : ''}
              </time>
            </a>
          </li>
        ))}
      </ul>
      <p class="tools">
        {older.value !== null && (
          <button type="button" onClick={() => void loadOlder()}>
            {t.older}
          </button>
        )}
        <button type="button" onClick={() => void clear()}>
          {t.clear}
        </button>
      </p>
    </>
  )
}

type View = 'formatted' | 'text' | 'headers'

function OpenMail({ mail }: { mail: Mail }) {
  const view = useSignal<View>(mail.html === null ? 'text' : 'formatted')
  const views: readonly View[] = mail.html === null ? ['text', 'headers'] : ['formatted', 'text', 'headers']
  return (
    <article aria-labelledby="subject">
      <p class="back">
        <button type="button" onClick={() => go({ name: 'mailbox', id: null })}>
          {t.back}
        </button>
      </p>
      <h2 id="subject">{mail.subject}</h2>
      <dl>
        <dt>{t.from}</dt>
        <dd>{mail.from}</dd>
        <dt>{t.to}</dt>
        <dd>{mail.to}</dd>
        <dt>{t.received}</dt>
        <dd>{formatTime(mail.at)}</dd>
      </dl>
      <div class="views">
        {views.map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={view.value === name}
            onClick={() => {
              view.value = name
            }}
          >
            {t[name]}
          </button>
        ))}
        <a href={`/api/v1/mailbox/${mail.id}/raw`} download>
          {t.source}
        </a>
      </div>
      {view.value === 'formatted' && <Formatted html={mail.html ?? ''} title={mail.subject} />}
      {view.value === 'text' && <pre>{mail.text === '' ? t.noText : mail.text}</pre>}
      {view.value === 'headers' && <pre>{mail.headers.map(({ name, value }) => `${name}: ${value}`).join('\n')}</pre>}
      {mail.attachments.length > 0 && (
        <section>
          <h3>{t.attachments}</h3>
          <ul class="files">
            {mail.attachments.map(({ number, fileName, type, size }) => (
              <li key={number}>
                <a href={`/api/v1/mailbox/${mail.id}/attachments/${number}`} download={fileName}>
                  {fileName}
                </a>{' '}
                <span>
                  {type}, {size} B
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </article>
  )
}

/** The mail's own page in a box without script, form or way out; links open elsewhere. */
function Formatted({ html, title }: { html: string; title: string }) {
  return (
    <iframe
      title={title}
      sandbox="allow-popups allow-popups-to-escape-sandbox"
      srcdoc={html.replace(/<head>/i, '<head><base target="_blank">')}
    />
  )
}
