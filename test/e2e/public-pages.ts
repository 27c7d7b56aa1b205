import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { launchServer, postForm, type StatusJson, statusWhen, temporaryFolder, todoku } from './server.ts'

/**
 * Every public page in every state that lasts, on real servers: what the tests of accessibility and of speed look at, and
 * what `npm run screenshots` makes pictures of.
 */

export type PageLanguage = 'en' | 'ja'

export type PublicPage = {
  /** `status-delivered`; the same in both languages. */
  name: string
  language: PageLanguage
  url: string
  /** The page is the answer to this post, made by a form on `url`. */
  post: { action: string; fields: Record<string, string>; fileName?: string } | null
  /** Meant to be found by search engines. */
  indexed: boolean
}

/** What both Playwright and Puppeteer can do. */
type AnyPage = {
  goto(url: string): Promise<unknown>
  evaluate(script: string): Promise<unknown>
}

/** Brings a browser to a page of the list; `settled` resolves when the page that a post leads to is there. */
export async function visit(page: AnyPage, target: PublicPage, settled: () => Promise<unknown>): Promise<void> {
  await page.goto(target.url)
  if (target.post === null) return
  const arrived = settled()
  await page.evaluate(postingScript(target.post))
  await arrived
}

/** A form that posts itself: a page's own validation would keep what the server must refuse. */
export function postingScript({ action, fields, fileName }: NonNullable<PublicPage['post']>): string {
  return `(() => {
    const form = document.createElement('form')
    Object.assign(form, { method: 'post', action: ${JSON.stringify(action)} })
    for (const [name, value] of Object.entries(${JSON.stringify(fields)})) {
      form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
    }
    if (${JSON.stringify(fileName !== undefined)}) {
      const file = Object.assign(document.createElement('input'), { type: 'file', name: 'document' })
      const files = new DataTransfer()
      files.items.add(new File(['%PDF-1.7'], ${JSON.stringify(fileName)}, { type: 'application/pdf' }))
      file.files = files.files
      form.enctype = 'multipart/form-data'
      form.append(file)
    }
    document.body.append(form)
    form.submit()
  })()`
}

const root = join(import.meta.dirname, '../..')

/** Starts the servers and lets every story happen, in both languages. `atEnd` takes what ends them. */
export async function publicPages(atEnd: (end: () => Promise<void>) => void): Promise<PublicPage[]> {
  const site = writeSite()
  const options = {
    args: ['--site', site],
    env: { TODOKU_TIME_ZONE: 'Asia/Tokyo', TODOKU_CAPS_PER_ADDRESS_DAILY: '3' },
  }
  const capture = await launchServer(options, atEnd)
  await applySettings(capture.data)
  const relay = await startRelay(atEnd)
  const both = await Promise.all(
    (['en', 'ja'] as const).map(async (language) => [
      ...demoPages(capture.url, language),
      ...(await statusPages(capture.url, await startRelayed(relay, options, atEnd), language)),
      ...(await reviewPages(capture.url, language)),
      ...(await managersPages(capture.url, capture.data, language)),
      ...(await stopPages(capture.url, capture.data, language)),
      ...(await confirmPages(capture.url, capture.data, language)),
      ...(await proofPages(capture.url, capture.data, language)),
      ...formPages(capture.url, language),
    ]),
  )
  return both.flat()
}

/** All stories come from one address; what a crowd of posts from there means is not their subject. */
async function applySettings(data: string): Promise<void> {
  const config = join(temporaryFolder('config'), 'todoku.yaml')
  const crowd = 'spam: { perClient: 1000 }'
  writeFileSync(
    config,
    `forms:
  contact: { ${crowd} }
  apply: { ${crowd} }
  question: { ${crowd} }
  offer-en: { ${crowd}, language: en }
  offer-ja: { ${crowd}, language: ja }
  subscribe: { ${crowd}, doubleOptIn: true }
  guarded: { ${crowd}, confirmation: { proof: required } }
`,
  )
  const { code, error } = await todoku(['forms', 'apply', '--config', config, '--data', data])
  if (code !== 0) throw new Error(`the settings could not be applied: ${error}`)
}

/** A server of its own for each language: a relay that fails is asked more slowly, and the other stories would wait. */
async function startRelayed(
  relay: number,
  { args, env }: { args: string[]; env: Record<string, string> },
  atEnd: (end: () => Promise<void>) => void,
): Promise<string> {
  const port = String(await freePort())
  const settings = {
    TODOKU_TRANSPORT: 'smtp',
    TODOKU_SMTP_HOST: '127.0.0.1',
    TODOKU_SMTP_PORT: String(relay),
    TODOKU_SMTP_SECURITY: 'none',
    TODOKU_PUBLIC_URL: `http://127.0.0.1:${port}`,
    TODOKU_FROM_ADDRESS: 'office@example.com',
    TODOKU_MANAGERS: 'manager@example.com',
    TODOKU_DNS_CHECK: 'false',
  }
  return (await launchServer({ args: [...args, '--port', port], env: { ...env, ...settings } }, atEnd)).url
}

type Story = { name: string; server: string; email: string; until: (status: StatusJson) => boolean }

async function statusPages(capture: string, relayed: string, language: PageLanguage): Promise<PublicPage[]> {
  const confirmationIs =
    (...states: string[]) =>
    (status: StatusJson) =>
      states.includes(status.messages[0]?.state ?? '')
  const over = (status: StatusJson) => status.open !== 'soon'
  const stories: Story[] = [
    { name: 'status-delivered', server: capture, email: 'delivered@simulator.test', until: over },
    { name: 'status-handed-over', server: capture, email: 'silent@simulator.test', until: over },
    { name: 'status-bounced', server: capture, email: 'unknown-user@simulator.test', until: over },
    { name: 'status-mailbox-full', server: capture, email: 'mailbox-full@simulator.test', until: over },
    { name: 'status-refused', server: capture, email: 'refused@simulator.test', until: over },
    {
      name: 'status-complained',
      server: capture,
      email: 'complaint@simulator.test',
      until: confirmationIs('complained'),
    },
    { name: 'status-delayed', server: relayed, email: 'deferred@example.com', until: confirmationIs('deferred') },
    { name: 'status-unknown', server: relayed, email: 'lost@example.com', until: confirmationIs('unknown') },
    { name: 'status-doubtful', server: relayed, email: `hanako.${language}@gmial.com`, until: confirmationIs('held') },
  ]
  const follow = async ({ name, server, email, until }: Story) => {
    const url = await tell(server, language, email)
    await statusWhen(url, until)
    return pageAt(name, language, url)
  }
  const pages = await Promise.all(stories.map(follow))
  // The last of its server: its mail keeps the connection.
  const waiting = { server: relayed, email: 'waiting@example.com', until: confirmationIs('sending') }
  pages.push(await follow({ name: 'status-on-its-way', ...waiting }))
  const crowded = `crowded.${language}@example.com`
  for (let number = 0; number < 3; number += 1) await tell(capture, language, crowded)
  const capped = await tell(capture, language, crowded)
  await statusWhen(capped, confirmationIs('held'))
  const anonymous = await postForm(capture, { question: crypto.randomUUID(), _language: language }, 'question')
  const bounced = pages.find(({ name }) => name === 'status-bounced')?.url ?? ''
  return [
    ...pages,
    pageAt('status-capped', language, capped),
    pageAt('status-without-address', language, anonymous),
    {
      ...pageAt('status-still-wrong', language, bounced),
      post: { action: `${bounced}/correct`, fields: { email: 'hanako@example' } },
    },
  ]
}

async function reviewPages(server: string, language: PageLanguage): Promise<PublicPage[]> {
  const suspicious = { email: `trapped.${language}@example.com`, message: crypto.randomUUID(), _gotcha: 'x' }
  const fields = { name: 'x', _language: language }
  const guarded = { email: `unproven.${language}@example.com`, _language: language }
  return [
    pageAt('status-in-review', language, await postForm(server, { ...fields, ...suspicious })),
    pageAt('status-without-proof', language, await postForm(server, guarded, 'guarded')),
  ]
}

/** An operator let a confirmation go that nobody proved work for; it came back, and for another address a proof is wanted. */
async function proofPages(server: string, data: string, language: PageLanguage): Promise<PublicPage[]> {
  const status = await postForm(server, { email: 'unknown-user@simulator.test', ...own(language) }, 'guarded')
  const reference = /\/s\/([^/]+)\//.exec(status)?.[1]
  const { messages } = await ask<{ messages: { id: string; role: string }[] }>(
    server,
    data,
    `/submissions/${reference}`,
  )
  const id = messages.find(({ role }) => role === 'confirmation')?.id
  await ask(server, data, `/messages/${id}/retry`, 'POST')
  await statusWhen(status, ({ messages: [first] }) => first?.state === 'bounced_hard')
  return [pageAt('status-correct-with-proof', language, status)]
}

async function confirmPages(server: string, data: string, language: PageLanguage): Promise<PublicPage[]> {
  const subscribe = async (name: string) => {
    const email = `${name}.${language}@example.com`
    const status = await postForm(server, { email, _language: language }, 'subscribe')
    return { status, confirm: await linkIn(server, data, status, email, 'confirm') }
  }
  const open = await subscribe('unconfirmed')
  const done = await subscribe('confirmed')
  await fetch(done.confirm, { method: 'POST', redirect: 'manual' })
  const unasked = await postForm(server, { email: 'unknown-user@simulator.test', ...own(language) }, 'subscribe')
  await statusWhen(unasked, ({ review }) => review === 'quarantined')
  return [
    pageAt('status-unasked', language, unasked),
    pageAt('status-unconfirmed', language, open.status),
    pageAt('confirm-question', language, open.confirm),
    pageAt('confirm-done', language, done.confirm),
  ]
}

/** Both languages tell their stories at once: the same address in the other one is no second press of the same button. */
function own(language: PageLanguage): Record<string, string> {
  return { _language: language, _idempotency: crypto.randomUUID() }
}

async function stopPages(server: string, data: string, language: PageLanguage): Promise<PublicPage[]> {
  const stopUrl = async (name: string) => {
    const email = `${name}.${language}@example.com`
    return await linkIn(server, data, await tell(server, language, email), email, 'stop')
  }
  const asked = await stopUrl('asked')
  const stopped = await stopUrl('stopped')
  await fetch(stopped, { method: 'POST', redirect: 'manual' })
  return [pageAt('stop-question', language, asked), pageAt('stop-done', language, stopped)]
}

/** Where the link of a confirmation leads that came to the local mailbox. */
async function linkIn(
  server: string,
  data: string,
  status: string,
  email: string,
  purpose: 'stop' | 'confirm',
): Promise<string> {
  await statusWhen(status, ({ messages }) => messages[0]?.state === 'delivered')
  const { items } = await ask<{ items: { id: string; to: string }[] }>(server, data, '/mailbox?limit=100')
  const mail = await ask<{ text: string }>(server, data, `/mailbox/${items.find(({ to }) => to === email)?.id}`)
  const path = new RegExp(`/${purpose}/[a-z0-9]{52}`).exec(mail.text)?.[0]
  if (path === undefined) throw new Error(`the mail to ${email} has no link to ${purpose}`)
  return server + path
}

/** What the API answers to the operator. */
async function ask<Answer>(server: string, data: string, path: string, method = 'GET'): Promise<Answer> {
  const { token } = JSON.parse(readFileSync(join(data, 'server.json'), 'utf8')) as { token: string }
  const answer = await fetch(`${server}/api/v1${path}`, { method, headers: { authorization: `Bearer ${token}` } })
  return (await answer.json()) as Answer
}

/** What managers see of a post that a rule put aside: before it is released, and after. */
async function managersPages(server: string, data: string, language: PageLanguage): Promise<PublicPage[]> {
  const japanese = language === 'ja'
  // The same again would be a second press of the button, and no second post.
  const posted = async (who: string) => {
    const body = new FormData()
    body.append('name', japanese ? '山田 花子' : 'Hanako Yamada')
    body.append('email', `${who}.${language}@example.com`)
    body.append(
      'message',
      japanese ? '見積もりをお願いします。\n部数は 300 です。' : 'Please send an offer.\n300 copies.',
    )
    body.append('document', new File(['PK'], japanese ? '見積依頼.xlsm' : 'order.xlsm'))
    body.append('_gotcha', 'x')
    body.append('_language', language)
    const headers = { accept: 'text/html' }
    const answer = await fetch(`${server}/f/offer-${language}`, { method: 'POST', body, headers, redirect: 'manual' })
    const status = answer.headers.get('location') ?? ''
    const reference = /\/s\/([^/]+)\//.exec(status)?.[1]
    const { reviewUrl } = await ask<{ reviewUrl: string | null }>(server, data, `/submissions/${reference}`)
    if (reviewUrl === null) throw new Error('the post does not wait for review')
    return { status, review: server + new URL(reviewUrl).pathname }
  }
  const waits = await posted('hanako')
  const released = await posted('yamada')
  await fetch(released.review, { method: 'POST', redirect: 'manual' })
  await statusWhen(released.status, ({ open }) => !open)
  return [
    pageAt('review-question', language, waits.review),
    pageAt('review-released', language, released.review),
    pageAt('error-review-link', language, `${server}/review/aaaaaaaaa-aaaaa-${'a'.repeat(26)}`),
  ]
}

function demoPages(server: string, language: PageLanguage): PublicPage[] {
  return [{ ...pageAt('demo', language, language === 'ja' ? `${server}/ja/` : `${server}/`), indexed: true }]
}

function formPages(server: string, language: PageLanguage): PublicPage[] {
  const apply = `${server}${language === 'ja' ? '/ja' : ''}/apply/`
  return [
    {
      ...pageAt('form-given-back', language, apply),
      post: {
        action: `${server}/f/apply`,
        fields: {
          name: language === 'ja' ? '山田 花子' : 'Hanako Yamada',
          email: 'hanako＠example',
          message: language === 'ja' ? '一行目\n二行目' : 'First line\nSecond line',
          course: language === 'ja' ? '夜間' : 'Evening',
          seats: '12',
        },
        fileName: language === 'ja' ? '履歴書.pdf' : 'cv.pdf',
      },
    },
    pageAt('error-not-found', language, `${server}/nothing-here`),
    pageAt('error-no-form', language, `${server}/f/nothing`),
    pageAt('error-endpoint', language, `${server}/f/contact`),
    pageAt('error-status-link', language, `${server}/s/AAA-AAA-AAA/${'a'.repeat(26)}`),
    pageAt('sign-in', language, `${server}/app/`),
  ]
}

function pageAt(name: string, language: PageLanguage, url: string): PublicPage {
  return { name, language, url, post: null, indexed: false }
}

async function tell(server: string, language: PageLanguage, email: string): Promise<string> {
  const name = language === 'ja' ? '山田 花子' : 'Hanako Yamada'
  return await postForm(server, { name, email, message: crypto.randomUUID(), _language: language })
}

/** The demo, and more forms: with every kind of control, without an address, with double opt-in, with proof of work. */
function writeSite(): string {
  const site = temporaryFolder('site')
  cpSync(join(root, 'assets/demo'), site, { recursive: true })
  const page = (language: PageLanguage, title: string, form: string) =>
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><title>${title}</title></head><body>${form}</body></html>`
  const write = (path: string, text: string) => {
    mkdirSync(join(site, path), { recursive: true })
    writeFileSync(join(site, path, 'index.html'), text)
  }
  const apply = (
    name: string,
    email: string,
    message: string,
    course: string,
    courses: string[],
    seats: string,
    agree: string,
    file: string,
  ) =>
    `<form action="/f/apply" method="post" enctype="multipart/form-data">
    <label>${name} <input name="name" required></label>
    <label>${email} <input name="email" type="email" required></label>
    <label>${message} <textarea name="message"></textarea></label>
    <label>${course} <select name="course">${courses.map((text) => `<option>${text}</option>`).join('')}</select></label>
    <label>${seats} <input name="seats" type="number" min="1" max="9"></label>
    <label><input type="checkbox" name="agree" required> ${agree}</label>
    <label>${file} <input type="file" name="document"></label><button>→</button></form>`
  write(
    'apply',
    page(
      'en',
      'Application',
      apply('Name', 'E-mail', 'Message', 'Course', ['Morning', 'Evening'], 'Seats', 'I agree to the terms', 'Document'),
    ),
  )
  write(
    'ja/apply',
    page(
      'ja',
      '申し込み',
      apply('お名前', 'メールアドレス', '内容', 'コース', ['午前', '夜間'], '人数', '規約に同意する', '書類'),
    ),
  )
  const offer = (name: string, email: string, message: string, file: string, language: PageLanguage) =>
    `<form action="/f/offer-${language}" method="post" enctype="multipart/form-data">
    <label>${name} <input name="name"></label><label>${email} <input name="email" type="email" required></label>
    <label>${message} <textarea name="message"></textarea></label>
    <label>${file} <input type="file" name="document"></label><button>→</button></form>`
  write('offer', page('en', 'Price enquiry', offer('Name', 'E-mail', 'Message', 'Document', 'en')))
  write('ja/offer', page('ja', 'お見積もり', offer('お名前', 'メールアドレス', '内容', '書類', 'ja')))
  const question = (label: string) =>
    `<form action="/f/question" method="post"><label>${label} <textarea name="question" required></textarea></label><button>→</button></form>`
  write('question', page('en', 'Question', question('Question')))
  write('ja/question', page('ja', '質問', question('質問')))
  for (const form of ['subscribe', 'guarded']) {
    const fields = (label: string) =>
      `<form action="/f/${form}" method="post"><label>${label} <input name="email" type="email" required></label><button>→</button></form>`
    write(form, page('en', 'Newsletter', fields('E-mail')))
    write(`ja/${form}`, page('ja', 'お知らせメール', fields('メールアドレス')))
  }
  return site
}

/** A relay where one mail waits, one is put off, and the answer to one is lost; the states stay as long as one looks. */
async function startRelay(atEnd: (end: () => Promise<void>) => void): Promise<number> {
  const relay = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo({ address }, _session, answer) {
      if (address.startsWith('waiting@')) return
      const later = Object.assign(new Error('4.2.1 try again later'), { responseCode: 450 })
      answer(address.startsWith('deferred@') ? later : null)
    },
    onData(stream, session, answer) {
      stream.resume()
      stream.on('end', () => {
        const isLost = session.envelope.rcptTo.some(({ address }) => address.startsWith('lost@'))
        if (!isLost) return answer(null)
        for (const connection of relay.connections as Set<{ id: string; close(): void }>) {
          if (connection.id === session.id) connection.close()
        }
      })
    },
  })
  relay.on('error', () => {})
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve))
  atEnd(() => new Promise((resolve) => relay.close(resolve)))
  return (relay.server.address() as { port: number }).port
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
