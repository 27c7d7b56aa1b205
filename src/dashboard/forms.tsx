import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { type Overview, overview } from './connection-state.ts'
import {
  alarmTest,
  type FormTest,
  figures,
  keyOf,
  listed,
  loadOlderSubmissions,
  type Row,
  release,
  releasing,
  type Submission,
  shown,
  startTest,
  testAlarms,
  tests,
} from './forms-state.ts'
import { f, hints, mailState } from './forms-words.ts'
import { Alarms, Fault, Told, Way, Ways } from './frame.tsx'
import { formatTime } from './words.ts'

type FormCard = Overview['forms'][number]

/** All forms: what came, what waits, what is wrong. */
export function Forms() {
  const found = overview.value
  if (found === null) return <Page title={f.forms}>{null}</Page>
  const { forms, alarms, warnings } = found
  return (
    <Page title={f.forms}>
      <Alarms items={alarms.filter(({ form }) => form === null || !forms.some(({ name }) => name === form))} />
      {warnings.length > 0 && (
        <section class="hints" aria-label={f.warnings}>
          {warnings.map(({ code, ...english }) => {
            const { sentence, next } = hints[code] ?? english
            return (
              <p key={code}>
                <strong>
                  <Told text={sentence} />
                </strong>{' '}
                <Told text={next} />
              </p>
            )
          })}
        </section>
      )}
      {forms.length === 0 && <p class="soft">{f.noForms}</p>}
      {forms.map((form) => (
        <section class="card" key={form.name} aria-labelledby={`form-${form.name}`}>
          <h2 id={`form-${form.name}`}>
            <Way to={{ name: 'form', form: form.name, waiting: false }}>{form.title}</Way>
          </h2>
          <Standing form={form} />
          <Alarms items={alarms.filter((alarm) => alarm.form === form.name)} />
          {form.newest.length === 0 ? <p class="soft">{f.nothingYet}</p> : <Rows items={form.newest} />}
          <TestOf form={form.name} />
        </section>
      ))}
      <section class="card" aria-labelledby="alarm-test">
        <h2 id="alarm-test">{f.alarms}</h2>
        <p class="soft">{alarms.length === 0 ? f.noAlarms : f.alarmsOpen(alarms.length)}</p>
        <p class="tools">
          <button type="button" disabled={alarmTest.value === 'sending'} onClick={() => void testAlarms()}>
            {f.testAlarms}
          </button>
        </p>
        <AlarmTestResult />
      </section>
    </Page>
  )
}

/** One form: its submissions, newest first. */
export function FormPage({ name, waiting }: { name: string; waiting: boolean }) {
  const form = overview.value?.forms.find((each) => each.name === name)
  const page = listed.value?.key === keyOf(name, waiting) ? listed.value : null
  const saved = figures.value?.form === name ? figures.value.saved : 0
  const alarms = overview.value?.alarms.filter((alarm) => alarm.form === name) ?? []
  if (overview.value !== null && form === undefined)
    return (
      <Page title={name} up={{ name: 'forms' }}>
        <p>{f.noSuchForm}</p>
      </Page>
    )
  return (
    <Page title={form?.title ?? name} up={{ name: 'forms' }}>
      {form !== undefined && <Standing form={form} />}
      {saved > 0 && <p class="soft">{f.saved(saved)}</p>}
      <Alarms items={alarms} />
      <TestOf form={name}>
        <a class="button" href={`/app/preview/${encodeURIComponent(name)}`}>
          {f.preview}
        </a>
      </TestOf>
      <nav class="filter" aria-label={f.show}>
        <Way to={{ name: 'form', form: name, waiting: false }} current={!waiting}>
          {f.all}
        </Way>
        <Way to={{ name: 'form', form: name, waiting: true }} current={waiting}>
          {f.onlyWaiting}
        </Way>
      </nav>
      {page !== null && page.items.length === 0 && <p class="soft">{waiting ? f.nothingWaits : f.nothingYet}</p>}
      {page !== null && page.items.length > 0 && <Rows items={page.items} />}
      {page !== null && page.cursor !== null && (
        <p class="tools">
          <button type="button" onClick={() => void loadOlderSubmissions(name, waiting)}>
            {f.older}
          </button>
        </p>
      )}
    </Page>
  )
}

/** One submission: what was posted, why it waits, and what became of its mails. */
export function SubmissionPage({ reference }: { reference: string }) {
  const found = shown.value?.submission.reference === reference ? shown.value : null
  if (found === null) return <Page title={reference}>{null}</Page>
  const { submission, story } = found
  const { form, receivedAt, review, reviewedAt, test, verdict, entries, email } = submission
  const title = overview.value?.forms.find(({ name }) => name === form)?.title ?? form
  const releasable = review === 'quarantined' || review === 'unconfirmed'
  return (
    <Page title={reference} up={{ name: 'form', form, waiting: review === 'quarantined' }} upTitle={title}>
      <dl>
        <dt>{f.received}</dt>
        <dd>
          {formatTime(receivedAt)}
          {test ? ` · ${f.test}` : ''}
        </dd>
        {email !== null && (
          <>
            <dt>{f.sender}</dt>
            <dd>
              <bdi>{email}</bdi>
              {submission.disownedAt === null ? '' : ` · ${f.disowned}`}
            </dd>
          </>
        )}
        {review !== 'accepted' && (
          <>
            <dt>{f.review}</dt>
            <dd>
              <span class={releasable ? 'waits' : ''} role="status">
                {f.reviews[review]}
                {reviewedAt === null ? '' : ` · ${formatTime(reviewedAt)}`}
              </span>
            </dd>
          </>
        )}
      </dl>
      {verdict.reasons.length > 0 && (
        <section>
          <h2>{review === 'quarantined' ? f.why : f.whyThen}</h2>
          <ul class="plain">
            {verdict.reasons.map(({ rule, text }) => (
              <li key={rule}>{text}</li>
            ))}
          </ul>
        </section>
      )}
      <section>
        <h2>{f.fields}</h2>
        <dl class="posted">
          {entries.map((entry) => (
            <Entry entry={entry} reference={reference} />
          ))}
        </dl>
      </section>
      {releasable && (
        <section>
          <p class="tools">
            <button type="button" class="main" disabled={releasing.value} onClick={() => void release(reference)}>
              {review === 'quarantined' ? f.release : f.releaseUnconfirmed}
            </button>
          </p>
          <p class="soft">{f.releaseHint}</p>
        </section>
      )}
      <section>
        <h2>{f.mails}</h2>
        {story.now.length === 0 ? (
          <p class="soft">{f.noMails}</p>
        ) : (
          <ul class="plain" aria-live="polite">
            {story.now.map((sentence) => (
              <li>{withLocalTimes(sentence)}</li>
            ))}
          </ul>
        )}
      </section>
      <details class="story">
        <summary>{f.story}</summary>
        <ol>
          {story.lines.map(({ at, text }) => (
            <li>
              <time dateTime={at}>{formatTime(at)}</time> {withLocalTimes(text)}
            </li>
          ))}
        </ol>
      </details>
    </Page>
  )
}

function Page({
  title,
  up,
  upTitle = f.forms,
  children,
}: {
  title: string
  up?: Parameters<typeof Way>[0]['to']
  upTitle?: string
  children: ComponentChildren
}) {
  const heading = useRef<HTMLHeadingElement>(null)
  // Who came here by a link is at its beginning, as on a page of its own.
  useEffect(() => {
    document.title = title
    if (document.activeElement === document.body && history.length > 1) heading.current?.focus({ preventScroll: true })
  }, [title])
  return (
    <main class="page">
      <header>
        <Ways />
      </header>
      <Fault />
      <div class="content">
        {up !== undefined && (
          <p class="up">
            <Way to={up}>← {upTitle}</Way>
          </p>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </div>
    </main>
  )
}

function Standing({ form }: { form: FormCard }) {
  return (
    <p class="standing">
      {form.waiting > 0 ? (
        <Way to={{ name: 'form', form: form.name, waiting: true }}>
          <strong>{f.waits(form.waiting)}</strong>
        </Way>
      ) : (
        <span class="soft">{f.nothingWaits}</span>
      )}
    </p>
  )
}

function Rows({ items }: { items: readonly Row[] }) {
  return (
    <ul class="rows">
      {items.map((item) => (
        <li key={item.reference}>
          <Way to={{ name: 'submission', reference: item.reference }}>
            <span class="subject">
              <span class="reference">{item.reference}</span> <bdi>{item.email ?? f.noAddress}</bdi>
            </span>
            <span class="to">
              <time dateTime={item.receivedAt}>{formatTime(item.receivedAt)}</time>
              {item.test ? ` · ${f.test}` : ''}
            </span>
            <span class={item.review === 'quarantined' ? 'to waits' : 'to'}>{standingOf(item)}</span>
          </Way>
        </li>
      ))}
    </ul>
  )
}

function standingOf({ review, disownedAt, confirmation, notification }: Row): string {
  return [
    ...(disownedAt === null ? [] : [f.disowned]),
    ...(review === 'accepted' ? [] : [f.reviews[review]]),
    ...(confirmation === null ? [] : [f.confirmationIs(mailState(confirmation))]),
    ...(notification === null ? [] : [f.notificationIs(mailState(notification))]),
  ].join(' · ')
}

function Entry({ entry, reference }: { entry: Submission['entries'][number]; reference: string }) {
  const { label, value, file } = entry
  return (
    <>
      <dt dir="auto">{label}</dt>
      {file === null ? (
        <dd dir="auto">{value === null || value.trim() === '' ? <span class="soft">{f.empty}</span> : value}</dd>
      ) : (
        <dd>
          <a
            href={`/api/v1/submissions/${encodeURIComponent(reference)}/files/${file.number}`}
            download={file.fileName}
          >
            <bdi>{file.fileName}</bdi>
          </a>{' '}
          <span class="soft">({file.size} B)</span>
          {file.risk !== null && <p class="bad">{f.risks[file.risk] ?? file.risk}</p>}
        </dd>
      )}
    </>
  )
}

function TestOf({ form, children }: { form: string; children?: ComponentChildren }) {
  const test = tests.value[form]
  return (
    <div class="test">
      <p class="tools">
        <button type="button" disabled={test?.kind === 'posting'} onClick={() => void startTest(form)}>
          {f.sendTest}
        </button>
        {children}
      </p>
      <p role="status" class={test === undefined ? '' : moods[test.kind]}>
        {test === undefined ? '' : testSentence(test)}{' '}
        {test !== undefined && 'reference' in test && test.kind !== 'elsewhere' && (
          <Way to={{ name: 'submission', reference: test.reference }}>{test.reference}</Way>
        )}
      </p>
    </div>
  )
}

const moods: Readonly<Record<FormTest['kind'], string>> = {
  posting: '',
  waiting: '',
  arrived: 'good',
  'not-taken': 'bad',
  elsewhere: 'bad',
  lost: 'bad',
  quarantined: 'waits',
  nobody: 'bad',
}

function testSentence(test: FormTest): string {
  switch (test.kind) {
    case 'not-taken':
      return f.tests.notTaken(test.fault)
    case 'waiting':
      return f.tests.waiting(mailState(test.state))
    case 'lost':
      return f.tests.lost(test.recipient, mailState(test.state))
    default:
      return f.tests[test.kind]
  }
}

function AlarmTestResult() {
  const result = alarmTest.value
  return (
    <div role="status">
      {result === 'sending' && <p>{f.alarmTests.sending}</p>}
      {result !== null && result !== 'sending' && (
        <>
          {result.webhook !== null &&
            (result.webhook.ok ? (
              <p class="good">{f.alarmTests.webhookOk}</p>
            ) : (
              <p class="bad">{f.alarmTests.webhookBad(result.webhook.fault ?? '')}</p>
            ))}
          {result.mailTo.length > 0 && <p class="good">{f.alarmTests.mailed(result.mailTo.join(', '))}</p>}
          {result.webhook === null && result.mailTo.length === 0 && <p class="bad">{f.alarmTests.none}</p>}
        </>
      )}
    </div>
  )
}

/** Times within sentences as the reader writes them: the server does not know where they are. */
function withLocalTimes(sentence: string): string {
  return sentence.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, formatTime)
}
