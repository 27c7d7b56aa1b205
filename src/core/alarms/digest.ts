import type { Deps, MessageNews } from '../deps.ts'
import { notAbuse, savedFromAbuse } from '../forms/figures.ts'
import type { FormRecord } from '../forms/form.ts'
import type { Language, Sentence } from '../language.ts'
import { formTitle } from '../messages/compose.ts'
import { contentId, markdownText, planContent } from '../messages/content.ts'
import { isLost } from '../messages/fold.ts'
import { heldSentences } from '../messages/held.ts'
import type { Content, HeldReason, PlannedMessage } from '../messages/message.ts'
import { formLanguage, managersFor } from '../messages/plan.ts'
import { isUnasked, type Submission } from '../submissions/submission.ts'
import { reviewUrl } from '../suppressions/links.ts'

type DigestDeps = Pick<
  Deps,
  'forms' | 'submissions' | 'messages' | 'queue' | 'settings' | 'crypto' | 'clock' | 'transport' | 'alarmTransport'
>

const day = 24 * 3_600_000

/** What is older when a digest is made is told no more: after so long it is history. */
const lookBack = 7 * day

/** An event may be written a little after the time it names; what is younger waits for the next digest. */
const settled = 2 * 60_000

/** References that are listed; the rest is a number. */
const maxListed = 20

/** Submissions and news read at once. */
const [pageSize, batch] = [200, 1000]

/** Notifications that wait for the digest of a flood are told by that. */
type HeldConfirmation = Exclude<HeldReason, 'flood'>

/** From `from` until before `until`. */
type Window = { from: number; until: number }

/** What happened to one form, as far as it concerns one of its managers, or all of them alike. */
type Found = {
  /** Posts that wait for review, since a rule found them suspicious, and since their submitters could not be asked. */
  suspicious: Fresh
  unasked: Fresh
  held: Map<HeldConfirmation, number>
  /** Confirmations that were not sent, since the address's owner asked for none. */
  stopped: number
  /** Notifications that are lost, or may be. */
  lost: Missed
  unknown: Missed
}

/** How many posts there are, and the latest of them. */
type Fresh = { count: number; latest: Submission[] }

/** How many mails there are, and the references of their posts: the first of them, and whether there are others. */
type Missed = { count: number; first: Set<string>; isCut: boolean }

/**
 * Sends the managers of each form one mail a day, where there is something to say: posts that wait for review, mails that
 * were held, did not arrive, or may not have arrived. Each digest goes on where the last one ended, whatever became of the
 * process in between, but looks back seven days at most. A day is told once, by whichever process comes first; nothing is
 * told before its hour.
 */
export async function sendDigests(deps: DigestDeps): Promise<void> {
  const { digestHour } = deps.settings.alarms
  if (digestHour === null) return
  const { timeZone } = deps.settings
  const now = deps.clock.now()
  const { date, hour } = localTime(now, timeZone)
  const known = await deps.messages.digestedUntil()
  if (hour < digestHour || (known !== null && localTime(known + settled, timeZone).date === date)) return
  const until = now - settled
  // A time to come was written by a clock that was wrong.
  const from = known === null || known > until ? until - day : Math.max(known, until - lookBack)
  const messages = await digestsOf(deps, { from, until })
  if ((await deps.messages.addDigests({ known, until, messages })) === 'done' && messages.length > 0)
    deps.queue.announce()
}

async function digestsOf(deps: DigestDeps, window: Window): Promise<PlannedMessage[]> {
  const reports = new Map<string, Report>()
  for (const form of await deps.forms.list()) reports.set(form.name, createReport(deps, form))
  await readNews(deps, reports, window)
  const planned: PlannedMessage[] = []
  for (const [name, { form, readReviews, told }] of reports) {
    await readReviews(window)
    const worthTelling = told().filter(({ found }) => !isEmpty(found))
    if (worthTelling.length === 0) continue
    const waiting = {
      suspicious: await deps.submissions.countWaiting({ form: name, suspicious: true }),
      unasked: await deps.submissions.countWaiting({ form: name, suspicious: false }),
    }
    const language = formLanguage(deps, form)
    for (const { recipients, found } of worthTelling) {
      const content = digestText(deps, form, { found, waiting, window }, language)
      for (const recipient of recipients) {
        const id = contentId(deps, 'digest', name, window.until, recipient)
        planned.push(planContent(deps, { id, role: 'update', recipient, language, form, about: null, content }))
      }
    }
  }
  return planned
}

type Report = ReturnType<typeof createReport>

/** Collects what is told of one form: once for all its managers, or, where a field chooses them, for each one. */
function createReport(deps: DigestDeps, form: FormRecord) {
  const { route } = form.settings
  const all = emptyFound()
  const ofManager = new Map<string, Found>()

  function concerned(submission: Pick<Submission, 'entries'>): Found[] {
    if (route === undefined) return [all]
    return managersFor(deps, form, submission).map((manager) => {
      const found = ofManager.get(manager) ?? emptyFound()
      ofManager.set(manager, found)
      return found
    })
  }

  return {
    form,
    /** Where what happened to a submission is to be told. */
    async concernedBy(reference: string): Promise<Found[]> {
      if (route === undefined) return [all]
      return concerned((await deps.submissions.get(reference)) ?? { entries: [] })
    },
    async readReviews(received: Window): Promise<void> {
      const isListed = ({ count, latest }: Fresh) => latest.length === Math.min(count, maxListed)
      const count = (suspicious: boolean) => deps.submissions.countWaiting({ form: form.name, received, suspicious })
      if (route === undefined) {
        all.suspicious.count = await count(true)
        all.unasked.count = await count(false)
      }
      const isDone = () => route === undefined && isListed(all.suspicious) && isListed(all.unasked)
      if (isDone()) return
      for await (const submission of waitingOf(deps, form.name, received)) {
        for (const found of concerned(submission)) {
          const fresh = isUnasked(submission) ? found.unasked : found.suspicious
          if (route !== undefined) fresh.count += 1
          if (fresh.latest.length < maxListed) fresh.latest.push(submission)
        }
        if (isDone()) return
      }
    },
    told(): { recipients: readonly string[]; found: Found }[] {
      if (route === undefined) return [{ recipients: managersFor(deps, form, { entries: [] }), found: all }]
      return [...ofManager].map(([manager, found]) => ({ recipients: [manager], found }))
    },
  }
}

/** After so long it has turned out whether a submitter could be asked. */
const longestAsked = 7 * day

/** Submissions that wait for review, newest first. */
async function* waitingOf(deps: DigestDeps, form: string, { from, until }: Window): AsyncGenerator<Submission> {
  for (let before: string | null | undefined; before !== null; ) {
    const page = await deps.submissions.list({
      ...{ form, review: 'quarantined', limit: pageSize },
      ...(before === undefined ? {} : { before }),
    })
    for (const submission of page.items) {
      // One whose submitter could not be asked waits since that turned out.
      const since = submission.reviewedAt ?? submission.receivedAt
      if (since >= from && since < until) yield submission
    }
    before = page.items.every(({ receivedAt }) => receivedAt < from - longestAsked) ? null : page.cursor
  }
}

function emptyFound(): Found {
  const fresh = (): Fresh => ({ count: 0, latest: [] })
  const missed = (): Missed => ({ count: 0, first: new Set(), isCut: false })
  return { suspicious: fresh(), unasked: fresh(), held: new Map(), stopped: 0, lost: missed(), unknown: missed() }
}

function isEmpty({ suspicious, unasked, held, lost, unknown }: Found): boolean {
  return [suspicious, unasked, lost, unknown].every(({ count }) => count === 0) && held.size === 0
}

/** A flood of mails that are lost must not fill the memory. */
function miss(missed: Missed, reference: string): void {
  missed.count += 1
  if (missed.first.size < maxListed) missed.first.add(reference)
  else if (!missed.first.has(reference)) missed.isCut = true
}

/** What became of the mails of each form. */
async function readNews(deps: DigestDeps, reports: Map<string, Report>, { from, until }: Window): Promise<void> {
  let next: { from: number; after?: string } | null = { from }
  while (next !== null) {
    const news: MessageNews[] = await deps.messages.news({ ...next, limit: batch })
    for (const item of news) {
      if (item.state.since >= until) return
      const report = reports.get(item.form)
      const write = report === undefined ? null : noteOf(item)
      if (report === undefined || write === null) continue
      for (const found of await report.concernedBy(item.reference)) write(found)
    }
    const last = news.at(-1)
    next = last === undefined || news.length < batch ? null : { from: last.state.since, after: last.id }
  }
}

/** How a mail is written down; null where there is nothing to say of it. Of alarms and digests there never is. */
function noteOf({ role, reference, state }: MessageNews): ((found: Found) => void) | null {
  const { heldReason: reason } = state
  if (reference === '' || role === 'alarm') return null
  if (role === 'confirmation') {
    if (state.name === 'suppressed')
      return (found) => {
        found.stopped += 1
      }
    if (state.name !== 'held' || reason === undefined || reason === 'flood') return null
    return ({ held }) => held.set(reason, (held.get(reason) ?? 0) + 1)
  }
  if (state.name === 'unknown') return ({ unknown }) => miss(unknown, reference)
  return state.name !== 'cancelled' && isLost(state) ? ({ lost }) => miss(lost, reference) : null
}

/** Date and hour on the wall of a time zone. */
export function localTime(time: number, timeZone: string): { date: string; hour: number } {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(time)
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? ''
  return { date: `${part('year')}-${part('month')}-${part('day')}`, hour: Number(part('hour')) }
}

function digestText(
  deps: DigestDeps,
  form: FormRecord,
  {
    found,
    waiting,
    window,
  }: { found: Found; waiting: Readonly<Record<'suspicious' | 'unasked', number>>; window: Window },
  language: Language,
): Content {
  const { suspicious, unasked, held, stopped, lost, unknown } = found
  const title = formTitle(form, language)
  const heldTotal = [...held.values()].reduce((sum, count) => sum + count, 0)
  const saved = savedFromAbuse({
    suspicious: suspicious.count,
    held: heldTotal - (held.get(notAbuse) ?? 0),
    stopped,
  })
  const reasons = [...held].map(([reason, count]) => `- ${markdownText(heldSentences[reason][language])}: ${count}`)
  const sections: string[] = []
  if (suspicious.count > 0)
    sections.push(
      {
        en: `**${suspicious.count} ${suspicious.count === 1 ? 'post waits' : 'posts wait'} for your review** (${waiting.suspicious} of the form in all). A rule found them suspicious, so they caused no mail; you may have missed a real one.`,
        ja: `**確認待ちの送信が ${suspicious.count} 件あります**（フォーム全体で ${waiting.suspicious} 件）。疑わしいと判定されたため、メールは送られていません。本物の送信が含まれているかもしれません。`,
      }[language],
      reviewLines(deps, suspicious, language),
    )
  if (unasked.count > 0)
    sections.push(
      {
        en: `**${unasked.count} ${unasked.count === 1 ? 'post waits' : 'posts wait'} for your review, since nobody could be asked to confirm** (${waiting.unasked} of the form in all). No rule spoke against them, but the mail that asks for the confirmation was held, came back, or may be lost. So you were not notified of them.`,
        ja: `**送信者に確認を求められず、確認待ちの送信が ${unasked.count} 件あります**（フォーム全体で ${waiting.unasked} 件）。疑わしいと判定されたものではありませんが、確認を求めるメールが保留されたか、届かなかった可能性があるため、通知は送られていません。`,
      }[language],
      reviewLines(deps, unasked, language),
    )
  if (lost.count > 0)
    sections.push(
      {
        en: `**${lost.count} ${lost.count === 1 ? 'notification' : 'notifications'} did not arrive.** What they tell of is stored:`,
        ja: `**届かなかった通知が ${lost.count} 通あります。** 送信の内容は保存されています:`,
      }[language],
      missedLines(lost, language),
    )
  if (unknown.count > 0)
    sections.push(
      {
        en: `**${unknown.count} ${unknown.count === 1 ? 'notification' : 'notifications'} may have arrived, or not.** The connection broke off at the very end, twice. What they tell of is stored:`,
        ja: `**届いたかどうか分からない通知が ${unknown.count} 通あります。** 再送も含め、送信の最後に接続が切れました。送信の内容は保存されています:`,
      }[language],
      missedLines(unknown, language),
    )
  if (heldTotal > 0)
    sections.push(
      {
        en: `${heldTotal} ${heldTotal === 1 ? 'confirmation was' : 'confirmations were'} held:`,
        ja: `確認メール ${heldTotal} 通を保留しました:`,
      }[language],
      reasons.join('\n'),
    )
  if (saved > 0)
    sections.push(
      {
        en: `Mails saved from abuse: ${saved}.`,
        ja: `悪用から守られたメール: ${saved} 通。`,
      }[language],
    )
  sections.push(
    {
      en: 'Look at one with `npx todoku submissions show REFERENCE`.',
      ja: '内容は `npx todoku submissions show 受付番号` で確認できます。',
    }[language],
    `<${deps.settings.publicUrl}/app/>`,
  )
  return {
    subject: `${title}: ${periodOf(window, deps.settings.timeZone)[language]}`,
    body: `${sections.join('\n\n')}\n`,
  }
}

/** Its reference, and where its managers look at it and release it. */
function reviewLine(deps: DigestDeps, waiting: Submission): string {
  const url = reviewUrl(deps, waiting)
  return `${markdownText(waiting.reference)}${url === null ? '' : `: <${url}>`}`
}

/** Longer than a day where the process was away, or digests were off. */
function periodOf({ from, until }: Window, timeZone: string): Sentence {
  if (until - from < 1.5 * day) return { en: 'the last day', ja: 'この 1 日のまとめ' }
  const { date } = localTime(from, timeZone)
  return { en: `since ${date}`, ja: `${date} からのまとめ` }
}

function reviewLines(deps: DigestDeps, { count, latest }: Fresh, language: Language): string {
  const lines = latest.map((submission) => `- ${reviewLine(deps, submission)}`)
  const more = count - lines.length
  if (more > 0) lines.push({ en: `- and ${more} more`, ja: `- ほか ${more} 件` }[language])
  return lines.join('\n')
}

/** Several notifications may be of one post, so that nobody counted the posts. */
function missedLines({ first, isCut }: Missed, language: Language): string {
  const lines = [...first].map((reference) => `- ${markdownText(reference)}`)
  if (isCut) lines.push({ en: '- and others', ja: '- ほかにもあります' }[language])
  return lines.join('\n')
}
